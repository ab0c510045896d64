#include "ntk/distributed/distributed_cholesky.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "autodiff/error.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/layout.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/algebra/converted.hpp"
#include "ntk/algebra/refinement.hpp"
#include "ntk/distributed/mpi_ranks.hpp"
#include "ntk/distributed/scalapack.hpp"

namespace xtangent::ntk {
namespace {

// f(rows, columns, entries) for this rank's share of the tiles of a symmetric kernel, or of those on the diagonal.
template <class F>
void for_own_tiles(const StoredKernel& kernel, const Communicator& ranks, bool diagonal, const F& f) {
  const KernelShape& shape = kernel.shape();
  const auto lines = [&](std::size_t i) {
    const Range examples = shape.grid.row(i);
    return Range{examples.first * shape.block, examples.last * shape.block};
  };
  std::size_t number = 0;
  for (std::size_t i = 0; i < shape.grid.tile_rows(); ++i)
    for (std::size_t j = i; j < (diagonal ? i + 1 : shape.grid.tile_rows()); ++j)
      if (number++ % ranks.size() == ranks.rank()) f(lines(i), lines(j), kernel.block(lines(i), lines(j)));
}

// to (n, m) += a block of a symmetric matrix, and its mirror image, times x (n, m).
void add_both(Range rows, Range columns, const Array<double>& block, std::size_t m, const double* x, double* to) {
  kernels::gemm(false, false, rows.size(), m, columns.size(), 1.0, block.data(), columns.size(), x + columns.first * m,
                m, 1.0, to + rows.first * m, m);
  kernels::gemm(true, false, columns.size(), m, rows.size(), 1.0, block.data(), columns.size(), x + rows.first * m, m,
                1.0, to + columns.first * m, m);
}

}  // namespace

template <class T>
class DistributedCholesky<T>::Grid {
 public:
  Grid(const Communicator& ranks, const BlockCyclic& layout)
      : layout_(layout),
        handle_(Csys2blacs_handle(mpi_communicator(ranks, "distributed cholesky"))),
        context_(handle_) {
    Cblacs_gridinit(&context_, "Row", static_cast<int>(layout.grid.rows), static_cast<int>(layout.grid.columns));
  }
  ~Grid() {
    Cblacs_gridexit(context_);
    Cfree_blacs_system_handle(handle_);
  }
  Grid(const Grid&) = delete;
  Grid& operator=(const Grid&) = delete;

  // The descriptor of a matrix (n, columns) in blocks of the layout's rows and of `width` columns. Here its rows lie
  // along the columns of a rank's part, `leading` of them.
  std::vector<int> descriptor(std::size_t columns, std::size_t width, std::size_t leading) const {
    const int n = static_cast<int>(layout_.n), count = static_cast<int>(columns),
              block = static_cast<int>(layout_.block), wide = static_cast<int>(width), zero = 0,
              ld = static_cast<int>(std::max<std::size_t>(1, leading));
    int info = 0;
    std::vector<int> out(9);
    descinit_(out.data(), &n, &count, &block, &wide, &zero, &zero, &context_, &ld, &info);
    if (info != 0)
      throw shape_error("[distributed cholesky] ScaLAPACK refuses argument " + std::to_string(-info) +
                        " of the description of a matrix (" + std::to_string(n) + ", " + std::to_string(count) + ").");
    return out;
  }

