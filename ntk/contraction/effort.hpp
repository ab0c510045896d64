#pragma once

#include <algorithm>
#include <cmath>

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

// By these alone plans foresee seconds. They were fitted to 45 kernels (docs/measurements.md).
constexpr double swept = 0.8;        // an operation of a sweep: large convolutions take fewer than are counted
constexpr double passed = 180;       // an element that an op of the network makes, and that others read
constexpr double contracted = 1.25;  // the effort of a rule, for what rules leave out
constexpr double result = 1000;      // an entry of the kernel, whose memory is new

/// The effort of a sweep, forward or backward, of so many operations that makes so many elements.
inline double sweep(double flop, double elements) { return swept * flop + passed * elements; }

/// The number of elements of a rows x columns block that are computed in rectangles of that edge: all, or those of the
/// rectangles on and above the diagonal.
inline double area(double rows, double columns, bool symmetric, double edge) {
  if (!symmetric) return rows * columns;
  const double whole = std::floor(rows / edge), rest = rows - whole * edge;
  return (rows * rows + whole * edge * edge + rest * rest) / 2;
}

/// The effort of products whose results have `elements` elements, each a sum over `length`, in rectangles of that edge.
inline double products(double elements, double length, double edge) {
  return elements * length * (2 + 2 * packed / edge);
}

inline double edge_of(double rows, double columns) {
  return static_cast<double>(rectangle_edge(static_cast<std::size_t>(rows), static_cast<std::size_t>(columns)));
}

/// The number of elements of two Grams that a block needs, and the edges of their rectangles. The Gram of the right
/// factors has one entry for a pair of examples, that of the left factors one for each pair of their probes.
struct Areas {
  double right, right_edge, left, left_edge;

  explicit Areas(const BlockShape& b) {
    const double na = static_cast<double>(b.rows), nb = static_cast<double>(b.columns),
                 k = static_cast<double>(b.rows_each()), j = static_cast<double>(b.columns_each());
    const bool equal = b.mode == ProbeMode::equal;
    right_edge = edge_of(na, nb);
    right = area(na, nb, b.symmetric, right_edge);
    left_edge = equal ? right_edge : edge_of(k * na, j * nb);
    left = equal ? k * right : area(k * na, j * nb, b.symmetric, left_edge);
  }
};

}  // namespace xtangent::ntk::effort
