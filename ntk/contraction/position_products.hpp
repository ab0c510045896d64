#pragma once

#include "ntk/contraction/effort.hpp"
#include "ntk/contraction/rectangles.hpp"

/// What the two rules share that multiply Grams of positions. A pair of examples with D positions each has a Gram of
/// cotangents (D, D), which is multiplied by the Gram of inputs entry by entry and summed.
namespace xtangent::ntk {

/// The number of examples along the edge of a rectangle of Grams, if an example has `positions` rows. Rectangles of 256
/// rows stay in the second level of the cache.
std::size_t position_edge(std::size_t positions);

/// All rectangles of examples. A symmetric block needs those below the diagonal, too, because the probes of two
/// examples are paired in both orders.
std::vector<Rectangle> rectangles_of_examples(const BlockShape& block, std::size_t edge);
/// Whether no entry of the rectangle is computed.
bool not_needed(const Rectangle& r, const BlockShape& block);

/// The rectangle of rows [n each, (n + 1) each) for the examples n of a rectangle of examples.
Rectangle spread(const Rectangle& examples, std::size_t each);

/// Adds to the block, for a rectangle of examples with d positions each and for all pairs of probes, the left Gram
/// times the right one, summed over positions. `right` and the scratch `left` hold spread(examples, d).
template <class T>
void add_left_grams(const Rectangle& examples, const Rows<T>& a, const Rows<T>& b, const T* right, T* left,
                    std::size_t d, Block& block);

namespace effort {

/// The effort of Grams of positions, if an example has `rows_each` rows.
struct PositionGrams {
  double right;  // pairs of examples that are computed, in whole rectangles
  double edge;   // rows of a rectangle
  double left;   // effort of the left Grams of all pairs of probes and of their sums

  PositionGrams(const BlockShape& b, double rows_each, double positions, double left_length);
};

}  // namespace effort
}  // namespace xtangent::ntk
