#include "ntk/algebra/linear_map.hpp"

#include "autodiff/error.hpp"
#include "autodiff/kernels/blas.hpp"
#include "ntk/algebra/checks.hpp"

namespace xtangent::ntk {

Array<double> LinearMap::operator()(const Array<double>& u) const {
  if (u.rank() != 2 || u.shape()[0] != size)
    throw shape_error("[linear_map] columns " + to_string(u.shape()) + " for a map of order " + std::to_string(size) +
                      ".");
  const Array<double> out = apply(u);
  if (!(out.shape() == u.shape()))
    throw shape_error("[linear_map] the map of order " + std::to_string(size) + " made " + to_string(out.shape()) +
                      " of columns " + to_string(u.shape()) + ". It must keep the shape.");
  if (!all_finite(out)) throw numerical_error("[linear_map] the map made NaN or infinity of finite columns.");
  return out;
}

LinearMap linear_map(const AnyMatrix& kernel) {
  const Array<double> k = kernel.wide();
  check_symmetric("linear_map", k);
  const std::size_t n = k.shape()[0];
  return {n, [k, n](const Array<double>& u) {
            Array<double> out(u.shape());
            const std::size_t columns = u.size() / n;
            kernels::gemm(false, false, n, columns, n, 1.0, k.data(), n, u.data(), columns, 0.0, out.mutable_data(),
                          columns);
            return out;
          }};
}

}  // namespace xtangent::ntk
