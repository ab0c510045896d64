#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace xtangent::nn {

/// A ZIP archive in memory. Its files may be stored or deflated, also in the 64-bit form, but not encrypted; the
/// archive must be in one part.
class ZipArchive {
 public:
  struct Entry {
    std::string name;
    std::size_t begin = 0;     ///< offset of the packed bytes in the archive
    std::size_t packed = 0;    ///< bytes in the archive
    std::size_t unpacked = 0;  ///< bytes of the file
    std::uint32_t crc = 0;     ///< checksum of the unpacked file
    bool deflated = false;
  };

  /// Parses the contents of an archive; messages name it as `source`. Throws data_error naming the byte if it is no
  /// archive or truncated, and for parts that lie outside of it, an unknown method, encryption, or a repeated name.
  ZipArchive(std::vector<std::uint8_t> bytes, std::string source);

  /// The files, in the order of the archive's directory.
  const std::vector<Entry>& entries() const { return entries_; }
  const std::string& source() const { return source_; }
  /// The bytes of one file. Throws data_error unless they unpack to the size and checksum that the directory gives.
  std::vector<std::uint8_t> unpack(const Entry& entry) const;
  /// Its first `count` bytes, at most as many as it has, before the checksum can be compared. Throws data_error where
  /// they cannot be unpacked.
  std::vector<std::uint8_t> unpack(const Entry& entry, std::size_t count) const;

 private:
  [[noreturn]] void fail_corrupt(const Entry& entry) const;

  std::vector<std::uint8_t> bytes_;
  std::string source_;
  std::vector<Entry> entries_;
};

}  // namespace xtangent::nn
