#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "autodiff/array.hpp"
#include "nn/exported/graph.hpp"

/// The arrays of an exported program, from its archive.
namespace xtangent::nn::exported {

/// An array as the archive has it.
struct StoredArray {
  Array<double> value;
  std::int64_t scalar_type = 0;
  std::string storage;  ///< where its elements lie: the same for arrays that are tied
};

/// Where the elements of an array lie in the bytes of its storage.
struct Strided {
  Shape shape;
  std::vector<std::size_t> strides;
  std::size_t offset = 0;
};
/// Reads an array from the bytes of its storage. Arrays of the same storage, offset, shape and strides count as tied.
/// Throws data_error for what lies
/// outside of the bytes, and for types of elements that are not read.
StoredArray stored_array(const Strided& strided, std::int64_t scalar_type, const std::vector<std::uint8_t>& bytes,
                         const std::string& name, const std::string& storage);

struct Archive {
  Program program;
  std::map<std::string, StoredArray> arrays;  ///< parameters, buffers and constants by their names
};

/// Throws data_error naming `source` for what is no archive of torch.export.save, and for what does not fit together.
Archive read_archive(std::vector<std::uint8_t> bytes, const std::string& source);

}  // namespace xtangent::nn::exported
