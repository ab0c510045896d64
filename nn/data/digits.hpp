#pragma once

#include <filesystem>

#include "nn/data/images.hpp"

namespace xtangent::nn {

/// Reads the UCI handwritten digits from scikit-learn's digits.csv.gz or UCI's optdigits.tra and .tes, gzipped or not:
/// rows of 65 comma-separated whole numbers (also written as 0.0), namely the 64 pixels of an 8x8 image from 0 to 16,
/// and the class. Throws data_error naming the file, row and byte if the file is missing, corrupt or has no rows, for a
/// field that is no number or out of range, for a row that is too short or too long, and for more than 64 MiB.
LabeledImages load_digits(const std::filesystem::path& file);

/// Reads UCI's own division into optdigits.tra (3,823 images) and optdigits.tes (1,797), each with or without .gz.
TrainAndTest load_digits_folder(const std::filesystem::path& folder);

}  // namespace xtangent::nn
