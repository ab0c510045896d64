#include "ntk/solve.hpp"

#include <type_traits>
#include <utility>

#include "autodiff/kernels/elementwise.hpp"
#include "nn/training/evaluate.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/algebra/converted.hpp"
#include "ntk/planning/budget.hpp"
#include "ntk/planning/planner.hpp"

namespace xtangent::ntk {
namespace {

constexpr double vectors = 9;  // arrays of N O doubles: those of conjugate gradients, and the result of a product

// Numbers for each example of any shape (N, ...) as (N, O).
Array<double> in_columns(const Array<double>& y) {
  const Shape& shape = y.shape();
  if (shape.rank() == 0 || shape.rank() == 2) return y;
  return y.reshaped({shape[0], shape.slice(1, shape.rank()).size()});
}

template <class T>
Array<double> outputs(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x) {
  const Array<T> y = nn::predict(net, params, x);
  if (y.rank() == 0 || y.shape()[0] != x.shape()[0])
    throw shape_error("[solve] the network's output is " + to_string(y.shape()) + " for examples " +
                      to_string(x.shape()) + "; its axis 0 must run over the same examples.");
  return in_columns(converted<double>(y));
}

// y - f0 (N, O).
template <class T>
Array<double> right_hand_side(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                              const Array<double>& y) {
  const Array<double> f0 = outputs(net, params, x);
  if (!(y.shape() == f0.shape()))
    throw shape_error("[solve] targets " + to_string(y.shape()) + " for outputs " + to_string(f0.shape()) + ".");
  check_rhs("solve", y, y.shape()[0]);
  Array<double> b(y.shape());
  kernels::binary(kernels::Binary::subtract, y.shape(), y.data(), y.shape(), f0.data(), f0.shape(), b.mutable_data());
  return b;
}

template <class T>
HeldPreconditioner preconditioner_for(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                                      std::size_t outputs, double room, const SolveOptions& options) {
  if (options.made.apply) return options.made;
  if (options.ranks && options.ranks->size() > 1 && options.preconditioner != SolvePreconditioner::none)
    throw option_error("[solve] the preconditioner " + std::string(name(options.preconditioner)) +
                       " is made by one process. Over several ranks use solve_over_ranks(), or `none`.");
  return make_preconditioner(options.preconditioner, net, params, x, outputs,
                             {.ridge = options.ridge,
                              .memory = static_cast<std::size_t>(room),
                              .parameters = options.parameters,
                              .float_factor = options.float_factor,
                              .group = options.group,
                              .neighbors = options.neighbors});
}

[[noreturn]] void refuse(const SolveOptions& options) {
  throw memory_error("[solve] the vectors and the preconditioner leave nothing for products of the budget of " +
                     readable_bytes(memory_budget(options.memory)) + ". Raise options.memory.");
}

template <class T>
ConjugateGradientResult iterate(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                                const Array<double>& b, double room, bool in_float,
                                const std::vector<std::string>& parameters, const Preconditioner& preconditioner,
                                const ConjugateGradientOptions& options) {
  const OperatorOptions half{
      .memory = static_cast<std::size_t>(room / 2), .parameters = parameters, .ranks = options.ranks};
  if constexpr (std::is_same_v<T, double>)
    if (in_float) {
      const Operator<double> theta(net, params, x, readout::full(), half);
      const Operator<float> approximation(net, params.template cast<float>(), converted<float>(x), readout::full(),
                                          half);
      return refined_conjugate_gradients(theta.map(), approximation.map(), b, preconditioner, options);
    }
  const Operator<T> theta(net, params, x, readout::full(),
                          {.memory = static_cast<std::size_t>(room), .parameters = parameters, .ranks = options.ranks});
  return conjugate_gradients(theta.map(), b, preconditioner, options);
}

}  // namespace

template <class T>
Solution solve(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
               const Array<double>& targets, const SolveOptions& options) {
  check_examples("solve", x, "x");
  check_parameters("solve", params);
  if (!(options.ridge >= 0)) throw option_error("[solve] the ridge must not be negative.");
  const Array<double> y = in_columns(targets), change = right_hand_side(net, params, x, y),
                      b = change.reshaped({change.size(), 1});
  if (options.start.defined() && !(in_columns(options.start).shape() == y.shape()))
    throw shape_error("[solve] start " + to_string(options.start.shape()) + " for targets " + to_string(y.shape()) +
                      ".");
  double room = memory_budget(options.memory) - vectors * static_cast<double>(b.bytes());
  if (room < 1) refuse(options);
  const HeldPreconditioner preconditioner = preconditioner_for(net, params, x, y.shape()[1], room, options);
  release_recycled_memory();  // arrays that were held while the preconditioner was made
  room -= preconditioner.bytes;
  if (room < 1) refuse(options);
  ConjugateGradientOptions cg{.tolerance = options.tolerance,
                              .max_iterations = options.max_iterations,
                              .ridge = options.ridge,
                              .progress = options.progress,
                              .partial = options.partial,
                              .ranks = options.ranks};
  if (options.start.defined()) cg.start = options.start.reshaped(b.shape());
  const ConjugateGradientResult found =
      iterate(net, params, x, b, room, options.float_products, options.parameters, preconditioner.apply, cg);
  return {.weights = found.x.reshaped(y.shape()),
          .residual = found.residuals.front(),
          .iterations = found.iterations.front(),
          .products = found.products,
          .converged = found.converged};
}

template <class T>
Array<double> predict_linearized(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x_new,
                                 const Array<T>& x, const Array<double>& weights, const OperatorOptions& options) {
  const Operator<T> theta(net, params, x_new, x, readout::full(), options);
  if (weights.rank() == 0 || weights.size() != theta.columns() || weights.shape()[0] != x.shape()[0])
    throw shape_error("[predict_linearized] weights " + to_string(weights.shape()) + " for a kernel " +
                      to_string(Shape{theta.rows(), theta.columns()}) + ": they must be (N, O).");
  Array<double> out = outputs(net, params, x_new);
  const Array<double> change = theta(weights.reshaped({weights.size(), 1}));
  kernels::axpy(out.size(), 1.0, change.data(), out.mutable_data());
  return out;
}

#define XTANGENT_INSTANTIATE(T)                                                                                   \
  template Solution solve(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, const Array<double>&, \
                          const SolveOptions&);                                                                   \
  template Array<double> predict_linearized(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&,     \
                                            const Array<T>&, const Array<double>&, const OperatorOptions&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
