#pragma once

#include <cmath>
#include <string>

#include "examples/common/format.hpp"

namespace xtangent::examples {

/// Whether a training by cross-entropy ended much worse than a guess that gives all classes the same probability.
inline bool diverged(double loss, std::size_t classes) { return !(loss <= 2 * std::log(static_cast<double>(classes))); }

/// "the training diverged: its loss is 1.2e+07 at the end, where guessing has 2.30."
inline std::string say_diverged(double loss, std::size_t classes) {
  return "the training diverged: its loss is " + significant(loss, 2) + " at the end, where guessing has " +
         fixed(std::log(static_cast<double>(classes)), 2) + ".";
}

}  // namespace xtangent::examples
