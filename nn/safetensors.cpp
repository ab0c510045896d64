#include "nn/safetensors.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <tuple>
#include <utility>

#include "autodiff/kernels/convert.hpp"
#include "nn/data/file.hpp"
#include "nn/shown_name.hpp"

namespace xtangent::nn {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Entry = TensorFile::Entry;

constexpr std::size_t length_bytes = 8, largest_header = 100'000'000;
constexpr const char* metadata_key = "__metadata__";
constexpr std::array<std::pair<const char*, ElementType>, 13> types = {{{"BOOL", ElementType::boolean},
                                                                        {"U8", ElementType::u8},
                                                                        {"I8", ElementType::i8},
                                                                        {"U16", ElementType::u16},
                                                                        {"I16", ElementType::i16},
                                                                        {"U32", ElementType::u32},
                                                                        {"I32", ElementType::i32},
                                                                        {"U64", ElementType::u64},
                                                                        {"I64", ElementType::i64},
                                                                        {"F16", ElementType::f16},
                                                                        {"BF16", ElementType::bf16},
                                                                        {"F32", ElementType::f32},
                                                                        {"F64", ElementType::f64}}};

// The header of one file while it is read.
class Header {
 public:
  // `bytes` may be the beginning of the file.
  Header(std::span<const std::uint8_t> bytes, const std::string& source) : bytes_(bytes), source_(source) {
    if (bytes.size() < length_bytes)
      fail(0, "not a safetensors file: " + std::to_string(bytes.size()) + " bytes cannot hold the length of a header.");
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), length_bytes);
    if (length > largest_header)
      fail(0, "a header of " + std::to_string(length) + " bytes; at most " + std::to_string(largest_header) +
                  " are allowed. Is this a safetensors file?");
    data_ = length_bytes + static_cast<std::size_t>(length);
    if (length == 0 || (bytes.size() > length_bytes && bytes[length_bytes] != '{'))
      fail(length_bytes, "the header does not begin with '{'.");
  }

  // Where the elements begin.
  std::size_t data() const { return data_; }
  void require_whole() const {
    if (bytes_.size() < data_)
      fail(bytes_.size(), "truncated: the header should have " + std::to_string(data_ - length_bytes) + " bytes.");
  }

  // Reads the JSON and hands each array to `on_entry`, the metadata to `on_metadata`.
  template <class OnEntry, class OnMetadata>
  void read(OnEntry&& on_entry, OnMetadata&& on_metadata) const {
    const Json header = json();
    for (const auto& [key, value] : header.items()) {
      if (key == metadata_key) {
        if (!value.is_object()) fail(length_bytes, "__metadata__ is not an object.");
        for (const auto& [name, text] : value.items()) {
          if (!text.is_string()) fail(length_bytes, "__metadata__ " + shown(name) + " is no string.");
          on_metadata(name, text.template get<std::string>());
        }
      } else {
        on_entry(key, value);
      }
    }
  }

  // The array of an entry of the header, and the end of its elements. Offsets count from the beginning of the data.
  std::pair<Entry, std::size_t> entry(const std::string& name, const Json& value) const {
    const char* const keys[] = {"dtype", "shape", "data_offsets"};
    const bool complete = value.is_object() && value.size() == 3 &&
                          std::all_of(std::begin(keys), std::end(keys), [&](auto key) { return value.contains(key); });
    if (!complete) fail(length_bytes, shown(name) + " needs dtype, shape and data_offsets, and nothing else.");
    Entry out;
    out.name = name;
    out.type = type(name, value["dtype"]);
    std::size_t bytes = kernels::bytes_of(out.type);
    for (std::size_t extent : numbers(name, "shape", value["shape"], Shape::max_rank)) {
      if (__builtin_mul_overflow(bytes, extent, &bytes)) fail(length_bytes, shown(name) + ": the shape is too large.");
      out.shape.push_back(extent);
    }
    const std::vector<std::size_t> offsets = numbers(name, "data_offsets", value["data_offsets"], 2);
    if (offsets.size() != 2 || offsets[1] < offsets[0])
      fail(length_bytes, shown(name) + ": data_offsets are not a begin and an end.");
    if (offsets[1] - offsets[0] != bytes)
      fail(length_bytes, shown(name) + ": " + nn::name(out.type) + " of shape " + to_string(out.shape) + " takes " +
                             std::to_string(bytes) + " bytes, its data_offsets say " +
                             std::to_string(offsets[1] - offsets[0]) + ".");
    out.begin = offsets[0];
    return {std::move(out), offsets[1]};
  }

  [[noreturn]] void fail(std::size_t byte, const std::string& what) const {
    throw data_error("[read_safetensors] " + source_ + ": byte " + std::to_string(byte) + ": " + what);
  }

 private:
  Json json() const {
    const auto first = bytes_.begin() + length_bytes, last = bytes_.begin() + static_cast<std::ptrdiff_t>(data_);
    std::vector<std::set<std::string>> keys;  // the keys so far of each JSON object that is still open
    const auto watch = [&](int depth, Json::parse_event_t event, const Json& parsed) {
      if (depth > 3) fail(length_bytes, "the header is nested too deeply.");
      if (event == Json::parse_event_t::object_start) keys.emplace_back();
      if (event == Json::parse_event_t::object_end) keys.pop_back();
      if (event == Json::parse_event_t::key && !keys.back().insert(parsed.template get<std::string>()).second)
        fail(length_bytes, "the header has the name " + shown(parsed.template get<std::string>()) + " twice.");
      return true;
    };
    try {
      return Json::parse(first, last, watch);
    } catch (const Json::parse_error& error) {
      fail(length_bytes + (error.byte ? error.byte - 1 : 0), "the header is not valid JSON.");
    } catch (const Json::exception&) {
      fail(length_bytes, "the header is not valid JSON: a number is out of range.");
    }
  }

  ElementType type(const std::string& name, const Json& value) const {
    const std::string text = value.is_string() ? value.get<std::string>() : "";
    for (const auto& [known, type] : types)
      if (text == known) return type;
    fail(length_bytes, shown(name) + ": the dtype " + shown(text) + " is not known.");
  }

  std::vector<std::size_t> numbers(const std::string& name, const char* key, const Json& value,
                                   std::size_t most) const {
    const bool whole = value.is_array() &&
                       std::all_of(value.begin(), value.end(), [](const Json& n) { return n.is_number_unsigned(); });
    if (!whole) fail(length_bytes, shown(name) + ": " + key + " is no list of whole numbers.");
    if (value.size() > most)
      fail(length_bytes, shown(name) + ": " + key + " has " + std::to_string(value.size()) + " numbers; at most " +
                             std::to_string(most) + " are possible.");
    return value.get<std::vector<std::size_t>>();
  }

  std::span<const std::uint8_t> bytes_;
  const std::string& source_;
  std::size_t data_ = 0;
};

