#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "autodiff/array.hpp"
#include "nn/data/npy.hpp"
#include "ntk/computation/store_folder.hpp"

namespace xtangent::ntk {

/// A folder of finished parts beside a manifest, in which one process works, or several that share it. With them a part
/// may be computed twice: both files are the same, and one replaces the other.
class SharedFolder {
 public:
  /// `what` is in the folder, such as "features", and its parts "parts"; files of parts begin with `prefix`, and those
  /// that are whole have names of which `is_part` says so. Throws data_error (another process works in the folder and
  /// does not share it, or it cannot be written).
  SharedFolder(std::filesystem::path folder, bool share, std::string what, std::string parts, std::string prefix,
               bool (*is_part)(const std::string& name));

  bool shared() const { return share_; }
  /// Writes the manifest of a folder that has none and will hold so many bytes. Throws data_error (the folder has other
  /// files, or its disk has too little space).
  void begin(const std::string& manifest, double bytes) const;
  /// Removes what processes that were killed have left, unless others may be at work who need it.
  void tidy_up_alone();
  /// With other processes, before one looks for their parts. Throws data_error (the manifest is not there any more).
  void require_manifest() const;
  /// With other processes, when one finds all parts there: removes what killed ones have left, once.
  void tidy_up_at_the_end();
  /// Writes a part. Throws data_error.
  template <class T>
  void write(const std::filesystem::path& file, const Array<T>& values) const {
    try {
      nn::write_npy(file, values);
    } catch (const data_error&) {
      // A process that computes the same part, or finds all of them there, may have removed the unfinished file.
      std::error_code none;
      if (!share_) throw;
      if (!std::filesystem::exists(file, none)) nn::write_npy(file, values);
    }
  }

 private:
  void remove_leftovers() const;

  std::filesystem::path folder_;
  bool share_, tidy_ = false;
  std::string what_, parts_, prefix_;
  bool (*is_part_)(const std::string&);
  std::optional<FolderLock> lock_;
};

}  // namespace xtangent::ntk
