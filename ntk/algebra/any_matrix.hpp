#pragma once

#include <utility>
#include <variant>

#include "autodiff/xtensor.hpp"

namespace xtangent::ntk {

/// A matrix of float or double, as functions on kernels take it. It is made from an Array without a copy, and from any
/// xtensor expression with one. A function that takes an AnyMatrix by value works in place if the Array was handed over
/// with std::move.
class AnyMatrix {
 public:
  AnyMatrix(Array<double> matrix) : values_(std::move(matrix)) {}
  AnyMatrix(Array<float> matrix) : values_(std::move(matrix)) {}
  template <class E>
  AnyMatrix(const xt::xexpression<E>& expression) : values_(as_array(expression)) {}

  const Shape& shape() const {
    return std::visit([](const auto& values) -> const Shape& { return values.shape(); }, values_);
  }
  /// The matrix as an Array<double>. If it is one already, it is shared or moved; otherwise it is converted.
  Array<double> wide() const&;
  Array<double> wide() &&;
  /// Calls f with the Array<float> or the Array<double>.
  template <class F>
  decltype(auto) visit(const F& f) const {
    return std::visit(f, values_);
  }

 private:
  std::variant<Array<double>, Array<float>> values_;
};

/// An array of double, as functions take outputs, targets and weights. An Array<float> is widened, and an xtensor
/// expression of any element type is copied.
struct Doubles : Array<double> {
  Doubles() = default;
  Doubles(Array<double> values) : Array<double>(std::move(values)) {}
  Doubles(const Array<float>& values);
  template <class E>
  Doubles(const xt::xexpression<E>& expression) : Array<double>(expression) {}
};

}  // namespace xtangent::ntk
