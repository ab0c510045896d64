#pragma once

#include <filesystem>

#include "nn/data/images.hpp"

/// CIFAR-10 and CIFAR-100.
namespace xtangent::nn {

enum class CifarLabels {
  ten,             ///< CIFAR-10: the only byte of label, 10 classes
  hundred,         ///< CIFAR-100: the second of two bytes, 100 classes
  hundred_coarse,  ///< CIFAR-100: the first of two bytes, 20 superclasses
};

/// Reads one file of the binary version of CIFAR-10 or CIFAR-100 (A. Krizhevsky, 2009), gzipped or not: records of the
/// label bytes and 3 planes of 32 x 32 bytes, red, green and blue. Throws data_error naming the file and byte if the
/// file is missing or corrupt, has no records or more than 512 MiB of them, and for a record that is cut off or a label
/// out of range.
LabeledImages load_cifar(const std::filesystem::path& file, CifarLabels labels = CifarLabels::ten);

/// Reads a folder of such files, each with or without .gz: data_batch_1.bin to data_batch_5.bin and test_batch.bin
/// (CIFAR-10), or train.bin and test.bin (CIFAR-100; with `coarse` the labels are the superclasses).
TrainAndTest load_cifar_folder(const std::filesystem::path& folder, bool coarse = false);

}  // namespace xtangent::nn
