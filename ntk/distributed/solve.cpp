#include "ntk/distributed/solve.hpp"

#include <algorithm>
#include <string>

#include "autodiff/error.hpp"
#include "ntk/algebra/converted.hpp"
#include "ntk/distributed/distributed_cholesky.hpp"

namespace xtangent::ntk {
namespace {

// The slice of this rank, of numbers for each example.
template <class T>
Array<T> own(const Array<T>& x, const Communicator& ranks) {
  const Range slice = slices(x.shape()[0], ranks.size())[ranks.rank()];
  return x.rows(slice.first, slice.last);
}

// The rows of all ranks' slices (n, m), from those of this one.
Array<double> whole(const Array<double>& slice, std::size_t examples, Communicator& ranks) {
  const std::size_t mine = slices(examples, ranks.size())[ranks.rank()].size();
  const std::size_t width = mine == 0 ? slice.shape()[1] : slice.size() / mine;
  Array<double> out({examples, width});
  const std::vector<Range> parts = slices(examples, ranks.size(), width);
  std::copy_n(slice.data(), slice.size(), out.mutable_data() + parts[ranks.rank()].first);
  ranks.all_gather({out.mutable_data(), out.size()}, parts);
  return out;
}

bool one_rank(const std::shared_ptr<Communicator>& ranks) { return !ranks || ranks->size() == 1; }

void require_examples(const std::string& who, std::size_t examples, const Communicator& ranks) {
  if (examples < ranks.size())
    throw option_error("[" + who + "] " + std::to_string(ranks.size()) + " ranks for " + std::to_string(examples) +
                       " examples. Use no more ranks than examples.");
}

void require_shape(const std::string& who, const char* what, const Array<double>& given, const Shape& expected) {
  if (!(given.shape() == expected))
    throw shape_error("[" + who + "] " + what + " " + to_string(given.shape()) + ", expected " + to_string(expected) +
                      ", those of all examples.");
}

// The factor of a kernel of order N, applied to the rows of this rank's examples.
template <class F>
Preconditioner applied(std::shared_ptr<const DistributedCholesky<F>> factor, std::shared_ptr<Communicator> ranks,
                       std::size_t outputs) {
  return [factor = std::move(factor), ranks = std::move(ranks), outputs](const Array<double>& u) {
    const std::size_t n = factor->size(), m = u.shape()[1];
    // Row n*O + o of m columns is row n of O m columns.
    const Array<double> all = whole(u, n, *ranks).reshaped({n, outputs * m});
    const Range slice = slices(n, ranks->size())[ranks->rank()];
    return factor->solve_unrefined(all).rows(slice.first, slice.last).reshaped(u.shape());
  };
}

template <class F, class T>
HeldPreconditioner made(const Readout& readout, const nn::ModuleBase& net, const nn::Parameters<T>& params,
                        const Array<T>& x, std::size_t outputs, const std::shared_ptr<Communicator>& ranks,
                        const PreconditionerOptions& options) {
  const std::size_t n = x.shape()[0];
  const BlockCyclic layout{n, block_rows(n, ranks->size()), process_grid(ranks->size())};
  const std::vector<std::size_t> rows = numbers(layout.rows(ranks->rank())),
                                 columns = numbers(layout.columns(ranks->rank()));
  const double bytes = static_cast<double>(rows.size() * columns.size()) * sizeof(F);
  // Held here alone, so that the factor takes its place.
  Array<F> part = converted<F>(kernel(net, params, x.rows_at(rows), x.rows_at(columns), readout,
                                      Options{.memory = options.memory, .parameters = options.parameters}));
  auto factor = std::make_shared<const DistributedCholesky<F>>(
      ranks, layout, std::move(part), CholeskyOptions{.ridge = options.ridge, .relative = false});
  return {applied<F>(std::move(factor), ranks, outputs), bytes};
}

}  // namespace

template <class T>
HeldPreconditioner distributed_preconditioner(SolvePreconditioner kind, const nn::ModuleBase& net,
                                              const nn::Parameters<T>& params, const Array<T>& x, std::size_t outputs,
                                              const std::shared_ptr<Communicator>& ranks,
                                              const PreconditionerOptions& options) {
  if (kind == SolvePreconditioner::none) return {};
  if (kind != SolvePreconditioner::pseudo && kind != SolvePreconditioner::trace)
    throw option_error("[preconditioner] " + std::string(name(kind)) +
                       " is made by one process. Over several ranks use none, pseudo or trace.");
  require_examples("preconditioner", x.shape()[0], *ranks);
  const Readout readout = kind == SolvePreconditioner::pseudo ? readout::pseudo() : readout::trace();
  PreconditionerOptions of_rank = options;
  of_rank.memory = memory_of_rank(options.memory, *ranks);
  return of_rank.float_factor ? made<float>(readout, net, params, x, outputs, ranks, of_rank)
                              : made<double>(readout, net, params, x, outputs, ranks, of_rank);
}

template <class T>
Solution solve_over_ranks(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                          const Array<double>& y, const SolveOptions& given) {
  if (one_rank(given.ranks)) return solve(net, params, x, y, given);
  Communicator& ranks = *given.ranks;
  const std::size_t n = x.rank() == 0 ? 0 : x.shape()[0];
  require_examples("solve", n, ranks);
  if (y.rank() == 0 || y.shape()[0] != n)
    throw shape_error("[solve] targets " + to_string(y.shape()) + " for " + std::to_string(n) + " examples.");
  SolveOptions options = given;
  if (options.start.defined()) {
    require_shape("solve", "start", options.start, y.shape());
    options.start = own(options.start, ranks);
  }
  options.memory = memory_of_rank(given.memory, ranks);
  if (!options.made.apply) {
    options.made = distributed_preconditioner(given.preconditioner, net, params, x, y.size() / n, given.ranks,
                                              {.ridge = given.ridge,
                                               .memory = options.memory,
                                               .parameters = given.parameters,
                                               .float_factor = given.float_factor});
    options.preconditioner = SolvePreconditioner::none;
  }
  Solution out = solve(net, params, own(x, ranks), own(y, ranks), options);
  out.weights = whole(out.weights, n, ranks);
  return out;
}

template <class T>
Array<double> predict_over_ranks(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x_new,
                                 const Array<T>& x, const Array<double>& weights, const OperatorOptions& options) {
  if (one_rank(options.ranks)) return predict_linearized(net, params, x_new, x, weights, options);
  Communicator& ranks = *options.ranks;
  const std::size_t n = x.rank() == 0 ? 0 : x.shape()[0];
  require_examples("predict_linearized", n, ranks);
  if (weights.rank() == 0 || weights.shape()[0] != n)
    throw shape_error("[predict_linearized] weights " + to_string(weights.shape()) + " for " + std::to_string(n) +
                      " examples. Pass those of all ranks' examples, (N, O).");
  OperatorOptions of_rank = options;
  of_rank.memory = memory_of_rank(options.memory, ranks);
  return whole(predict_linearized(net, params, own(x_new, ranks), own(x, ranks), own(weights, ranks), of_rank),
               x_new.shape()[0], ranks);
}

#define XTANGENT_INSTANTIATE(T)                                                                               \
  template HeldPreconditioner distributed_preconditioner(                                                     \
      SolvePreconditioner, const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, std::size_t,     \
      const std::shared_ptr<Communicator>&, const PreconditionerOptions&);                                    \
  template Solution solve_over_ranks(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&,        \
                                     const Array<double>&, const SolveOptions&);                              \
  template Array<double> predict_over_ranks(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, \
                                            const Array<T>&, const Array<double>&, const OperatorOptions&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
