#pragma once

#include <vector>

#include "tests/testing.hpp"

/// What tests of training share.
namespace xtangent::testing {

/// Thrown out of a training to end it, as when the program is killed there.
struct Interruption {};

struct Points {
  Array<double> x;
  std::vector<std::size_t> labels;
};

/// n points in classes that no linear map separates: the class is the parity of the signs.
inline Points parity(std::size_t n) {
  Random random("parity");
  Points out{random_array(random, {n, 2}), {}};
  for (std::size_t i = 0; i < n; ++i) out.labels.push_back((out.x(i, 0) > 0) == (out.x(i, 1) > 0) ? 1 : 0);
  return out;
}

}  // namespace xtangent::testing
