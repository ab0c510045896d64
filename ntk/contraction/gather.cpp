#include <algorithm>

#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "ntk/contraction/rectangles.hpp"

namespace xtangent::ntk::rules {
namespace {

// A row of the parameter in the gradient of one example.
struct Picked {
  std::uint32_t row, example, slot;
};

// By row, and by example within a row.
template <class T>
std::vector<Picked> by_row(const Picks<T>& side, std::size_t examples) {
  std::vector<Picked> out;
  out.reserve(examples * side.slots);
  for (std::size_t n = 0; n < examples; ++n)
    for (std::size_t s = 0; s < side.count[n]; ++s)
      out.push_back({side.row[n * side.slots + s], static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(s)});
  std::sort(out.begin(), out.end(),
            [](const Picked& p, const Picked& q) { return p.row != q.row ? p.row < q.row : p.example < q.example; });
  return out;
}

}  // namespace

template <class T>
void add_gather(const Side<T>& a, const Side<T>& b, Block& block) {
  const Picks<T> pa = a.picks(), pb = b.picks();
  const std::vector<Picked> others = by_row(pb, block.columns);
  const std::size_t k = pa.probes, e = pa.width;
  // One row of the parameter in example n against all that picked it.
  const auto meet = [&](std::size_t n, std::uint32_t row, const T* values) {
    auto other =
        std::lower_bound(others.begin(), others.end(), row, [](const Picked& p, std::uint32_t r) { return p.row < r; });
    for (; other != others.end() && other->row == row; ++other) {
      const T* column = pb.values + (other->example * pb.slots + other->slot) * k * e;
      for (std::size_t p = 0; p < k; ++p) {
        const Range partners = block.partners(p, k);
        for (std::size_t q = partners.first; q < partners.last; ++q)
          if (!block.symmetric || p != q || n <= other->example)
            block.at(p, n, q, other->example) += kernels::loops<T>().dot(e, values + p * e, column + q * e);
      }
    }
  };
  kernels::parallel_for(block.rows, 4, [&](std::size_t begin, std::size_t end) {
    for (std::size_t n = begin; n < end; ++n)
      for (std::size_t s = 0; s < pa.count[n]; ++s)
        meet(n, pa.row[n * pa.slots + s], pa.values + (n * pa.slots + s) * k * e);
  });
}

template void add_gather(const Side<float>&, const Side<float>&, Block&);
template void add_gather(const Side<double>&, const Side<double>&, Block&);

}  // namespace xtangent::ntk::rules
