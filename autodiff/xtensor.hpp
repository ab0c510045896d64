#pragma once

#include <algorithm>
#include <type_traits>

#include "autodiff/array.hpp"
#include "autodiff/xtensor_headers.hpp"

/// Where users' xt::xarray and the library's Array meet, with xtensor's arrays, views, mathematics and random numbers.
/// Only templates: xt::xarray appears in no compiled symbol.
namespace xtangent {

template <Scalar T>
template <class E>
Array<T>::Array(const xt::xexpression<E>& expression)
    : Array(Shape(expression.derived_cast().shape().begin(), expression.derived_cast().shape().end())) {
  // begin<row_major> evaluates each element once, also for lazy and strided expressions.
  const auto& source = expression.derived_cast();
  std::transform(source.template begin<xt::layout_type::row_major>(), source.template end<xt::layout_type::row_major>(),
                 begin_, [](const auto& value) { return static_cast<T>(value); });
}

template <Scalar T>
template <class Self>
auto Array<T>::xt() const {
  const std::vector<std::size_t> shape(shape_.begin(), shape_.end());
  return xt::adapt(static_cast<const T*>(begin_), size_, xt::no_ownership(), shape);
}

template <Scalar T>
template <class X>
requires is_xarray_of<X, T> Array<T>::operator X() const {
  X out = X::from_shape(std::vector<std::size_t>(shape_.begin(), shape_.end()));
  std::copy_n(begin_, size_, out.template begin<xt::layout_type::row_major>());
  return out;
}

template <Scalar T>
template <class Self>
auto Array<T>::to_xarray() const {
  return static_cast<xt::xarray<T>>(*this);
}

/// Public functions take an Array, whose values are shared, or an xtensor expression, which is copied into an Array.
template <class T>
const Array<T>& as_array(const Array<T>& values) {
  return values;
}
template <class E>
auto as_array(const xt::xexpression<E>& expression) {
  using T = std::conditional_t<std::is_same_v<typename E::value_type, float>, float, double>;
  return Array<T>(expression);
}

}  // namespace xtangent
