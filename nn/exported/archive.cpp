#include "nn/exported/archive.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "autodiff/kernels/convert.hpp"
#include "nn/data/zip.hpp"
#include "nn/exported/archive_files.hpp"
#include "nn/exported/json.hpp"
#include "nn/exported/state_dict.hpp"

namespace xtangent::nn::exported {
namespace {

using Json = nlohmann::json;
using kernels::ElementType;

std::optional<ElementType> element_type(std::int64_t code) {
  switch (code) {
    case 1:
      return ElementType::u8;
    case 2:
      return ElementType::i8;
    case 3:
      return ElementType::i16;
    case 4:
      return ElementType::i32;
    case 5:
      return ElementType::i64;
    case 6:
      return ElementType::f16;
    case 7:
      return ElementType::f32;
    case 8:
      return ElementType::f64;
    case 12:
      return ElementType::boolean;
    case 13:
      return ElementType::bf16;
    case 28:
      return ElementType::u16;
    default:
      return std::nullopt;
  }
}

constexpr std::size_t most_elements = std::size_t(1) << 31;

std::size_t extent(const Json& size, const std::string& name) {
  const auto value = whole<std::int64_t>(size.at("as_int"));
  if (value < 0) throw data_error("the array '" + name + "' has a negative extent or stride");
  return static_cast<std::size_t>(value);
}

Strided strided_of(const Json& meta, const std::string& name) {
  Strided out;
  for (const Json& size : meta.at("sizes")) out.shape.push_back(extent(size, name));
  for (const Json& stride : meta.at("strides")) out.strides.push_back(extent(stride, name));
  out.offset = extent(meta.at("storage_offset"), name);
  return out;
}

// The elements of an array, which may lie in its storage in any order of axes.
Array<double> elements(const Strided& strided, ElementType type, const std::vector<std::uint8_t>& bytes,
                       const std::string& name) {
  const auto& [shape, strides, offset] = strided;
  const std::size_t held = bytes.size() / kernels::bytes_of(type);
  if (strides.size() != shape.rank())
    throw data_error("the array '" + name + "' has another number of strides than axes");
  std::size_t last = offset, count = 1;
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    // An axis of stride 0 repeats the same elements, so the file does not bound how many there are.
    if (shape[axis] != 0 && count > most_elements / shape[axis])
      throw data_error("the array '" + name + "' has more than 2^31 elements");
    count *= shape[axis];
    if (shape[axis] > 1) {
      if (strides[axis] > held) throw data_error("the array '" + name + "' lies outside of its file");
      last += (shape[axis] - 1) * strides[axis];
    }
  }
  if (count > 0 && last >= held) throw data_error("the array '" + name + "' lies outside of its file");
  std::vector<double> all(held);
  if (kernels::decode(type, bytes.data(), held, all.data()) < held)
    throw data_error("the array '" + name + "' has elements that a double cannot hold");
  Array<double> out(shape);
  std::vector<std::size_t> index(shape.rank(), 0);
  for (std::size_t i = 0, from = offset; i < count; ++i) {
    out.mutable_data()[i] = all[from];
    for (std::size_t axis = shape.rank(); axis-- > 0;) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= shape[axis] * strides[axis];
      index[axis] = 0;
    }
  }
  return out;
}

void read_arrays(const ArchiveFiles& files, const std::string& folder, const std::string& config,
                 std::map<std::string, StoredArray>& out) {
  if (!files.contains(folder + config)) return;
  const Json json = Json::parse(files.text(folder + config));
  for (const auto& [name, entry] : json.at("config").items()) {
    const Json& meta = entry.at("tensor_meta");
    if (meta.is_null()) continue;  // an object that is no array
    if (entry.at("use_pickle").get<bool>())
      throw data_error("the array '" + name +
                       "' is stored as a Python object. Save the program without subclasses of "
                       "torch.Tensor");
    const auto code = whole<std::int64_t>(meta.at("dtype"));
    const std::string file = entry.at("path_name").get<std::string>();
    out[name] = stored_array(strided_of(meta, name), code, files.bytes(folder + file), name, folder + file);
  }
}

// PyTorch 2.6 and 2.7 keep the arrays as torch.save writes dictionaries, and so do some later files.
void read_dictionary(const ArchiveFiles& files, const std::string& file, const std::string& source,
                     std::map<std::string, StoredArray>& out) {
  if (!files.contains(file)) return;
  try {
    for (auto& [name, array] : read_state_dict(files.bytes(file), source + ", " + file)) {
      array.storage = file + "/" + array.storage;
      out[name] = std::move(array);
    }
  } catch (const data_error& e) {
    const std::string what = e.what();
    if (what.starts_with("[")) throw;  // it names the file
    throw data_error(file + ": " + what);
  }
}

Archive read(const ArchiveFiles& files, const std::string& source) {
  files.require_little_endian();
  const char* former = "serialized_exported_program.json";
  if (files.contains(former)) {
    Archive out{parse_program(files.text(former), source), {}};
    read_dictionary(files, "serialized_state_dict.pt", source, out.arrays);
    read_dictionary(files, "serialized_constants.pt", source, out.arrays);
    return out;
  }
  if (!files.contains("models/model.json")) throw data_error("it has no models/model.json, the graph of a program");
  Archive out{parse_program(files.text("models/model.json"), source), {}};
  read_dictionary(files, "data/weights/model.pt", source, out.arrays);
  read_dictionary(files, "data/constants/model.pt", source, out.arrays);
  read_arrays(files, "data/weights/", "model_weights_config.json", out.arrays);
  read_arrays(files, "data/constants/", "model_constants_config.json", out.arrays);
  return out;
}

}  // namespace

StoredArray stored_array(const Strided& strided, std::int64_t scalar_type, const std::vector<std::uint8_t>& bytes,
                         const std::string& name, const std::string& storage) {
  const auto type = element_type(scalar_type);
  if (!type) {
    kind_of(scalar_type, "the array '" + name + "'");
    throw data_error("the array '" + name + "' is of type " + type_name(scalar_type));
  }
  std::string place = storage + " " + std::to_string(strided.offset) + to_string(strided.shape);
  for (std::size_t stride : strided.strides) place.append(" ").append(std::to_string(stride));
  return {elements(strided, *type, bytes, name), scalar_type, place};
}

Archive read_archive(std::vector<std::uint8_t> bytes, const std::string& source) {
  const ZipArchive archive(std::move(bytes), source);
  try {
    return read(ArchiveFiles(archive), source);
  } catch (const nlohmann::json::exception& e) {
    throw data_error("[load_exported] " + source + ": the list of its arrays cannot be read: " + e.what() + ".");
  } catch (const data_error& e) {
    const std::string what = e.what();
    throw data_error(what.starts_with("[") ? what
                                           : "[load_exported] " + source + ": " + what +
                                                 ". Files of this kind come from torch.export.save.");
  }
}

}  // namespace xtangent::nn::exported
