#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ntk/features.hpp"
#include "ntk/store.hpp"

/// The files of features in a folder: manifest.json, and one file for each part with its number and checksum in the
/// name.
namespace xtangent::ntk::feature_format {

struct PartFile {
  std::size_t number;
  std::string sum;
};
std::string part_name(std::size_t number, const std::string& sum);
/// The number and checksum in the name of a part's file, or nothing for other files.
std::optional<PartFile> parsed(const std::string& name);

struct Manifest {
  std::size_t rows = 0, columns = 0, part = 0;  ///< part: rows of a file
  bool in_double = false;
  std::vector<FeaturePlace> places = {};
  StoreSettings settings = {};
};
/// The manifest as a file, with its own checksum.
std::string text_of(const Manifest& manifest);
/// The manifest in the text of `file`. Throws data_error unless every byte is as text_of() wrote it, and such features
/// can be.
Manifest parsed_manifest(std::string_view text, const std::filesystem::path& file);
/// Throws data_error (the manifest cannot be read, or is corrupt).
Manifest read_manifest(const std::filesystem::path& folder);

}  // namespace xtangent::ntk::feature_format
