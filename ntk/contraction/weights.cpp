// What the rules take, in operations of large products. The weights are those of processors with vectors of 8 or 16
// numbers, whose products run at 30 to 60 operations a cycle while a pass over arrays is bound by their caches.
#include <algorithm>
#include <array>
#include <cmath>

#include "ntk/contraction/rectangles.hpp"

namespace xtangent::ntk {
namespace {

constexpr double packed = 6;        // an operand's element, each time that a product arranges it
constexpr double stored = 10;       // a product's element that a pass in the cache reads again
constexpr double accumulated = 40;  // an element that is added to the block in double
constexpr double written = 35;      // an element of a gradient, to memory and back
constexpr double moved = 15;        // an element of a factor that is brought into another layout
constexpr double shifted = 3;       // an addition of shifted sums
constexpr double convolved = 1.5;   // an operation of a convolution's gradient: its products are narrow

// Rectangles that are computed of a block: all of them, or those on and above its diagonal.
double area(double rows, double columns, bool symmetric, double edge) {
  if (!symmetric) return rows * columns;
  const double whole = std::floor(rows / edge), rest = rows - whole * edge;
  return (rows * rows + whole * edge * edge + rest * rest) / 2;
}

// Products of `count` tiles' elements of rows of that length, with tiles of that edge.
double products(double elements, double length, double edge) { return elements * length * (2 + 2 * packed / edge); }

}  // namespace

double weighted_cost(Rule rule, const UseShape& use, std::size_t rows, std::size_t columns, std::size_t probes,
                     bool symmetric, ProbeMode mode) {
  const double k = static_cast<double>(probes), in_rows = mode == ProbeMode::summed ? 1 : k, together = k / in_rows;
  const double na = static_cast<double>(rows), nb = static_cast<double>(columns), examples = symmetric ? na : na + nb;
  const double d = static_cast<double>(use.positions), c = static_cast<double>(use.left),
               r = static_cast<double>(use.right);
  const double p = static_cast<double>(use.parameter_size);
  const auto edge_of = [](double n, double m) {
    return static_cast<double>(rules::tile_edge(static_cast<std::size_t>(n), static_cast<std::size_t>(m)));
  };
  const bool equal = mode == ProbeMode::equal;
  const double edge = edge_of(na, nb), edges = equal ? edge : edge_of(in_rows * na, in_rows * nb);
  const double right = area(na, nb, symmetric, edge),
               left = equal ? k * right : area(in_rows * na, in_rows * nb, symmetric, edges);
  // Grams of positions: whole tiles of examples, of pairs of probes once.
  const auto position_grams = [&](double each) {
    const double tile = std::max(1.0, std::floor(256 / each)), wide = std::min(256.0, tile * each);
    const double one = area(na, nb, symmetric, tile);
    const double all = equal       ? k * one
                       : symmetric ? in_rows * one + in_rows * (in_rows - 1) / 2 * na * nb
                                   : in_rows * in_rows * na * nb;
    return std::array{one, wide, products(all * d * d, together * c, wide) + all * 2 * stored * d * d};
  };
  switch (rule) {
    case Rule::outer:
      return products(right, r, edge) + stored * right + products(left, together * c, edges) + accumulated * left;
    case Rule::readout:
      return products(right, r, edge) + stored * right + accumulated * left;
    case Rule::gather:
      return cost(rule, use, rows, columns, probes, symmetric, mode, sizeof(float), 0).flop;
    case Rule::position_gram: {
      const auto [one, wide, grams] = position_grams(d);
      return moved * examples * d * (r + k * c) + products(one * d * d, r, wide) + stored * one * d * d + grams;
    }
    case Rule::pixel_gram: {
      const kernels::ConvShape& s = *use.patches;
      const double u = static_cast<double>(s.height * s.width), channels = static_cast<double>(s.channels);
      const double room = static_cast<double>(s.out_height() * s.width);
      const double adds =
          static_cast<double>(s.kernel_height) * room * room + static_cast<double>(s.kernel_width) * d * d;
      const auto [one, wide, grams] = position_grams(std::max(d, u));
      return moved * examples * (u * channels + k * d * c) + products(one * u * u, channels, wide) +
             one * (stored * (u * u + d * d) + shifted * adds) + grams;
    }
    case Rule::materialize:
      break;
  }
  double forming = 0;
  if (use.kind == FactorKind::outer || use.kind == FactorKind::outer_sum)
    forming = (use.patches ? convolved : 1) * 2 * k * d * p + (use.patches ? moved * d * r : 0);
  if (use.kind != FactorKind::dense) forming += written * k * p;
  const double runs = std::ceil(together * p / static_cast<double>(rules::GramCut::run_length));
  return examples * forming + products(left, together * p, edges) + (stored * runs + accumulated) * left;
}

Rule cheapest_rule(const UseShape& use, std::size_t rows, std::size_t columns, std::size_t probes, bool symmetric,
                   ProbeMode mode) {
  Rule best = Rule::materialize;
  double least = weighted_cost(best, use, rows, columns, probes, symmetric, mode);
  for (Rule rule : rules_for(use)) {
    const double weight = weighted_cost(rule, use, rows, columns, probes, symmetric, mode);
    if (weight >= least) continue;
    best = rule;
    least = weight;
  }
  return best;
}

}  // namespace xtangent::ntk
