#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <new>

#include "autodiff/error.hpp"
#include "examples/common/format.hpp"
#include "examples/common/interruption.hpp"
#include "examples/solve/ranks.hpp"
#include "ntk/distributed/distributed_cholesky.hpp"
#include "ntk/distributed/solve.hpp"

namespace xtangent::examples {
namespace {

// An error that all ranks have is said once, by rank 0. One that rank 0 does not have is said after five seconds.
void end_all(const std::string& program, ntk::Communicator& ranks, const std::string& what) {
  std::fflush(stdout);
  if (ranks.rank() == 0) std::fprintf(stderr, "%s: %s\n", program.c_str(), what.c_str());
  if (!ranks.all_end(5) && ranks.rank() > 0)
    std::fprintf(stderr, "%s, rank %zu: %s\n", program.c_str(), ranks.rank(), what.c_str());
  ranks.abort(1);
  std::abort();  // g++ does not see that a virtual function never returns
}

// Whether mpirun, or srun with a library of MPI, has started this process. Where it has not, MPI takes seconds to
// begin, starts a process of its own, and needs room for files in /tmp.
bool launched() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"})
    if (std::getenv(name)) return true;
  return false;
}

template <class T>
DenseSolution dense(const ntk::StoredKernel& kernel, const Array<double>& y,
                    const std::shared_ptr<ntk::Communicator>& ranks, const DenseOptions& options) {
  const ntk::DistributedCholesky<T> factor(ranks, kernel, {.ridge = options.ridge}, options.progress);
  DenseSolution out;
  out.x = factor.solve(y);
  out.residual = factor.residual(out.x, y);
  out.evidence = factor.log_evidence(y, out.x);
  return out;
}

}  // namespace

std::shared_ptr<ntk::Communicator> start_ranks() {
  if (!launched()) return std::make_shared<ntk::SingleRank>();
  std::shared_ptr<ntk::Communicator> ranks = ntk::mpi_ranks();
  if (ranks->rank() > 0 && !std::freopen("/dev/null", "w", stdout))
    throw data_error("[solve] /dev/null cannot be opened.");
  return ranks;
}

void with_ranks(const std::string& program, ntk::Communicator& ranks, const std::function<void()>& f) {
  if (ranks.size() == 1) return f();
  try {
    f();
  } catch (const Interrupted&) {
    const int status = ranks.rank() == 0 ? answer_interruption() : 130;
    ranks.abort(status);
  } catch (const std::bad_alloc&) {
    end_all(program, ranks, "[" + program + "] not enough memory. Use more machines, or --float.");
  } catch (const std::exception& failure) {
    end_all(program, ranks, failure.what());
  }
}

ntk::Solution solve_together(const nn::ModuleBase& net, const nn::Parameters<double>& params, const Array<double>& x,
                             const Array<double>& y, const ntk::SolveOptions& options) {
  return ntk::solve_over_ranks(net, params, x, y, options);
}

Array<double> predict_together(const nn::ModuleBase& net, const nn::Parameters<double>& params,
                               const Array<double>& x_new, const Array<double>& x, const Array<double>& weights,
                               const ntk::OperatorOptions& options) {
  return ntk::predict_over_ranks(net, params, x_new, x, weights, options);
}

DenseSolution solve_dense(const ntk::StoredKernel& kernel, const Array<double>& y,
                          const std::shared_ptr<ntk::Communicator>& ranks, const DenseOptions& options) {
  const double n = static_cast<double>(kernel.shape().height()),
               tile = static_cast<double>(kernel.shape().grid.edge * kernel.shape().block),
               needed = n * n / static_cast<double>(ranks->size()) * (options.single ? 4 : 8) + 3 * 8 * tile * tile;
  if (needed > options.memory)
    throw memory_error("[solve] each of " + std::to_string(ranks->size()) + " processes needs about " + bytes(needed) +
                       " for its part of the kernel and its tiles, and may hold " + bytes(options.memory) +
                       ". Use more processes on more machines, --float, or one process, which leaves the factor on "
                       "the disk.");
  return options.single ? dense<float>(kernel, y, ranks, options) : dense<double>(kernel, y, ranks, options);
}

}  // namespace xtangent::examples
