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

/// Files in the formats of NumPy, .npy and .npz.
namespace xtangent::nn {

/// Writes an array in NumPy's format 1.0 (little-endian, row-major). The file is written to a temporary name, flushed
/// and renamed, so it appears whole or not at all. Throws data_error with the system's reason.
template <class T>
void write_npy(const std::filesystem::path& file, const Array<T>& values);
/// The same for arrays larger than the memory: `next` makes the elements in parts, in order, until there are as many as
/// the shape has. Throws shape_error when a part is empty or too large.
template <class T>
void write_npy(const std::filesystem::path& file, const Shape& shape, const std::function<Array<T>()>& next);
/// Puts elements at a place of an array, counted from its first element.
template <class T>
using PutElements = std::function<void(std::size_t first, std::span<const T> values)>;
/// The same in any order: `fill` puts all elements. Returns false, without a call of `fill`, for what takes bytes in
/// their order only, as FIFOs do.
template <class T>
bool write_npy_in_any_order(const std::filesystem::path& file, const Shape& shape,
                            const std::function<void(const PutElements<T>&)>& fill);
/// Writes whole numbers. Throws shape_error when `values` do not have the size of the shape.
void write_npy(const std::filesystem::path& file, std::span<const std::int64_t> values, const Shape& shape);

/// Reads an array of T, without conversion, from a row-major file of format 1.0 to 3.0 with at most 8 axes, gzipped or
/// not. Throws data_error naming file and byte if the file is missing or no NumPy file, has another element type or
/// order, a header of more than 1 MiB, is truncated, or has trailing bytes. No more is read or unpacked than the header
/// says.
template <class T>
Array<T> read_npy(const std::filesystem::path& file);

struct Int64Values {
  std::vector<std::int64_t> values;
  Shape shape;
};
Int64Values read_npy_int64(const std::filesystem::path& file);

/// A NumPy file in memory. Its elements may be truth values, whole numbers, or floating numbers of 2, 4 or 8 bytes.
class NpyFile {
 public:
  /// Parses the contents of a file; messages name it as `source`. Throws data_error as read_npy does.
  NpyFile(std::vector<std::uint8_t> bytes, std::string source);

  kernels::ElementType type() const { return type_; }
  const Shape& shape() const { return shape_; }
  /// The elements as T. Throws data_error for elements that T cannot hold: finite ones that would become infinite,
  /// whole ones above 2^24 (float) or 2^53 (double).
  template <class T>
  Array<T> get() const;
  /// The elements as whole numbers, for whole numbers and truth values. Throws data_error for a floating type.
  Int64Values integers() const;

 private:
  std::vector<std::uint8_t> bytes_;
  std::string source_;
  std::size_t begin_ = 0;  // offset of the elements
  kernels::ElementType type_ = kernels::ElementType::f32;
  Shape shape_;
};

/// Reads an array of any element type. Throws as read_npy does. No more is read or unpacked than the header says.
NpyFile read_npy_file(const std::filesystem::path& file);

/// A file of numpy.savez or numpy.savez_compressed in memory. Each array is unpacked when it is asked for.
class NpzFile {
 public:
  /// Throws data_error as read_npz does.
  NpzFile(std::vector<std::uint8_t> bytes, std::string source);

  /// The names of the arrays, in the order of the file.
  const std::vector<std::string>& names() const { return names_; }
  bool contains(std::string_view name) const;
  /// The array with this name. Throws data_error for an unknown name, listing similar ones, for an array that is
  /// corrupt, and before it is unpacked where its header says another size than the archive.
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

/// Reads a file into memory. Throws data_error naming file and byte if it is missing, no ZIP archive, truncated, or
/// packed in an unknown way, and for what is no regular file.
NpzFile read_npz(const std::filesystem::path& file);

}  // namespace xtangent::nn
