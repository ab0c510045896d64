#pragma once

#include <span>
#include <variant>

#include "autodiff/var.hpp"
#include "nn/parameters.hpp"

/// Optimizers with PyTorch's update rules. One pass over the flat array of parameters a step.
namespace xtangent::nn {

struct SgdOptions {
  double rate = 0.01;
  double momentum = 0.0;
  double weight_decay = 0.0;  ///< times the parameter, added to the gradient
  bool nesterov = false;      ///< needs momentum
};

struct AdamOptions {
  double rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  bool decoupled = false;  ///< AdamW: the decay times the rate is taken from the parameter, not added to the gradient
};

/// An update rule and its settings, as data.
using OptimizerSettings = std::variant<SgdOptions, AdamOptions>;

inline OptimizerSettings sgd(SgdOptions options = {}) { return options; }
/// Kingma and Ba 2015.
inline OptimizerSettings adam(AdamOptions options = {}) { return options; }
struct AdamwOptions {
  double rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.01;
};
/// Loshchilov and Hutter 2019.
inline OptimizerSettings adamw(AdamwOptions o = {}) {
  return AdamOptions{o.rate, o.beta1, o.beta2, o.epsilon, o.weight_decay, true};
}

/// Updates parameters by gradients and keeps what the rule remembers between steps. Results do not depend on the number
/// of threads. Cost: one pass over parameters, gradients and state.
template <class T>
class Optimizer {
 public:
  /// Throws option_error for a setting outside of its range.
  explicit Optimizer(OptimizerSettings settings);

  /// One step: gradients[i] belongs to params.infos()[i]; an array whose gradient is undefined stays as it is.
  /// Parameters that share their array with others are copied first. Throws shape_error, before anything changes.
  void step(Parameters<T>& params, std::span<const Var<T>> gradients);
  /// The same with one flat gradient of params.size() elements.
  void step(Parameters<T>& params, const Array<T>& gradient);

  double rate() const;
  /// For schedules. Throws option_error unless the rate is finite and not negative.
  void set_rate(double rate);
  std::size_t steps() const { return steps_; }

 private:
  // Begins a step: sizes the state, counts.
  void begin(const Parameters<T>& params);
  void update(std::size_t offset, std::size_t count, const T* gradient, T* parameters);

  OptimizerSettings settings_;
  std::size_t steps_ = 0;
  Array<T> first_, second_;  // momentum of SGD; moments of Adam
};

}  // namespace xtangent::nn
