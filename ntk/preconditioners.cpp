#include "ntk/preconditioners.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/lapack.hpp"
#include "autodiff/kernels/layout.hpp"
#include "ntk/algebra/converted.hpp"
#include "ntk/algebra/triangular_factors.hpp"
#include "ntk/algebra/vecchia.hpp"
#include "ntk/kernel.hpp"
#include "ntk/names.hpp"
#include "ntk/planning/budget.hpp"
#include "ntk/planning/planner.hpp"

namespace xtangent::ntk {
namespace {

// An array (n1, n2, n3) with its axes in another order.
Array<double> permuted(const Array<double>& x, const Shape& shape, const std::vector<std::size_t>& order) {
  Array<double> out({shape[order[0]], shape[order[1]], shape[order[2]]});
  kernels::transpose(shape, order, x.data(), out.mutable_data());
  return out;
}

// The eigenvectors of the mean block (O, O) on the diagonal, as columns.
template <class T>
Array<double> combinations(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                           std::size_t outputs, std::size_t memory, const std::vector<std::string>& parameters) {
  Array<double> mean = Array<double>::zeros({outputs, outputs});
  const std::size_t sample = std::min<std::size_t>(64, x.shape()[0]), pieces = outputs * outputs;
  for (std::size_t i = 0; i < sample; ++i) {
    const std::size_t n = i * x.shape()[0] / sample;
    const Array<double> block =
        entk(net, params, x.rows(n, n + 1), Options{.memory = memory, .parameters = parameters});
    kernels::add_widened(pieces, block.data(), mean.mutable_data());
  }
  kernels::symmetric_eigenvectors(outputs, mean.mutable_data());
  return permuted(mean, {1, outputs, outputs}, {0, 2, 1}).reshaped({outputs, outputs});
}

// F is the type of the factors, and of the sweeps that compute their kernels.
template <class F>
class Maker {
 public:
  Maker(const nn::ModuleBase& net, const nn::Parameters<F>& params, const Array<F>& x, std::size_t outputs,
        const PreconditionerOptions& options)
      : net_(net), params_(params), x_(x), outputs_(outputs), options_(options), n_(x.shape()[0]) {}

  // K^-1 (x) I: row n*O + o of m columns is row n of O m columns.
  HeldPreconditioner one(const Readout& readout) const {
    const auto factors = made(1, readout);
    auto apply = [n = n_, factors](const Array<double>& u) {
      Array<double> y = u.reshaped({1, n, u.size() / n}).clone();
      factors->solve(y);
      return y.reshaped(u.shape());
    };
    return {std::move(apply), TriangularFactors<F>::bytes(1, n_)};
  }

  HeldPreconditioner each() const {
    const std::size_t o = outputs_;
    const Array<double> q = combinations(net_, params_, x_, o, left(o), options_.parameters);
    Readout along = readout::custom(q);
    along.reduction = Readout::Reduction::diagonal;
    const auto factors = made(o, along);
    auto apply = [q, n = n_, o, factors](const Array<double>& u) {
      const std::size_t m = u.size() / (n * o);
      const Array<double> outputs_last = permuted(u, {n, o, m}, {0, 2, 1});
      Array<double> rotated({n, m, o}), out({n, m, o});
      kernels::gemm(false, false, n * m, o, o, 1.0, outputs_last.data(), o, q.data(), o, 0.0, rotated.mutable_data(),
                    o);
      Array<double> y = permuted(rotated, {n, m, o}, {2, 0, 1});
      factors->solve(y);
      const Array<double> back = permuted(y, {o, n, m}, {1, 2, 0});
      kernels::gemm(false, true, n * m, o, o, 1.0, back.data(), o, q.data(), o, 0.0, out.mutable_data(), o);
      return permuted(out, {n, m, o}, {0, 2, 1}).reshaped(u.shape());
    };
    return {std::move(apply), TriangularFactors<F>::bytes(o, n_)};
  }

 private:
  // What this number of factors leaves of the budget.
  std::size_t left(std::size_t factors) const {
    const double needed = TriangularFactors<F>::bytes(factors, n_), budget = memory_budget(options_.memory);
    if (needed >= budget)
      throw memory_error("[preconditioner] " +
                         (factors == 1
                              ? "a factor of order " + std::to_string(n_) + " needs "
                              : std::to_string(factors) + " factors of order " + std::to_string(n_) + " need ") +
                         readable_bytes(needed) + ", but the budget leaves " + readable_bytes(budget) +
                         ". Raise options.memory, use float_factor, or `nearest`.");
    return static_cast<std::size_t>(budget - needed);
  }
  std::shared_ptr<const TriangularFactors<F>> made(std::size_t count, const Readout& readout) const {
    const std::size_t budget = left(count);
    auto factors = std::make_shared<TriangularFactors<F>>(count, n_);
    kernel_into<F>([&](const KernelShape& shape) { return factors->tiles(shape); }, net_, params_, x_, readout,
                   Options{.memory = budget, .parameters = options_.parameters});
    factors->factor(options_.ridge);
    return factors;
  }

  const nn::ModuleBase& net_;
  const nn::Parameters<F>& params_;
  const Array<F>& x_;
  std::size_t outputs_;
  const PreconditionerOptions& options_;
  std::size_t n_;
};

template <class F>
HeldPreconditioner factored(SolvePreconditioner kind, const nn::ModuleBase& net, const nn::Parameters<F>& params,
                            const Array<F>& x, std::size_t outputs, const PreconditionerOptions& options) {
  const Maker<F> maker(net, params, x, outputs, options);
  if (kind == SolvePreconditioner::outputs) return maker.each();
  return maker.one(kind == SolvePreconditioner::pseudo ? readout::pseudo() : readout::trace());
}

template <class F, class T>
HeldPreconditioner make(SolvePreconditioner kind, const nn::ModuleBase& net, const nn::Parameters<T>& params,
                        const Array<T>& x, std::size_t outputs, const PreconditionerOptions& options) {
  if (kind == SolvePreconditioner::none) return {};
  if (kind == SolvePreconditioner::nearest) return nearest_preconditioner<F>(net, params, x, outputs, options);
  return factored<F>(kind, net, params.template cast<F>(), converted<F>(x), outputs, options);
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

SolvePreconditioner parse_preconditioner(std::string_view text) {
  using P = SolvePreconditioner;
  return parse_name(text, {P::none, P::pseudo, P::trace, P::outputs, P::nearest}, "solve", "preconditioner");
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
