// The rule for one position: the Gram La Lb^T of left factors times the Gram Ra Rb^T of right factors, entry by entry.
// No gradient is formed. Sides: left (K, N, C), right (N, I).
#include <algorithm>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "ntk/contraction/effort.hpp"
#include "ntk/contraction/rectangles.hpp"
#include "ntk/contraction/rule.hpp"

namespace xtangent::ntk {
namespace {

using kernels::loops;
using kernels::parallel_for;

// A B^T + shift for A (N, I) and B (M, I). The result (N, M) is complete even if only its upper triangle is computed.
template <class T>
Array<T> gram(const Rows<T>& a, const Rows<T>& b, bool symmetric, T shift) {
  Array<T> out({a.rows, b.rows});
  T* values = out.mutable_data();
  const std::size_t columns = b.rows;
  const std::vector<Rectangle> rectangles =
      rectangles_of(1, a.rows, 1, b.rows, symmetric, rectangle_edge(a.rows, b.rows));
  parallel_for(rectangles.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const Rectangle& t = rectangles[i];
      T* at = values + t.row * columns + t.column;
      for (std::size_t r = 0; r < t.rows; ++r) std::fill_n(at + r * columns, t.columns, shift);
      if (symmetric && t.row == t.column) {
        kernels::gram_serial(t.rows, a.length, a.at(0, t.row), a.length, T(1), at, columns);
        continue;
      }
      kernels::gemm_serial(false, true, t.rows, t.columns, a.length, T(1), a.at(0, t.row), a.length, b.at(0, t.column),
                           b.length, T(1), at, columns);
      if (!symmetric) continue;
      for (std::size_t r = 0; r < t.rows; ++r)
        for (std::size_t c = 0; c < t.columns; ++c) values[(t.column + c) * columns + t.row + r] = at[r * columns + c];
    }
  });
  return out;
}

struct Outer : RuleOf<Outer> {
  const char* name() const override { return "outer"; }
  bool takes_bias() const override { return true; }
  bool fits(const Term& term) const override { return term.only() && term.only()->kind == FactorKind::outer; }

  RuleCost cost(const Term& term, const BlockShape& b, const Workspace& w) const override {
    const UseShape& use = *term.only();
    const double c = static_cast<double>(b.side_by_side() * use.left), r = static_cast<double>(use.right);
    const std::size_t grams =
        b.rows * b.columns + larger_way(b, [&](std::size_t k, std::size_t n, std::size_t j, std::size_t m) {
          const std::size_t edge = rectangle_edge(n, m);
          const std::size_t tasks = count_rectangles(k, n, j, m, b.symmetric, edge, b.mode);
          return w.at_a_time(tasks) * std::min(edge, n) * std::min(edge, m);
        });
    return {2 * b.pairs() * (r + b.probe_pairs() * (c + 1)), static_cast<double>(grams * w.scalar_bytes)};
  }

  double effort(const Term& term, const BlockShape& b) const override {
    const UseShape& use = *term.only();
    const effort::Areas area(b);
    return effort::products(area.right, static_cast<double>(use.right)) + effort::stored * area.right.elements +
           effort::products(area.left, static_cast<double>(b.side_by_side() * use.left)) +
           effort::accumulated * area.left.elements;
  }

  double held_bytes(const Term& term, std::size_t probes, std::size_t scalar_bytes) const override {
    return static_cast<double>((term.only()->left * probes + term.only()->right) * scalar_bytes);
  }

  template <class T>
  void put(SideArrays<T>& side, std::size_t first, const std::vector<Factor<T>>& parts) const {
    put_cotangents(side, first, parts[0]);
    put_inputs(side, first, parts[0]);
  }

  // The rows are probe-major, so all probes use the same entries of the right Gram.
  template <class T>
  void add(const Side<T>& a, const Side<T>& b, const Contraction& how, Block& block) const {
    const UseShape& use = *a.term().only();
    Rows<T> rows = a.left(1, use.left * a.side_by_side()), others = b.left(1, use.left * b.side_by_side());
    join_probes(rows, others, block.mode);
    const Array<T> right = gram(a.right(1, use.right), b.right(1, use.right), a.same(b), how.with_bias ? T(1) : T(0));
    const std::size_t nb = block.columns, columns = block.width();
    const std::vector<Rectangle> rectangles =
        rectangles_of(rows.probes, rows.rows, others.probes, others.rows, block.symmetric,
                      rectangle_edge(rows.rows, others.rows), block.mode);
    parallel_for(rectangles.size(), 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        const Rectangle& t = rectangles[i];
        Array<T> left({t.rows, t.columns});
        rectangle_product(t, rows, others, 0, rows.length, left.mutable_data());
        for (std::size_t r = 0; r < t.rows; ++r) {
          const T* right_row = right.data() + (t.row + r) % block.rows * nb;
          double* to = block.values.data() + (t.row + r) * columns;
          for (std::size_t c = t.column; c < t.column + t.columns;) {  // up to the end of a probe's columns
            const std::size_t m = c % nb, run = std::min(nb - m, t.column + t.columns - c);
            loops<T>().accumulate_product(run, left.data() + r * t.columns + (c - t.column), right_row + m, to + c);
            c += run;
          }
        }
      }
    });
  }
};

}  // namespace

const Rule& outer() {
  static const Outer rule;
  return rule;
}

}  // namespace xtangent::ntk
