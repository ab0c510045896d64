#pragma once

#include <initializer_list>
#include <vector>

#include "autodiff/op.hpp"

/// Ops that move elements. Negative axes count from the right. All throw shape_error.
namespace xtangent {

/// The same elements in another shape, without a copy. Examples stay marked if axis 0 keeps its extent. They are
/// followed (Var::moved) where they are merged with other axes, (N, T, E) to (N T, E), or taken apart again.
template <class T>
Var<T> reshape(const Var<T>& x, const Shape& shape);
/// (N, ...) to (N, rest): merges all axes behind the first.
template <class T>
Var<T> flatten(const Var<T>& x);
/// (..., L) to (..., 1, L) and back: signals as images of height 1.
template <class T>
Var<T> with_height(const Var<T>& x) {
  const Shape& s = x.shape();
  return reshape(x, s.slice(0, s.rank() - 1).joined({1, s.back()}));
}
template <class T>
Var<T> without_height(const Var<T>& x) {
  const Shape& s = x.shape();
  return reshape(x, s.slice(0, s.rank() - 2).joined({s.back()}));
}
/// Axis a of the result is axis order[a] of x; the default reverses all axes. Examples are followed to another axis.
template <class T>
Var<T> transpose(const Var<T>& x, std::vector<std::size_t> order = {});
/// Exchanges the last two axes.
template <class T>
Var<T> transpose_last(const Var<T>& x);
/// The entries [first, last) of one axis.
template <class T>
Var<T> slice(const Var<T>& x, long axis, std::size_t first, std::size_t last);
/// Arrays one after the other along one axis; their other extents are the same. Throws shape_error. Cost: a copy.
template <class T>
Var<T> concatenate(Vars<T> parts, long axis);
template <class T>
Var<T> concatenate(const std::vector<Var<T>>& parts, long axis) {
  return concatenate(Vars<T>(parts), axis);
}
template <class T>
Var<T> concatenate(std::initializer_list<Var<T>> parts, long axis) {
  return concatenate(Vars<T>(parts.begin(), parts.size()), axis);
}
/// The entries `index` of one axis, in this order; an entry may be taken more than once. Throws shape_error for an
/// index out of range.
template <class T>
Var<T> gather(const Var<T>& x, long axis, std::vector<std::size_t> index);
/// The transpose of gather: an axis of `extent` zeros, to which entry j of x is added at index[j].
template <class T>
Var<T> scatter_add(const Var<T>& x, long axis, std::vector<std::size_t> index, std::size_t extent);

}  // namespace xtangent
