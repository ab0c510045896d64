#include "ntk/algebra/any_matrix.hpp"

#include "ntk/algebra/converted.hpp"

namespace xtangent::ntk {

Array<double> AnyMatrix::wide() const& { return AnyMatrix(*this).wide(); }

Array<double> AnyMatrix::wide() && {
  if (auto* values = std::get_if<Array<double>>(&values_)) return std::move(*values);
  return converted<double>(std::get<Array<float>>(values_));
}

Doubles::Doubles(const Array<float>& values) : Array<double>(converted<double>(values)) {}

}  // namespace xtangent::ntk
