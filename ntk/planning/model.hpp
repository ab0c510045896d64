#pragma once

#include <functional>
#include <string>
#include <vector>

#include "nn/module.hpp"
#include "ntk/metric.hpp"

namespace xtangent::ntk {

using nn::Recording;

/// All that kernels need to know of a network: how to record it over a batch, and what its parameters are called.
template <class T>
struct Model {
  std::function<Recording<T>(Tape<T>&, const Array<T>& x)> record;
  std::vector<std::string> names;
  std::vector<std::size_t> sizes = {};  ///< elements of each parameter
  /// The metric's numbers for each parameter: of all elements, or a single one for the array. Empty without a metric.
  std::vector<Array<double>> metric = {};
  /// The same with all parameters on the tape, if `record` has only some of them there.
  std::function<Recording<T>(Tape<T>&, const Array<T>& x)> record_all = {};
};

/// The model of a network, whose parameters are those that `patterns` choose (nn/choice.hpp); the others are constants.
/// Outputs of any shape (N, ...) count as (N, O).
template <class T>
Model<T> model_of(const nn::ModuleBase& net, const nn::Parameters<T>& params,
                  const std::vector<std::string>& patterns = {}, const Metric& metric = {});

/// An output (N, ...) of any shape as (N, O).
template <class T>
Var<T> as_outputs(const Var<T>& y);

/// The square roots of the metric for the elements of parameter i of a model, or for those of all its parameters (P,).
template <class T>
Array<T> scales_of(const Model<T>& model, std::size_t i);
template <class T>
Array<T> all_scales(const Model<T>& model);
/// Multiplies cotangents (..., elements of parameter i) by the metric.
template <class T>
Var<T> times_metric(const Model<T>& model, std::size_t i, const Var<T>& cotangents);

}  // namespace xtangent::ntk
