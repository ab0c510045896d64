#pragma once

#include <memory>

#include "ntk/distributed/communicator.hpp"
#include "ntk/distributed/mpi.hpp"
#include "ntk/solve.hpp"

/// Exact regression with an eNTK that is never formed, over several processes. Each of them has all examples and
/// targets as numbers, and records and sweeps only its slice of them. Where options.memory is 0, the ranks of a machine
/// share half of what it has free, as memory_of_rank() says.
namespace xtangent::ntk {

/// As make_preconditioner(), over the ranks of mpi_ranks(): `none`, `pseudo` and `trace`. Each rank computes the
/// entries of the kernel that its blocks need, without a message, and ScaLAPACK factors it. The result takes the rows
/// of a rank's slice of x (N, ...). A rank computes its blocks above and below the diagonal, so all ranks together
/// compute each entry twice. Memory for a rank: 1 / R of the kernel, in double or, with float_factor, in float, and in
/// both while the one becomes the other; while it is computed, the factors for it within options.memory. Throws what
/// make_preconditioner() and DistributedCholesky throw, and option_error for `outputs` and `nearest`.
template <class T>
HeldPreconditioner distributed_preconditioner(SolvePreconditioner kind, const nn::ModuleBase& net,
                                              const nn::Parameters<T>& params, const Array<T>& x, std::size_t outputs,
                                              const std::shared_ptr<Communicator>& ranks,
                                              const PreconditionerOptions& options = {});

/// As solve(), with the same arguments on every rank and options.ranks. Each rank gets the weights (N, O) of all
/// examples. Products with the eNTK take one sum of P numbers over the ranks, and iteration_cost() says what all of an
/// iteration takes. With one rank it is solve(). Throws what solve() throws, and option_error (there are fewer examples
/// than ranks).
template <class T>
Solution solve_over_ranks(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                          const Array<double>& y, const SolveOptions& options);

/// As predict_linearized(), with the same arguments on every rank and options.ranks. Each rank gets the outputs (M, O)
/// of all new examples.
template <class T>
Array<double> predict_over_ranks(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x_new,
                                 const Array<T>& x, const Array<double>& weights, const OperatorOptions& options);

}  // namespace xtangent::ntk
