#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "autodiff/array.hpp"
#include "autodiff/kernels/element_type.hpp"
#include "nn/data/zip.hpp"

/// NumPy's files.
namespace xtangent::nn {

/// Writes an array in NumPy's format 1.0 (little-endian, row-major), whole or not at all: to a temporary name beside
/// `file`, flushed, then renamed. Throws data_error with the system's reason.
template <class T>
void write_npy(const std::filesystem::path& file, const Array<T>& values);
/// The same with the elements in parts that `next` makes in order, until there are as many as the shape says: for
/// arrays larger than the memory. Throws shape_error when a part is empty or too large.
template <class T>
void write_npy(const std::filesystem::path& file, const Shape& shape, const std::function<Array<T>()>& next);
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

/// A NumPy file in memory, of any element type: truth values, whole numbers, floating numbers of 2, 4 and 8 bytes.
class NpyFile {
 public:
  /// Of the contents of a file; `source` stands in messages. Throws data_error as read_npy does.
  NpyFile(std::vector<std::uint8_t> bytes, std::string source);

  kernels::ElementType type() const { return type_; }
  const Shape& shape() const { return shape_; }
  /// The elements as T. Throws data_error for elements that T does not hold: finite ones that would become infinite,
  /// whole ones above 2^24 (float) or 2^53 (double).
  template <class T>
  Array<T> get() const;
  /// Whole numbers and truth values. Throws data_error for a floating type.
  Int64Values integers() const;

 private:
  std::vector<std::uint8_t> bytes_;
  std::string source_;
  std::size_t begin_ = 0;  // of the elements
  kernels::ElementType type_ = kernels::ElementType::f32;
  Shape shape_;
};

/// The arrays of numpy.savez and numpy.savez_compressed, in memory; each is unpacked when it is asked for.
class NpzFile {
 public:
  /// Throws data_error as read_npz does.
  NpzFile(std::vector<std::uint8_t> bytes, std::string source);

  /// In the order of the file.
  const std::vector<std::string>& names() const { return names_; }
  bool contains(std::string_view name) const;
  /// Throws data_error for an unknown name, listing near ones, and for an array that is corrupt.
  NpyFile array(std::string_view name) const;
  template <class T>
  Array<T> get(std::string_view name) const {
    return array(name).template get<T>();
  }
  Int64Values integers(std::string_view name) const { return array(name).integers(); }

 private:
  ZipArchive archive_;
  std::vector<std::string> names_;
};

/// Throws data_error naming file and byte: missing, no ZIP archive, truncated, packed in an unknown way.
NpzFile read_npz(const std::filesystem::path& file);

}  // namespace xtangent::nn
