#include "autodiff/ops/normalization.hpp"

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/reduction.hpp"

namespace xtangent {
namespace {

template <class T>
void check_parameter(const Var<T>& parameter, const Shape& normalized, const char* which) {
  if (parameter.defined() && !(parameter.shape() == normalized))
    throw shape_error(std::string("[layer_norm] ") + which + " of shape " + to_string(parameter.shape()) +
                      " for normalized axes of " + to_string(normalized) + ". Both need one shape.");
}

}  // namespace

template <class T>
Var<T> layer_norm(const Var<T>& x, const Shape& normalized, const Var<T>& weight, const Var<T>& bias, double epsilon) {
  const std::size_t rank = x.rank(), lead = rank - normalized.rank();
  if (normalized.rank() == 0 || normalized.size() == 0)
    throw shape_error("[layer_norm] nothing to normalize over: " + to_string(normalized) + ".");
  if (normalized.rank() > rank || !(x.shape().slice(lead, rank) == normalized))
    throw shape_error("[layer_norm] " + to_string(x.shape()) + " does not end in " + to_string(normalized) + ".");
  check_parameter(weight, normalized, "weight");
  check_parameter(bias, normalized, "bias");
  std::vector<long> axes;
  for (std::size_t a = lead; a < rank; ++a) axes.push_back(static_cast<long>(a));
  const Var<T> centered = x - mean(x, axes, true);
  Var<T> y = centered / sqrt(mean(square(centered), axes, true) + epsilon);
  if (weight.defined()) y = y * weight;
  return bias.defined() ? y + bias : y;
}

template Var<float> layer_norm(const Var<float>&, const Shape&, const Var<float>&, const Var<float>&, double);
template Var<double> layer_norm(const Var<double>&, const Shape&, const Var<double>&, const Var<double>&, double);

}  // namespace xtangent
