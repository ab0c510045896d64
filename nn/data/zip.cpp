#include "nn/data/zip.hpp"

#include <zlib.h>

#include <algorithm>
#include <set>

#include "autodiff/error.hpp"

// The format is described in APPNOTE.TXT, ".ZIP File Format Specification", PKWARE. A directory at the end has the name
// of every file and the place of its own header. Sizes are taken from the directory.
namespace xtangent::nn {
namespace {

constexpr std::uint32_t local_signature = 0x04034b50, directory_signature = 0x02014b50, end_signature = 0x06054b50,
                        end64_signature = 0x06064b50, locator64_signature = 0x07064b50;
constexpr std::size_t local_bytes = 30, directory_bytes = 46, end_bytes = 22, end64_bytes = 56, locator64_bytes = 20;
constexpr std::uint64_t wide = 0xffffffff;  // means that the number is given elsewhere in 64 bits

// Reads little-endian numbers from an archive, and never beyond its end.
class Reader {
 public:
  Reader(const std::vector<std::uint8_t>& bytes, const std::string& source) : bytes_(bytes), source_(source) {}

  std::uint64_t number(std::size_t at, std::size_t width) const {
    need(at, width, "a header");
    std::uint64_t out = 0;
    for (std::size_t i = width; i > 0; --i) out = out << 8 | bytes_[at + i - 1];
    return out;
  }
  std::uint32_t u32(std::size_t at) const { return static_cast<std::uint32_t>(number(at, 4)); }
  std::uint64_t u16(std::size_t at) const { return number(at, 2); }
  std::uint64_t u64(std::size_t at) const { return number(at, 8); }
  std::string text(std::size_t at, std::size_t length) const {
    need(at, length, "a name");
    const auto begin = bytes_.begin() + static_cast<std::ptrdiff_t>(at);
    return {begin, begin + static_cast<std::ptrdiff_t>(length)};
  }
  // Throws unless there are `length` bytes at `at`.
  void need(std::uint64_t at, std::uint64_t length, const char* what) const {
    if (at > bytes_.size() || length > bytes_.size() - at)
      fail(bytes_.size(), std::string("truncated: ") + what + " ends beyond the archive.");
  }
  void expect(std::size_t at, std::uint32_t signature, const char* what) const {
    if (u32(at) != signature) fail(at, std::string("no ") + what + ".");
  }
  std::size_t size() const { return bytes_.size(); }
  [[noreturn]] void fail(std::size_t byte, const std::string& what) const {
    throw data_error("[read_zip] " + source_ + ": byte " + std::to_string(byte) + ": " + what);
  }

