#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "ntk/algebra/any_matrix.hpp"
#include "ntk/plan.hpp"
#include "ntk/store.hpp"

/// Kernel regression and Gaussian processes with a stored kernel that is larger than the memory.
namespace xtangent::ntk {

class FactorTiles;

struct StoredCholeskyOptions {
  double ridge = 0;              ///< added to the diagonal
  bool relative = true;          ///< the ridge is in units of the mean of the diagonal
  std::size_t refinements = 30;  ///< largest number for each solution; they end as soon as nothing is gained
  /// The largest number of bytes that may be held besides what the process holds already, 0 for half of what the
  /// machine has free. The peak of the process stays below the sum of these and memory_overhead(). Right-hand sides and
  /// solutions come on top.
  std::size_t memory = 0;
  /// The factor is in float, which halves its time, its memory and its place on the disk. Solutions are refined by
  /// conjugate gradients, which read K and L as often as plain refinement does, and become as accurate as those of a
  /// factor in double unless `refinements` end them.
  bool single = false;
  /// Rows of a tile. 0: as many as the memory allows, or as the factor in the folder was begun with.
  std::size_t tile = 0;
  /// Called between pieces of work. An exception thrown from it stops the factorization and reaches the caller; another
  /// call continues from there.
  std::function<void(const Progress&)> progress = {};
};

/// The factorization K + ridge I = L L^T of a symmetric kernel of order n in a folder, with L in a folder of its own.
/// It is computed a column of tiles after the other, from the finished ones to the left of it (Golub and Van Loan,
/// Matrix Computations, section 4.2.8). Each tile of L is written as soon as it is finished. After an interruption of
/// any kind, the same call continues where the last one stopped and ends with the same bits.
///
/// Cost: n^3 / 3 FLOP, with BLAS and LAPACK on all threads, n^2 / 2 entries of L to write, and about n^3 / (6
/// t) (1 + 1 / g) to read, for tiles of t rows of which g are in memory beside those that are read.
class StoredCholesky {
 public:
  using Options = StoredCholeskyOptions;

  /// Factors the kernel, or opens the factor if the folder holds the whole of it. Throws shape_error (the kernel is not
  /// symmetric), data_error (it is not complete, or a file cannot be read or written), option_error (the ridge is
  /// negative or not finite, or the factor in the folder was begun with other options), memory_error (the tiles of the
  /// kernel or of the factor are too large for the memory; the message says how much they need), numerical_error (the
  /// kernel is not finite or not positive definite; the message names the row).
  StoredCholesky(const StoredKernel& kernel, const std::filesystem::path& folder, const Options& options = {});

  /// The order n of K.
  std::size_t size() const { return diagonal_.size(); }
  /// The ridge that was added, absolute.
  double ridge() const { return ridge_; }
  /// Rows of a tile of L.
  std::size_t tile() const;
  double log_determinant() const;
  /// The logarithms of the determinants of all leading minors of K + ridge I, (n,).
  Array<double> log_determinants() const;

  /// (K + ridge I)^-1 y for y (n,) or (n, m), refined with residuals or conjugate gradients in double. Cost: 2 n^2 FLOP
  /// for each column, and twice as many for each refinement. All columns together read L twice, and for each refinement
  /// L twice and K once more. Throws shape_error, numerical_error (y is not finite), data_error (a file is damaged).
  Array<double> solve(const Doubles& y) const;
  /// The same without refinement.
  Array<double> solve_unrefined(const Doubles& y) const;
  /// y - (K + ridge I) x, in double.
  Array<double> residual(const Doubles& x, const Doubles& y) const;
  /// The logarithm of the density of y under a Gaussian process with covariance K + ridge I, for each column of y (n,)
  /// or (n, m): (m,). `x` is solve(y) where that is there already. Rasmussen and Williams, Gaussian Processes for
  /// Machine Learning, equation 2.30. Throws what solve() throws.
  Array<double> log_evidence(const Doubles& y, const Doubles& x = {}) const;

 private:
  template <class T>
  void factor(std::size_t together, const std::function<void(const Progress&)>& progress);
  template <class T>
  Array<T> part_of_kernel(std::size_t i, std::size_t j) const;
  template <class T>
  void factor_tile(std::size_t j, Array<T>& tile);
  template <class T>
  void keep_pivots(std::size_t j, const Array<T>& tile);
  template <class T>
  void substitute(T* d, std::size_t columns) const;
  [[noreturn]] void refuse(std::size_t row) const;

  StoredKernel kernel_;
  std::shared_ptr<FactorTiles> tiles_;
  double ridge_ = 0;
  std::size_t refinements_ = 0;
  std::vector<double> diagonal_;  // the diagonal of K + ridge I
  std::vector<double> pivots_;    // the diagonal of L
};

}  // namespace xtangent::ntk