 private:
  BlockCyclic layout_;
  int handle_, context_;
};

template <class T>
DistributedCholesky<T>::DistributedCholesky(std::shared_ptr<Communicator> ranks, const BlockCyclic& layout,
                                            Array<T> part, const Options& options)
    : ranks_(std::move(ranks)),
      layout_(layout),
      rows_(layout.rows(ranks_->rank())),
      columns_(layout.columns(ranks_->rank())),
      part_(std::move(part)),
      refinements_(options.refinements) {
  if (!(part_.shape() == Shape{total(rows_), total(columns_)}))
    throw shape_error("[distributed cholesky] rank " + std::to_string(ranks_->rank()) + " gives " +
                      to_string(part_.shape()) + ", and has " + to_string(Shape{total(rows_), total(columns_)}) + ".");
  factor(options);
}

template <class T>
DistributedCholesky<T>::DistributedCholesky(std::shared_ptr<Communicator> ranks, const StoredKernel& kernel,
                                            const Options& options, const std::function<void(double)>& progress)
    : ranks_(std::move(ranks)), refinements_(options.refinements) {
  const KernelShape& shape = kernel.shape();
  layout_ = {shape.height(), block_rows(shape.height(), ranks_->size(), shape.grid.edge * shape.block),
             process_grid(ranks_->size())};
  rows_ = layout_.rows(ranks_->rank());
  columns_ = layout_.columns(ranks_->rank());
  part_ = part_of<T>(kernel, layout_, ranks_->rank(), progress);
  if (sizeof(T) < sizeof(double)) exact_ = kernel;
  factor(options);
}

template <class T>
template <class F>
void DistributedCholesky<T>::each_diagonal(const F& f) const {
  const std::size_t width = part_.shape()[1];
  std::size_t row = 0;
  for (const Range& r : rows_) {
    std::size_t column = 0;
    for (const Range& c : columns_) {
      for (std::size_t i = 0; r.first == c.first && i < r.size(); ++i) f(r.first + i, (row + i) * width + column + i);
      column += c.size();
    }
    row += r.size();
  }
}

// The diagonal of K, to all ranks.
template <class T>
void DistributedCholesky<T>::find_diagonal() {
  std::vector<double> found(size() + 1, 0.0);
  found[size()] = all_finite(part_) ? 0 : 1;  // a rank that has NaN tells all of them
  if (exact_) {
    for_own_tiles(*exact_, *ranks_, true, [&](Range rows, Range, const Array<double>& tile) {
      for (std::size_t i = 0; i < rows.size(); ++i) found[rows.first + i] = tile[i * (rows.size() + 1)];
    });
  } else {
    each_diagonal([&](std::size_t i, std::size_t at) { found[i] = static_cast<double>(part_[at]); });
  }
  ranks_->all_reduce(found);
  if (found[size()] > 0)
    throw numerical_error(std::string("[distributed cholesky] the kernel holds NaN, infinity") +
                          (exact_ ? ", or numbers too large for float." : "."));
  diagonal_.assign(found.begin(), found.end() - 1);
}

template <class T>
void DistributedCholesky<T>::factor(const Options& options) {
  check_ridge("distributed cholesky", options.ridge);
  constexpr double most = 2147483647;  // ScaLAPACK counts elements in 32 bits
  if (static_cast<double>(part_.size()) > most)
    throw shape_error("[distributed cholesky] a rank would hold " + to_string(part_.shape()) +
                      " of a kernel of order " + std::to_string(size()) +
                      ", more than the 2147483647 elements that ScaLAPACK counts. Use more ranks.");
  find_diagonal();
  check_resolved<T>("distributed cholesky", diagonal_);
  ridge_ = absolute_ridge(diagonal_, options.ridge, options.relative);
  for (double& d : diagonal_) d += ridge_;
  T* values = part_.mutable_data();
  each_diagonal([&](std::size_t i, std::size_t at) { values[at] = static_cast<T>(diagonal_[i]); });

  grid_ = std::make_shared<const Grid>(*ranks_, layout_);
  const std::vector<int> descriptor = grid_->descriptor(size(), layout_.block, part_.shape()[1]);
  int info = 0;
  {
    const kernels::BlasThreads threads;
    scalapack::cholesky(static_cast<int>(size()), values, descriptor.data(), info);
  }
  if (info < 0) throw shape_error("[distributed cholesky] ScaLAPACK refuses argument " + std::to_string(-info) + ".");
  if (info > 0) {
    std::ostringstream text;
    text << "[distributed cholesky] the kernel of order " << size() << " is not positive definite: row " << info - 1
         << ", whose diagonal entry is " << diagonal_[static_cast<std::size_t>(info - 1)]
         << ", depends on those above it. Remove duplicate examples, or use a larger ridge.";
    throw numerical_error(text.str());
  }
  check_pivots();
}

template <class T>
void DistributedCholesky<T>::check_pivots() {
  std::vector<double> pivots(size(), 0.0);
  each_diagonal([&](std::size_t i, std::size_t at) { pivots[i] = static_cast<double>(part_[at]); });
  ranks_->all_reduce(pivots);
  const double least = pivot_rounding<T>(size());
  for (std::size_t i = 0; i < size(); ++i) {
    if (!(pivots[i] * pivots[i] > least * diagonal_[i]))
      throw numerical_error("[distributed cholesky] the kernel of order " + std::to_string(size()) +
                            " is singular to rounding at row " + std::to_string(i) +
                            ". Remove duplicate examples, or use a larger ridge.");
    log_determinant_ += 2 * std::log(pivots[i]);
  }
}

// d (n, columns) becomes L^-T L^-1 d: each rank takes its part of d, and all get the whole.
template <class T>
void DistributedCholesky<T>::substitute(T* d, std::size_t columns) const {
  const std::size_t across = layout_.grid.columns, wide = (columns + across - 1) / across,
                    place = ranks_->rank() % across, first = std::min(columns, place * wide),
                    last = std::min(columns, first + wide), height = total(columns_);
  // Column-major for ScaLAPACK: a row for each column of d.
  Array<T> mine({std::max<std::size_t>(1, last - first), std::max<std::size_t>(1, height)});
  T* to = mine.mutable_data();
  const std::vector<std::size_t> own = numbers(columns_);
  for (std::size_t c = first; c < last; ++c)
    for (std::size_t i = 0; i < height; ++i) to[(c - first) * height + i] = d[own[i] * columns + c];
  const std::vector<int> matrix = grid_->descriptor(size(), layout_.block, part_.shape()[1]),
                         right = grid_->descriptor(columns, wide, height);
  int info = 0;
  {
    const kernels::BlasThreads threads;
    scalapack::solve(static_cast<int>(size()), static_cast<int>(columns), part_.data(), matrix.data(), to, right.data(),
                     info);
  }
  if (info != 0) throw shape_error("[distributed cholesky] ScaLAPACK refuses argument " + std::to_string(-info) + ".");
  std::fill(d, d + size() * columns, T(0));
  for (std::size_t c = first; c < last; ++c)
    for (std::size_t i = 0; i < height; ++i) d[own[i] * columns + c] = to[(c - first) * height + i];
  ranks_->all_reduce(std::span<T>(d, size() * columns));
}

template <class T>
Array<double> DistributedCholesky<T>::solve_unrefined(const Array<double>& y) const {
  check_rhs("distributed cholesky solve", y, size());
  if (y.size() == 0) return y;
  const double largest = *std::max_element(diagonal_.begin(), diagonal_.end());
  return in_scaled_columns<T>(y, size(), largest, [&](T* d, std::size_t columns) { substitute(d, columns); });
}

template <class T>
Array<double> DistributedCholesky<T>::solve(const Array<double>& y) const {
  check_rhs("distributed cholesky solve", y, size());
  return refined(
      "distributed cholesky solve", y, size(), refinements_, std::is_same_v<T, float>,
      [&](const Array<double>& r) { return solve_unrefined(r); },
      [&](const Array<double>& x, const Array<double>& right) { return residual(x, right); });
}

// What this rank has of K above the diagonal times x, once as it is and once as its mirror image.
template <class T>
Array<double> DistributedCholesky<T>::product_of_part(const Array<double>& x) const {
  const std::size_t m = x.size() / size(), width = part_.shape()[1];
  Array<double> product = Array<double>::zeros(x.shape());
  double* to = product.mutable_data();
  std::size_t row = 0;
  for (const Range& r : rows_) {
    std::size_t column = 0;
    for (const Range& c : columns_) {
      if (r.first <= c.first) {
        Array<T> block({r.size(), c.size()});
        T* values = block.mutable_data();
        kernels::copy_runs(r.size(), c.size(), part_.data() + row * width + column, width, values, c.size());
        for (std::size_t i = 0; r.first == c.first && i < r.size(); ++i)  // L, and the diagonal
          std::fill_n(values + i * c.size(), i + 1, T(0));
        add_both(r, c, converted<double>(block), m, x.data(), to);
      }
      column += c.size();
    }
    row += r.size();
  }
  each_diagonal(
      [&](std::size_t i, std::size_t) { kernels::axpy(m, diagonal_[i] - ridge_, x.data() + i * m, to + i * m); });
  return product;
}

template <class T>
Array<double> DistributedCholesky<T>::product_of_tiles(const Array<double>& x) const {
  const std::size_t m = x.size() / size();
  Array<double> product = Array<double>::zeros(x.shape());
  double* to = product.mutable_data();
  for_own_tiles(*exact_, *ranks_, false, [&](Range rows, Range columns, const Array<double>& tile) {
    if (rows.first < columns.first) return add_both(rows, columns, tile, m, x.data(), to);
    kernels::gemm(false, false, rows.size(), m, rows.size(), 1.0, tile.data(), rows.size(), x.data() + rows.first * m,
                  m, 1.0, to + rows.first * m, m);
  });
  return product;
}

template <class T>
Array<double> DistributedCholesky<T>::residual(const Array<double>& x, const Array<double>& y) const {
  check_rhs("distributed cholesky residual", y, size());
  if (!(x.shape() == y.shape()))
    throw shape_error("[distributed cholesky residual] x " + to_string(x.shape()) + " and y " + to_string(y.shape()) +
                      " differ.");
  Array<double> product = exact_ ? product_of_tiles(x) : product_of_part(x);
  sum(product);
  Array<double> out = y.clone();
  kernels::axpy(out.size(), -1.0, product.data(), out.mutable_data());
  kernels::axpy(out.size(), -ridge_, x.data(), out.mutable_data());
  return out;
}

template <class T>
Array<double> DistributedCholesky<T>::log_evidence(const Array<double>& y, const Array<double>& x) const {
  check_rhs("distributed cholesky evidence", y, size());
  if (x.defined() && !(x.shape() == y.shape()))
    throw shape_error("[distributed cholesky evidence] x " + to_string(x.shape()) + " and y " + to_string(y.shape()) +
                      " differ.");
  return log_evidences(y, x.defined() ? x : solve(y), size(), log_determinant_);
}

template class DistributedCholesky<float>;
template class DistributedCholesky<double>;

}  // namespace xtangent::ntk
