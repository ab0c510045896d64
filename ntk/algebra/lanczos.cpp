#include <Spectra/SymEigsSolver.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "autodiff/error.hpp"
#include "autodiff/kernels/lapack.hpp"
#include "autodiff/kernels/layout.hpp"
#include "ntk/algebra/cholesky.hpp"
#include "ntk/spectrum.hpp"

namespace xtangent::ntk {
namespace {

// The matrix that Spectra asks for: it makes one product at a time, and no more than a given number. Spectra's bounds
// are meant for matrices near 1. So this is the map times a power of two, which the size of the first product decides.
class Product {
 public:
  using Scalar = double;
  Product(const LinearMap& map, std::size_t most) : map_(map), most_(most) {}
  Eigen::Index rows() const { return static_cast<Eigen::Index>(map_.size); }
  Eigen::Index cols() const { return rows(); }
  void perform_op(const double* x, double* y) const {
    if (++count_ > most_)
      throw numerical_error("[lanczos] the eigenvalues of a kernel of order " + std::to_string(map_.size) +
                            " have not converged after " + std::to_string(most_) +
                            " products. Raise max_products or tolerance, or ask for more eigenvalues at once.");
    const Array<double> out = map_(Array<double>::copy_of({map_.size, 1}, x));
    if (count_ == 1) find_scale(out);
    std::transform(out.data(), out.data() + map_.size, y, [&](double value) { return std::ldexp(value, scale_); });
  }
  // An eigenvalue of the map, from one of this matrix.
  double of_map(double eigenvalue) const { return std::ldexp(eigenvalue, -scale_); }

 private:
  // Spectra begins with a vector of length 1.
  void find_scale(const Array<double>& image) const {
    double largest = 0;
    for (std::size_t i = 0; i < image.size(); ++i) largest = std::max(largest, std::abs(image[i]));
    if (largest > 0 && std::isfinite(largest)) scale_ = -std::ilogb(largest);
  }

  const LinearMap& map_;
  std::size_t most_;
  mutable std::size_t count_ = 0;
  mutable int scale_ = 0;
};

// The eigenpairs [first, first + count) of a map that is so small that it may be formed.
Eigensystem formed(const LinearMap& map, std::size_t count, bool largest) {
  const std::size_t n = map.size;
  Array<double> unit = Array<double>::zeros({n, n});
  for (std::size_t i = 0; i < n; ++i) unit.mutable_data()[i * (n + 1)] = 1;
  Array<double> matrix = map(unit).clone();
  const std::vector<double> values = kernels::symmetric_eigenvectors(n, matrix.mutable_data());
  const std::size_t first = largest ? n - count : 0;
  const auto begin = values.begin() + static_cast<std::ptrdiff_t>(first);
  return {{begin, begin + static_cast<std::ptrdiff_t>(count)}, matrix.rows(first, first + count).clone()};
}

Eigensystem lanczos(const LinearMap& map, std::size_t count, const LanczosOptions& options, bool largest) {
  const std::size_t n = map.size;
  if (!map.apply || count == 0 || count > n)
    throw shape_error("[lanczos] " + std::to_string(count) + " eigenvalues of a map of order " + std::to_string(n) +
                      ". Ask for 1 to n eigenvalues of a map that can be applied.");
  if (!(options.tolerance > 0)) throw option_error("[lanczos] the tolerance must be positive.");
  const std::size_t basis = std::max<std::size_t>(2 * count + 1, 20);
  if (n <= basis) return formed(map, count, largest);

  Product product(map, options.max_products);
  const auto index = [](std::size_t i) { return static_cast<Eigen::Index>(i); };
  Spectra::SymEigsSolver<Product> solver(product, index(count), index(basis));
  solver.init();
  solver.compute(largest ? Spectra::SortRule::LargestAlge : Spectra::SortRule::SmallestAlge,
                 index(options.max_products), options.tolerance, Spectra::SortRule::SmallestAlge);
  if (solver.info() != Spectra::CompInfo::Successful)
    throw numerical_error("[lanczos] of " + std::to_string(count) + " eigenvalues only " +
                          std::to_string(solver.eigenvalues().size()) +
                          " have converged. Raise max_products or tolerance.");
  const Eigen::MatrixXd vectors = solver.eigenvectors();  // columns in column-major order, which are our rows
  Eigensystem out{{}, Array<double>::copy_of({count, n}, vectors.data())};
  for (const double value : solver.eigenvalues()) out.values.push_back(product.of_map(value));
  return out;
}

}  // namespace

Eigensystem largest_eigenvalues(const LinearMap& kernel, std::size_t count, const LanczosOptions& options) {
  return lanczos(kernel, count, options, true);
}

Eigensystem smallest_eigenvalues(const LinearMap& kernel, std::size_t count, const LanczosOptions& options) {
  return lanczos(kernel, count, options, false);
}

Eigensystem smallest_eigenvalues_by_inverse(AnyMatrix kernel, std::size_t count, const LanczosOptions& options) {
  const Cholesky<double> factor(std::move(kernel).wide(), {.refinements = 0});
  const LinearMap inverse{factor.size(), [&](const Array<double>& u) { return factor.solve(u); }};
  const Eigensystem found = lanczos(inverse, count, options, true);
  Eigensystem out{{}, Array<double>(found.vectors.shape())};
  for (std::size_t i = count; i-- > 0;) out.values.push_back(1 / found.values[i]);
  std::vector<std::size_t> order;
  for (std::size_t i = count; i-- > 0;) order.push_back(i);
  kernels::gather(1, count, factor.size(), order, found.vectors.data(), out.vectors.mutable_data());
  return out;
}

}  // namespace xtangent::ntk
