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

/// Files in the safetensors format: the exchange with PyTorch. `safetensors.torch.save_file(net.state_dict(), file)` is
/// loaded here, and what is saved here PyTorch loads by `net.load_state_dict(safetensors.torch.load_file(file))`.
///
/// The format: the length of a header (8 bytes, little-endian), the header (JSON: name to dtype, shape and
/// data_offsets, and optionally __metadata__), then the elements of all arrays without a gap, row-major and
/// little-endian.
namespace xtangent::nn {

using ElementType = kernels::ElementType;
/// "F32", as the header names it.
const char* name(ElementType type);

/// A file in memory. Every byte of it has been checked to belong to exactly one array.
class TensorFile {
 public:
  struct Entry {
    std::string name;
    ElementType type = ElementType::f32;
    Shape shape;
    std::size_t begin = 0;  ///< of its elements in the file, in bytes
  };

  /// Of the contents of a file; `source` stands in messages. Throws data_error as read_safetensors does.
  TensorFile(std::vector<std::uint8_t> bytes, std::string source);

  /// In the order of their elements.
  const std::vector<Entry>& entries() const { return entries_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::string& source() const { return source_; }
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// Throws data_error listing near names.
  const Entry& entry(std::string_view name) const;

  /// An array as T, converted from any type. Throws data_error for an unknown name, and for elements that T does not
  /// hold: finite ones that would become infinite, whole ones above 2^24 (float) or 2^53 (double).
  template <class T>
  Array<T> get(std::string_view name) const;
  /// Whole numbers and truth values. Throws data_error for an unknown name or a floating type.
  std::vector<std::int64_t> integers(std::string_view name) const;

 private:
  const Entry* find(std::string_view name) const;

  std::vector<std::uint8_t> bytes_;
  std::string source_;
  std::vector<Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

/// Throws data_error naming file and byte: missing, truncated, a header that is longer than the file or above 100 MB,
/// no JSON, a name twice, an unknown type, more than 8 axes, offsets that overlap, leave a gap or do not fit type and
/// shape, trailing bytes. Cost: one pass over the header, none over the elements.
TensorFile read_safetensors(const std::filesystem::path& file);

template <class T>
struct NamedArray {
  std::string name;
  Array<T> value;
  std::optional<ElementType> type = {};  ///< in the file; none: that of the options
};

struct SaveOptions {
  /// In the file, floating types rounded to nearest; none: F32 for float, F64 for double.
  std::optional<ElementType> type = {};
  std::map<std::string, std::string> metadata = {};
  /// For save_parameters: arrays that stand in several places under all of their names, as load_state_dict expects
  /// them; false: under the first, as safetensors.torch.load_model does.
  bool all_names = true;
};

/// Writes arrays in this order, whole or not at all. Throws data_error for a name given twice or reserved
/// (__metadata__), a type that is not floating, a finite element that the type cannot hold, and with the system's
/// reason when the file cannot be written.
template <class T>
void write_safetensors(const std::filesystem::path& file, const std::vector<NamedArray<T>>& arrays,
                       const SaveOptions& options = {});

struct LoadOptions {
  /// Arrays of the file that the network does not have are passed over instead of refused. Those named
  /// num_batches_tracked, which PyTorch counts and nothing depends on, always are.
  bool ignore_extra = false;
  /// Arrays of the network that the file does not have stay as they are.
  bool ignore_missing = false;
};

/// `params` with parameters and buffers replaced by those of the file, floating types converted. Throws what
/// read_safetensors throws, and parameter_error listing all that is missing, extra, misshapen or wrongly typed.
template <class T>
Parameters<T> load_parameters(Parameters<T> params, const std::filesystem::path& file, LoadOptions options = {});
/// Parameters of a network from a file: load_parameters<float>(net, "resnet18.safetensors").
template <class T>
Parameters<T> load_parameters(const ModuleBase& net, const std::filesystem::path& file, LoadOptions options = {}) {
  return load_parameters(net.init<T>(), file, options);
}
/// The same from a file in memory.
template <class T>
Parameters<T> load_parameters(Parameters<T> params, const TensorFile& file, LoadOptions options = {});

/// Writes parameters and buffers under their names; num_batches_tracked as I64, as PyTorch does. Throws what
/// write_safetensors throws.
template <class T>
void save_parameters(const Parameters<T>& params, const std::filesystem::path& file, const SaveOptions& options = {});

}  // namespace xtangent::nn
