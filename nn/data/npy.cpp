#include "nn/data/npy.hpp"

#include <bit>
#include <charconv>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "nn/data/file.hpp"

static_assert(std::endian::native == std::endian::little, "npy files are read and written as they lie in memory");

namespace xtangent::nn {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view magic("\x93NUMPY", 6);

template <class T>
constexpr const char* descriptor = std::is_same_v<T, float>    ? "<f4"
                                   : std::is_same_v<T, double> ? "<f8"
                                                               : "<i8";

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

void write(const fs::path& file, const char* type, const Shape& shape, const void* data, std::size_t bytes) {
  const std::string head = header(type, shape);
  write_file(file, {head, {static_cast<const char*>(data), bytes}});
}

std::string quoted(std::string_view text) {
  std::string out(1, '\'');
  out += text;
  return out += '\'';
}

[[noreturn]] void fail(const fs::path& file, std::size_t byte, const std::string& what) {
  throw data_error("[read_npy] " + file.string() + ": byte " + std::to_string(byte) + ": " + what);
}

// The header's Python dictionary, read by key; NumPy writes exactly these three.
struct Header {
  const fs::path& file;
  std::string_view text;
  std::size_t begin;

  // What stands behind 'key': .
  std::string_view after(std::string_view key) const {
    const std::string sought = quoted(key) + ":";
    const std::size_t at = text.find(sought);
    if (at == std::string_view::npos) fail(file, begin, "the header has no " + sought);
    std::string_view rest = text.substr(at + sought.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    return rest;
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

struct Contents {
  std::vector<std::uint8_t> bytes;
  std::size_t begin = 0;  // of the elements
  Shape shape;
};

Contents read(const fs::path& file, std::string_view type, std::size_t element) {
  Contents out;
  out.bytes = read_file(file, std::size_t(-1) >> 1);
  const auto& bytes = out.bytes;
  if (bytes.size() < 10 || std::memcmp(bytes.data(), magic.data(), magic.size()) != 0)
    fail(file, 0, "this is no NumPy file.");
  const bool wide = bytes[6] >= 2;
  if (bytes[6] < 1 || bytes[6] > 3) fail(file, 6, "format " + std::to_string(bytes[6]) + " is not known.");
  const std::size_t prefix = wide ? 12 : 10;
  if (bytes.size() < prefix) fail(file, bytes.size(), "the header is truncated.");
  std::size_t length = bytes[8] | std::size_t(bytes[9]) << 8;
  if (wide) length |= std::size_t(bytes[10]) << 16 | std::size_t(bytes[11]) << 24;
  out.begin = prefix + length;
  if (bytes.size() < out.begin) fail(file, bytes.size(), "the header is truncated.");
  const Header head{file, {reinterpret_cast<const char*>(bytes.data()) + prefix, length}, prefix};
  if (const std::string_view found = head.after("descr"); !found.starts_with(quoted(type)))
    fail(file, prefix, std::string("the elements are ").append(found.substr(0, 5)) + ", not " + quoted(type) + ".");
  if (!head.after("fortran_order").starts_with("False"))
    fail(file, prefix, "the order is Fortran's. Save numpy.ascontiguousarray(a).");
  out.shape = head.shape();
  std::size_t expected = element;
  for (std::size_t extent : out.shape)
    if (__builtin_mul_overflow(expected, extent, &expected)) fail(file, prefix, "the extents are too large.");
  const std::size_t present = bytes.size() - out.begin;
  if (present < expected)
    fail(file, bytes.size(),
         "truncated, " + std::to_string(expected) + " bytes of elements announced and " + std::to_string(present) +
             " present.");
  if (present > expected) fail(file, out.begin + expected, std::to_string(present - expected) + " trailing bytes.");
  return out;
}

}  // namespace

template <class T>
void write_npy(const fs::path& file, const Array<T>& values) {
  write(file, descriptor<T>, values.shape(), values.data(), values.bytes());
}

void write_npy(const fs::path& file, std::span<const std::int64_t> values, const Shape& shape) {
  if (shape.size() != values.size())
    throw shape_error("[write_npy] " + std::to_string(values.size()) + " values for shape " + to_string(shape) + ".");
  write(file, descriptor<std::int64_t>, shape, values.data(), values.size_bytes());
}

template <class T>
Array<T> read_npy(const fs::path& file) {
  const Contents contents = read(file, descriptor<T>, sizeof(T));
  Array<T> out(contents.shape);
  if (out.size()) std::memcpy(out.mutable_data(), contents.bytes.data() + contents.begin, out.bytes());
  return out;
}

Int64Values read_npy_int64(const fs::path& file) {
  const Contents contents = read(file, descriptor<std::int64_t>, sizeof(std::int64_t));
  Int64Values out{std::vector<std::int64_t>(contents.shape.size()), contents.shape};
  if (!out.values.empty())
    std::memcpy(out.values.data(), contents.bytes.data() + contents.begin, out.values.size() * sizeof(std::int64_t));
  return out;
}

template void write_npy(const fs::path&, const Array<float>&);
template void write_npy(const fs::path&, const Array<double>&);
template Array<float> read_npy(const fs::path&);
template Array<double> read_npy(const fs::path&);

}  // namespace xtangent::nn