 private:
  const std::vector<std::uint8_t>& bytes_;
  const std::string& source_;
};

struct Directory {
  std::uint64_t begin = 0, count = 0;
};

Directory find_directory(const Reader& in) {
  constexpr std::size_t longest_comment = 0xffff;
  if (in.size() < end_bytes) in.fail(0, "not a ZIP archive: only " + std::to_string(in.size()) + " bytes.");
  std::size_t at = in.size() - end_bytes;
  const std::size_t last = at > longest_comment ? at - longest_comment : 0;
  while (in.u32(at) != end_signature) {
    if (at == last) in.fail(0, "no ZIP archive, or one that is truncated.");
    --at;
  }
  Directory out{in.u32(at + 16), in.u16(at + 10)};
  if (out.begin != wide && out.count != 0xffff) return out;
  if (at < locator64_bytes || in.u32(at - locator64_bytes) != locator64_signature) return out;
  const std::uint64_t end64 = in.u64(at - locator64_bytes + 8);
  in.need(end64, end64_bytes, "the directory's end");
  in.expect(end64, end64_signature, "end of a directory");
  return {in.u64(end64 + 48), in.u64(end64 + 32)};
}

// Replaces numbers that are `wide` by those of the entry's extra field.
void widen(const Reader& in, std::size_t extra, std::size_t length, std::initializer_list<std::uint64_t*> numbers) {
  const std::size_t end = extra + length;
  while (extra + 4 <= end) {
    const std::uint64_t kind = in.u16(extra), size = in.u16(extra + 2);
    std::size_t at = extra + 4;
    extra = at + size;
    if (kind != 1) continue;
    for (std::uint64_t* number : numbers)
      if (*number == wide && at + 8 <= extra) {
        *number = in.u64(at);
        at += 8;
      }
  }
}

ZipArchive::Entry read_entry(const Reader& in, std::size_t& at) {
  in.expect(at, directory_signature, "entry of the directory");
  in.need(at, directory_bytes, "the directory");
  const std::uint64_t flags = in.u16(at + 8), method = in.u16(at + 10);
  std::uint64_t packed = in.u32(at + 20), unpacked = in.u32(at + 24), local = in.u32(at + 42);
  const std::size_t name = in.u16(at + 28), extra = in.u16(at + 30), comment = in.u16(at + 32);
  widen(in, at + directory_bytes + name, extra, {&unpacked, &packed, &local});
  ZipArchive::Entry out;
  out.name = in.text(at + directory_bytes, name);
  out.crc = in.u32(at + 16);
  out.deflated = method == 8;
  if (flags & 1) in.fail(at, "'" + out.name + "' is encrypted.");
  if (method != 0 && method != 8)
    in.fail(at, "'" + out.name + "' is packed by method " + std::to_string(method) + "; 0 and 8 are known.");
  in.need(local, local_bytes, "a header");
  in.expect(local, local_signature, "header of a file");
  const std::uint64_t begin = local + local_bytes + in.u16(local + 26) + in.u16(local + 28);
  in.need(begin, packed, "a file");
  // A deflated byte unpacks to at most 1032 bytes.
  const bool possible = out.deflated ? unpacked / 1032 <= packed : unpacked == packed;
  if (!possible)
    in.fail(at,
            "'" + out.name + "' cannot hold " + std::to_string(unpacked) + " bytes in " + std::to_string(packed) + ".");
  out.begin = begin;
  out.packed = packed;
  out.unpacked = unpacked;
  at += directory_bytes + name + extra + comment;
  return out;
}

// Fills `out`. Returns false where the packed bytes are too few or corrupt, or unpack to more unless they are asked for
// as the `beginning` of something larger.
bool inflate_into(const std::uint8_t* packed, std::size_t size, std::vector<std::uint8_t>& out, bool beginning) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return false;
  constexpr std::size_t piece = std::size_t(1) << 30;
  std::size_t consumed = 0, made = 0;
  std::uint8_t beyond = 0;  // a byte beyond the expected ones would be written here
  int state = Z_OK;
  while (state == Z_OK && !(beginning && made == out.size())) {
    const std::size_t in = std::min(size - consumed, piece), room = std::min(out.size() - made, piece);
    stream.next_in = const_cast<Bytef*>(packed + consumed);
    stream.avail_in = static_cast<uInt>(in);
    stream.next_out = room ? out.data() + made : &beyond;
    stream.avail_out = static_cast<uInt>(room ? room : 1);
    state = inflate(&stream, Z_NO_FLUSH);
    consumed += in - stream.avail_in;
    if (room)
      made += room - stream.avail_out;
    else if (stream.avail_out == 0)
      state = Z_DATA_ERROR;
  }
  inflateEnd(&stream);
  if (beginning) return made == out.size() && (state == Z_OK || state == Z_STREAM_END);
  return state == Z_STREAM_END && made == out.size() && consumed == size;
}

}  // namespace

ZipArchive::ZipArchive(std::vector<std::uint8_t> bytes, std::string source)
    : bytes_(std::move(bytes)), source_(std::move(source)) {
  const Reader in(bytes_, source_);
  const Directory directory = find_directory(in);
  std::set<std::string> names;
  std::size_t at = directory.begin;
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    entries_.push_back(read_entry(in, at));
    if (!names.insert(entries_.back().name).second)
      in.fail(at, "the name '" + entries_.back().name + "' occurs twice.");
  }
}

std::vector<std::uint8_t> ZipArchive::unpack(const Entry& entry) const {
  const std::uint8_t* packed = bytes_.data() + entry.begin;
  std::vector<std::uint8_t> out;
  bool good = true;
  if (entry.deflated) {
    out.resize(entry.unpacked);
    good = inflate_into(packed, entry.packed, out, false);
  } else {
    out.assign(packed, packed + entry.packed);
  }
  if (!good || crc32_z(0, out.data(), out.size()) != entry.crc) fail_corrupt(entry);
  return out;
}

std::vector<std::uint8_t> ZipArchive::unpack(const Entry& entry, std::size_t count) const {
  const std::uint8_t* packed = bytes_.data() + entry.begin;
  std::vector<std::uint8_t> out(std::min(count, entry.unpacked));
  if (!entry.deflated)
    std::copy_n(packed, out.size(), out.begin());
  else if (!inflate_into(packed, entry.packed, out, true))
    fail_corrupt(entry);
  return out;
}

void ZipArchive::fail_corrupt(const Entry& entry) const {
  Reader(bytes_, source_)
      .fail(entry.begin,
            "'" + entry.name + "' is corrupt: it does not unpack to the size and checksum in the directory.");
}

}  // namespace xtangent::nn
