#pragma once

#include <filesystem>

#include "nn/data/images.hpp"

/// CIFAR-10 and CIFAR-100.
namespace xtangent::nn {

enum class CifarLabels {
  ten,             ///< CIFAR-10: one byte of label, 10 classes
  hundred,         ///< CIFAR-100: the second of two bytes, 100 classes
  hundred_coarse,  ///< CIFAR-100: the first of two bytes, 20 superclasses
};

/// One file of the binary version of CIFAR-10 or CIFAR-100 (A. Krizhevsky, 2009), gzipped or not: records of the label
/// bytes and 3 planes of 32 x 32 bytes, red, green, blue.
/// Throws data_error naming the file and byte: missing, corrupt, no records, a record that is cut off, a label out of
/// range.
LabeledImages load_cifar(const std::filesystem::path& file, CifarLabels labels = CifarLabels::ten);

/// A folder of batches, each with or without .gz: data_batch_1.bin to data_batch_5.bin and test_batch.bin (CIFAR-10),
/// or train.bin and test.bin (CIFAR-100; `coarse` for the superclasses).
TrainAndTest load_cifar_folder(const std::filesystem::path& folder, bool coarse = false);

}  // namespace xtangent::nn
