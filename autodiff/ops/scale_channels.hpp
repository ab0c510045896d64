#pragma once

#include <string>
#include <vector>

#include "autodiff/kernels/normalize.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/reduction.hpp"

/// What the normalizations have in common: their groups of axes, and a scale and a shift for each group.
namespace xtangent {

/// The axes of a value as (outer, groups, inner). Axes count from the right, so a probe axis may come in front.
struct Axes {
  std::size_t outer, groups, inner;

  std::size_t rank() const { return outer + groups + inner; }
  kernels::Groups of(const Shape& x) const {
    return {x.slice(0, outer).size(), x.slice(outer, outer + groups).size(), x.slice(outer + groups, x.rank()).size()};
  }
  Shape groups_of(const Shape& x) const { return x.slice(outer, outer + groups); }
  // Outer and inner axes.
  std::vector<long> others() const {
    std::vector<long> out;
    for (std::size_t back = rank(); back > 0; --back)
      if (back <= inner || back > inner + groups) out.push_back(-static_cast<long>(back));
    return out;
  }
  // One number for each group (behind a probe axis, if there is one), reshaped to broadcast against the value.
  template <class T>
  Var<T> spread(const Var<T>& v) const {
    Shape shape;
    if (v.rank() > groups) shape.push_back(v.shape().front());
    for (std::size_t a = 0; a < outer && v.rank() > groups; ++a) shape.push_back(1);
    shape = shape.joined(v.shape().slice(v.rank() - groups, v.rank()));
    for (std::size_t a = 0; a < inner; ++a) shape.push_back(1);
    return reshape(v, shape);
  }
  // The sum of each group; a copy where groups have one element.
  template <class T>
  Var<T> total(const Var<T>& v) const {
    const std::vector<long> axes = others();
    return axes.empty() ? v : sum(v, axes);
  }
};

/// Throws shape_error for a parameter of another shape, unless it is undefined.
template <class T>
void check_parameter(const char* who, const Var<T>& parameter, const Shape& expected, const char* which) {
  if (parameter.defined() && !(parameter.shape() == expected))
    throw shape_error(std::string("[") + who + "] " + which + " of shape " + to_string(parameter.shape()) +
                      ", expected " + to_string(expected) + ".");
}

/// scale (x - mean) inverse + shift, with one number of each for each group. `mean` and `inverse` are constants; they
/// and `shift` may be undefined.
template <class T>
Var<T> apply_scale(const Var<T>& x, const Axes& axes, const Var<T>& mean, const Var<T>& inverse, const Var<T>& scale,
                   const Var<T>& shift);

}  // namespace xtangent
