#pragma once

#include <filesystem>

#include "nn/data/images.hpp"

/// IDX files, the format of MNIST and Fashion-MNIST.
namespace xtangent::nn {

/// Reads a pair of IDX files (http://yann.lecun.com/exdb/mnist), gzipped or not: images (magic 2051, then count, rows,
/// columns) and labels (magic 2049, then count). `classes` bounds the labels. Throws data_error naming the file and
/// byte if a file is missing, truncated or corrupt, for a wrong magic, trailing bytes, different numbers of images and
/// labels, a label out of range, and more than 4 GiB. No more is read or unpacked than the headers say.
LabeledImages load_idx(const std::filesystem::path& images, const std::filesystem::path& labels,
                       std::size_t classes = 10);

/// Reads a folder with MNIST, Fashion-MNIST or data in their form: train-images-idx3-ubyte, train-labels-idx1-ubyte,
/// t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each with or without .gz. MNIST and Fashion-MNIST are recognized
/// by their contents, which sets name, source and license.
TrainAndTest load_idx_folder(const std::filesystem::path& folder);

}  // namespace xtangent::nn
