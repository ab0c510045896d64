#include "nn/data/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string>

#include "autodiff/error.hpp"
#include "autodiff/kernels/parallel.hpp"

namespace xtangent::nn {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t block_bytes = std::size_t(1) << 18;
constexpr std::size_t least_block_bytes = 4096;  // for a short file, and for those of /proc, which have no size
constexpr std::size_t unlimited = static_cast<std::size_t>(-1);
constexpr std::size_t deflated_at_most = 1032;  // bytes that one byte of deflate's format can stand for

[[noreturn]] void fail(const char* who, const fs::path& file, const std::string& what) {
  throw data_error(std::string("[") + who + "] " + file.string() + ": " + what);
}

// Reads a file from its beginning, and unpacks it if asked to and if it begins as gzip files do, which consist of one
// or more members.
class Source {
 public:
  Source(const fs::path& file, bool unpack) : file_(file), fd_(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)) {
    if (fd_ < 0) refused("cannot be opened: ");
    try {
      begin(unpack);
    } catch (...) {
      ::close(fd_);
      throw;
    }
  }
  ~Source() {
    if (packed_) inflateEnd(&stream_);
    ::close(fd_);
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  bool regular() const { return S_ISREG(about_.st_mode); }
  bool packed() const { return packed_; }
  // The bytes that a regular file has on the disk, which those of /proc do not say.
  std::size_t size_on_disk() const { return regular() ? static_cast<std::size_t>(about_.st_size) : 0; }
  // No more bytes than this can come; reserving them costs no more than a multiple of what the file has.
  std::size_t most() const { return packed_ ? deflated_at_most * size_on_disk() : size_on_disk(); }

  // Appends until there are `count` bytes or the file ends.
  void read_to(std::vector<std::uint8_t>& bytes, std::size_t count) {
    while (bytes.size() < count && (packed_ ? inflate_some(bytes, count) : copy_some(bytes, count))) continue;
  }

  [[noreturn]] void fail(const std::string& what) const { nn::fail("read_file", file_, what); }

 private:
  // Throws what the system says.
  [[noreturn]] void refused(const std::string& what) const {
    throw file_error("[read_file] " + file_.string() + ": " + what + std::strerror(errno) + ".");
  }

  void begin(bool unpack) {
    if (::fstat(fd_, &about_) != 0) refused("");
    if (S_ISDIR(about_.st_mode)) fail("is a folder. Name a file.");
    block_.resize(regular() ? std::clamp(size_on_disk(), least_block_bytes, block_bytes) : block_bytes);
    if (!unpack || !begins_as_gzip()) return;
    if (inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) throw data_error("[read_file] zlib cannot start.");
    packed_ = true;
  }

  // Whether two bytes of a gzip member come next.
  bool begins_as_gzip() {
    while (end_ - begin_ < 2 && refill()) continue;
    return end_ - begin_ >= 2 && block_[begin_] == 0x1f && block_[begin_ + 1] == 0x8b;
  }

  // Reads more into the block, behind what is left in it. False at the end of the file.
  bool refill() {
    std::copy(block_.begin() + static_cast<std::ptrdiff_t>(begin_), block_.begin() + static_cast<std::ptrdiff_t>(end_),
              block_.begin());
    end_ -= begin_;
    begin_ = 0;
    while (true) {
      const ssize_t got = ::read(fd_, block_.data() + end_, block_.size() - end_);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) refused("byte " + std::to_string(consumed_ + end_) + ": ");
      end_ += static_cast<std::size_t>(got);
      return got > 0;
    }
  }

  bool copy_some(std::vector<std::uint8_t>& bytes, std::size_t count) {
    if (begin_ == end_ && !refill()) return false;
    const std::size_t copied = std::min(end_ - begin_, count - bytes.size());
    const auto from = block_.begin() + static_cast<std::ptrdiff_t>(begin_);
    bytes.insert(bytes.end(), from, from + static_cast<std::ptrdiff_t>(copied));
    consume(copied);
    return true;
  }

  bool inflate_some(std::vector<std::uint8_t>& bytes, std::size_t count) {
    const auto at = [&] { return "packed byte " + std::to_string(consumed_) + ": "; };
    if (begin_ == end_ && !refill()) {
      if (between_members_) return false;
      fail(at() + "the gzip stream is truncated. Copy the file again.");
    }
    if (between_members_) {
      if (!begins_as_gzip()) fail(at() + "trailing bytes after the gzip stream.");
      inflateReset(&stream_);
    }
    const std::size_t before = bytes.size(), room = std::min(count - before, block_.size());
    bytes.resize(before + room);
    stream_.next_in = block_.data() + begin_;
    stream_.avail_in = static_cast<uInt>(end_ - begin_);
    stream_.next_out = bytes.data() + before;
    stream_.avail_out = static_cast<uInt>(room);
    const int state = inflate(&stream_, Z_NO_FLUSH);
    consume(end_ - begin_ - stream_.avail_in);
    bytes.resize(before + room - stream_.avail_out);
    between_members_ = state == Z_STREAM_END;
    if (state != Z_STREAM_END && state != Z_OK && state != Z_BUF_ERROR)
      fail(at() + "corrupt gzip" + (stream_.msg ? std::string(" (") + stream_.msg + ")." : "."));
    return true;
  }

