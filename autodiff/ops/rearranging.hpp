#pragma once

#include <initializer_list>
#include <vector>

#include "autodiff/op.hpp"

/// Arrays cut apart, put together and reordered along an axis, with PyTorch's names and order of arguments. Negative
/// axes count from the right. All throw shape_error. Cost: a copy of what is returned.
namespace xtangent {

/// Arrays of one shape side by side, along a new axis.
template <class T>
Var<T> stack(Vars<T> parts, long axis = 0);
template <class T>
Var<T> stack(const std::vector<Var<T>>& parts, long axis = 0) {
  return stack(Vars<T>(parts), axis);
}
template <class T>
Var<T> stack(std::initializer_list<Var<T>> parts, long axis = 0) {
  return stack(Vars<T>(parts.begin(), parts.size()), axis);
}
/// Pieces of `size` entries of an axis; the last one may have fewer.
template <class T>
std::vector<Var<T>> split(const Var<T>& x, std::size_t size, long axis = 0);
/// Pieces of these sizes, which must add up to the extent of the axis.
template <class T>
std::vector<Var<T>> split(const Var<T>& x, const std::vector<std::size_t>& sizes, long axis = 0);
/// At most `count` pieces of equal size; the last one may have fewer entries, and there may be fewer pieces, as in
/// PyTorch: 5 entries in 4 chunks are 2, 2 and 1.
template <class T>
std::vector<Var<T>> chunk(const Var<T>& x, std::size_t count, long axis = 0);
/// The entries of these axes in reverse order.
template <class T>
Var<T> flip(const Var<T>& x, const std::vector<long>& axes);
/// Entry i of the axis goes to place i + shift; what leaves at one end comes in at the other.
template <class T>
Var<T> roll(const Var<T>& x, long shift, long axis);

}  // namespace xtangent
