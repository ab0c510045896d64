#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "ntk/computation/shared_folder.hpp"
#include "ntk/plan.hpp"
#include "ntk/store.hpp"

namespace xtangent::ntk {

/// Puts tiles into a store, in which one process works at a time, or several that `share` it.
class StoreTiles : public TileSink {
 public:
  /// Begins a store or continues one. It keeps the tiles whose checksum fits and removes what an interrupted run left.
  /// Throws data_error (another process works in the store, the folder cannot be written, its disk has too little
  /// space, or it has other files and no manifest), option_error (the store was begun with other settings; the message
  /// names them).
  StoreTiles(const std::filesystem::path& folder, const KernelShape& shape, const Partition& partition,
             const StoreSettings& settings, bool share = false);
  ~StoreTiles() override;

  bool has(std::size_t i, std::size_t j) const override;
  /// Throws data_error (the store is not there any more).
  void look() override;
  void put(const FinishedTile& tile) override;
  /// The same for entries of shape.tile_shape(i, j).
  void put(std::size_t i, std::size_t j, const Array<double>& values);
  const StoredKernel& stored() const { return *stored_; }

 private:
  void check_tiles();

  std::filesystem::path folder_;
  SharedFolder shared_;
  std::unique_ptr<StoredKernel> stored_;
};

/// What the bits of products depend on, for the settings of a store: the kernels of OpenBLAS, the instruction set, and
/// that of products in bfloat16 if there are any.
std::string processor_name(Precision precision);

/// Throws option_error unless the store is of a kernel between so many examples.
void require_same_kernel(const StoredKernel& store, std::size_t rows, std::size_t columns, bool symmetric);

}  // namespace xtangent::ntk
