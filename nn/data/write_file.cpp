#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "autodiff/error.hpp"
#include "nn/data/file.hpp"

namespace xtangent::nn {
namespace {

namespace fs = std::filesystem;

constexpr const char *writing = "write_file", *trying_file = "require_writable_file",
                     *trying_folder = "require_writable_folder";

[[noreturn]] void fail(const char* who, const fs::path& file, const std::string& what) {
  throw data_error(std::string("[") + who + "] " + (file.empty() ? "''" : file.string()) + ": " + what);
}

std::string reason(int code = errno) { return std::strerror(code); }

// Whether what was written is on the disk, or there is nothing to flush: of FIFOs, terminals, and folders of some file
// systems.
bool flushed(int fd) {
  return ::fsync(fd) == 0 || errno == EINVAL || errno == EROFS || errno == ENOSYS || errno == EOPNOTSUPP;
}

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  bool open() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_;
};

// Where the bytes of a file go.
struct Target {
  fs::path file;                     // behind symbolic links
  std::optional<struct stat> there;  // none: a new file
  int descriptor = -1;               // this process's own, where the name is one like /dev/stdout
  bool replaced() const { return descriptor < 0 && (!there || S_ISREG(there->st_mode)); }
};

void require_name(const char* who, const fs::path& file) {
  if (file.empty()) fail(who, file, "an empty name. Name a file.");
  const fs::path last = file.filename();
  if (last.empty() || last == "." || last == "..") fail(who, file, "is the name of a folder. Name a file.");
  if (last.native().size() > NAME_MAX) fail(who, file, "cannot be written: " + reason(ENAMETOOLONG) + ".");
}

// The number of a descriptor that this process has open, where `file` is its name in /proc; else -1.
int own_descriptor(const fs::path& file) {
  std::error_code code;
  if (fs::canonical(file.parent_path(), code) != "/proc/" + std::to_string(::getpid()) + "/fd" || code) return -1;
  const std::string number = file.filename().string();
  const bool good = number.size() < 9 && number.find_first_not_of("0123456789") == std::string::npos;
  return good ? std::stoi(number) : -1;
}

// Nothing can be renamed over a single file that is mounted, as into a container.
bool is_mounted(const fs::path& file) {
  struct statx about {};
  return ::statx(AT_FDCWD, file.c_str(), 0, 0, &about) == 0 && (about.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

// Follows symbolic links to what they lead to, which need not exist.
Target target_of(const char* who, const fs::path& file) {
  Target out{file, std::nullopt};
  while (true) {
    require_name(who, out.file);
    if (out.descriptor = own_descriptor(out.file); out.descriptor >= 0) return out;
    struct stat about {};
    if (::stat(out.file.c_str(), &about) == 0) {
      out.there = about;
      if (S_ISDIR(about.st_mode)) fail(who, file, "is a folder. Name a file in it.");
      if (!S_ISREG(about.st_mode)) return out;
    } else if (errno != ENOENT && errno != ENOTDIR) {
      fail(who, file, "cannot be written: " + reason() + ".");
    }
    std::error_code code;
    if (!fs::is_symlink(fs::symlink_status(out.file, code))) break;
    const fs::path next = fs::read_symlink(out.file, code);
    if (code) fail(who, file, "cannot be written: " + code.message() + ".");
    out.file = out.file.parent_path() / next;
  }
  // Renaming would replace a file that must not be written, if only its folder may be.
  if (out.there && ::faccessat(AT_FDCWD, out.file.c_str(), W_OK, AT_EACCESS) != 0)
    fail(who, file, "cannot be written: " + reason() + ". Is it write-protected?");
  return out;
}

fs::path folder_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : fs::path("."); }

// Names of temporary files: NAME.part-, and random letters and digits. The name is cut where it would be too long.
constexpr std::string_view unfinished = ".part-", letters = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::size_t random_letters = 12;

std::string beginning_of_names(const fs::path& file) {
  const long longest = ::pathconf(folder_of(file).c_str(), _PC_NAME_MAX);
  const std::size_t room =
      (longest > 64 ? static_cast<std::size_t>(longest) : 255) - unfinished.size() - random_letters;
  return file.filename().string().substr(0, room).append(unfinished);
}

std::string random_name(std::string beginning) {
  std::random_device draw;
  for (std::size_t i = 0; i < random_letters; ++i) beginning += letters[draw() % letters.size()];
  return beginning;
}

bool is_temporary_of(const std::string& beginning, const std::string& name) {
  return name.size() == beginning.size() + random_letters && name.starts_with(beginning) &&
         name.find_first_not_of(letters, beginning.size()) == std::string::npos;
}

// Removes what nobody is writing: whoever writes a temporary file has locked it, and a lock ends with its process.
void remove_temporaries(const fs::path& file) {
  const std::string beginning = beginning_of_names(file);
  std::error_code code;
  for (fs::directory_iterator entry(folder_of(file), code), end; !code && entry != end; entry.increment(code)) {
    if (!is_temporary_of(beginning, entry->path().filename().string())) continue;
    // NFS locks only what is open for writing.
    const Descriptor left(::open(entry->path().c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    struct stat about {};
    if (left.open() && ::fstat(left.get(), &about) == 0 && S_ISREG(about.st_mode) && about.st_uid == ::geteuid() &&
        ::flock(left.get(), LOCK_EX | LOCK_NB) == 0)
      ::unlink(entry->path().c_str());
  }
}

// A file of this process alone, beside the target, which becomes the target or is removed.
class Temporary {
 public:
  Temporary(const char* who, const fs::path& file, const Target& target)
      : who_(who), file_(file), target_(target), out_(-1) {
    const std::string beginning = beginning_of_names(target.file);
    // A new file gets the mode that the process gives to new files. What will replace another is private until then.
    const mode_t mode = target.there ? 0600 : 0666;
    while (!out_.open()) {
      name_ = folder_of(target.file) / random_name(beginning);
      out_ = Descriptor(::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
      if (!out_.open() && errno != EEXIST) fail(who, file, "cannot be written: " + reason() + ".");
      if (out_.open() && !keeps_name()) out_ = Descriptor(-1);
    }
  }
  ~Temporary() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  int get() const { return out_.get(); }

  void replace_target() {
    if (target_.there) keep_mode(*target_.there);
    if (!flushed(out_.get())) fail(who_, file_, "cannot be flushed to the disk: " + reason() + ".");
    if (::rename(name_.c_str(), target_.file.c_str()) != 0)
      fail(who_, file_, "cannot be renamed to its final name: " + reason() + ".");
    name_.clear();
    // Without this a loss of power could undo the rename. A folder that cannot be read cannot be flushed.
    const Descriptor folder(::open(folder_of(target_.file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.open() && !flushed(folder.get()))
      fail(who_, file_, "its folder cannot be flushed to the disk: " + reason() + ".");
  }

 private:
  // Locks the file. False where another process has taken it for one that was left, which it can before the lock.
  bool keeps_name() {
    if (::flock(out_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return false;
    struct stat about {};
    return ::fstat(out_.get(), &about) == 0 && about.st_nlink > 0;
  }

  void keep_mode(const struct stat& before) {
    struct stat now {};
    mode_t mode = before.st_mode & 0777;
    if (::fstat(out_.get(), &now) != 0) return;
    if (now.st_gid != before.st_gid && ::fchown(out_.get(), static_cast<uid_t>(-1), before.st_gid) != 0)
      mode &= ~static_cast<mode_t>(070) | (mode & 07) << 3;  // what the group might do, another group may not
    if (now.st_uid != before.st_uid && ::fchown(out_.get(), before.st_uid, static_cast<gid_t>(-1)) != 0) errno = 0;
    if ((now.st_mode & 0777) != mode && ::fchmod(out_.get(), mode) != 0)
      fail(who_, file_, "cannot keep its mode: " + reason() + ".");
  }

  const char* who_;
  const fs::path& file_;
  const Target& target_;
  fs::path name_;
  Descriptor out_;
};

void write_all(int fd, const fs::path& file, const std::function<std::string_view()>& next) {
  for (std::string_view text = next(); !text.empty(); text = next())
    while (!text.empty()) {
      const ssize_t put = ::write(fd, text.data(), std::min<std::size_t>(text.size(), std::size_t(1) << 30));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) fail(writing, file, "cannot be written: " + reason() + ".");
      text.remove_prefix(static_cast<std::size_t>(put));
    }
}

// Writes what cannot be replaced.
void write_through(const Target& target, const fs::path& file, const std::function<std::string_view()>& next) {
  const Descriptor out(target.descriptor >= 0 ? ::fcntl(target.descriptor, F_DUPFD_CLOEXEC, 0)
                                              : ::open(target.file.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY));
  if (!out.open()) fail(writing, file, "cannot be opened: " + reason() + ".");
  write_all(out.get(), file, next);
  if (!flushed(out.get())) fail(writing, file, "cannot be flushed: " + reason() + ".");
}

std::string mebibytes(double bytes) { return std::to_string(static_cast<std::size_t>(bytes / (1 << 20)) + 1) + " MiB"; }

void require_room(const fs::path& file, const fs::path& folder, double bytes, double others) {
  std::error_code code;
  const fs::space_info space = fs::space(folder, code);
  if (!code && static_cast<double>(space.available) < bytes + others)
    fail(trying_file, file,
         "it needs " + mebibytes(bytes + others) + ", its disk has room for " + std::to_string(space.available >> 20) +
             " MiB. Make room, or choose another place.");
  rlimit most{};
  if (::getrlimit(RLIMIT_FSIZE, &most) == 0 && most.rlim_cur != RLIM_INFINITY &&
      static_cast<double>(most.rlim_cur) < bytes)
    fail(trying_file, file,
         "it needs " + mebibytes(bytes) + ", and files may have at most " + std::to_string(most.rlim_cur >> 20) +
             " MiB. Raise ulimit -f.");
}

void make_folder(const char* who, const fs::path& folder) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (code || !fs::is_directory(folder, code))
    fail(who, folder,
         "cannot be made a folder" + (code ? ": " + code.message() : std::string()) + ". Choose another one.");
}

// In a folder with the sticky bit, only the owners of a file and of the folder may rename over it.
bool may_be_renamed_over(const Target& target) {
  struct stat folder {};
  if (!target.there || ::stat(folder_of(target.file).c_str(), &folder) != 0) return true;
  const uid_t user = ::geteuid();
  return !(folder.st_mode & S_ISVTX) || user == 0 || user == folder.st_uid || user == target.there->st_uid;
}

}  // namespace

void write_file(const fs::path& file, const std::vector<std::string_view>& parts) {
  std::size_t at = 0;
  write_file_in_parts(file, [&]() -> std::string_view {
    while (at < parts.size() && parts[at].empty()) ++at;
    return at < parts.size() ? parts[at++] : std::string_view();
  });
}

void write_file_in_parts(const fs::path& file, const std::function<std::string_view()>& next) {
  const Target target = target_of(writing, file);
  if (!target.replaced() || is_mounted(target.file)) return write_through(target, file, next);
  remove_temporaries(target.file);
  Temporary out(writing, file, target);
  write_all(out.get(), file, next);
  out.replace_target();
}

bool write_file_in_any_order(const fs::path& file, std::uint64_t size, const std::function<void(const PutAt&)>& fill) {
  const Target target = target_of(writing, file);
  if (!target.replaced() || is_mounted(target.file)) return false;
  remove_temporaries(target.file);
  Temporary out(writing, file, target);
  // Where the file system cannot reserve room, posix_fallocate would write a byte to each page instead.
  while (size > 0 && ::fallocate(out.get(), 0, 0, static_cast<off_t>(size)) != 0 && errno != EOPNOTSUPP &&
         errno != ENOSYS)
    if (errno != EINTR) fail(writing, file, "cannot be written: " + reason() + ".");
  fill([&](std::uint64_t offset, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t put = ::pwrite(out.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) fail(writing, file, "cannot be written: " + reason() + ".");
      bytes.remove_prefix(static_cast<std::size_t>(put));
      offset += static_cast<std::uint64_t>(put);
    }
  });
  out.replace_target();
  return true;
}

void remove_unfinished(const fs::path& file) { remove_temporaries(target_of("remove_unfinished", file).file); }

void require_writable_file(const fs::path& file, double bytes, double others) {
  require_name(trying_file, file);
  struct stat about {};
  if (::stat(file.c_str(), &about) != 0 && errno != ENOENT && errno != ENOTDIR)
    fail(trying_file, file, "cannot be written: " + reason() + ".");
  make_folder(trying_file, folder_of(file));
  const Target target = target_of(trying_file, file);
  const int flags = target.descriptor >= 0 ? ::fcntl(target.descriptor, F_GETFL) : O_WRONLY;
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) fail(trying_file, file, "is not open for writing.");
  if (target.there && S_ISSOCK(target.there->st_mode)) fail(trying_file, file, "is a socket. Name a file.");
  if (!target.replaced() || is_mounted(target.file)) return;
  if (!may_be_renamed_over(target))
    fail(trying_file, file, "belongs to another user, and its folder lets only that user replace it.");
  remove_temporaries(target.file);
  const Temporary probe(trying_file, file, target);
  require_room(file, folder_of(target.file), bytes, others);
}

void require_writable_folder(const fs::path& folder) {
  if (folder.empty()) fail(trying_folder, folder, "an empty name. Name a folder.");
  make_folder(trying_folder, folder);
  const Target target{folder / probe_name, std::nullopt};
  remove_temporaries(target.file);
  try {
    const Temporary probe(trying_folder, folder, target);
  } catch (const data_error& failure) {
    throw data_error(std::string(failure.what()) + " Choose another folder.");
  }
}

}  // namespace xtangent::nn
