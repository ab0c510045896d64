#pragma once

#include <algorithm>
#include <cmath>

#include "autodiff/kernels/blas.hpp"
#include "ntk/contraction/rectangles.hpp"
#include "ntk/contraction/shapes.hpp"

/// The effort of rules, in operations of large products. An elementwise pass, an operand that is packed or a result
/// that is stored counts as the number of operations that take the same time. The numbers are fixed and nothing is
/// timed. They hold for processors with vectors of 8 or 16 numbers, whose products run at 30 to 60 operations a cycle
/// while passes over arrays are bound by the caches.
namespace xtangent::ntk::effort {

constexpr double packed = 6;        // an operand's element, each time that a product arranges it
constexpr double stored = 10;       // a product's element that a pass in the cache reads again
constexpr double accumulated = 40;  // an element that is added to the block in double
constexpr double written = 35;      // an element of a gradient, to memory and back
constexpr double moved = 15;        // an element of a factor that is brought into another layout
constexpr double shifted = 3;       // an addition of shifted sums
constexpr double convolved = 1.5;   // an operation of a convolution's gradient: its products are narrow

// By these alone plans foresee seconds. They lie between what fits two processors (docs/measurements.md).
constexpr double swept = 0.8;        // an operation of a sweep: large convolutions take fewer than are counted
constexpr double passed = 140;       // an element that an op of the network makes, and that others read
constexpr double contracted = 1.15;  // the effort of a rule, for what rules leave out
constexpr double result = 1000;      // an entry of the kernel, whose memory is new

/// The effort of a sweep, forward or backward, of so many operations that makes so many elements.
inline double sweep(double flop, double elements) { return swept * flop + passed * elements; }

/// The elements of a rows x columns block that are computed in rectangles of that edge: all, or, of a symmetric block,
/// those of the rectangles on and above its diagonal. Of a rectangle on the diagonal only one triangle is multiplied,
/// with squares along the diagonal whole, and the other one is its mirror image.
struct Area {
  double elements, multiplied, edge;

  Area(double rows, double columns, bool symmetric, double rectangle_edge)
      : elements(rows * columns), multiplied(elements), edge(rectangle_edge) {
    if (!symmetric) return;
    constexpr double square = 64;
    const double whole = std::floor(rows / edge), rest = rows - whole * edge;
    // Elements of the squares of that size along the diagonals of the rectangles on the diagonal.
    const auto squares = [&](double size) { return whole * edge * size + rest * std::min(rest, size); };
    elements = (rows * rows + squares(edge)) / 2;
    multiplied = (rows * rows + squares(std::min(square, edge))) / 2;
  }
  Area times(double count) const {
    Area out = *this;
    out.elements *= count;
    out.multiplied *= count;
    return out;
  }
};

/// The effort of products whose results have `elements` elements, each a sum over `length`, in rectangles of that edge.
inline double products(double elements, double length, double edge) {
  return elements * length * (2 + 2 * packed / edge);
}
inline double products(const Area& area, double length) {
  const bool both_triangles = length < static_cast<double>(kernels::gram_short_rows);
  return products(both_triangles ? area.elements : area.multiplied, length, area.edge);
}

inline double edge_of(double rows, double columns) {
  return static_cast<double>(rectangle_edge(static_cast<std::size_t>(rows), static_cast<std::size_t>(columns)));
}

/// The elements of the two Grams that a block needs. The Gram of the right factors has one entry for a pair of
/// examples, that of the left factors one for each pair of their probes.
struct Areas {
  Area right, left;

  explicit Areas(const BlockShape& b) : right(of_examples(b)), left(of_probes(b, right)) {}

 private:
  static Area of_examples(const BlockShape& b) {
    const double na = static_cast<double>(b.rows), nb = static_cast<double>(b.columns);
    return {na, nb, b.symmetric, edge_of(na, nb)};
  }
  static Area of_probes(const BlockShape& b, const Area& examples) {
    const double k = static_cast<double>(b.rows_each()), j = static_cast<double>(b.columns_each());
    if (b.mode == ProbeMode::equal) return examples.times(k);
    const double na = k * static_cast<double>(b.rows), nb = j * static_cast<double>(b.columns);
    return {na, nb, b.symmetric, edge_of(na, nb)};
  }
};

}  // namespace xtangent::ntk::effort
