#include "ntk/contraction/long_gram.hpp"

#include <algorithm>
#include <type_traits>

#include "autodiff/kernels/bfloat16.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "ntk/contraction/rectangles.hpp"

namespace xtangent::ntk {
namespace {

using kernels::loops;
using kernels::parallel_for;

// How a Gram of long rows is cut: into rectangles, into runs of the rows whose products are added in double and in
// order, and, if there are few rectangles, into parts of runs that are tasks of their own.
struct GramCut {
  std::size_t edge, rectangles, high, wide, runs, parts;

  GramCut(std::size_t row_probes, std::size_t rows, std::size_t column_probes, std::size_t columns, bool symmetric,
          std::size_t length, ProbeMode mode)
      : edge(rectangle_edge(rows, columns)),
        rectangles(count_rectangles(row_probes, rows, column_probes, columns, symmetric, edge, mode)),
        high(std::min(rows, edge)),
        wide(std::min(columns, edge)),
        runs((length + run_length - 1) / run_length),
        parts(rectangles >= 16 || rectangles == 0 || runs == 0 ? 1 : std::min(runs, 16 / rectangles + 1)) {}
  // Whether there is one product for each entry, which goes straight into the block.
  bool added_at_once(bool scaled) const { return runs == 1 && parts == 1 && !scaled; }
  // The scratch for products, their operands and partial sums.
  std::size_t bytes(bool rounded, const Workspace& w) const {
    const std::size_t tasks = rectangles * parts, running = w.at_a_time(tasks);
    const std::size_t sums = added_at_once(rounded) ? 0 : parts > 1 ? tasks : running;
    return high * wide * (running * w.scalar_bytes + sums * sizeof(double)) +
           (rounded ? running * (kernels::bfloat16_product_bytes(high, wide) + wide * sizeof(double)) : 0);
  }
};

template <class E>
void add_rectangle(const Rectangle& t, const Rows<E>& a, const Rows<E>& b, const double* sum, Block& block) {
  const auto scale_of = [](const Rows<E>& r, std::size_t probe, std::size_t row) {
    return r.scales + probe * r.scale_stride + row;
  };
  Array<double> scales;
  double* of_row = nullptr;
  if (a.scales) {
    scales = Array<double>({t.columns});
    of_row = scales.mutable_data();
  }
  for (std::size_t i = 0; i < t.rows; ++i) {
    double* to = block.values.data() + (t.row + i) * block.width() + t.column;
    if (!of_row) {
      loops<double>().axpy(t.columns, 1.0, sum + i * t.columns, to);
      continue;
    }
    loops<double>().affine(t.columns, *scale_of(a, t.row_probe, t.first_row + i), 0.0,
                           scale_of(b, t.column_probe, t.first_column), of_row);
    loops<double>().accumulate_product(t.columns, sum + i * t.columns, of_row, to);
  }
}

// Adds a product to the block, in double. Below the diagonal of a symmetric block nothing is needed.
template <class T>
void add_once(const Rectangle& t, const T* product, Block& block) {
  const bool diagonal = block.symmetric && t.row_probe == t.column_probe && t.first_row == t.first_column;
  for (std::size_t i = 0; i < t.rows; ++i) {
    const std::size_t first = diagonal ? i : 0;
    loops<T>().accumulate(t.columns - first, product + i * t.columns + first, 1.0,
                          block.values.data() + (t.row + i) * block.width() + t.column + first);
  }
}

}  // namespace

template <class E>
void add_long_gram(Rows<E> a, Rows<E> b, Block& block) {
  using T = std::conditional_t<std::is_same_v<E, double>, double, float>;  // of the products
  join_probes(a, b, block.mode);
  const GramCut cut(a.probes, a.rows, b.probes, b.rows, block.symmetric, a.length, block.mode);
  const std::vector<Rectangle> rectangles =
      rectangles_of(a.probes, a.rows, b.probes, b.rows, block.symmetric, cut.edge, block.mode);
  const std::size_t runs_each = (cut.runs + cut.parts - 1) / cut.parts,
                    largest = rectangles.empty() ? 0 : rectangles[0].rows * rectangles[0].columns;
  Array<double> partial;
  if (cut.parts > 1) partial = Array<double>({rectangles.size() * cut.parts, largest});
  double* partials = cut.parts > 1 ? partial.mutable_data() : nullptr;
  parallel_for(rectangles.size() * cut.parts, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t task = begin; task < end; ++task) {
      const Rectangle& t = rectangles[task / cut.parts];
      const std::size_t part = task % cut.parts;
      Array<T> product({t.rows, t.columns});
      if (cut.added_at_once(a.scales)) {
        rectangle_product(t, a, b, 0, a.length, product.mutable_data());
        add_once(t, product.data(), block);
        continue;
      }
      Array<double> own;
      if (!partials) own = Array<double>({t.rows, t.columns});
      double* sum = partials ? partials + task * largest : own.mutable_data();
      std::fill_n(sum, t.rows * t.columns, 0.0);
      for (std::size_t run = part * runs_each; run < std::min(cut.runs, (part + 1) * runs_each); ++run) {
        rectangle_product(t, a, b, run * run_length, std::min(a.length, (run + 1) * run_length),
                          product.mutable_data());
        loops<T>().accumulate(t.rows * t.columns, product.data(), 1.0, sum);
      }
      if (!partials) add_rectangle(t, a, b, sum, block);
    }
  });
  for (std::size_t task = 0; partials && task < rectangles.size() * cut.parts; ++task)
    add_rectangle(rectangles[task / cut.parts], a, b, partials + task * largest, block);
}

std::size_t long_gram_bytes(const BlockShape& b, std::size_t length, bool rounded, const Workspace& w) {
  return larger_way(b, [&](std::size_t k, std::size_t n, std::size_t j, std::size_t m) {
    return GramCut(k, n, j, m, b.symmetric, length, b.mode).bytes(rounded, w);
  });
}

template void add_long_gram(Rows<float>, Rows<float>, Block&);
template void add_long_gram(Rows<double>, Rows<double>, Block&);
template void add_long_gram(Rows<std::uint16_t>, Rows<std::uint16_t>, Block&);

}  // namespace xtangent::ntk
