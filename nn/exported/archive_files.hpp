#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "autodiff/error.hpp"
#include "nn/data/zip.hpp"

namespace xtangent::nn::exported {

/// The files of an archive that PyTorch wrote, by their names without the folder in which all of them lie. The archive
/// must outlive this.
class ArchiveFiles {
 public:
  explicit ArchiveFiles(const ZipArchive& archive) : archive_(archive) {
    for (const ZipArchive::Entry& entry : archive.entries()) {
      const std::size_t slash = entry.name.find('/');
      entries_.emplace(slash == std::string::npos ? entry.name : entry.name.substr(slash + 1), &entry);
    }
  }

  bool contains(const std::string& name) const { return entries_.contains(name); }
  /// Throw data_error where there is no such file, and what unpacking throws.
  std::vector<std::uint8_t> bytes(const std::string& name) const {
    const auto found = entries_.find(name);
    if (found == entries_.end()) throw data_error("it has no file '" + name + "'");
    return archive_.unpack(*found->second);
  }
  std::string text(const std::string& name) const {
    const std::vector<std::uint8_t> all = bytes(name);
    return {all.begin(), all.end()};
  }
  /// Throws data_error for numbers of another order of bytes.
  void require_little_endian() const {
    if (contains("byteorder") && text("byteorder") != "little") throw data_error("its numbers are not little-endian");
  }

 private:
  const ZipArchive& archive_;
  std::map<std::string, const ZipArchive::Entry*> entries_;
};

}  // namespace xtangent::nn::exported
