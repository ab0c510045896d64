#include "nn/data/npy.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "autodiff/kernels/convert.hpp"
#include "nn/data/file.hpp"
#include "nn/parameters.hpp"

static_assert(std::endian::native == std::endian::little, "npy files are read and written as they lie in memory");

namespace xtangent::nn {
namespace {

namespace fs = std::filesystem;
using kernels::ElementType;

constexpr std::string_view magic("\x93NUMPY", 6);
// The magic, the format and the length of the header, which is wider from format 2 on.
constexpr std::size_t prefix_bytes = 10, wide_prefix_bytes = 12;
constexpr std::size_t longest_header = std::size_t(1) << 20;

// NumPy's names of element types, with '|' where the order of bytes has no meaning.
constexpr std::array<std::pair<const char*, ElementType>, 12> types = {{{"|b1", ElementType::boolean},
                                                                        {"|u1", ElementType::u8},
                                                                        {"|i1", ElementType::i8},
                                                                        {"<u2", ElementType::u16},
                                                                        {"<i2", ElementType::i16},
                                                                        {"<u4", ElementType::u32},
                                                                        {"<i4", ElementType::i32},
                                                                        {"<u8", ElementType::u64},
                                                                        {"<i8", ElementType::i64},
                                                                        {"<f2", ElementType::f16},
                                                                        {"<f4", ElementType::f32},
                                                                        {"<f8", ElementType::f64}}};

template <class T>
constexpr ElementType type_of = std::is_same_v<T, float>    ? ElementType::f32
                                : std::is_same_v<T, double> ? ElementType::f64
                                                            : ElementType::i64;

const char* descriptor(ElementType type) {
  return std::find_if(types.begin(), types.end(), [&](const auto& known) { return known.second == type; })->first;
}

std::string header(const char* type, const Shape& shape) {
  std::string text =
      std::string("{'descr': '") + type + "', 'fortran_order': False, 'shape': " + to_string(shape) + ", }";
  const std::size_t unpadded = magic.size() + 4 + text.size() + 1;
  text.append((64 - unpadded % 64) % 64, ' ');
  text += '\n';
  std::string out(magic);
  out += {'\x01', '\x00', static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return out + text;
}

void write(const fs::path& file, ElementType type, const Shape& shape, const void* data, std::size_t bytes) {
  const std::string head = header(descriptor(type), shape);
  write_file(file, {head, {static_cast<const char*>(data), bytes}});
}

std::string quoted(std::string_view text) {
  std::string out(1, '\'');
  out += text;
  return out += '\'';
}

[[noreturn]] void fail(const std::string& file, std::size_t byte, const std::string& what) {
  throw data_error("[read_npy] " + file + ": byte " + std::to_string(byte) + ": " + what);
}

// The Python dictionary in the header, read by key. NumPy writes exactly these three keys.
struct Header {
  const std::string& file;
  std::string_view text;
  std::size_t begin;

  // The text behind `'key':`.
  std::string_view after(std::string_view key) const {
    const std::string sought = quoted(key) + ":";
    const std::size_t at = text.find(sought);
    if (at == std::string_view::npos) fail(file, begin, "the header has no " + sought);
    std::string_view rest = text.substr(at + sought.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    return rest;
  }

  // The quoted text behind 'descr'.
  std::string_view descriptor() const {
    std::string_view rest = after("descr");
    if (rest.empty() || rest[0] != '\'' || rest.find('\'', 1) == std::string_view::npos)
      fail(file, begin, "the elements have fields, or no type.");
    return rest.substr(1, rest.find('\'', 1) - 1);
  }

  Shape shape() const {
    std::string_view rest = after("shape");
    const std::size_t close = rest.find(')');
    if (rest.empty() || rest[0] != '(' || close == std::string_view::npos) fail(file, begin, "the shape is no tuple.");
    rest = rest.substr(1, close - 1);
    Shape out;
    while (true) {
      rest.remove_prefix(std::min(rest.find_first_not_of(", "), rest.size()));
      if (rest.empty()) return out;
      std::size_t extent = 0;
      const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), extent);
      if (code != std::errc() || out.rank() == Shape::max_rank)
        fail(file, begin, "the shape holds no extents, or more than 8.");
      out.push_back(extent);
      rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    }
  }
};

[[noreturn]] void wrong_type(const std::string& file, std::string_view found, const std::string& wanted) {
  fail(file, magic.size() + 4, "the elements are " + quoted(found) + ", not " + wanted + ".");
}

// Where the header ends, as far as the bytes say: ask again with as many as that. Throws unless a NumPy file begins so.
std::size_t header_end(std::span<const std::uint8_t> bytes, const std::string& file) {
  if (bytes.size() < prefix_bytes) return prefix_bytes;
  if (std::memcmp(bytes.data(), magic.data(), magic.size()) != 0) fail(file, 0, "this is not a NumPy file.");
  if (bytes[6] < 1 || bytes[6] > 3) fail(file, 6, "format " + std::to_string(bytes[6]) + " is not known.");
  std::size_t length = bytes[8] | std::size_t(bytes[9]) << 8;
  if (bytes[6] == 1) return prefix_bytes + length;
  if (bytes.size() < wide_prefix_bytes) return wide_prefix_bytes;
  length |= std::size_t(bytes[10]) << 16 | std::size_t(bytes[11]) << 24;
  if (length > longest_header)
    fail(file, 8,
         "a header of " + std::to_string(length) + " bytes; at most " + std::to_string(longest_header) +
             " are allowed.");
  return wide_prefix_bytes + length;
}

// What the header says of the elements.
struct Contents {
  ElementType type;
  Shape shape;
  std::size_t bytes;
};

Contents contents_of(std::span<const std::uint8_t> bytes, const std::string& file) {
  const std::size_t prefix = bytes[6] == 1 ? prefix_bytes : wide_prefix_bytes, end = header_end(bytes, file);
  const Header head{file, {reinterpret_cast<const char*>(bytes.data()) + prefix, end - prefix}, prefix};
  const std::string_view described = head.descriptor();
  const auto known =
      std::find_if(types.begin(), types.end(), [&](const auto& type) { return described == type.first; });
  if (known == types.end()) wrong_type(file, described, "little-endian numbers");
  if (!head.after("fortran_order").starts_with("False"))
    fail(file, prefix, "the array is in Fortran order. Save numpy.ascontiguousarray(a).");
  Contents out{known->second, head.shape(), kernels::bytes_of(known->second)};
  for (std::size_t extent : out.shape)
    if (__builtin_mul_overflow(out.bytes, extent, &out.bytes)) fail(file, prefix, "the extents are too large.");
  if (out.bytes > std::size_t(-1) - end) fail(file, prefix, "the extents are too large.");
  return out;
}

// Reads the array of a file unless check(its element type) throws.
template <class Check>
NpyFile read_checked(const fs::path& file, const Check& check) {
  const std::string name = file.string();
  const auto size = [&](std::span<const std::uint8_t> beginning) {
    const std::size_t end = header_end(beginning, name);
    if (beginning.size() < end) return end;
    const Contents said = contents_of(beginning, name);
    check(said.type);
    return end + said.bytes;
  };
  return NpyFile(read_file(file, size), name);
}

// Reads a large file that holds T as it lies in memory directly into an array. For all other files the result is
// undefined, and the general way reads or refuses them.
template <class T>
Array<T> read_in_place(const fs::path& file) {
  constexpr std::size_t large = std::size_t{1} << 20, most_header = 4096;
  const PartReader parts(file);
  std::vector<std::uint8_t> beginning(most_header);
  if (parts.size() < large || !parts.read(0, most_header, beginning.data()) ||
      std::memcmp(beginning.data(), magic.data(), magic.size()) != 0)
    return {};
  const std::size_t end = header_end(beginning, file.string());
  if (end > most_header) return {};
  const Contents said = contents_of(beginning, file.string());
  if (said.type != type_of<T> || end + said.bytes != parts.size()) return {};
  Array<T> out(said.shape);
  return parts.read(end, said.bytes, out.mutable_data()) ? out : Array<T>();
}

template <class T>
NpyFile read_as(const fs::path& file) {
  return read_checked(file, [&](ElementType type) {
    if (type != type_of<T>) wrong_type(file.string(), descriptor(type), quoted(descriptor(type_of<T>)));
  });
}

}  // namespace

NpyFile::NpyFile(std::vector<std::uint8_t> contents, std::string source)
    : bytes_(std::move(contents)), source_(std::move(source)) {
  const std::size_t end = header_end(bytes_, source_);
  if (bytes_.size() < end)
    fail(source_, bytes_.size() < prefix_bytes ? 0 : bytes_.size(),
         bytes_.size() < prefix_bytes ? "this is not a NumPy file." : "the header is truncated.");
  const Contents said = contents_of(bytes_, source_);
  begin_ = end;
  type_ = said.type;
  shape_ = said.shape;
  const std::size_t present = bytes_.size() - begin_;
  if (present < said.bytes)
    fail(source_, bytes_.size(),
         "truncated, " + std::to_string(said.bytes) + " bytes of elements expected and " + std::to_string(present) +
             " present.");
  if (present > said.bytes)
    fail(source_, begin_ + said.bytes, std::to_string(present - said.bytes) + " trailing bytes.");
}

template <class T>
Array<T> NpyFile::get() const {
  Array<T> out(shape_);
  const std::size_t done = kernels::decode(type_, bytes_.data() + begin_, out.size(), out.mutable_data());
  if (done != out.size())
    fail(source_, begin_ + done * kernels::bytes_of(type_), "element " + std::to_string(done) + " is out of range.");
  return out;
}

Int64Values NpyFile::integers() const {
  if (kernels::is_floating(type_)) wrong_type(source_, descriptor(type_), "whole numbers");
  Int64Values out{std::vector<std::int64_t>(shape_.size()), shape_};
  const std::size_t done =
      kernels::decode_integers(type_, bytes_.data() + begin_, out.values.size(), out.values.data());
  if (done != out.values.size())
    fail(source_, begin_ + done * kernels::bytes_of(type_), "element " + std::to_string(done) + " is out of range.");
  return out;
}

template <class T>
void write_npy(const fs::path& file, const Array<T>& values) {
  write(file, type_of<T>, values.shape(), values.data(), values.bytes());
}

template <class T>
void write_npy(const fs::path& file, const Shape& shape, const std::function<Array<T>()>& next) {
  const std::string head = header(descriptor(type_of<T>), shape);
  std::size_t left = shape.size();
  bool begun = false;
  Array<T> part;  // must live until it is written
  write_file_in_parts(file, [&]() -> std::string_view {
    if (!begun) {
      begun = true;
      return head;
    }
    if (left == 0) return {};
    part = next();
    if (part.size() == 0 || part.size() > left)
      throw shape_error("[write_npy] a part of " + std::to_string(part.size()) + " elements where " +
                        std::to_string(left) + " of " + to_string(shape) + " are to come.");
    left -= part.size();
    return {reinterpret_cast<const char*>(part.data()), part.bytes()};
  });
}

template <class T>
bool write_npy_in_any_order(const fs::path& file, const Shape& shape,
                            const std::function<void(const PutElements<T>&)>& fill) {
  const std::string head = header(descriptor(type_of<T>), shape);
  return write_file_in_any_order(file, head.size() + shape.size() * sizeof(T), [&](const PutAt& put) {
    put(0, head);
    fill([&](std::size_t first, std::span<const T> values) {
      put(head.size() + first * sizeof(T), {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
    });
  });
}

void write_npy(const fs::path& file, std::span<const std::int64_t> values, const Shape& shape) {
  if (shape.size() != values.size())
    throw shape_error("[write_npy] " + std::to_string(values.size()) + " values for shape " + to_string(shape) + ".");
  write(file, ElementType::i64, shape, values.data(), values.size_bytes());
}

template <class T>
Array<T> read_npy(const fs::path& file) {
  if (Array<T> whole = read_in_place<T>(file); whole.defined()) return whole;
  return read_as<T>(file).template get<T>();
}

NpyFile read_npy_file(const fs::path& file) {
  return read_checked(file, [](ElementType) {});
}

Int64Values read_npy_int64(const fs::path& file) { return read_as<std::int64_t>(file).integers(); }

NpzFile::NpzFile(std::vector<std::uint8_t> bytes, std::string source) : archive_(std::move(bytes), std::move(source)) {
  for (const ZipArchive::Entry& entry : archive_.entries())
    if (entry.name.ends_with(".npy")) names_.push_back(entry.name.substr(0, entry.name.size() - 4));
}

bool NpzFile::contains(std::string_view name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

NpyFile NpzFile::array(std::string_view name) const {
  for (const ZipArchive::Entry& entry : archive_.entries()) {
    if (!entry.name.ends_with(".npy") || entry.name.size() - 4 != name.size() || !entry.name.starts_with(name))
      continue;
    const std::string source = archive_.source() + "/" + entry.name;
    // The header comes first, so that a few bytes are not unpacked to gigabytes which the header does not speak of.
    std::vector<std::uint8_t> beginning;
    for (std::size_t end; beginning.size() < (end = header_end(beginning, source));) {
      if (end > entry.unpacked) return NpyFile(archive_.unpack(entry), source);  // which says that it is cut off
      beginning = archive_.unpack(entry, end);
    }
    const std::size_t said = beginning.size() + contents_of(beginning, source).bytes;
    if (said != entry.unpacked)
      fail(source, 0,
           "the header says " + std::to_string(said) + " bytes, the archive " + std::to_string(entry.unpacked) + ".");
    return NpyFile(archive_.unpack(entry), source);
  }
  throw data_error("[read_npz] " + archive_.source() + " has no array " + near_names(name, names_));
}

NpzFile read_npz(const fs::path& file) { return NpzFile(read_raw_file(file), file.string()); }

template void write_npy(const fs::path&, const Array<float>&);
template void write_npy(const fs::path&, const Array<double>&);
template void write_npy(const fs::path&, const Shape&, const std::function<Array<float>()>&);
template void write_npy(const fs::path&, const Shape&, const std::function<Array<double>()>&);
template bool write_npy_in_any_order(const fs::path&, const Shape&,
                                     const std::function<void(const PutElements<float>&)>&);
template bool write_npy_in_any_order(const fs::path&, const Shape&,
                                     const std::function<void(const PutElements<double>&)>&);
template Array<float> read_npy(const fs::path&);
template Array<double> read_npy(const fs::path&);
template Array<float> NpyFile::get() const;
template Array<double> NpyFile::get() const;

}  // namespace xtangent::nn
