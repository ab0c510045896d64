#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "ntk/store.hpp"

namespace xtangent::ntk {

/// Tiles into a store. One process works in a store at a time.
class StoreTiles : public TileSink {
 public:
  /// Begins a store, or goes on with one: keeps the tiles whose checksum fits and removes what an interrupted run left.
  /// Throws data_error: another process works in it; a folder that cannot be written, too little space on its disk, a
  /// folder with other files and no manifest; option_error naming what differs from what the store was begun with.
  StoreTiles(const std::filesystem::path& folder, const KernelShape& shape, const Partition& partition,
             const StoreSettings& settings);
  ~StoreTiles() override;

  bool has(std::size_t i, std::size_t j) const override;
  void put(const FinishedTile& tile) override;
  const StoredKernel& stored() const { return *stored_; }

 private:
  class Lock;
  std::unique_ptr<Lock> lock_;
  std::unique_ptr<StoredKernel> stored_;
};

/// Throws option_error naming each setting that differs from the store's, and what to do.
void require_same_settings(const StoredKernel& store, const StoreSettings& settings);

}  // namespace xtangent::ntk
