#include "ntk/metric.hpp"

#include <cmath>

#include "autodiff/error.hpp"

namespace xtangent::ntk {

template <class T>
Metric adam_metric(const nn::OptimizerState<T>& state, double beta2, double epsilon) {
  if (!state.second.defined() || state.steps == 0)
    throw option_error("[adam_metric] the optimizer's state has no second moments. Train by Adam for at least a step.");
  const double unbiased = 1 - std::pow(beta2, static_cast<double>(state.steps));
  Metric out;
  out.elements = Array<double>({state.second.size()});
  for (std::size_t i = 0; i < state.second.size(); ++i)
    out.elements.mutable_data()[i] = 1 / (std::sqrt(static_cast<double>(state.second[i]) / unbiased) + epsilon);
  return out;
}

template Metric adam_metric(const nn::OptimizerState<float>&, double, double);
template Metric adam_metric(const nn::OptimizerState<double>&, double, double);

}  // namespace xtangent::ntk
