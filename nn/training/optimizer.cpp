#include "nn/training/optimizer.hpp"

#include <cmath>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "autodiff/ops/arithmetic.hpp"

namespace xtangent::nn {
namespace {

constexpr std::size_t piece = 1 << 15;  // elements in a task

void check(const char* who, const char* what, double value, bool fits, const char* range = "be at least 0") {
  if (fits && std::isfinite(value)) return;
  std::ostringstream text;
  text << "[" << who << "] " << what << " " << value << ". It must " << range << ".";
  throw option_error(text.str());
}

void check(const SgdOptions& o) {
  check("sgd", "rate", o.rate, o.rate >= 0.0);
  check("sgd", "momentum", o.momentum, o.momentum >= 0.0);
  check("sgd", "weight_decay", o.weight_decay, o.weight_decay >= 0.0);
  if (o.nesterov && o.momentum == 0.0)
    throw option_error("[sgd] nesterov without momentum. Set momentum, for example to 0.9.");
}

void check(const AdamOptions& o) {
  check("adam", "rate", o.rate, o.rate >= 0.0);
  check("adam", "beta1", o.beta1, o.beta1 >= 0.0 && o.beta1 < 1.0, "lie in [0, 1)");
  check("adam", "beta2", o.beta2, o.beta2 >= 0.0 && o.beta2 < 1.0, "lie in [0, 1)");
  check("adam", "epsilon", o.epsilon, o.epsilon >= 0.0);
  check("adam", "weight_decay", o.weight_decay, o.weight_decay >= 0.0);
}

}  // namespace

template <class T>
double global_norm(std::span<const Var<T>> gradients) {
  const auto& loops = kernels::loops<T>();
  double total = 0.0;
  std::vector<double> sums;
  for (const Var<T>& gradient : gradients) {
    if (!gradient.defined()) continue;
    const T* g = gradient.value().data();
    sums.assign((gradient.size() + piece - 1) / piece, 0.0);
    kernels::parallel_for(gradient.size(), piece, [&](std::size_t begin, std::size_t end) {
      sums[begin / piece] = loops.dot(end - begin, g + begin, g + begin);
    });
    total = std::accumulate(sums.begin(), sums.end(), total);
  }
  return std::sqrt(total);
}

template <class T>
double clip_by_norm(std::span<Var<T>> gradients, double most) {
  check("clip_by_norm", "norm", most, most > 0.0, "be positive");
  const double norm = global_norm<T>(gradients);
  if (!std::isfinite(norm))
    throw numerical_error("[clip_by_norm] the norm of the gradients is " + std::to_string(norm) + ".");
  const double factor = most / (norm + 1e-6);
  if (factor < 1.0)
    for (Var<T>& gradient : gradients)
      if (gradient.defined()) gradient = gradient * factor;
  return norm;
}

template <class T>
Optimizer<T>::Optimizer(OptimizerSettings settings) : settings_(settings) {
  std::visit([](const auto& options) { check(options); }, settings_);
}

template <class T>
double Optimizer<T>::rate() const {
  return std::visit([](const auto& options) { return options.rate; }, settings_);
}

template <class T>
void Optimizer<T>::set_rate(double rate) {
  std::visit(
      [rate](auto& options) {
        auto changed = options;
        changed.rate = rate;
        check(changed);
        options = changed;
      },
      settings_);
}

template <class T>
std::size_t Optimizer<T>::state_arrays() const {
  const auto* sgd = std::get_if<SgdOptions>(&settings_);
  return !sgd ? 2 : sgd->momentum != 0.0 ? 1 : 0;
}

template <class T>
void Optimizer<T>::begin(const Parameters<T>& params) {
  const Shape shape{params.size()};
  if (state_.first.defined() && !(state_.first.shape() == shape))
    throw shape_error("[step] this optimizer has updated " + std::to_string(state_.first.size()) + " parameters, got " +
                      std::to_string(params.size()) + ". Use one optimizer for each network.");
  const std::size_t arrays = state_arrays();
  if (arrays > 0 && !state_.first.defined()) state_.first = Array<T>::zeros(shape);
  if (arrays > 1 && !state_.second.defined()) state_.second = Array<T>::zeros(shape);
  ++state_.steps;
}

template <class T>
void Optimizer<T>::update(std::size_t offset, std::size_t count, const T* gradient, T* parameters) {
  const auto& loops = kernels::loops<T>();
  T* first = state_.first.defined() ? state_.first.mutable_data() + offset : nullptr;
  parameters += offset;
  if (const auto* o = std::get_if<SgdOptions>(&settings_)) {
    const kernels::SgdStep step{o->rate, o->momentum, o->weight_decay, o->nesterov};
    kernels::parallel_for(count, piece, [&](std::size_t begin, std::size_t end) {
      loops.sgd(step, end - begin, gradient + begin, first ? first + begin : nullptr, parameters + begin);
    });
    return;
  }
  const auto& o = std::get<AdamOptions>(settings_);
  const auto power = static_cast<double>(state_.steps);
  const kernels::AdamStep step{o.rate,
                               o.beta1,
                               o.beta2,
                               o.epsilon,
                               1.0 - std::pow(o.beta1, power),
                               1.0 - std::pow(o.beta2, power),
                               o.decoupled ? 0.0 : o.weight_decay,
                               o.decoupled ? o.weight_decay : 0.0};
  T* second = state_.second.mutable_data() + offset;
  kernels::parallel_for(count, piece, [&](std::size_t begin, std::size_t end) {
    loops.adam(step, end - begin, gradient + begin, first + begin, second + begin, parameters + begin);
  });
}

template <class T>
void Optimizer<T>::step(Parameters<T>& params, std::span<const Var<T>> gradients) {
  if (gradients.size() != params.count())
    throw shape_error("[step] " + std::to_string(gradients.size()) + " gradients for " +
                      std::to_string(params.count()) + " parameters.");
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const ParameterInfo& info = params.infos()[i];
    if (gradients[i].defined() && !(gradients[i].shape() == info.shape))
      throw shape_error("[step] gradient of shape " + to_string(gradients[i].shape()) + " for '" + info.name + "' " +
                        to_string(info.shape) + ".");
  }
  begin(params);
  T* parameters = params.mutable_data();
  for (std::size_t i = 0; i < gradients.size(); ++i)
    if (gradients[i].defined())
      update(params.infos()[i].offset, gradients[i].size(), gradients[i].value().data(), parameters);
}

template <class T>
void Optimizer<T>::step(Parameters<T>& params, const Array<T>& gradient) {
  if (!gradient.defined() || gradient.size() != params.size())
    throw shape_error("[step] a gradient of shape " + to_string(gradient.shape()) + " for " +
                      std::to_string(params.size()) + " parameters.");
  begin(params);
  update(0, params.size(), gradient.data(), params.mutable_data());
}

template class Optimizer<float>;
template class Optimizer<double>;
template double global_norm(std::span<const Var<float>>);
template double global_norm(std::span<const Var<double>>);
template double clip_by_norm(std::span<Var<float>>, double);
template double clip_by_norm(std::span<Var<double>>, double);

}  // namespace xtangent::nn
