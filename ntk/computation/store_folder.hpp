#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "ntk/store.hpp"

/// Folders in which finished parts of a result stand beside a manifest.
namespace xtangent::ntk {

namespace store_format {

constexpr const char* manifest_name = "manifest.json";

[[noreturn]] void fail(const std::filesystem::path& place, const std::string& what);

}  // namespace store_format

/// The CRC-32 of bytes in hexadecimal. It continues from an earlier fingerprint.
std::string fingerprint(const void* data, std::size_t bytes, const std::string& earlier = "");
/// The checksum of a finished part at its place in one folder, for which the fingerprint of the manifest stands. So a
/// file that was renamed or comes from another folder is as corrupt as one with other numbers.
template <class T>
std::string sum_of(const Array<T>& part, std::initializer_list<std::uint64_t> place, const std::string& folder) {
  return fingerprint(part.data(), part.bytes(), fingerprint(place.begin(), 8 * place.size(), folder));
}

/// Whether the folder has a manifest, whatever that describes.
bool has_manifest(const std::filesystem::path& folder);
/// The text of the manifest. Throws data_error (it cannot be read, or has more than `most` bytes).
std::string text_of_manifest(const std::filesystem::path& folder, std::size_t most);
/// What is in a folder, in any order. Throws data_error with the system's reason.
std::vector<std::filesystem::path> entries(const std::filesystem::path& folder);
/// Removes a file that is not a finished part of `what`, such as "kernel". Throws data_error.
void remove_entry(const std::filesystem::path& entry, const std::string& what);
/// Whether a finished part of `what` is there and whole, which read() says by throwing no data_error. A part that is
/// damaged is removed. Throws file_error where the system does not read it: what is in it may be whole.
bool is_whole(const std::filesystem::path& file, const std::string& what, const std::function<void()>& read);

/// Random letters and digits, for names that nobody else has.
std::string random_letters(std::size_t count);
/// Makes a file with this text, whole or not at all, unless there is one of that name. Of several processes that do so
/// at once, also on several machines, one succeeds. Returns whether it was this one. Throws data_error (the file cannot
/// be written, or the file system has no hard links).
bool make_once(const std::filesystem::path& file, const std::string& text);

/// An advisory lock, which ends with the process however that ends.
class FolderLock {
 public:
  /// A lock that others may `share` keeps out only those who want it alone. On a file system that has no locks nobody
  /// is kept out. Throws data_error (another process holds it, or the folder cannot be written).
  explicit FolderLock(const std::filesystem::path& folder, bool share = false);
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
