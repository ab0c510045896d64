#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ntk/algebra/any_matrix.hpp"
#include "ntk/algebra/cholesky.hpp"
#include "ntk/distributed/block_cyclic.hpp"
#include "ntk/distributed/communicator.hpp"
#include "ntk/store.hpp"

namespace xtangent::ntk {

/// The factorization K + ridge I = L L^T of a symmetric positive definite K of order n whose blocks are dealt out to
/// ranks, by ScaLAPACK. A rank's part of K is kept beside that of L, so that solutions can be refined. T = float or
/// double is the type of both; vectors are in double, and each rank gives and gets whole ones. All ranks make the same
/// calls together.
///
/// Cost for a rank: n^3 / (3 R) FLOP with all of its threads, and the messages of factorization_cost(). Memory
/// for a rank: n^2 / R elements, fewer than 2^31, and once as many while a kernel in double becomes one in float.
template <class T>
class DistributedCholesky {
 public:
  using Options = CholeskyOptions;

  /// From this rank's part of K, layout.rows(rank) x layout.columns(rank), without the ridge. Throws shape_error
  /// (another part, or too large a one for ScaLAPACK's 32-bit sizes), option_error (the ranks are not those of
  /// mpi_ranks(), or the ridge is negative or not finite), numerical_error (K is not finite or not positive definite).
  DistributedCholesky(std::shared_ptr<Communicator> ranks, const BlockCyclic& layout, Array<T> part,
                      const Options& options = {});
  /// From a stored kernel, of which each rank reads the tiles that its blocks need, each of them once. `progress` is
  /// told the share of the reading that is done. With T = float residuals are those of the kernel in double: the ranks
  /// share its tiles, and read them again for each. Throws also data_error (the kernel is not complete, or a tile is
  /// damaged), shape_error (it is not symmetric).
  DistributedCholesky(std::shared_ptr<Communicator> ranks, const StoredKernel& kernel, const Options& options = {},
                      const std::function<void(double)>& progress = {});

  std::size_t size() const { return layout_.n; }
  /// The ridge that was added, absolute.
  double ridge() const { return ridge_; }
  const BlockCyclic& layout() const { return layout_; }
  double log_determinant() const { return log_determinant_; }

  /// (K + ridge I)^-1 y for y (n,) or (n, m), refined. Throws shape_error, numerical_error.
  Array<double> solve(const Array<double>& y) const;
  /// L^-T L^-1 y in T, without refinement.
  Array<double> solve_unrefined(const Array<double>& y) const;
  /// y - (K + ridge I) x, in double.
  Array<double> residual(const Array<double>& x, const Array<double>& y) const;
  /// As Cholesky::log_evidence.
  Array<double> log_evidence(const Array<double>& y, const Array<double>& x = {}) const;

 private:
  class Grid;  // the process grid of BLACS
  void factor(const Options& options);
  void find_diagonal();
  void check_pivots();
  template <class F>
  void each_diagonal(const F& f) const;  // f(row of the matrix, place in the part)
  Array<double> product_of_part(const Array<double>& x) const;
  Array<double> product_of_tiles(const Array<double>& x) const;
  void sum(Array<double>& x) const { ranks_->all_reduce({x.mutable_data(), x.size()}); }
  void substitute(T* d, std::size_t columns) const;

  std::shared_ptr<Communicator> ranks_;
  BlockCyclic layout_;
  std::shared_ptr<const Grid> grid_;
  std::vector<Range> rows_, columns_;  // of this rank
  Array<T> part_;                      // L where the row is at least the column, K above
  std::optional<StoredKernel> exact_;  // K in double, where the part is in float
  std::vector<double> diagonal_;       // of K + ridge I, whole
  double ridge_ = 0, log_determinant_ = 0;
  std::size_t refinements_ = 0;
};

extern template class DistributedCholesky<float>;
extern template class DistributedCholesky<double>;

/// This rank's part of a stored symmetric kernel. It reads each tile that the part crosses once. `progress` is told the
/// share of the tiles that are done. Throws shape_error, data_error.
template <class T>
Array<T> part_of(const StoredKernel& kernel, const BlockCyclic& layout, std::size_t rank,
                 const std::function<void(double)>& progress = {});

}  // namespace xtangent::ntk
