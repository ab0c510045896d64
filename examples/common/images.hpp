#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "autodiff/error.hpp"
#include "nn/data/images.hpp"

namespace xtangent::examples {

/// A published data set: where its files lie, and where they come from.
struct ImageSet {
  std::string name, title;
  std::vector<std::string> folders;  ///< names of its folder, below one of the usual places
  std::string file;                  ///< one of its files, by which a folder is known
  std::string origin;
  nn::TrainAndTest (*load)(const std::filesystem::path& folder);
};

/// The handwritten digits are in none of the usual places. They are the one set that ./run can fetch: run_program tells
/// it so.
struct DigitsMissing : data_error {
  using data_error::data_error;
};

const std::vector<ImageSet>& image_sets();
/// Throws option_error listing the names.
const ImageSet& image_set(const std::string& name);

/// The folder with a set's files: `data` or one of the set's names below; without `data` below data/, build/data/ or
/// $XTANGENT_DATA. Throws data_error: where it was looked for, and where the files come from.
std::filesystem::path find(const ImageSet& set, const std::filesystem::path& data);

/// Reads a set from where find() finds it. Nothing is downloaded.
nn::TrainAndTest load(const ImageSet& set, const std::filesystem::path& data);

/// Reads a set by its name, as above, or whichever set lies in the folder `where`. Throws data_error.
nn::TrainAndTest load(const std::string& where);

}  // namespace xtangent::examples