template <class T>
constexpr ElementType type_of = sizeof(T) == 4 ? ElementType::f32 : ElementType::f64;

std::string header_text(const std::string& json) {
  std::string text = json;
  text.append((length_bytes - text.size() % length_bytes) % length_bytes, ' ');  // so that the elements begin aligned
  const std::uint64_t length = text.size();
  std::string out(length_bytes, '\0');
  std::memcpy(out.data(), &length, length_bytes);
  return out + text;
}

}  // namespace

const char* name(ElementType type) {
  return std::find_if(types.begin(), types.end(), [&](const auto& known) { return known.second == type; })->first;
}

TensorFile::TensorFile(std::vector<std::uint8_t> bytes, std::string source)
    : bytes_(std::move(bytes)), source_(std::move(source)) {
  const Header header(bytes_, source_);
  header.require_whole();
  std::vector<std::pair<Entry, std::size_t>> found;
  header.read([&](const std::string& key, const Json& value) { found.push_back(header.entry(key, value)); },
              [&](const std::string& key, std::string text) { metadata_.emplace(key, std::move(text)); });
  // An empty array comes before an array that begins at the same offset.
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first.begin, a.second, a.first.name) < std::tie(b.first.begin, b.second, b.first.name);
  });
  std::size_t position = 0;
  const std::size_t size = bytes_.size() - header.data();
  for (auto& [entry, end] : found) {
    const auto at = header.data() + std::min(position, size);
    if (entry.begin > position)
      header.fail(
          at, std::to_string(entry.begin - position) + " bytes before " + shown(entry.name) + " belong to no array.");
    if (entry.begin < position) header.fail(at, shown(entry.name) + " overlaps the array before it.");
    if (end > size)
      header.fail(bytes_.size(), "truncated: " + shown(entry.name) + " ends " + std::to_string(end - size) +
                                     " bytes beyond the file.");
    position = end;
    entry.begin += header.data();
    entries_.push_back(std::move(entry));
  }
  if (position != size)
    header.fail(header.data() + position, std::to_string(size - position) + " trailing bytes belong to no array.");
}

