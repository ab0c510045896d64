#include "ntk/preconditioners.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/lapack.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/precision.hpp"
#include "ntk/budget.hpp"
#include "ntk/kernel.hpp"
#include "ntk/nearest.hpp"
#include "ntk/plan_memory.hpp"

namespace xtangent::ntk {
namespace {

// (n1, n2, n3) with axes in another order
Array<double> permuted(const Array<double>& x, const Shape& shape, const std::vector<std::size_t>& order) {
  Array<double> out({shape[order[0]], shape[order[1]], shape[order[2]]});
  kernels::transpose(shape, order, x.data(), out.mutable_data());
  return out;
}

// Eigenvectors of the mean (O, O) block on the diagonal, in columns.
template <class T>
Array<double> combinations(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                           std::size_t outputs, std::size_t memory) {
  Array<double> mean = Array<double>::zeros({outputs, outputs});
  const std::size_t sample = std::min<std::size_t>(64, x.shape()[0]), pieces = outputs * outputs;
  for (std::size_t i = 0; i < sample; ++i) {
    const std::size_t n = i * x.shape()[0] / sample;
    const Array<double> block = entk(net, params, x.rows(n, n + 1), Options{.memory = memory});
    kernels::add_widened(pieces, block.data(), mean.mutable_data());
  }
  kernels::symmetric_eigenvectors(outputs, mean.mutable_data());
  return permuted(mean, {1, outputs, outputs}, {0, 2, 1}).reshaped({outputs, outputs});
}

template <class F>
Cholesky<F> factored(Array<double> kernel, double ridge) {
  const CholeskyOptions options{.ridge = ridge, .relative = false};
  if constexpr (std::is_same_v<F, double>) {
    return Cholesky<double>(std::move(kernel), options);
  } else {
    Array<float> narrow(kernel.shape());
    kernels::narrow(kernel.size(), kernel.data(), narrow.mutable_data());
    kernel = {};
    return Cholesky<float>(std::move(narrow), options);
  }
}

// F is the type of the factors.
template <class F, class T>
class Maker {
 public:
  Maker(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x, std::size_t outputs,
        const PreconditionerOptions& options)
      : net_(net),
        params_(params),
        x_(x),
        outputs_(outputs),
        options_(options),
        n_(static_cast<double>(x.shape()[0])) {}

  HeldPreconditioner one(const Readout& readout) const {
    const std::size_t budget = check(1);
    return {kronecker_preconditioner(factor(readout, budget), outputs_), sizeof(F) * n_ * n_};
  }

  HeldPreconditioner each() const {
    const std::size_t budget = check(outputs_), o = outputs_;
    const Array<double> q = combinations(net_, params_, x_, o, budget);
    std::vector<Cholesky<F>> factors;
    for (std::size_t j = 0; j < o; ++j) {
      Array<double> direction({o, 1});
      kernels::copy_runs(o, 1, q.data() + j, o, direction.mutable_data(), 1);
      factors.push_back(factor(readout::custom(std::move(direction)), budget));
    }
    const std::size_t n = x_.shape()[0];
    auto apply = [q, n, o, factors = std::move(factors)](const Array<double>& u) {
      const std::size_t m = u.size() / (n * o);
      const Array<double> outputs_last = permuted(u, {n, o, m}, {0, 2, 1});
      Array<double> rotated({n, m, o}), out({n, m, o});
      kernels::gemm(false, false, n * m, o, o, 1.0, outputs_last.data(), o, q.data(), o, 0.0, rotated.mutable_data(),
                    o);
      Array<double> first = permuted(rotated, {n, m, o}, {2, 0, 1});
      for (std::size_t j = 0; j < o; ++j) {
        const Array<double> solved = factors[j].solve_unrefined(first.rows(j, j + 1).reshaped({n, m}));
        std::copy_n(solved.data(), n * m, first.mutable_data() + j * n * m);
      }
      const Array<double> back = permuted(first, {o, n, m}, {1, 2, 0});
      kernels::gemm(false, true, n * m, o, o, 1.0, back.data(), o, q.data(), o, 0.0, out.mutable_data(), o);
      return permuted(out, {n, m, o}, {0, 2, 1}).reshaped(u.shape());
    };
    return {std::move(apply), sizeof(F) * n_ * n_ * static_cast<double>(o)};
  }

 private:
  // The budget, if so many factors fit into it.
  std::size_t check(std::size_t factors) const {
    const double making = sizeof(F) == sizeof(double) ? 0 : 8 * n_ * n_;
    const double needed = sizeof(F) * n_ * n_ * static_cast<double>(factors) + making;
    const double budget = memory_budget(options_.memory);
    const std::string order = std::to_string(x_.shape()[0]);
    if (needed > budget)
      throw memory_error("[preconditioner] " +
                         (factors == 1 ? "a factor of order " + order + " needs "
                                       : std::to_string(factors) + " factors of order " + order + " need ") +
                         readable_bytes(needed) + ", the budget leaves " + readable_bytes(budget) +
                         ". Raise options.memory, use float_factor, or `nearest`.");
    return static_cast<std::size_t>(budget - needed + 8 * n_ * n_);
  }
  Cholesky<F> factor(const Readout& readout, std::size_t budget) const {
    return factored<F>(kernel(net_, params_, x_, readout, Options{.memory = budget}), options_.ridge);
  }

  const nn::ModuleBase& net_;
  const nn::Parameters<T>& params_;
  const Array<T>& x_;
  std::size_t outputs_;
  const PreconditionerOptions& options_;
  double n_;
};

template <class F, class T>
HeldPreconditioner make(SolvePreconditioner kind, const nn::ModuleBase& net, const nn::Parameters<T>& params,
                        const Array<T>& x, std::size_t outputs, const PreconditionerOptions& options) {
  const Maker<F, T> maker(net, params, x, outputs, options);
  switch (kind) {
    case SolvePreconditioner::none:
      break;
    case SolvePreconditioner::pseudo:
      return maker.one(readout::pseudo());
    case SolvePreconditioner::trace:
      return maker.one(readout::trace());
    case SolvePreconditioner::outputs:
      return maker.each();
    case SolvePreconditioner::nearest:
      return nearest_preconditioner<F>(net, params, x, outputs, options);
  }
  return {};
}

}  // namespace

const char* name(SolvePreconditioner preconditioner) {
  switch (preconditioner) {
    case SolvePreconditioner::none:
      return "none";
    case SolvePreconditioner::pseudo:
      return "pseudo";
    case SolvePreconditioner::trace:
      return "trace";
    case SolvePreconditioner::outputs:
      return "outputs";
    case SolvePreconditioner::nearest:
      break;
  }
  return "nearest";
}

template <class T>
HeldPreconditioner make_preconditioner(SolvePreconditioner kind, const nn::ModuleBase& net,
                                       const nn::Parameters<T>& params, const Array<T>& x, std::size_t outputs,
                                       const PreconditionerOptions& options) {
  if (!(options.ridge >= 0)) throw option_error("[preconditioner] the ridge must not be negative.");
  return options.float_factor ? make<float>(kind, net, params, x, outputs, options)
                              : make<double>(kind, net, params, x, outputs, options);
}

template HeldPreconditioner make_preconditioner(SolvePreconditioner, const nn::ModuleBase&,
                                                const nn::Parameters<float>&, const Array<float>&, std::size_t,
                                                const PreconditionerOptions&);
template HeldPreconditioner make_preconditioner(SolvePreconditioner, const nn::ModuleBase&,
                                                const nn::Parameters<double>&, const Array<double>&, std::size_t,
                                                const PreconditionerOptions&);

}  // namespace xtangent::ntk
