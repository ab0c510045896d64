#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ntk/distributed/communicator.hpp"
#include "ntk/solve.hpp"
#include "ntk/store.hpp"

/// What several processes of mpirun do together: over_ranks.cpp where the library was built with MPI, else alone.cpp.
namespace xtangent::examples {

/// The processes that mpirun has started, or this one. Standard output of all but the first goes nowhere. Throws
/// option_error where mpirun has started several and the program was built without MPI.
std::shared_ptr<ntk::Communicator> start_ranks();

/// Calls f. With several ranks, an exception ends all of them: the first one that has one says so, unless rank 0 has
/// one, too, which then says it.
void with_ranks(const std::string& program, ntk::Communicator& ranks, const std::function<void()>& f);

/// ntk::solve and ntk::predict_linearized for all examples, over options.ranks.
ntk::Solution solve_together(const nn::ModuleBase& net, const nn::Parameters<double>& params, const Array<double>& x,
                             const Array<double>& y, const ntk::SolveOptions& options);
Array<double> predict_together(const nn::ModuleBase& net, const nn::Parameters<double>& params,
                               const Array<double>& x_new, const Array<double>& x, const Array<double>& weights,
                               const ntk::OperatorOptions& options);

/// What regression with a stored kernel gives for y (n, m).
struct DenseSolution {
  Array<double> x;         ///< (K + ridge I)^-1 y
  Array<double> residual;  ///< y - (K + ridge I) x
  Array<double> evidence;  ///< of each column
};
struct DenseOptions {
  double ridge = 0;  ///< in units of the mean of the diagonal
  bool single = false;
  double memory = 0;                          ///< bytes that this rank may hold
  std::function<void(double)> progress = {};  ///< told the share of the tiles that were read
};
/// Factors the kernel over several ranks, in their memories. Throws memory_error, and what
/// ntk::DistributedCholesky throws.
DenseSolution solve_dense(const ntk::StoredKernel& kernel, const Array<double>& y,
                          const std::shared_ptr<ntk::Communicator>& ranks, const DenseOptions& options);

}  // namespace xtangent::examples
