#include "autodiff/ops/rearranging.hpp"

#include <algorithm>

#include "autodiff/ops/indexing.hpp"
#include "autodiff/origin.hpp"

namespace xtangent {
namespace {

// An axis in its form that counts from the right.
long from_right(std::size_t axis, std::size_t rank) { return static_cast<long>(axis) - static_cast<long>(rank); }

}  // namespace

template <class T>
Var<T> stack(Vars<T> parts, long axis) {
  if (parts.empty()) throw shape_error("[stack] needs at least one array.");
  const FunctionName name("stack", parts[0]);
  const Shape one = parts[0].shape();
  const std::size_t a = resolve_axis(axis, one.rank() + 1, "stack");
  std::vector<Var<T>> wide;
  for (const Var<T>& part : parts) {
    if (!(part.shape() == one))
      throw shape_error("[stack] " + to_string(one) + " and " + to_string(part.shape()) +
                        " differ. All arrays must have one shape.");
    wide.push_back(reshape(part, one.slice(0, a).joined({1}).joined(one.slice(a, one.rank()))));
  }
  return concatenate(wide, from_right(a, one.rank() + 1));
}

template <class T>
std::vector<Var<T>> split(const Var<T>& x, const std::vector<std::size_t>& sizes, long axis) {
  const FunctionName name("split", x);
  const std::size_t a = resolve_axis(axis, x.rank(), "split");
  std::size_t total = 0;
  for (const std::size_t size : sizes) total += size;
  if (total != x.shape()[a])
    throw shape_error("[split] sizes that add up to " + std::to_string(total) + " for axis " + std::to_string(a) +
                      " of " + to_string(x.shape()) + ". They must add up to its extent.");
  std::vector<Var<T>> out;
  std::size_t first = 0;
  for (const std::size_t size : sizes) {
    out.push_back(slice(x, from_right(a, x.rank()), first, first + size));
    first += size;
  }
  return out;
}

template <class T>
std::vector<Var<T>> split(const Var<T>& x, std::size_t size, long axis) {
  const std::size_t extent = x.shape()[resolve_axis(axis, x.rank(), "split")];
  if (size == 0) throw shape_error("[split] pieces of 0 entries of " + to_string(x.shape()) + ". Give at least 1.");
  std::vector<std::size_t> sizes;
  for (std::size_t first = 0; first < extent; first += size) sizes.push_back(std::min(size, extent - first));
  if (sizes.empty()) sizes.push_back(0);
  return split(x, sizes, axis);
}

template <class T>
std::vector<Var<T>> chunk(const Var<T>& x, std::size_t count, long axis) {
  const std::size_t extent = x.shape()[resolve_axis(axis, x.rank(), "chunk")];
  if (count == 0) throw shape_error("[chunk] 0 chunks of " + to_string(x.shape()) + ". Give at least 1.");
  return split(x, std::max<std::size_t>(1, (extent + count - 1) / count), axis);
}

template <class T>
Var<T> flip(const Var<T>& x, const std::vector<long>& axes) {
  const FunctionName name("flip", x);
  std::vector<bool> flipped(x.rank(), false);
  Var<T> y = x;
  for (const long axis : axes) {
    const std::size_t a = resolve_axis(axis, x.rank(), "flip");
    if (flipped[a])
      throw shape_error("[flip] axis " + std::to_string(a) + " of " + to_string(x.shape()) + " is named twice.");
    flipped[a] = true;
    std::vector<std::size_t> index;
    for (std::size_t i = x.shape()[a]; i-- > 0;) index.push_back(i);
    y = gather(y, from_right(a, x.rank()), std::move(index));
  }
  return y;
}

template <class T>
Var<T> roll(const Var<T>& x, long shift, long axis) {
  const FunctionName name("roll", x);
  const std::size_t a = resolve_axis(axis, x.rank(), "roll"), extent = x.shape()[a];
  if (extent == 0) return x;
  const long whole = static_cast<long>(extent);
  const auto behind = static_cast<std::size_t>((shift % whole + whole) % whole);  // entries that come to the front
  if (behind == 0) return x;
  const long back = from_right(a, x.rank());
  return concatenate({slice(x, back, extent - behind, extent), slice(x, back, 0, extent - behind)}, back);
}

#define XTANGENT_INSTANTIATE(T)                                                             \
  template Var<T> stack(Vars<T>, long);                                                     \
  template std::vector<Var<T>> split(const Var<T>&, const std::vector<std::size_t>&, long); \
  template std::vector<Var<T>> split(const Var<T>&, std::size_t, long);                     \
  template std::vector<Var<T>> chunk(const Var<T>&, std::size_t, long);                     \
  template Var<T> flip(const Var<T>&, const std::vector<long>&);                            \
  template Var<T> roll(const Var<T>&, long, long);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent
