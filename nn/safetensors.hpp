#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "autodiff/kernels/element_type.hpp"
#include "nn/module.hpp"

/// Files in the safetensors format, for exchange with PyTorch. A file written by
/// `safetensors.torch.save_file(net.state_dict(), file)` can be loaded here, and PyTorch loads a file saved here by
/// `net.load_state_dict(safetensors.torch.load_file(file))`.
///
/// The format is: the length of a header (8 bytes, little-endian); the header (JSON: from each name to dtype, shape and
/// data_offsets, and optionally __metadata__); then the elements of all arrays without a gap, row-major and
/// little-endian.
namespace xtangent::nn {

using ElementType = kernels::ElementType;
/// The name in the header, such as "F32".
const char* name(ElementType type);

/// A file in memory. It has been checked that every byte of its data belongs to exactly one array.
class TensorFile {
 public:
  struct Entry {
    std::string name;
    ElementType type = ElementType::f32;
    Shape shape;
    std::size_t begin = 0;  ///< offset of its elements in the file, in bytes
  };

  /// Parses the contents of a file; messages name it as `source`. Throws data_error as read_safetensors does.
  TensorFile(std::vector<std::uint8_t> bytes, std::string source);

  /// The arrays, in the order of their elements in the file.
  const std::vector<Entry>& entries() const { return entries_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::string& source() const { return source_; }
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// The entry with this name. Throws data_error listing names that are similar.
  const Entry& entry(std::string_view name) const;

  /// An array as T, converted from any type. Throws data_error for an unknown name, and for elements that T cannot
  /// hold: finite ones that would become infinite, whole ones above 2^24 (float) or 2^53 (double).
  template <class T>
  Array<T> get(std::string_view name) const;
  /// An array of whole numbers or truth values. Throws data_error for an unknown name or a floating type.
  std::vector<std::int64_t> integers(std::string_view name) const;

 private:
  const Entry* find(std::string_view name) const;

  std::vector<std::uint8_t> bytes_;
  std::string source_;
  std::vector<Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

/// Reads a file into memory. Throws data_error naming file and byte if the file is missing or truncated, if its header
/// is longer than the file or 100 MB or is no JSON, and for a repeated name, an unknown type, more than 8 axes, offsets
/// that overlap, leave a gap or do not fit type and shape, and trailing bytes. No more is read than the header says.
/// Cost: two passes over the header, none over the elements.
TensorFile read_safetensors(const std::filesystem::path& file);

template <class T>
struct NamedArray {
  std::string name;
  Array<T> value;
  std::optional<ElementType> type = {};  ///< type in the file; none: the type of the options
};

struct SaveOptions {
  /// The type in the file, to which elements are rounded to nearest; none: F32 for float, F64 for double.
  std::optional<ElementType> type = {};
  std::map<std::string, std::string> metadata = {};
  /// For save_parameters: arrays that are used in several places are written under all of their names, as
  /// load_state_dict expects them; if false, under the first name only, as safetensors.torch.load_model expects them.
  bool all_names = true;
};

/// Writes arrays in this order; the file appears whole or not at all. Throws data_error for a name that is given twice
/// or reserved (__metadata__), a type that is not floating, a finite element that the type cannot hold, and with the
/// system's reason when the file cannot be written.
template <class T>
void write_safetensors(const std::filesystem::path& file, const std::vector<NamedArray<T>>& arrays,
                       const SaveOptions& options = {});

/// The same as a file in memory, which messages call `source`. Throws as above. Memory: the elements once more.
template <class T>
TensorFile tensor_file(const std::vector<NamedArray<T>>& arrays, std::string source, const SaveOptions& options = {});

struct LoadOptions {
  /// Ignore arrays of the file that the network does not have, instead of refusing them. Those named
  /// num_batches_tracked, counters of PyTorch on which nothing depends, are always ignored.
  bool ignore_extra = false;
  /// Leave arrays of the network that the file does not have as they are, instead of refusing.
  bool ignore_missing = false;
};

/// Returns `params` with parameters and buffers replaced by those of the file, converted from other floating types.
/// Throws what read_safetensors throws, and parameter_error listing all arrays that are missing or extra or have a
/// wrong shape or type.
template <class T>
Parameters<T> load_parameters(Parameters<T> params, const std::filesystem::path& file, LoadOptions options = {});
/// The parameters of a network from a file: load_parameters<float>(net, "resnet18.safetensors").
template <class T>
Parameters<T> load_parameters(const ModuleBase& net, const std::filesystem::path& file, LoadOptions options = {}) {
  return load_parameters(net.init<T>(), file, options);
}
/// The same from a file in memory.
template <class T>
Parameters<T> load_parameters(Parameters<T> params, const TensorFile& file, LoadOptions options = {});

/// Writes parameters and buffers under their names, and num_batches_tracked as I64, as PyTorch does. Throws what
/// write_safetensors throws.
template <class T>
void save_parameters(const Parameters<T>& params, const std::filesystem::path& file, const SaveOptions& options = {});

}  // namespace xtangent::nn
