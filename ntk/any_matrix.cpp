#include "ntk/any_matrix.hpp"

#include "autodiff/kernels/symmetric.hpp"

namespace xtangent::ntk {

Array<double> AnyMatrix::wide() const& { return AnyMatrix(*this).wide(); }

Array<double> AnyMatrix::wide() && {
  if (auto* values = std::get_if<Array<double>>(&values_)) return std::move(*values);
  const Array<float>& values = std::get<Array<float>>(values_);
  Array<double> out(values.shape());
  kernels::widen(values.size(), values.data(), out.mutable_data());
  return out;
}

}  // namespace xtangent::ntk
