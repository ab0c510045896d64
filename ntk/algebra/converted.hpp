#pragma once

#include <type_traits>

#include "autodiff/array.hpp"
#include "autodiff/kernels/precision.hpp"
#include "autodiff/kernels/symmetric.hpp"

namespace xtangent::ntk {

/// x with elements of type To, rounded to nearest. If the type is the same, the result shares the elements of x. Types
/// are float and double.
template <class To, class From>
Array<To> converted(const Array<From>& x) {
  if constexpr (std::is_same_v<To, From>) {
    return x;
  } else {
    Array<To> out(x.shape());
    if constexpr (std::is_same_v<To, double>)
      kernels::widen(x.size(), x.data(), out.mutable_data());
    else
      kernels::narrow(x.size(), x.data(), out.mutable_data());
    return out;
  }
}

}  // namespace xtangent::ntk
