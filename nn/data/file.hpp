#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// Files that are read whole, gzipped or not, and written whole or not at all.
namespace xtangent::nn {

/// The bytes of a file. It is unpacked if it begins as gzip files do, whatever its name. Throws data_error naming the
/// file and the byte if it is missing, unreadable, truncated or corrupt, and when there would be more than `limit`
/// bytes.
std::vector<std::uint8_t> read_file(const std::filesystem::path& file, std::size_t limit = std::size_t(4) << 30);

/// The bytes of a file without unpacking. Throws data_error as read_file does.
std::vector<std::uint8_t> read_raw_file(const std::filesystem::path& file,
                                        std::size_t limit = static_cast<std::size_t>(-1));

/// The first of these names, each with or without .gz, that is in the folder. Throws data_error listing the names if
/// there is none, and for a folder that cannot be read.
std::filesystem::path find_file(const std::filesystem::path& folder, const std::vector<std::string>& names);
bool has_file(const std::filesystem::path& folder, const std::vector<std::string>& names);

/// Writes the parts, one after the other, to a temporary name beside `file`, flushes them to the disk and renames the
/// file. So it exists whole or not at all, and an older one is only replaced by a whole one. Throws data_error with the
/// system's reason.
void write_file(const std::filesystem::path& file, const std::vector<std::string_view>& parts);
/// The same with parts that `next` makes one after the other, until it returns an empty one: for files larger than the
/// memory.
void write_file_in_parts(const std::filesystem::path& file, const std::function<std::string_view()>& next);

/// Removes the temporary files that processes which were killed while they wrote `file` have left beside it.
void remove_unfinished(const std::filesystem::path& file);

/// What the names of the files begin with by which require_writable_folder tries a folder. It removes them, unless its
/// process is killed.
constexpr const char* probe_name = ".writable-";

/// Creates the folder if needed and tries to write in it, to be called before hours of work. Throws data_error with the
/// system's reason.
void require_writable_folder(const std::filesystem::path& folder);

}  // namespace xtangent::nn
