#include <cstdlib>
#include <string>

#include "autodiff/error.hpp"
#include "examples/solve/ranks.hpp"

namespace xtangent::examples {
namespace {

[[noreturn]] void refuse() {
  throw option_error(
      "[solve] mpirun has started several processes, and the program was built without MPI. Build it with "
      "./run build -Dmpi=enabled");
}

}  // namespace

std::shared_ptr<ntk::Communicator> start_ranks() {
  if (const char* size = std::getenv("OMPI_COMM_WORLD_SIZE"); size && std::string(size) != "1") refuse();
  return std::make_shared<ntk::SingleRank>();
}

void with_ranks(const std::string&, ntk::Communicator&, const std::function<void()>& f) { f(); }

ntk::Solution solve_together(const nn::ModuleBase& net, const nn::Parameters<double>& params, const Array<double>& x,
                             const Array<double>& y, const ntk::SolveOptions& options) {
  return ntk::solve(net, params, x, y, options);
}

Array<double> predict_together(const nn::ModuleBase& net, const nn::Parameters<double>& params,
                               const Array<double>& x_new, const Array<double>& x, const Array<double>& weights,
                               const ntk::OperatorOptions& options) {
  return ntk::predict_linearized(net, params, x_new, x, weights, options);
}

DenseSolution solve_dense(const ntk::StoredKernel&, const Array<double>&, const std::shared_ptr<ntk::Communicator>&,
                          const DenseOptions&) {
  refuse();
}

}  // namespace xtangent::examples
