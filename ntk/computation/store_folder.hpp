#pragma once

#include <filesystem>
#include <string>

#include "ntk/store.hpp"

/// Folders in which finished parts of a result stand beside a manifest.
namespace xtangent::ntk {

/// An advisory lock, which ends with the process however that ends.
class FolderLock {
 public:
  /// Throws data_error (another process holds it, or the folder cannot be written).
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int file_;
};

/// Throws data_error unless the disk has so many bytes free, before hours of work and not after. `what` is what needs
/// them: "kernel".
void require_space(const std::filesystem::path& folder, double bytes, const std::string& what);
/// Throws data_error unless the folder holds nothing but what a run leaves that was killed before its manifest was
/// whole.
void require_empty(const std::filesystem::path& folder, const std::string& manifest, const std::string& what);
/// Throws option_error, which names each setting that differs from that of the folder and says what to do.
void require_same_settings(const std::filesystem::path& folder, const StoreSettings& known,
                           const StoreSettings& settings);

}  // namespace xtangent::ntk
