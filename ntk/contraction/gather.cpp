// The rule for parameters whose rows are picked by indices, such as embeddings. Only rows that both examples picked
// contribute. A side holds, for each example, at most `slots` picked rows in rising order, with their values (K, C).
#include <algorithm>
#include <numeric>

#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "ntk/contraction/picks.hpp"
#include "ntk/contraction/rule.hpp"

namespace xtangent::ntk {
namespace {

// One row of the parameter in the gradient of one example.
struct Picked {
  std::uint32_t row, example, slot;
};

// Ordered by row, and by example within a row.
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

struct Gather : RuleOf<Gather> {
  const char* name() const override { return "gather"; }
  bool fits(const Term& term) const override { return term.only() && term.only()->kind == FactorKind::gather; }

  // The largest cost there can be, since the work depends on the indices.
  RuleCost cost(const Term& term, const BlockShape& b, const Workspace&) const override {
    const std::size_t slots = slots_of(*term.only());
    const double width = static_cast<double>(b.side_by_side() * term.only()->left);
    return {2 * b.pairs() * b.probe_pairs() * static_cast<double>(slots) * width,
            static_cast<double>(b.columns * slots * sizeof(Picked))};
  }
  double effort(const Term& term, const BlockShape& b) const override { return cost(term, b, {}).flop; }

  double held_bytes(const Term& term, std::size_t probes, std::size_t scalar_bytes) const override {
    const std::size_t slots = slots_of(*term.only());
    return static_cast<double>(slots * term.only()->left * probes * scalar_bytes + (slots + 1) * sizeof(std::uint32_t));
  }

  // Positions of an example that picked the same row are added up.
  template <class T>
  void put(SideArrays<T>& side, std::size_t first, const std::vector<Factor<T>>& parts) const {
    const Factor<T>& f = parts[0];
    const std::size_t k = side.probes, d = f.positions, e = f.left_size(), slots = slots_of(*side.term.only());
    side.once([&] {
      side.row.resize(side.examples * slots);
      side.count.resize(side.examples);
    });
    T* values = side.make_left(side.examples * slots * k * e);
    std::vector<std::size_t> order(d);
    for (std::size_t n = 0; n < f.examples; ++n) {
      const T* index = f.right.data() + n * d;
      std::uint32_t* picked = side.row.data() + (first + n) * slots;
      std::uint32_t used = 0;
      std::iota(order.begin(), order.end(), std::size_t(0));
      std::stable_sort(order.begin(), order.end(), [&](std::size_t p, std::size_t q) { return index[p] < index[q]; });
      for (std::size_t p : order) {
        const auto row = static_cast<std::uint32_t>(index[p]);
        const bool fresh = used == 0 || picked[used - 1] != row;
        if (fresh) picked[used++] = row;
        T* at = values + ((first + n) * slots + used - 1) * k * e;
        for (std::size_t probe = 0; probe < k; ++probe) {
          const T* from = f.left.data() + ((probe * f.examples + n) * d + p) * e;
          if (fresh)
            std::copy_n(from, e, at + probe * e);
          else
            kernels::loops<T>().axpy(e, T(1), from, at + probe * e);
        }
      }
      side.count[first + n] = used;
    }
  }

  template <class T>
  void add(const Side<T>& a, const Side<T>& b, const Contraction&, Block& block) const {
    const Picks<T> pa(a), pb(b);
    const std::vector<Picked> others = by_row(pb, block.columns);
    const std::size_t k = pa.probes, j = pb.probes, e = pa.width;
    // One row of the parameter in example n against all examples that picked this row.
    const auto meet = [&](std::size_t n, std::uint32_t row, const T* values) {
      auto other = std::lower_bound(others.begin(), others.end(), row,
                                    [](const Picked& p, std::uint32_t r) { return p.row < r; });
      for (; other != others.end() && other->row == row; ++other) {
        const T* column = pb.at(other->example, other->slot);
        for (std::size_t p = 0; p < k; ++p) {
          const Range partners = block.partners(p, j);
          for (std::size_t q = partners.first; q < partners.last; ++q)
            if (!block.symmetric || p != q || n <= other->example)
              block.at(p, n, q, other->example) += kernels::loops<T>().dot(e, values + p * e, column + q * e);
        }
      }
    };
    kernels::parallel_for(block.rows, 4, [&](std::size_t begin, std::size_t end) {
      for (std::size_t n = begin; n < end; ++n)
        for (std::size_t s = 0; s < pa.count[n]; ++s) meet(n, pa.row[n * pa.slots + s], pa.at(n, s));
    });
  }
};

}  // namespace

const Rule& gather() {
  static const Gather rule;
  return rule;
}

}  // namespace xtangent::ntk
