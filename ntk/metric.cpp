#include "ntk/metric.hpp"

#include <cmath>
#include <string>
#include <utility>

#include "autodiff/error.hpp"

namespace xtangent::ntk {

Metric metric_of(Array<double> numbers, const nn::Layout& layout) {
  const std::size_t elements = layout.parameter_size, arrays = layout.parameters.size();
  if (numbers.size() == elements) return {.elements = std::move(numbers)};
  if (numbers.size() == arrays) return {.arrays = std::move(numbers)};
  throw shape_error("[metric] " + std::to_string(numbers.size()) + " numbers for a network of " +
                    std::to_string(elements) + " trainable elements in " + std::to_string(arrays) +
                    " arrays. Give one for each element, or one for each array.");
}

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