  void consume(std::size_t count) {
    begin_ += count;
    consumed_ += count;
  }

  const fs::path& file_;
  int fd_;
  struct stat about_ {};
  std::vector<std::uint8_t> block_;  // its bytes [begin_, end_) have been read but not consumed
  std::size_t begin_ = 0, end_ = 0, consumed_ = 0;
  bool packed_ = false, between_members_ = false;
  z_stream stream_{};
};

std::vector<std::uint8_t> read_all(const fs::path& file, bool unpack, std::size_t limit) {
  Source in(file, unpack);
  if (limit == unlimited && !in.regular()) in.fail("is no regular file. Copy what comes from it into one.");
  std::vector<std::uint8_t> bytes;
  if (!in.packed()) bytes.reserve(std::min(in.size_on_disk(), limit));
  in.read_to(bytes, limit == unlimited ? limit : limit + 1);
  if (bytes.size() > limit)
    in.fail((in.packed() ? "unpacks to more than " : "holds more than ") + std::to_string(limit) + " bytes.");
  return bytes;
}

std::vector<std::uint8_t> read_as_said(const fs::path& file, bool unpack, const SizeFromHeader& size,
                                       std::size_t limit) {
  Source in(file, unpack);
  std::vector<std::uint8_t> bytes;
  while (true) {
    const std::size_t wanted = size(bytes);
    if (wanted <= bytes.size()) break;
    const bool possible = !in.regular() || wanted <= in.most();
    if (in.packed() && !possible)
      in.fail("truncated: its header says " + std::to_string(wanted) + " bytes, which " +
              std::to_string(in.size_on_disk()) + " packed ones cannot hold.");
    if (possible && wanted > limit)
      in.fail("its header says " + std::to_string(wanted) + " bytes; at most " + std::to_string(limit) +
              " are allowed.");
    bytes.reserve(std::min(wanted, in.most()) + 1);
    in.read_to(bytes, wanted);
    if (bytes.size() < wanted) return bytes;  // truncated, which the caller says in its own terms
  }
  const std::size_t end = bytes.size();
  in.read_to(bytes, end + 1);  // the end of a gzipped file, at which its checksum is compared
  if (bytes.size() > end)
    in.fail("byte " + std::to_string(end) + ": " +
            (in.packed() || !in.regular() ? "" : std::to_string(in.size_on_disk() - end) + " ") + "trailing bytes.");
  return bytes;
}

// The first of these names that is in the folder, or empty if there is none.
fs::path first_of(const fs::path& folder, const std::vector<std::string>& names) {
  std::error_code code;
  for (const std::string& name : names)
    for (const char* ending : {"", ".gz"})
      if (fs::exists(folder / (name + ending), code)) return folder / (name + ending);
  return {};
}

}  // namespace

std::vector<std::uint8_t> read_raw_file(const fs::path& file, std::size_t limit) {
  return read_all(file, false, limit);
}

std::vector<std::uint8_t> read_file(const fs::path& file, std::size_t limit) { return read_all(file, true, limit); }

std::vector<std::uint8_t> read_file(const fs::path& file, const SizeFromHeader& size, std::size_t limit) {
  return read_as_said(file, true, size, limit);
}

std::vector<std::uint8_t> read_raw_file(const fs::path& file, const SizeFromHeader& size) {
  return read_as_said(file, false, size, unlimited);
}

// Only regular files are opened: whoever writes to a FIFO would take this for its reader.
PartReader::PartReader(const fs::path& file) {
  struct stat about {};
  if (::stat(file.c_str(), &about) != 0 || !S_ISREG(about.st_mode)) return;
  fd_ = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd_ >= 0 && ::fstat(fd_, &about) == 0) size_ = static_cast<std::uint64_t>(about.st_size);
}

PartReader::~PartReader() {
  if (fd_ >= 0) ::close(fd_);
}

bool PartReader::read(std::uint64_t first, std::size_t count, void* to) const {
  constexpr std::size_t piece = std::size_t{4} << 20;
  if (first > size_ || count > size_ - first) return false;
  std::atomic<bool> whole = true;
  kernels::parallel_for(count, piece, [&](std::size_t begin, std::size_t end) {
    while (begin < end && whole) {
      const ssize_t got = ::pread(fd_, static_cast<char*>(to) + begin, end - begin, static_cast<off_t>(first + begin));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0)
        whole = false;
      else
        begin += static_cast<std::size_t>(got);
    }
  });
  return whole;
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

}  // namespace xtangent::nn
