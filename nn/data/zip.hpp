#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace xtangent::nn {

/// The files in a ZIP archive, in memory: stored or deflated, up to the 64-bit form, not encrypted, in one part.
class ZipArchive {
 public:
  struct Entry {
    std::string name;
    std::size_t begin = 0;     ///< of the packed bytes in the archive
    std::size_t packed = 0;    ///< bytes in the archive
    std::size_t unpacked = 0;  ///< bytes of the file
    std::uint32_t crc = 0;     ///< of the file
    bool deflated = false;
  };

  /// Of the contents of an archive; `source` stands in messages. Throws data_error naming the byte: no archive,
  /// truncated, parts that lie outside of it, a method that is not known, encryption, a name twice.
  ZipArchive(std::vector<std::uint8_t> bytes, std::string source);

  /// In the order of the archive's directory.
  const std::vector<Entry>& entries() const { return entries_; }
  const std::string& source() const { return source_; }
  /// The bytes of one file. Throws data_error where they do not unpack to the size and checksum that are announced.
  std::vector<std::uint8_t> unpack(const Entry& entry) const;

 private:
  std::vector<std::uint8_t> bytes_;
  std::string source_;
  std::vector<Entry> entries_;
};

}  // namespace xtangent::nn
