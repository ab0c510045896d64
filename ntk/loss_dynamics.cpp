#include <algorithm>
#include <array>
#include <boost/numeric/odeint/stepper/controlled_runge_kutta.hpp>
#include <boost/numeric/odeint/stepper/dense_output_runge_kutta.hpp>
#include <boost/numeric/odeint/stepper/runge_kutta_dopri5.hpp>
#include <cmath>
#include <limits>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "autodiff/error.hpp"
#include "autodiff/kernels/columns.hpp"
#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/reduce.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "ntk/dynamics.hpp"

namespace xtangent::ntk {
namespace {

namespace odeint = boost::numeric::odeint;

double largest(std::size_t n, const double* x) {
  double out = 0;
  if (n > 0) kernels::column_maxima(n, 1, x, &out);
  return out;
}

// a x + b y
Array<double> combined(double a, const Array<double>& x, double b, const Array<double>& y) {
  Array<double> out(x.shape());
  kernels::loops<double>().combine(x.size(), a, x.data(), b, y.data(), 0.0, out.mutable_data());
  return out;
}

void check_outputs(const char* who, const Array<double>& f, const Array<double>& y) {
  if (!(f.shape() == y.shape()))
    throw shape_error(std::string("[") + who + "] outputs " + to_string(f.shape()) + " and y " + to_string(y.shape()) +
                      " must both be (N, O).");
}

void check_probabilities(const Array<double>& y) {
  const std::size_t outputs = y.shape()[1];
  for (std::size_t i = 0; i < y.shape()[0]; ++i) {
    const double* row = y.data() + i * outputs;
    const double total = kernels::loops<double>().sum(outputs, row);
    if (std::any_of(row, row + outputs, [](double p) { return !(p >= 0); }) || !(std::abs(total - 1) <= 1e-6))
      throw data_error("[cross_entropy_gradient] row " + std::to_string(i) + " of y has sum " + std::to_string(total) +
                       " or a negative entry: give probabilities, such as 1 for the label and 0 elsewhere.");
  }
}

void check_targets(const char* who, const Array<double>& y) {
  if (y.rank() != 2 || y.size() == 0)
    throw shape_error(std::string("[") + who + "] y " + to_string(y.shape()) + " must be (N, O).");
}

}  // namespace

LossGradient squared_error_gradient(Doubles y, SquaredError loss) {
  check_targets("squared_error_gradient", y);
  if (!all_finite(y)) throw numerical_error("[squared_error_gradient] y holds NaN or infinity.");
  const double entries = static_cast<double>(y.size());
  const double scale = loss == SquaredError::half_sum ? 1 : loss == SquaredError::sum ? 2 : 2 / entries;
  return [y = Array<double>(std::move(y)), scale](const Array<double>& f) {
    check_outputs("squared_error_gradient", f, y);
    return combined(scale, f, -scale, y);
  };
}

LossGradient cross_entropy_gradient(Doubles y, Reduction loss) {
  check_targets("cross_entropy_gradient", y);
  if (loss == Reduction::none)
    throw option_error("[cross_entropy_gradient] the loss must be one number: Reduction::mean or Reduction::sum.");
  check_probabilities(y);
  const double scale = loss == Reduction::mean ? 1 / static_cast<double>(y.shape()[0]) : 1;
  return [y = Array<double>(std::move(y)), scale](const Array<double>& f) {
    check_outputs("cross_entropy_gradient", f, y);
    Array<double> p(f.shape());
    kernels::softmax_rows(f.shape()[0], f.shape()[1], f.data(), p.mutable_data());
    return combined(scale, p, -scale, y);
  };
}

LossDynamics::LossDynamics(LinearMap kernel, Doubles f0, LossGradient gradient)
    : kernel_(std::move(kernel)), f0_(std::move(f0)), gradient_(std::move(gradient)) {
  if (f0_.rank() != 2 || f0_.size() == 0 || (f0_.shape()[0] != kernel_.size && f0_.size() != kernel_.size))
    throw shape_error("[dynamics] f0 " + to_string(f0_.shape()) +
                      " must be (N, O) with as many rows (pNTK) or entries (eNTK) as the kernel has rows, " +
                      std::to_string(kernel_.size) + ".");
  if (!all_finite(f0_)) throw numerical_error("[dynamics] f0 holds NaN or infinity.");
}

Array<double> LossDynamics::slope(const Array<double>& f) const {
  const Array<double> out = gradient_(f);
  if (!(out.shape() == f.shape()))
    throw shape_error("[dynamics] the gradient of the loss is " + to_string(out.shape()) + " for outputs " +
                      to_string(f.shape()) + ": it must have their shape.");
  return out;
}

Array<double> LossDynamics::product(const Array<double>& w) const {
  return kernel_(w.reshaped({kernel_.size, w.size() / kernel_.size})).reshaped(w.shape());
}

std::vector<FlowState> LossDynamics::states_at_steps(double rate, const std::vector<std::size_t>& steps,
                                                     double momentum) const {
  if (!(rate > 0) || !std::isfinite(rate))
    throw option_error("[dynamics] the learning rate " + std::to_string(rate) + " must be positive and finite.");
  if (!(momentum >= 0 && momentum < 1))
    throw option_error("[dynamics] momentum " + std::to_string(momentum) + ". It must lie in [0, 1).");
  if (!std::is_sorted(steps.begin(), steps.end())) throw option_error("[dynamics] numbers of steps must ascend.");
  std::vector<FlowState> out;
  Array<double> w = Array<double>::zeros(f0_.shape()), v = Array<double>::zeros(f0_.shape()), f = f0_;
  std::size_t done = 0;
  for (const std::size_t step : steps) {
    for (; done < step; ++done) {
      const Array<double> g = slope(f);
      if (!all_finite(g))
        throw numerical_error("[dynamics] the gradient of the loss holds NaN or infinity after " +
                              std::to_string(done) + " steps. The outputs may have diverged: use a lower rate.");
      v = combined(momentum, v, 1, g);
      w = combined(1, w, -rate, v);
      f = combined(1, f0_, 1, product(w));
    }
    out.push_back({w, f});
  }
  return out;
}

Array<double> LossDynamics::weights_at_step(double rate, std::size_t k, double momentum) const {
  return states_at_steps(rate, {k}, momentum).front().weights;
}

namespace {

// What is integrated: weights and outputs, and with momentum their velocities behind them, N O numbers each. Outputs
// are linear in the weights, so one product with the kernel gives the derivatives of both, and the errors of both are
// known.
using State = std::vector<double>;

Array<double> part(const State& x, std::size_t index, const Shape& shape) {
  Array<double> out(shape);
  std::copy_n(x.data() + index * shape.size(), shape.size(), out.mutable_data());
  return out;
}

// The error of a step for Odeint, in units of what is allowed.
class Tolerance {
 public:
  Tolerance(double tolerance, std::size_t size, std::size_t parts) : tolerance_(tolerance), size_(size), parts_(parts) {
    seen_[1] = 1;
  }

