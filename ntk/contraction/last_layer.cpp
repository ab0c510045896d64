// The rule for the last layer. Its cotangents are the columns of the readout R, the same for all examples, so a pair of
// examples needs only the product of its inputs: (R^T R) (x) (Xa Xb^T) for inputs Xa and Xb. Sides: left (K, C) of one
// example, right (N, I).
#include <algorithm>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "ntk/contraction/effort.hpp"
#include "ntk/contraction/rectangles.hpp"
#include "ntk/contraction/rule.hpp"

namespace xtangent::ntk {
namespace {

// Whether one triangle of the Gram of inputs is enough.
bool half(const BlockShape& b) { return b.symmetric && (b.rows_each() == 1 || b.mode == ProbeMode::equal); }

struct LastLayer : RuleOf<LastLayer> {
  const char* name() const override { return "last layer"; }
  bool takes_bias() const override { return true; }
  bool fits(const Term& term) const override {
    return term.only() && term.only()->kind == FactorKind::outer && term.only()->same_left;
  }

  RuleCost cost(const Term& term, const BlockShape& b, const Workspace& w) const override {
    const UseShape& use = *term.only();
    const double c = static_cast<double>(b.side_by_side() * use.left), r = static_cast<double>(use.right);
    const std::size_t edge = rectangle_edge(b.rows, b.columns);
    const std::size_t tasks = count_rectangles(1, b.rows, 1, b.columns, half(b), edge);
    const std::size_t readouts =
        (b.probes + b.column_probes) * use.left;  // the left factors of both sides, one for all examples
    const std::size_t elements = readouts + b.rows_each() * b.columns_each() +
                                 w.at_a_time(tasks) * std::min(edge, b.rows) * std::min(edge, b.columns);
    return {2 * b.pairs() * (r + b.probe_pairs()) + 2 * b.probe_pairs() * c,
            static_cast<double>(elements * w.scalar_bytes)};
  }

  double effort(const Term& term, const BlockShape& b) const override {
    const effort::Areas area(b);
    return effort::products(area.right, static_cast<double>(term.only()->right)) +
           effort::stored * area.right.elements + effort::accumulated * area.left.elements;
  }

  double held_bytes(const Term& term, std::size_t, std::size_t scalar_bytes) const override {
    return static_cast<double>(term.only()->right * scalar_bytes);
  }

  // One example represents all: (K, C), or (1, K C) with probes summed.
  template <class T>
  void put(SideArrays<T>& side, std::size_t first, const std::vector<Factor<T>>& parts) const {
    const Factor<T>& f = parts[0];
    side.once([&] {
      const std::size_t c = f.left_size();
      side.left = Array<T>({side.probes, c});
      kernels::copy_runs(side.probes, c, f.left.data(), f.examples * c, side.left.mutable_data(), c);
    });
    put_inputs(side, first, f);
  }

  // values[k n, j m] += (Ra^T Rb)_kj (Xa_n . Xb_m [+ 1])
  template <class T>
  void add(const Side<T>& a, const Side<T>& b, const Contraction& how, Block& block) const {
    const UseShape& use = *a.term().only();
    const Rows<T> ra = a.right(1, use.right), rb = b.right(1, use.right);
    const std::size_t k = a.probes(), j = b.probes(), length = use.left * a.side_by_side();
    Array<T> weights({k, j});
    kernels::gemm_serial(false, true, k, j, length, T(1), a.arrays().left.data(), length, b.arrays().left.data(),
                         length, T(0), weights.mutable_data(), j);
    const std::vector<Rectangle> rectangles =
        rectangles_of(1, block.rows, 1, block.columns, half(block), rectangle_edge(block.rows, block.columns));
    kernels::parallel_for(rectangles.size(), 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        const Rectangle& t = rectangles[i];
        Array<T> gram({t.rows, t.columns});
        T* values = gram.mutable_data();
        std::fill_n(values, t.rows * t.columns, how.with_bias ? T(1) : T(0));
        kernels::gemm_serial(false, true, t.rows, t.columns, ra.length, T(1), ra.at(0, t.row), ra.length,
                             rb.at(0, t.column), rb.length, T(1), values, t.columns);
        for (std::size_t p = 0; p < k; ++p) {
          const Range partners = block.partners(p, j);
          for (std::size_t q = partners.first; q < partners.last; ++q) {
            if (block.symmetric && p == q && below_diagonal(t, block)) continue;
            for (std::size_t r = 0; r < t.rows; ++r)
              kernels::loops<T>().accumulate(t.columns, values + r * t.columns, static_cast<double>(weights[p * j + q]),
                                             &block.at(p, t.row + r, q, t.column));
          }
        }
      }
    });
  }
};

}  // namespace

const Rule& last_layer() {
  static const LastLayer rule;
  return rule;
}

}  // namespace xtangent::ntk
