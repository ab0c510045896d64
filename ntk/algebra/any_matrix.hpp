#pragma once

#include <utility>
#include <variant>

#include "autodiff/xtensor.hpp"

namespace xtangent::ntk {

/// A matrix of float or double as functions on kernels take it: from an Array without a copy, from any xtensor
/// expression by one. A function that takes it by value works in place when it was handed over with std::move.
class AnyMatrix {
 public:
  AnyMatrix(Array<double> matrix) : values_(std::move(matrix)) {}
  AnyMatrix(Array<float> matrix) : values_(std::move(matrix)) {}
  template <class E>
  AnyMatrix(const xt::xexpression<E>& expression) : values_(as_array(expression)) {}

  const Shape& shape() const {
    return std::visit([](const auto& values) -> const Shape& { return values.shape(); }, values_);
  }
  /// As an Array<double>: shared with or taken from this one if it is one, else converted.
  Array<double> wide() const&;
  Array<double> wide() &&;
  /// f(Array<float>) or f(Array<double>)
  template <class F>
  decltype(auto) visit(const F& f) const {
    return std::visit(f, values_);
  }

 private:
  std::variant<Array<double>, Array<float>> values_;
};

/// An array of double where outputs, targets and weights are taken: what a network of float gave is widened, an xtensor
/// expression of any element type copied.
struct Doubles : Array<double> {
  Doubles() = default;
  Doubles(Array<double> values) : Array<double>(std::move(values)) {}
  Doubles(const Array<float>& values);
  template <class E>
  Doubles(const xt::xexpression<E>& expression) : Array<double>(expression) {}
};

}  // namespace xtangent::ntk
