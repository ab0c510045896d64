#pragma once

#include <span>
#include <utility>
#include <variant>

#include "autodiff/var.hpp"
#include "nn/parameters.hpp"

/// Optimizers with PyTorch's update rules. A step is one pass over the flat array of parameters.
namespace xtangent::nn {

struct SgdOptions {
  double rate = 0.01;
  double momentum = 0.0;
  double weight_decay = 0.0;  ///< its product with the parameter is added to the gradient
  bool nesterov = false;      ///< needs momentum
};

struct AdamOptions {
  double rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  /// AdamW: rate * weight_decay * parameter is subtracted from the parameter, and nothing is added to the gradient.
  bool decoupled = false;
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

/// The state that an optimizer keeps between steps.
template <class T>
struct OptimizerState {
  std::size_t steps = 0;
  Array<T> first = {}, second = {};  ///< momentum of SGD, or both moments of Adam; undefined where there is none
};

/// The norm of all gradients together; undefined ones count as 0. It does not depend on the number of threads. Cost:
/// one pass.
template <class T>
double global_norm(std::span<const Var<T>> gradients);
/// Scales all gradients by one factor so that their common norm is at most `most` (PyTorch's clip_grad_norm_), and
/// returns the norm that they had. Throws option_error unless `most` is positive, and numerical_error for a norm that
/// is not finite.
template <class T>
double clip_by_norm(std::span<Var<T>> gradients, double most);

/// Updates parameters by gradients, and keeps the state of the rule between steps. Results do not depend on the number
/// of threads. Cost: one pass over parameters, gradients and state.
template <class T>
class Optimizer {
 public:
  /// Throws option_error for a setting outside of its range.
  explicit Optimizer(OptimizerSettings settings);

  /// One step. gradients[i] belongs to params.infos()[i]; an array whose gradient is undefined stays as it is.
  /// Parameters that share their array with others are copied first. Throws shape_error before anything changes.
  void step(Parameters<T>& params, std::span<const Var<T>> gradients);
  /// The same with one flat gradient of params.size() elements.
  void step(Parameters<T>& params, const Array<T>& gradient);

  double rate() const;
  /// Sets the learning rate, for schedules. Throws option_error unless it is finite and not negative.
  void set_rate(double rate);
  std::size_t steps() const { return state_.steps; }
  /// How many arrays of the size of all parameters its state has after the first step: 0, 1 or 2.
  std::size_t state_arrays() const;

  /// The state, by which another optimizer with the same settings (set_state) goes on to the same bits.
  const OptimizerState<T>& state() const { return state_; }
  void set_state(OptimizerState<T> state) { state_ = std::move(state); }

 private:
  // Begins a step: counts it, and makes the state if there is none yet.
  void begin(const Parameters<T>& params);
  void update(std::size_t offset, std::size_t count, const T* gradient, T* parameters);

  OptimizerSettings settings_;
  OptimizerState<T> state_;
};

}  // namespace xtangent::nn
