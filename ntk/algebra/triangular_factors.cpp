#include "ntk/algebra/triangular_factors.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "autodiff/error.hpp"
#include "autodiff/kernels/columns.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/precision.hpp"
#include "ntk/algebra/checks.hpp"

namespace xtangent::ntk {
namespace {

using kernels::Triangle;

template <class T>
struct Destination {
  Triangle triangle;
  T* first;
};

// Writes the tiles of the upper triangles of the kernels into the triangles of the pairs. A lower triangle takes the
// mirror images.
template <class T>
class TriangleTiles : public TileSink {
 public:
  TriangleTiles(const KernelShape& shape, std::vector<Destination<T>> to) : shape_(shape), to_(std::move(to)) {}

  void put(const FinishedTile& tile) override {
    const Array<double> dense = tile.values();
    const std::size_t height = dense.shape().from_right(2), width = dense.shape().back();
    const std::size_t row = tile.row(), column = tile.column(), n = shape_.height();
    const bool diagonal = !tile.has_mirror_image();
    for (std::size_t k = 0; k < to_.size(); ++k) {
      const double* plane = dense.data() + k * height * width;
      T* to = to_[k].first + row * n + column;
      if (to_[k].triangle == Triangle::upper) {
        for (std::size_t r = 0; r < height; ++r) {
          const std::size_t skipped = diagonal ? r : 0;
          kernels::narrow(width - skipped, plane + r * width + skipped, to + r * n + skipped);
        }
        continue;
      }
      Array<double> turned({width, height});
      kernels::transpose(Shape{height, width}, {1, 0}, plane, turned.mutable_data());
      to = to_[k].first + column * n + row;
      for (std::size_t c = 0; c < width; ++c)
        kernels::narrow(diagonal ? c + 1 : height, turned.data() + c * height, to + c * n);
    }
  }

 private:
  KernelShape shape_;
  std::vector<Destination<T>> to_;
};

}  // namespace

template <class T>
TriangularFactors<T>::TriangularFactors(std::size_t count, std::size_t n) : count_(count), n_(n) {
  if (n == 0) throw shape_error("[TriangularFactors] the order of the kernels is 0.");
  for (std::size_t j = 0; j < count; j += 2) pairs_.push_back(Array<T>({n + 1, n}));
}

template <class T>
double TriangularFactors<T>::bytes(std::size_t count, std::size_t n) {
  return sizeof(T) * static_cast<double>((count + 1) / 2) * static_cast<double>(n + 1) * static_cast<double>(n);
}

template <class T>
std::unique_ptr<TileSink> TriangularFactors<T>::tiles(const KernelShape& shape) {
  if (!shape.grid.symmetric || shape.planes != count_ || shape.height() != n_)
    throw shape_error("[TriangularFactors] tiles of a kernel " + to_string(shape.shape()) + " for " +
                      std::to_string(count_) + " triangles of order " + std::to_string(n_) + ".");
  std::vector<Destination<T>> to;
  for (std::size_t j = 0; j < count_; ++j) to.push_back({triangle(j), pairs_[j / 2].mutable_data() + offset(j)});
  return std::make_unique<TriangleTiles<T>>(shape, std::move(to));
}

template <class T>
void TriangularFactors<T>::factor(double ridge) {
  for (std::size_t j = 0; j < count_; ++j) factor_one(j, ridge);
}

template <class T>
void TriangularFactors<T>::factor_one(std::size_t j, double ridge) {
  T* a = pairs_[j / 2].mutable_data() + offset(j);
  std::vector<double> diagonal(n_);
  for (std::size_t i = 0; i < n_; ++i) {
    T& entry = a[i * (n_ + 1)];
    diagonal[i] = static_cast<double>(entry) + ridge;
    entry = static_cast<T>(diagonal[i]);
  }
  std::size_t failed = kernels::cholesky(n_, a, n_, triangle(j));
  for (std::size_t i = 0; i < n_ && !failed; ++i) {
    const double l = static_cast<double>(a[i * (n_ + 1)]);
    if (!(l * l > pivot_rounding<T>(n_) * diagonal[i])) failed = i + 1;
  }
  if (failed)
    throw numerical_error("[preconditioner] a kernel of order " + std::to_string(n_) +
                          " is not positive definite at row " + std::to_string(failed - 1) +
                          ", which depends on the rows above it. Remove duplicate examples, or add a ridge" +
                          (sizeof(T) == sizeof(float) ? ", or keep factors in double (float_factor = false)." : "."));
}

template <class T>
void TriangularFactors<T>::solve(Array<double>& y) const {
  const std::size_t m = y.size() / std::max<std::size_t>(1, count_ * n_);
  if (!(y.shape() == Shape{count_, n_, m}))
    throw shape_error("[TriangularFactors] columns " + to_string(y.shape()) + " for " + std::to_string(count_) +
                      " factors of order " + std::to_string(n_) + ".");
  double* out = y.mutable_data();
  const auto one = [&](std::size_t j, const auto& triangular) {
    double* mine = out + j * n_ * m;
    std::vector<double> scale(m);
    kernels::column_maxima(n_, m, mine, scale.data());
    Array<T> d({n_, m});
    kernels::divide_columns(n_, m, scale.data(), mine, d.mutable_data());
    for (bool transpose : {false, true})
      triangular(transpose, n_, pairs_[j / 2].data() + offset(j), n_, m, d.mutable_data(), m, triangle(j));
    std::fill_n(mine, n_ * m, 0.0);
    kernels::add_columns(n_, m, scale.data(), d.data(), mine);
  };
  if (count_ == 1) return one(0, kernels::triangular_solve<T>);
  kernels::parallel_for(count_, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t j = first; j < last; ++j) one(j, kernels::triangular_solve_serial<T>);
  });
}

template class TriangularFactors<float>;
template class TriangularFactors<double>;

}  // namespace xtangent::ntk
