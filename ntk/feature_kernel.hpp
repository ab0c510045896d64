#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>

#include "ntk/feature_matrix.hpp"
#include "ntk/plan.hpp"
#include "ntk/sharing.hpp"
#include "ntk/store.hpp"

/// Kernels from features in a folder, for StoredCholesky and everything else that takes a stored kernel.
///
///   const ntk::StoredFeatures phi = ntk::stored_features(net, params, x, readout, {.k = 65536, .store = "phi"});
///   const ntk::StoredKernel k = ntk::stored_feature_kernel(phi, {.store = "kernel", .memory = std::size_t{8} << 30});
///   const ntk::StoredCholesky factor(k, "factor", {.ridge = 1e-3});
namespace xtangent::ntk {

struct FeatureKernelOptions {
  std::filesystem::path store = {};  ///< the folder; one that was begun with the same features is continued
  /// The largest number of bytes that may be held besides what the process holds already, 0 for half of what the
  /// machine has free, or 2 GiB where processes share the folder. The peak of the process stays below the sum of these
  /// and memory_overhead().
  std::size_t memory = 0;
  /// Products are in float, in half of the time. Sums of 8,192 products are then added in double, so an entry is off by
  /// about 1e-7 of the norms' product, which is far below the error of a projection.
  bool single = true;
  /// With Precision::bfloat16 the features are rounded to bfloat16, by at most 0.4 % of themselves, and products of
  /// them are added in float as above, up to 6e-7 of the norms' product off. So the kernel is that of the rounded
  /// features, and positive semidefinite up to these sums. For independent rows its entries change by 2.3e-3 / sqrt(k)
  /// of the norms' product (root mean square), for images and a ResNet18 with k = 65,536 by 3e-5. Rows in memory take
  /// half of the room. Processors with AMX, and AMD's with AVX512-BF16, multiply about twice as fast or more; on all
  /// others it saves memory alone.
  Precision precision = Precision::exact;
  /// Rows of a tile, at most all. 0: as many as the memory allows up to 2,048, or as the folder was begun with.
  /// Processes that share a folder need the same memory.
  std::size_t tile = 0;
  Sharing sharing = {};  ///< whether other processes compute into the same folder
  /// Called between pieces of work. An exception thrown from it stops the computation and reaches the caller; another
  /// call continues from there.
  std::function<void(const Progress&)> progress = {};
};

/// K = Phi Phi^T (n, n) for features Phi (n, k), in tiles. After an interruption of any kind, the same call continues
/// from the tiles that are there and ends with the same bits. With options.sharing several processes do so together; by
/// a fixed shard the result may be incomplete. Cost: n^2 k / 2 multiply-adds. With h rows of features in memory beside
/// those that are read, Phi is read about n / (2 h) times. Throws option_error (no folder is named, it was begun
/// with other features or options, or options.sharing names a part that there is not, or a patience that is not
/// positive, or options.precision is bfloat16 and options.single is false), data_error (the folder cannot be used, or
/// is gone, its file system has no hard links for processes that share it, or a file of the features is damaged),
/// memory_error (the memory does not hold a few rows, or a file, of the features), numerical_error (features or
/// products of them are NaN or infinity; float ends at 3.4e38).
StoredKernel stored_feature_kernel(const FeatureMatrix& phi, const FeatureKernelOptions& options);
/// Phi_1 Phi_2^T (n1, n2) of two sets with the same basis. Also throws shape_error (other numbers of columns).
StoredKernel stored_feature_kernel(const FeatureMatrix& phi1, const FeatureMatrix& phi2,
                                   const FeatureKernelOptions& options);

}  // namespace xtangent::ntk