  template <class Algebra>
  double error(Algebra&, const State& x, const State& speed, const State& errors, double dt) {
    double worst = 0;
    for (std::size_t p = 0; p < parts_; ++p) {
      const auto size_of = [&](const State& of, std::size_t part) { return largest(size_, of.data() + part * size_); };
      seen_[p] = std::max(seen_[p], size_of(x, p) + (p == 1 ? 1 : 0));
      // All but the outputs begin at 0, so there is also what this step adds.
      double scale = seen_[p] + dt * size_of(speed, p);
      if (p + 2 < parts_) scale += dt * dt * size_of(speed, p + 2);
      const double off = size_of(errors, p);
      if (!(off <= std::numeric_limits<double>::max())) return 1e10;
      if (off > 0) worst = std::max(worst, off / (tolerance_ * scale));
    }
    return worst;
  }

 private:
  double tolerance_;
  std::size_t size_, parts_;
  std::array<double, 4> seen_ = {};
};

void check_flow(const std::vector<double>& times, const FlowOptions& options) {
  if (!(options.tolerance > 0) || !std::isfinite(options.tolerance))
    throw option_error("[dynamics] the tolerance " + std::to_string(options.tolerance) +
                       " must be positive and finite.");
  if (options.friction && !(*options.friction >= 0 && std::isfinite(*options.friction)))
    throw option_error("[dynamics] friction " + std::to_string(*options.friction) +
                       " must be finite and not negative.");
  double last = 0;
  for (const double time : times) {
    if (!(time >= last) || !std::isfinite(time))
      throw option_error("[dynamics] times must be finite and ascend from 0, got " + std::to_string(time) + ".");
    last = time;
  }
}

}  // namespace

// The derivative of a state, for Odeint, which counts its products.
struct LossDynamics::System {
  const LossDynamics& of;
  const FlowOptions& options;
  double end;
  std::size_t products = 0;

