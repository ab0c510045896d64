#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "autodiff/array.hpp"

namespace xtangent::nn {

/// Writes an array in NumPy's format 1.0 (little-endian, row-major), whole or not at all: to a temporary name beside
/// `file`, flushed, then renamed. Throws data_error with the system's reason.
template <class T>
void write_npy(const std::filesystem::path& file, const Array<T>& values);
/// Whole numbers. Throws shape_error when the sizes differ.
void write_npy(const std::filesystem::path& file, std::span<const std::int64_t> values, const Shape& shape);

/// Reads an array of T (no conversion). Row-major files of at most 8 axes, format 1.0 to 3.0.
/// Throws data_error naming file and byte: missing, no NumPy file, another element type or order, truncated, trailing
/// bytes.
template <class T>
Array<T> read_npy(const std::filesystem::path& file);

struct Int64Values {
  std::vector<std::int64_t> values;
  Shape shape;
};
Int64Values read_npy_int64(const std::filesystem::path& file);

}  // namespace xtangent::nn
