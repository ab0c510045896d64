#include "nn/data/file.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "autodiff/error.hpp"

namespace xtangent::nn {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const char* who, const fs::path& file, const std::string& what) {
  throw data_error(std::string("[") + who + "] " + file.string() + ": " + what);
}

std::string reason(int code) { return std::strerror(code); }

// Comes between the name of a file and the number of the process that writes it.
constexpr const char* unfinished = ".part-";

// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor(const fs::path& file, int flags) : fd_(::open(file.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  bool open() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int close() {
    const int result = ::close(fd_);
    fd_ = -1;
    return result;
  }

 private:
  int fd_;
};

// Unpacks with zlib's inflate; a gzip file consists of one or more members.
class Inflater {
 public:
  Inflater() {
    if (inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) throw data_error("[read_file] zlib cannot start.");
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
};

std::vector<std::uint8_t> unpacked(const fs::path& file, std::vector<std::uint8_t>& packed, std::size_t limit) {
  Inflater inflater;
  z_stream& stream = inflater.stream();
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint8_t> block(1 << 18);
  std::size_t consumed = 0;
  const auto at = [&] { return "packed byte " + std::to_string(consumed) + ": "; };
  while (consumed < packed.size()) {
    const std::size_t piece = std::min<std::size_t>(packed.size() - consumed, 1u << 30);
    stream.next_in = packed.data() + consumed;
    stream.avail_in = static_cast<uInt>(piece);
    stream.next_out = block.data();
    stream.avail_out = static_cast<uInt>(block.size());
    const int state = inflate(&stream, Z_NO_FLUSH);
    consumed += piece - stream.avail_in;
    bytes.insert(bytes.end(), block.data(), block.data() + (block.size() - stream.avail_out));
    if (bytes.size() > limit) fail("read_file", file, "unpacks to more than " + std::to_string(limit) + " bytes.");
    if (state == Z_STREAM_END) {
      if (consumed == packed.size()) return bytes;
      const bool another = packed.size() - consumed >= 2 && packed[consumed] == 0x1f && packed[consumed + 1] == 0x8b;
      if (!another) fail("read_file", file, at() + "trailing bytes after the gzip stream.");
      inflateReset(&stream);
    } else if (state != Z_OK && state != Z_BUF_ERROR) {
      fail("read_file", file, at() + "corrupt gzip" + (stream.msg ? std::string(" (") + stream.msg + ")." : "."));
    }
  }
  fail("read_file", file, at() + "the gzip stream is truncated. Copy the file again.");
}

// The first of these names that is in the folder, or empty if there is none.
fs::path first_of(const fs::path& folder, const std::vector<std::string>& names) {
  std::error_code code;
  for (const std::string& name : names)
    for (const char* ending : {"", ".gz"})
      if (fs::exists(folder / (name + ending), code)) return folder / (name + ending);
  return {};
}

void write_all(int fd, std::string_view text, const fs::path& file) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), std::min<std::size_t>(text.size(), std::size_t(1) << 30));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail("write_file", file, "cannot be written: " + reason(errno) + ".");
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

}  // namespace

std::vector<std::uint8_t> read_raw_file(const fs::path& file, std::size_t limit) {
  std::error_code code;
  if (fs::is_directory(file, code)) fail("read_file", file, "is a folder. Name a file.");
  Descriptor in(file, O_RDONLY);
  if (!in.open()) fail("read_file", file, "cannot be opened: " + reason(errno) + ".");
  std::vector<std::uint8_t> bytes;
  const auto expected = fs::file_size(file, code);
  if (!code) bytes.reserve(std::min<std::size_t>(expected, limit));
  std::uint8_t block[1 << 16];
  while (true) {
    const ssize_t got = ::read(in.get(), block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read_file", file, "byte " + std::to_string(bytes.size()) + ": " + reason(errno) + ".");
    if (got == 0) return bytes;
    bytes.insert(bytes.end(), block, block + got);
    if (bytes.size() > limit) fail("read_file", file, "holds more than " + std::to_string(limit) + " bytes.");
  }
}

std::vector<std::uint8_t> read_file(const fs::path& file, std::size_t limit) {
  std::vector<std::uint8_t> bytes = read_raw_file(file, limit);
  if (bytes.size() < 2 || bytes[0] != 0x1f || bytes[1] != 0x8b) return bytes;
  return unpacked(file, bytes, limit);
}

bool has_file(const fs::path& folder, const std::vector<std::string>& names) {
  return !first_of(folder, names).empty();
}

fs::path find_file(const fs::path& folder, const std::vector<std::string>& names) {
  std::error_code code;
  if (!fs::is_directory(folder, code)) fail("find_file", folder, "is not a folder that can be read.");
  if (const fs::path found = first_of(folder, names); !found.empty()) return found;
  std::string tried;
  for (const std::string& name : names) tried += (tried.empty() ? "" : ", ") + name + ", " + name + ".gz";
  fail("find_file", folder, "none of " + tried + " is there.");
}

void write_file(const fs::path& file, const std::vector<std::string_view>& parts) {
  std::size_t at = 0;
  write_file_in_parts(file, [&]() -> std::string_view {
    while (at < parts.size() && parts[at].empty()) ++at;
    return at < parts.size() ? parts[at++] : std::string_view();
  });
}

void write_file_in_parts(const fs::path& file, const std::function<std::string_view()>& next) {
  const fs::path temporary = file.string() + unfinished + std::to_string(::getpid());
  Descriptor out(temporary, O_WRONLY | O_CREAT | O_TRUNC);
  if (!out.open()) fail("write_file", file, "cannot be created: " + reason(errno) + ".");
  try {
    for (std::string_view part = next(); !part.empty(); part = next()) write_all(out.get(), part, file);
    if (::fsync(out.get()) != 0 && errno != EINVAL)
      fail("write_file", file, "cannot be flushed to the disk: " + reason(errno) + ".");
    if (out.close() != 0) fail("write_file", file, "cannot be closed: " + reason(errno) + ".");
    if (::rename(temporary.c_str(), file.c_str()) != 0)
      fail("write_file", file, "cannot be renamed to its final name: " + reason(errno) + ".");
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

void remove_unfinished(const fs::path& file) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : ".";
  const std::string beginning = file.filename().string() + unfinished;
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code))
    if (entry->path().filename().string().starts_with(beginning)) ::unlink(entry->path().c_str());
}

void require_writable_folder(const fs::path& folder) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (code || !fs::is_directory(folder, code))
    fail("require_writable_folder", folder,
         "cannot be made a folder" + (code ? ": " + code.message() : std::string()) + ". Choose another one.");
  const fs::path probe = folder / (probe_name + std::to_string(::getpid()));
  Descriptor out(probe, O_WRONLY | O_CREAT | O_TRUNC);
  if (!out.open())
    fail("require_writable_folder", folder, "cannot be written: " + reason(errno) + ". Choose another one.");
  ::unlink(probe.c_str());
}

}  // namespace xtangent::nn
