#include "ntk/gather.hpp"

#include <algorithm>
#include <numeric>

#include "autodiff/kernels/loops.hpp"
#include "autodiff/kernels/parallel.hpp"

namespace xtangent::ntk {
namespace {

using kernels::loops;

// One row of the parameter in the gradient of one example: (K, E) values.
struct Picked {
  std::size_t row, example, at;
};

template <class T>
struct Side {
  std::vector<Picked> picked;      // by example, then by row
  std::vector<std::size_t> first;  // of each example, and the end
  std::vector<T> values;
};

// The positions of an example that picked the same row add up.
template <class T>
Side<T> gather_rows(const Pieces<T>& pieces) {
  const std::size_t k = pieces.front().probes, d = pieces.front().positions, e = pieces.front().left_size();
  Side<T> out;
  std::size_t example = 0;
  std::vector<std::size_t> order(d);
  for (const Factor<T>& f : pieces)
    for (std::size_t n = 0; n < f.examples; ++n, ++example) {
      out.first.push_back(out.picked.size());
      const T* index = f.right.data() + n * d;
      std::iota(order.begin(), order.end(), std::size_t(0));
      std::stable_sort(order.begin(), order.end(), [&](std::size_t p, std::size_t q) { return index[p] < index[q]; });
      for (std::size_t p : order) {
        const auto row = static_cast<std::size_t>(index[p]);
        if (out.picked.size() == out.first.back() || out.picked.back().row != row) {
          out.picked.push_back({row, example, out.values.size()});
          out.values.resize(out.values.size() + k * e);
        }
        for (std::size_t probe = 0; probe < k; ++probe)
          loops<T>().axpy(e, T(1), f.left.data() + ((probe * f.examples + n) * d + p) * e,
                          out.values.data() + out.picked.back().at + probe * e);
      }
    }
  out.first.push_back(out.picked.size());
  return out;
}

}  // namespace

template <class T>
void add_gather(const Pieces<T>& a, const Pieces<T>& b, Block& block) {
  const bool same = &a == &b;
  const Side<T> rows = gather_rows(a);
  const Side<T> others = same ? Side<T>() : gather_rows(b);
  const Side<T>& columns = same ? rows : others;
  // The column entries of each row of the parameter, by example.
  std::vector<Picked> by_row = columns.picked;
  std::stable_sort(by_row.begin(), by_row.end(), [](const Picked& p, const Picked& q) { return p.row < q.row; });
  const std::size_t k = block.probes, e = a.front().left_size();
  const bool cross = block.mode == ProbeMode::cross;
  kernels::parallel_for(block.rows, 4, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = rows.first[begin]; i < rows.first[end]; ++i) {
      const Picked& one = rows.picked[i];
      auto other = std::lower_bound(by_row.begin(), by_row.end(), one.row,
                                    [](const Picked& p, std::size_t row) { return p.row < row; });
      for (; other != by_row.end() && other->row == one.row; ++other)
        for (std::size_t p = 0; p < k; ++p)
          for (std::size_t q = cross ? 0 : p; q < (cross ? k : p + 1); ++q) {
            const std::size_t row = (cross ? p * block.rows : 0) + one.example;
            const std::size_t column = (cross ? q * block.columns : 0) + other->example;
            if (block.symmetric && row > column) continue;
            block.values[row * block.width() + column] +=
                loops<T>().dot(e, rows.values.data() + one.at + p * e, columns.values.data() + other->at + q * e);
          }
    }
  });
}

template void add_gather(const Pieces<float>&, const Pieces<float>&, Block&);
template void add_gather(const Pieces<double>&, const Pieces<double>&, Block&);

}  // namespace xtangent::ntk
