// The rule for several positions: the sum over pairs of positions (p, q) of the Gram La Lb^T of left factors times the
// Gram Ra Rb^T of right factors. Sides: left (K, N D, C), right (N D, I), where D counts the positions of all uses. The
// right factors of a convolution are its patches.
#include <algorithm>

#include "autodiff/kernels/parallel.hpp"
#include "ntk/contraction/position_products.hpp"
#include "ntk/contraction/rule.hpp"

namespace xtangent::ntk {
namespace {

struct PositionGram : RuleOf<PositionGram> {
  const char* name() const override { return "position Gram"; }

  bool fits(const Term& term) const override {
    const UseShape& first = term.parts.front();
    if (term.only() && first.kind == FactorKind::outer) return false;  // one position
    return std::all_of(term.parts.begin(), term.parts.end(), [&](const UseShape& part) {
      return part.is_product() && !part.grouped() && part.left == first.left && part.right == first.right &&
             part.transposed == first.transposed;
    });
  }

  RuleCost cost(const Term& term, const BlockShape& b, const Workspace& w) const override {
    const UseShape& use = term.parts.front();
    const std::size_t positions = term.positions(), edge = position_edge(positions);
    const double d = static_cast<double>(positions), r = static_cast<double>(use.right),
                 c = static_cast<double>(b.side_by_side() * use.left);
    const std::size_t tasks = count_rectangles(1, b.rows, 1, b.columns, false, edge);
    const std::size_t grams =
        2 * std::min(edge, b.rows) * std::min(edge, b.columns) * positions * positions * w.at_a_time(tasks);
    return {2 * b.pairs() * d * d * (r + b.probe_pairs() * (c + 1)), static_cast<double>(grams * w.scalar_bytes)};
  }

  double effort(const Term& term, const BlockShape& b) const override {
    const UseShape& use = term.parts.front();
    const double d = static_cast<double>(term.positions()), r = static_cast<double>(use.right),
                 c = static_cast<double>(use.left);
    const effort::PositionGrams grams(b, d, d, static_cast<double>(b.side_by_side()) * c);
    const double entries = grams.right * d * d;
    return effort::moved * d *
               (static_cast<double>(b.examples()) * r + static_cast<double>(b.probes_of_examples()) * c) +
           effort::products(entries, r, grams.edge) + effort::stored * entries + grams.left;
  }

  double held_bytes(const Term& term, std::size_t probes, std::size_t scalar_bytes) const override {
    const UseShape& use = term.parts.front();
    return static_cast<double>(term.positions() * (use.left * probes + use.right) * scalar_bytes);
  }

  template <class T>
  void put(SideArrays<T>& side, std::size_t first, const std::vector<Factor<T>>& parts) const {
    const std::size_t each = side.term.positions();
    std::size_t offset = 0;
    for (const Factor<T>& part : parts) {
      put_cotangents(side, first, part, each, offset);
      put_inputs(side, first, part, each, offset);
      offset += part.positions;
    }
  }

  template <class T>
  void add(const Side<T>& a, const Side<T>& b, const Contraction&, Block& block) const {
    const UseShape& use = a.term().parts.front();
    const std::size_t d = a.term().positions(), length = use.left * a.side_by_side();
    const Rows<T> la = a.left(d, length), lb = b.left(d, length), ra = a.right(d, use.right),
                  rb = b.right(d, use.right);
    const std::vector<Rectangle> rectangles = rectangles_of_examples(block, position_edge(d));
    kernels::parallel_for(rectangles.size(), 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        if (not_needed(rectangles[i], block)) continue;
        const Rectangle at = spread(rectangles[i], d);
        Array<T> right({at.rows, at.columns}), left({at.rows, at.columns});
        rectangle_product(at, ra, rb, 0, ra.length, right.mutable_data());
        add_left_grams(rectangles[i], la, lb, right.data(), left.mutable_data(), d, block);
      }
    });
  }
};

}  // namespace

const Rule& position_gram() {
  static const PositionGram rule;
  return rule;
}

}  // namespace xtangent::ntk
