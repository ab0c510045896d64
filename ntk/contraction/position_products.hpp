#pragma once

#include "ntk/contraction/effort.hpp"
#include "ntk/contraction/rectangles.hpp"

/// What the two rules that multiply Grams of positions share: a pair of examples with D positions each gives a D x D
/// Gram of cotangents, whose product with the Gram of inputs is summed over all entries.
namespace xtangent::ntk {

/// Examples along the edge of a rectangle of Grams with so many rows an example: rectangles of 256 rows stay in the
/// second level of the cache.
std::size_t position_edge(std::size_t positions);

/// Rectangles of examples, all of them also for a symmetric block: probes of one example meet those of another both
/// ways.
std::vector<Rectangle> rectangles_of_examples(const BlockShape& block, std::size_t edge);
/// Has a rectangle no entry that is computed?
bool not_needed(const Rectangle& r, const BlockShape& block);

/// Rows [n each, (n + 1) each) for the examples n of a rectangle.
Rectangle spread(const Rectangle& examples, std::size_t each);

/// block += for all pairs of probes, the left Gram times the right one, summed over positions: for a rectangle of
/// examples with d positions each. `right` and the room `left` hold spread(examples, d).
template <class T>
void add_left_grams(const Rectangle& examples, const Rows<T>& a, const Rows<T>& b, const T* right, T* left,
                    std::size_t d, Block& block);

namespace effort {

/// Rectangles of Grams with so many rows an example.
struct PositionGrams {
  double right;  // pairs of examples that are computed, in whole rectangles
  double edge;   // rows of a rectangle
  double left;   // effort of the left Grams of all pairs of probes and of their sums

  PositionGrams(const BlockShape& b, double rows_each, double positions, double left_length);
};

}  // namespace effort
}  // namespace xtangent::ntk
