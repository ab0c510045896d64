#pragma once

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

}  // namespace xtangent::ntk
