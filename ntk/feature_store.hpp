#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "ntk/features.hpp"
#include "ntk/store.hpp"

/// Features in folders, for more examples than memory has room for. Parts are written as soon as they are finished, so
/// that finished work is never lost.
///
///   const ntk::StoredFeatures phi = ntk::stored_features(net, params, x, readout, {.k = 65536, .store = "phi"});
///
/// A folder has `manifest.json` (what the features are of, and where each array of parameters stands in a row) and one
/// NumPy file for each part of the examples, features-NUMBER-CHECKSUM.npy, which NumPy maps without reading it
/// (numpy.load with mmap_mode="r"). All files appear whole or not at all. As in the store of a kernel, a file that is
/// damaged, renamed or of another folder is refused.
namespace xtangent::ntk {

/// Features in a folder, complete or not. Reading a part checks its checksum.
class StoredFeatures {
 public:
  /// Opens a folder. Throws data_error (there are no features, or the manifest is corrupt).
  explicit StoredFeatures(std::filesystem::path folder);

  const std::filesystem::path& folder() const { return folder_; }
  /// N K rows of m K + k numbers, of type float or double.
  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  bool in_double() const { return in_double_; }
  /// Rows of a file; the last one may have fewer.
  std::size_t rows_in_part() const { return part_; }
  /// Where each array of parameters stands in a row, behind the numbers of the anchors.
  const std::vector<FeaturePlace>& places() const { return places_; }
  const StoreSettings& settings() const { return settings_; }
  /// The settings that two sets of features must share for their inner products to be a kernel: the network, its
  /// parameters, the seed, the split and the anchors.
  StoreSettings basis() const;
  /// The fingerprint of the manifest, which tells these features from others.
  const std::string& identity() const { return identity_; }
  std::size_t parts() const { return (rows_ + part_ - 1) / part_; }
  std::size_t finished() const { return files_.size(); }
  bool complete() const { return finished() == parts(); }
  /// Throws data_error unless it is complete.
  void require_complete() const;

  /// Rows [first, last) as T = float or double. Throws shape_error (out of range), data_error (a part is missing,
  /// truncated or corrupt; the message names the file).
  template <class T = double>
  Array<T> block(std::size_t first, std::size_t last) const;
  /// Writes all rows as one NumPy file of their type, whole or not at all. Memory: a part. Throws data_error.
  void write_npy(const std::filesystem::path& file) const;

 private:
  template <class T>
  friend class FeatureWriter;
  void find_parts();
  template <class T>
  Array<T> part(std::size_t number) const;

  std::filesystem::path folder_;
  std::size_t rows_ = 0, columns_ = 0, part_ = 1;
  bool in_double_ = false;
  std::vector<FeaturePlace> places_;
  StoreSettings settings_;
  std::string identity_;  // the fingerprint of the manifest
  std::map<std::size_t, std::filesystem::path> files_;
};

/// Computes features into the folder options.store, options.part examples in a file. A call that was interrupted in any
/// way is continued by the same call from the parts that it has left there, and ends with the same bits. With
/// options.sharing several processes do so together; by a fixed shard the result may be incomplete. The bits are sure
/// to be the same only if options.memory is given, or 2 GiB where processes share: otherwise the work is cut, and
/// rounded, by the memory that happens to be free. Memory: one part, and what `features` needs besides its result.
/// Throws what `features` throws, option_error (no folder is named, it was begun with other settings, which are named,
/// or options.sharing names a part that there is not, or a patience that is not positive), data_error (the folder
/// cannot be used, or is gone, or its file system has no hard links for processes that share it).
template <class T>
StoredFeatures stored_features(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                               const Readout& readout, const FeatureOptions& options);
/// The same for more examples with the basis of others. Of the options only store, part, memory, progress and sharing
/// count.
template <class T>
StoredFeatures stored_features(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                               const Readout& readout, const FeatureBasis<T>& basis, const FeatureOptions& options);

}  // namespace xtangent::ntk