  std::size_t parts() const { return options.friction ? 4 : 2; }

  void operator()(const State& x, State& speed, double time) {
    const std::size_t n = of.f0_.size();
    if (products == options.max_products) {
      std::ostringstream text;
      text << "[dynamics] " << options.max_products << " products with the kernel have led to time " << time << " of "
           << end << ". Raise max_products or tolerance, or take steps of descent.";
      throw numerical_error(text.str());
    }
    ++products;
    // A step that is too long may lead to where the loss is not finite. Odeint then takes a shorter one.
    const Array<double> f = part(x, 1, of.f0_.shape());
    const Array<double> g = all_finite(f) ? of.slope(f) : f;
    if (!all_finite(g)) {
      std::fill(speed.begin(), speed.end(), std::numeric_limits<double>::quiet_NaN());
      return;
    }
    const Array<double> changes = of.product(g);
    double* force = speed.data();
    if (options.friction) {  // (w, f)' = (v, q) and (v, q)' = -(g, K g) - friction (v, q)
      std::copy_n(x.data() + 2 * n, 2 * n, speed.data());
      force += 2 * n;
    }
    kernels::affine(n, -1.0, 0.0, g.data(), force);
    kernels::affine(n, -1.0, 0.0, changes.data(), force + n);
    if (options.friction) kernels::axpy(2 * n, -*options.friction, x.data() + 2 * n, force);
  }
};

std::vector<FlowState> LossDynamics::states_at_times(const std::vector<double>& times,
                                                     const FlowOptions& options) const {
  check_flow(times, options);
  std::vector<FlowState> out;
  if (times.empty()) return out;
  const std::size_t n = f0_.size();
  System system{*this, options, times.back()};
  State x(system.parts() * n), speed(x.size());
  std::copy_n(f0_.data(), n, x.data() + n);
  const auto add = [&](const State& state) {
    out.push_back({part(state, 0, f0_.shape()), part(state, 1, f0_.shape())});
  };

  using DormandPrince = odeint::runge_kutta_dopri5<State>;
  using Controlled = odeint::controlled_runge_kutta<DormandPrince, Tolerance>;
  odeint::dense_output_runge_kutta<Controlled> stepper(
      Controlled(Tolerance(options.tolerance, n, system.parts()), odeint::default_step_adjuster<double, double>()));
  // The first step is small enough to follow the fastest direction. Later steps are chosen by their errors.
  system(x, speed, 0);
  if (!std::isfinite(largest(speed.size(), speed.data())))
    throw numerical_error("[dynamics] the gradient of the loss holds NaN or infinity at the initial outputs.");
  const double fastest = 1e-300 + largest(n, speed.data() + (system.parts() - 1) * n);
  const double first = options.friction ? std::sqrt(0.01 / fastest) : 0.01 / fastest;
  stepper.initialize(x, 0.0, std::min(first, std::max(times.back(), std::numeric_limits<double>::min())));
  for (const double time : times) {
    if (time == 0) {
      add(x);
      continue;
    }
    try {
      while (stepper.current_time() < time) stepper.do_step(std::ref(system));
    } catch (const odeint::odeint_error&) {
      std::ostringstream text;
      text << "[dynamics] no step is short enough for the tolerance at time " << stepper.current_time() << " of "
           << times.back()
           << ". The gradient of the loss may have jumps or poles there. Raise tolerance, or take steps of descent.";
      throw numerical_error(text.str());
    }
    State at(x.size());
    stepper.calc_state(time, at);
    add(at);
  }
  return out;
}

std::vector<Array<double>> LossDynamics::weights_at_times(const std::vector<double>& times,
                                                          const FlowOptions& options) const {
  std::vector<Array<double>> out;
  for (FlowState& state : states_at_times(times, options)) out.push_back(std::move(state.weights));
  return out;
}

Array<double> LossDynamics::weights_at_time(double time, const FlowOptions& options) const {
  return weights_at_times({time}, options).front();
}

CrossEntropyDynamics::CrossEntropyDynamics(LinearMap kernel, Doubles y, Doubles f0, Reduction loss)
    : LossDynamics(std::move(kernel), f0, cross_entropy_gradient(y, loss)) {
  check_outputs("cross_entropy_dynamics", f0, y);
}

}  // namespace xtangent::ntk
