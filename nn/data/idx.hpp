#pragma once

#include <filesystem>

#include "nn/data/images.hpp"

/// IDX files: MNIST and Fashion-MNIST.
namespace xtangent::nn {

/// One pair of IDX files (http://yann.lecun.com/exdb/mnist): images (magic 2051: count, rows, columns) and labels
/// (magic 2049: count), gzipped or not. `classes` bounds the labels.
/// Throws data_error naming the file and byte: missing, truncated, corrupt, wrong magic, trailing bytes, counts of
/// images and labels that differ, a label out of range.
LabeledImages load_idx(const std::filesystem::path& images, const std::filesystem::path& labels,
                       std::size_t classes = 10);

/// A folder with MNIST, Fashion-MNIST or data in their form: train-images-idx3-ubyte, train-labels-idx1-ubyte,
/// t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each with or without .gz. MNIST and Fashion-MNIST are recognized
/// by their contents; name, source and license say so.
TrainAndTest load_idx_folder(const std::filesystem::path& folder);

}  // namespace xtangent::nn
