#pragma once

#include <string>
#include <utility>

#include "autodiff/shape.hpp"

namespace xtangent::nn {

/// f(), which runs a network on some examples of `whole`: a shape_error also says what was given, so that an example
/// without the axis of examples is told by its own shape and not by that of the part.
template <class F>
auto on_part_of(const Shape& whole, F&& f) {
  try {
    return std::forward<F>(f)();
  } catch (const shape_error& e) {
    throw shape_error(std::string(e.what()) + " The input is " + to_string(whole) + "; its axis 0 runs over examples.");
  }
}

}  // namespace xtangent::nn
