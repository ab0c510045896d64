#pragma once

#include <filesystem>

#include "nn/data/images.hpp"

namespace xtangent::nn {

/// UCI handwritten digits: rows of 65 comma-separated whole numbers (also written 0.0), 64 pixels of an 8x8 image from
/// 0 to 16 and the class; gzipped or not. Reads scikit-learn's digits.csv.gz and UCI's optdigits.tra and .tes.
/// Throws data_error naming the file, row and byte: missing, corrupt, a field that is no number or out of range, a row
/// that is too short or too long, no rows.
LabeledImages load_digits(const std::filesystem::path& file);

/// UCI's own division: optdigits.tra (3,823 images) and optdigits.tes (1,797), each with or without .gz.
TrainAndTest load_digits_folder(const std::filesystem::path& folder);

}  // namespace xtangent::nn
