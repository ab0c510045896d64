#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Files that are read whole, gzipped or not, and written whole or not at all.
namespace xtangent::nn {

/// The bytes of a file. It is unpacked if it begins as gzip files do, whatever its name. Throws data_error naming the
/// file and the byte if it is truncated or corrupt, and when there would be more than `limit` bytes; file_error, which
/// is a data_error, if it is missing or unreadable.
std::vector<std::uint8_t> read_file(const std::filesystem::path& file, std::size_t limit);

/// The bytes of a file without unpacking. Throws data_error as read_file does; and without a limit for what is no
/// regular file, because nothing says where a device ends.
std::vector<std::uint8_t> read_raw_file(const std::filesystem::path& file,
                                        std::size_t limit = static_cast<std::size_t>(-1));

/// Says from the beginning of a file how many bytes it has in all. It is asked again with what it has asked for until
/// that is there, so it first asks for the header, and it throws where the header is wrong.
using SizeFromHeader = std::function<std::size_t(std::span<const std::uint8_t> beginning)>;

/// The same for a file whose header says how long it is: no more is read, unpacked or held than that. What comes is
/// shorter where the file is, which the caller refuses. Throws data_error as above, also where bytes follow and for a
/// gzipped file that is too small for what its header says.
std::vector<std::uint8_t> read_file(const std::filesystem::path& file, const SizeFromHeader& size,
                                    std::size_t limit = static_cast<std::size_t>(-1) >> 1);
std::vector<std::uint8_t> read_raw_file(const std::filesystem::path& file, const SizeFromHeader& size);

/// A regular file that is open for reading, so that all parts come from the same one, whatever is renamed meanwhile.
class PartReader {
 public:
  /// Nothing is thrown where there is no such file, but every part is missing.
  explicit PartReader(const std::filesystem::path& file);
  ~PartReader();
  PartReader(const PartReader&) = delete;
  PartReader& operator=(const PartReader&) = delete;

  std::uint64_t size() const { return size_; }
  /// Reads bytes [first, first + count), with all threads. Returns false where the file has fewer or cannot be read.
  bool read(std::uint64_t first, std::size_t count, void* to) const;

 private:
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

/// The first of these names, each with or without .gz, that is in the folder. Throws data_error listing the names if
/// there is none, and for a folder that cannot be read.
std::filesystem::path find_file(const std::filesystem::path& folder, const std::vector<std::string>& names);
bool has_file(const std::filesystem::path& folder, const std::vector<std::string>& names);

/// Writes the parts, one after the other, to a temporary file beside `file`, flushes it to the disk and renames it. So
/// the file exists whole or not at all, also after a loss of power, and an older one is only replaced by a whole one,
/// which keeps its mode, and its owner and group where the system allows that. Behind symbolic links the file that they
/// lead to is replaced. Devices, FIFOs, and files that are mounted are written and never replaced. Removes temporary
/// files that killed processes have left for this file. Throws data_error with the system's reason, and for a file that
/// is write-protected.
void write_file(const std::filesystem::path& file, const std::vector<std::string_view>& parts);
/// The same with parts that `next` makes one after the other, until it returns an empty one: for files larger than the
/// memory.
void write_file_in_parts(const std::filesystem::path& file, const std::function<std::string_view()>& next);
/// Puts bytes at a place of a file, counted from its beginning.
using PutAt = std::function<void(std::uint64_t offset, std::string_view bytes)>;
/// The same in any order: `fill` puts the `size` bytes of the file. Returns false, without a call of `fill`, for what
/// takes bytes in their order only, as FIFOs do.
bool write_file_in_any_order(const std::filesystem::path& file, std::uint64_t size,
                             const std::function<void(const PutAt&)>& fill);

/// Removes the temporary files that processes which were killed while they wrote `file` have left beside it. Those of a
/// process that is still writing stay, and so does every file that write_file has not named.
void remove_unfinished(const std::filesystem::path& file);

/// Makes the folder of the file if needed and tries everything that write_file will do, to be called before hours of
/// work. `bytes` is how many the file will have, as far as that is known, and `others` how many more will come to the
/// same disk. Throws data_error where the name is empty, too long, or that of a folder, where the file cannot be
/// written, and where its disk has too little room.
void require_writable_file(const std::filesystem::path& file, double bytes = 0, double others = 0);
/// What the names of the files begin with by which require_writable_folder tries a folder. It removes them, unless its
/// process is killed.
constexpr const char* probe_name = ".writable";
/// The same for a folder in which files will be written.
void require_writable_folder(const std::filesystem::path& folder);

}  // namespace xtangent::nn
