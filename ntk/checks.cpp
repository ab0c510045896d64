#include "ntk/checks.hpp"

#include <string>

#include "autodiff/error.hpp"
#include "autodiff/kernels/symmetric.hpp"

namespace xtangent::ntk {

template <class T>
void check_symmetric(const char* who, const Array<T>& kernel) {
  const std::string name = std::string("[") + who + "] ";
  if (kernel.rank() != 2 || kernel.shape()[0] != kernel.shape()[1] || kernel.size() == 0)
    throw shape_error(name + "the kernel must be square and not empty, got " + to_string(kernel.shape()) + ".");
  if (!all_finite(kernel)) throw numerical_error(name + "the kernel holds NaN or infinity.");
  const std::size_t n = kernel.shape()[0];
  const kernels::Asymmetry found = kernels::asymmetry(n, kernel.data(), n);
  if (found.skew > (sizeof(T) == 4 ? 1e-4 : 1e-8) * found.scale)
    throw numerical_error(name + "the kernel is not symmetric: entries differ from their mirror images by up to " +
                          std::to_string(found.skew) + ". Pass the kernel of one set of examples with itself.");
}

void check_rhs(const char* who, const Array<double>& y, std::size_t n) {
  const std::string name = std::string("[") + who + "] ";
  if (y.rank() < 1 || y.rank() > 2 || y.shape()[0] != n)
    throw shape_error(name + "right-hand side " + to_string(y.shape()) + " for a kernel of order " + std::to_string(n) +
                      ".");
  if (!all_finite(y)) throw numerical_error(name + "the right-hand side holds NaN or infinity.");
}

std::size_t columns_of_targets(const char* who, const Array<double>& y, const Array<double>& f0, std::size_t n) {
  const std::string name = std::string("[") + who + "] ";
  if (y.rank() != 2 || !(y.shape() == f0.shape()))
    throw shape_error(name + "y " + to_string(y.shape()) + " and f0 " + to_string(f0.shape()) +
                      " must both be (N, O).");
  if (y.shape()[0] == n) return y.shape()[1];
  if (y.size() != n)
    throw shape_error(name + "y " + to_string(y.shape()) +
                      " has neither as many rows (pNTK) nor as many entries (eNTK) " + "as the kernel, " +
                      std::to_string(n) + ".");
  return 1;
}

template void check_symmetric(const char*, const Array<float>&);
template void check_symmetric(const char*, const Array<double>&);

}  // namespace xtangent::ntk