const Entry* TensorFile::find(std::string_view name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

const Entry& TensorFile::entry(std::string_view name) const {
  if (const Entry* found = find(name)) return *found;
  std::vector<std::string> names;
  for (const Entry& e : entries_) names.push_back(e.name);
  throw data_error("[safetensors] " + source_ + " has no array " + near_names(name, names));
}

template <class T>
Array<T> TensorFile::get(std::string_view name) const {
  const Entry& e = entry(name);
  Array<T> out(e.shape);
  const std::size_t done = kernels::decode(e.type, bytes_.data() + e.begin, out.size(), out.mutable_data());
  if (done != out.size())
    throw data_error("[safetensors] " + source_ + ": element " + std::to_string(done) + " of " + shown(e.name) + ", " +
                     nn::name(e.type) + ", is out of range.");
  return out;
}

std::vector<std::int64_t> TensorFile::integers(std::string_view name) const {
  const Entry& e = entry(name);
  if (kernels::is_floating(e.type))
    throw data_error("[safetensors] " + source_ + ": " + shown(e.name) + " is " + nn::name(e.type) +
                     ", not whole numbers.");
  std::vector<std::int64_t> out(e.shape.size());
  const std::size_t done = kernels::decode_integers(e.type, bytes_.data() + e.begin, out.size(), out.data());
  if (done != out.size())
    throw data_error("[safetensors] " + source_ + ": element " + std::to_string(done) + " of " + shown(e.name) +
                     " is out of range.");
  return out;
}

TensorFile read_safetensors(const fs::path& file) {
  const std::string name = file.string();
  const auto size = [&](std::span<const std::uint8_t> beginning) -> std::size_t {
    if (beginning.size() <= length_bytes) return length_bytes + 1;
    const Header header(beginning, name);
    if (beginning.size() < header.data()) return header.data();
    std::size_t end = 0;
    header.read(
        [&](const std::string& key, const Json& value) { end = std::max(end, header.entry(key, value).second); },
        [](const std::string&, const std::string&) {});
    if (end > std::numeric_limits<std::size_t>::max() - header.data())
      header.fail(length_bytes, "the arrays are too large.");
    return header.data() + end;
  };
  return TensorFile(read_raw_file(file, size), name);
}

namespace {

// Calls use(parts) with the bytes of a file of these arrays, one part after the other. Messages name it as `source`.
template <class T, class Use>
void with_parts(const std::string& source, const std::vector<NamedArray<T>>& arrays, const SaveOptions& options,
                const Use& use) {
  const auto fail = [&](const std::string& what) { throw data_error("[write_safetensors] " + source + ": " + what); };
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!options.metadata.empty()) header[metadata_key] = options.metadata;
  std::vector<std::vector<std::uint8_t>> converted;
  std::vector<std::string_view> parts(1);  // parts[0] is the place of the header, which is made last
  std::set<std::string_view> names;
  std::size_t position = 0;
  for (const NamedArray<T>& array : arrays) {
    if (!names.insert(array.name).second || array.name == metadata_key)
      fail("the name " + shown(array.name) + " is given twice or reserved.");
    const ElementType type = array.type.value_or(options.type.value_or(type_of<T>));
    const std::size_t bytes = array.value.size() * kernels::bytes_of(type), end = position + bytes;
    header[array.name] = {{"dtype", name(type)},
                          {"shape", std::vector<std::size_t>(array.value.shape().begin(), array.value.shape().end())},
                          {"data_offsets", {position, end}}};
    const void* data = array.value.data();
    if (type != type_of<T>) {
      auto& target = converted.emplace_back(bytes);
      const std::size_t done = kernels::encode(type, array.value.data(), array.value.size(), target.data());
      if (done != array.value.size())
        fail("element " + std::to_string(done) + " of " + shown(array.name) + " is out of range of " + name(type) +
             ".");
      data = target.data();
    }
    parts.emplace_back(static_cast<const char*>(data), bytes);
    position = end;
  }
  std::string text;
  try {
    text = header_text(header.dump());
  } catch (const Json::exception&) {
    fail("a name or the metadata is no UTF-8.");
  }
  parts[0] = text;
  use(parts);
}

}  // namespace

template <class T>
void write_safetensors(const fs::path& file, const std::vector<NamedArray<T>>& arrays, const SaveOptions& options) {
  with_parts(file.string(), arrays, options,
             [&](const std::vector<std::string_view>& parts) { write_file(file, parts); });
}

template <class T>
TensorFile tensor_file(const std::vector<NamedArray<T>>& arrays, std::string source, const SaveOptions& options) {
  std::vector<std::uint8_t> bytes;
  with_parts(source, arrays, options, [&](const std::vector<std::string_view>& parts) {
    for (std::string_view part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
  });
  return TensorFile(std::move(bytes), std::move(source));
}

#define XTANGENT_INSTANTIATE(T)                                                                            \
  template Array<T> TensorFile::get(std::string_view) const;                                               \
  template void write_safetensors(const fs::path&, const std::vector<NamedArray<T>>&, const SaveOptions&); \
  template TensorFile tensor_file(const std::vector<NamedArray<T>>&, std::string, const SaveOptions&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
