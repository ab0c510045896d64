#pragma once

#include "autodiff/array.hpp"
#include "nn/training/optimizer.hpp"

namespace xtangent::ntk {

/// A positive diagonal D over the parameters: the kernel becomes J D J^T. It is the prior's variances of a Bayesian
/// linearized network, or an optimizer's step for each parameter. Undefined arrays mean D = I. Give one of the two.
struct Metric {
  Array<double> elements = {};  ///< (P,): one number for each trainable element, in the order of Parameters::flat()
  Array<double> arrays = {};    ///< (parameters,): one for each trainable array, in the order of Parameters::infos()

  bool defined() const { return elements.defined() || arrays.defined(); }
};

/// The metric of `numbers` for a network with this layout: they belong to its trainable elements if there are as many,
/// and to its trainable arrays if there are as many of those. Throws shape_error otherwise.
Metric metric_of(Array<double> numbers, const nn::Layout& layout);

/// The step that Adam takes along each parameter for a unit gradient, without its rate: 1 / (sqrt(v / (1 - beta2^t)) +
/// epsilon) for the second moments v after t steps. Throws option_error for the state of another optimizer or one that
/// has made no step.
template <class T>
Metric adam_metric(const nn::OptimizerState<T>& state, double beta2 = 0.999, double epsilon = 1e-8);

}  // namespace xtangent::ntk
