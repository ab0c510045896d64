#pragma once

#include "autodiff/array.hpp"
#include "autodiff/kernels/layout.hpp"

namespace xtangent::ntk {

/// x (n, m) as (m, n).
inline Array<double> transposed(const Array<double>& x) {
  Array<double> out({x.shape()[1], x.shape()[0]});
  kernels::transpose(x.shape(), {1, 0}, x.data(), out.mutable_data());
  return out;
}

}  // namespace xtangent::ntk
