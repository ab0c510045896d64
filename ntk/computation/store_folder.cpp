#include "ntk/computation/store_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <string_view>

#include "autodiff/error.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "nn/data/file.hpp"

namespace xtangent::ntk {

namespace fs = std::filesystem;
using store_format::fail;

void store_format::fail(const fs::path& place, const std::string& what) {
  throw data_error("[ntk store] " + place.string() + ": " + what);
}

// The checksums of pieces are computed in parallel and combined to that of the whole.
std::string fingerprint(const void* data, std::size_t bytes, const std::string& earlier) {
  constexpr std::size_t piece = std::size_t{4} << 20;
  const auto* begin = static_cast<const Bytef*>(data);
  std::vector<uLong> sums((bytes + piece - 1) / piece);
  kernels::parallel_for(bytes, piece, [&](std::size_t first, std::size_t last) {
    sums[first / piece] = crc32_z(0, begin + first, last - first);
  });
  uLong sum = earlier.empty() ? 0 : std::stoul(earlier, nullptr, 16);
  for (std::size_t i = 0; i < sums.size(); ++i)
    sum = crc32_combine(sum, sums[i], static_cast<z_off_t>(std::min(piece, bytes - i * piece)));
  char text[9];
  std::snprintf(text, sizeof text, "%08lx", sum);
  return text;
}

bool has_manifest(const fs::path& folder) {
  std::error_code code;
  return fs::exists(folder / store_format::manifest_name, code);
}

std::string text_of_manifest(const fs::path& folder, std::size_t most) {
  const auto bytes = nn::read_raw_file(folder / store_format::manifest_name, most);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code))
    out.push_back(entry->path());
  if (code) fail(folder, "cannot be read: " + code.message() + ".");
  return out;
}

void remove_entry(const fs::path& entry, const std::string& what) {
  std::error_code code;
  fs::remove(entry, code);
  if (!code) return;
  const bool is_folder = fs::is_directory(entry, code);
  fail(entry, (is_folder ? std::string("is a folder that") : "is no finished part of the " + what + " and") +
                  " cannot be removed. Remove it, and compute the " + what + " again with this folder.");
}

bool is_whole(const fs::path& file, const std::string& what, const std::function<void()>& read) {
  for (const bool first : {true, false}) {
    try {
      read();
      return true;
    } catch (const file_error&) {
      std::error_code code;
      if (!fs::exists(file, code) && !code) return false;  // another process has removed it
      if (!first) throw;  // another process may have replaced it just then, but hardly twice
    } catch (const data_error&) {
      break;
    }
  }
  remove_entry(file, what);
  return false;
}

std::string random_letters(std::size_t count) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz234567";
  std::random_device draw;
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += letters[draw() % letters.size()];
  return out;
}

namespace {

// Writes all of a text, or returns false with the reason in errno.
bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(file, text.data(), text.size());
    if (put < 0 && errno != EINTR) return false;
    if (put > 0) text.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

}  // namespace

bool make_once(const fs::path& file, const std::string& text) {
  const fs::path own = fs::path(file).concat(".new-" + random_letters(16));
  const int out = ::open(own.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  const bool written = out >= 0 && write_all(out, text) && (::fsync(out) == 0 || errno == EINVAL);
  int code = written ? 0 : errno;
  if (out >= 0 && ::close(out) != 0 && written) code = errno;
  if (code != 0) {
    ::unlink(own.c_str());
    fail(file, std::string("cannot be written: ") + std::strerror(code) + ".");
  }
  if (::link(own.c_str(), file.c_str()) != 0) code = errno;
  // A file has two names also where the answer to the link was lost on the way and the second try found it made.
  struct stat about {};
  const bool made = code == 0 || (::stat(own.c_str(), &about) == 0 && about.st_nlink == 2);
  ::unlink(own.c_str());
  // ENOENT: another process has tidied the folder. Some servers, such as those of sshfs, report that a name is taken by
  // an error of their own.
  if (made || code == EEXIST || code == ENOENT || ::access(file.c_str(), F_OK) == 0) return made;
  fail(file,
       std::string("cannot be linked: ") + std::strerror(code) +
           ". Processes share a folder on file systems with hard links; on others, begin the store by one process "
           "alone and give each a fixed shard.");
}

FolderLock::FolderLock(const fs::path& folder, bool share)
    : file_(::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  if (file_ < 0) fail(folder, std::string("cannot be written: ") + std::strerror(errno) + ". Choose another folder.");
  int result;
  do {
    result = ::flock(file_, (share ? LOCK_SH : LOCK_EX) | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  const int code = result == 0 ? 0 : errno;
  // The last ones are of file systems without locks.
  if (code == 0 || code == ENOLCK || code == ENOSYS || code == EOPNOTSUPP || code == EINVAL) return;
  ::close(file_);
  if (code != EWOULDBLOCK) fail(folder, std::string("cannot be locked: ") + std::strerror(code) + ".");
  fail(folder, share ? "another process is computing in this store and does not share it. Wait for it, or start all "
                       "processes so that they share it."
                     : "another process is computing in this store. Wait for it, or use another folder.");
}

FolderLock::~FolderLock() { ::close(file_); }

void require_space(const fs::path& folder, double bytes, const std::string& what) {
  std::error_code code;
  const fs::space_info space = fs::space(folder, code);
  if (code || static_cast<double>(space.available) >= bytes) return;
  const auto mebibytes = [](double count) { return std::to_string(static_cast<std::size_t>(count)) + " MiB"; };
  constexpr double each = 1 << 20;
  fail(folder, "its disk has " + mebibytes(std::floor(static_cast<double>(space.available) / each)) +
                   " free, but the " + what + " need" + (what.ends_with('s') ? " " : "s ") +
                   mebibytes(std::ceil(bytes / each)) + ". Make room, or use another folder.");
}

void require_empty(const fs::path& folder, const std::string& manifest, const std::string& what) {
  for (const fs::path& entry : entries(folder)) {
    const std::string name = entry.filename().string();
    // A process that was killed at the right moment leaves a half manifest, or the file by which it tried the folder.
    const bool ours = name == "lock" || name.starts_with(manifest) || name.starts_with(nn::probe_name);
    if (!ours) fail(folder, "holds other files (" + name + ") and no " + what + ". Use an empty folder.");
  }
}

void require_same_settings(const fs::path& folder, const StoreSettings& known, const StoreSettings& settings) {
  const auto value_in = [](const StoreSettings& all, const std::string& name) -> std::string {
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& s) { return s.first == name; });
    return found == all.end() ? "nothing" : found->second;
  };
  std::string differing;
  const auto compare = [&](const std::string& name) {
    const std::string then = value_in(known, name), now = value_in(settings, name);
    if (then != now) differing += (differing.empty() ? "" : ", ") + name + " (" + then + " then, " + now + " now)";
  };
  for (const auto& [name, value] : settings) compare(name);
  // Settings of the store that this kernel lacks, such as its layers if the store holds the kernel of some layers.
  for (const auto& [name, value] : known)
    if (value_in(settings, name) == "nothing") compare(name);
  if (!differing.empty())
    throw option_error("[ntk store] " + folder.string() + " was begun with other settings: " + differing +
                       ". Use another folder, or continue with the settings that it was begun with.");
}

}  // namespace xtangent::ntk
