#pragma once

#include <cstdint>
#include <vector>

#include "autodiff/range.hpp"
#include "ntk/contraction/shapes.hpp"

/// The gradients of all uses of a parameter, formed in pieces of a bounded size.
namespace xtangent::ntk {

/// The number of elements of the gradients that are formed at a time in `room` bytes. These are whole units, and at
/// least one.
std::size_t step_of(const Term& term, std::size_t element_bytes, std::size_t room);

/// Bytes of patches while gradients of this length are formed for n examples.
std::size_t forming_bytes(const UseShape& use, std::size_t n, std::size_t probes, std::size_t length,
                          const Workspace& w);

/// Adds up the gradients of all parts, and multiplies them by the scales of a metric, if there is one. Elements [begin,
/// end) of the gradient of example n and probe k go to out + k probe_stride + (n - first) example_stride. Nothing else
/// is written between the strides.
template <class T>
void form_gradients(const std::vector<Factor<T>>& parts, const Array<T>& scales, Range examples, std::size_t begin,
                    std::size_t end, std::size_t probe_stride, std::size_t example_stride, T* out);

/// Where rounded gradients go: as in form_gradients, and `corrections` of example n and probe k to corrections + k
/// correction_stride + (n - first), or of all probes together to corrections + (n - first).
struct RoundedGradients {
  std::size_t probe_stride, example_stride, correction_stride;
  bool together;
  std::uint16_t* out;
  double* corrections;
};

/// The same, rounded to bfloat16, with a zero after the last element if their number is odd. One example after the
/// other is formed in float, by several tasks. A correction is the number by which the rounded gradient r of g is to be
/// multiplied so that <g, r> = <g, g>. As gradients of different examples have a large part in common, it takes away
/// most of what rounding does to their inner products.
void form_rounded_gradients(const std::vector<Factor<float>>& parts, const Array<float>& scales, Range examples,
                            std::size_t begin, std::size_t end, const RoundedGradients& to);

/// Bytes of gradients in float while those of n examples are rounded.
std::size_t rounding_bytes(const Term& term, std::size_t n, std::size_t probes, std::size_t length, const Workspace& w);

/// The place that so many rounded elements take in a row, which is even.
inline std::size_t rounded_length(std::size_t length) { return length + length % 2; }

}  // namespace xtangent::ntk
