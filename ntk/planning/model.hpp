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
  /// The metric's numbers for each parameter: of all elements, or a single one for the array. Empty without a metric.
  std::vector<Array<double>> metric = {};
  /// Their square roots for all elements of all parameters (P,), and where those of each parameter begin.
  Array<T> scales = {};
  std::vector<std::size_t> offsets = {};
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

/// The square roots of the metric for the elements of parameter i of a model, without a copy.
template <class T>
Array<T> scales_of(const Model<T>& model, std::size_t i);
/// Cotangents (..., elements of a parameter) times the metric's numbers for it.
template <class T>
Array<T> times_metric(const Array<T>& cotangents, const Array<double>& metric);

}  // namespace xtangent::ntk
