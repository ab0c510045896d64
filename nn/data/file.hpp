#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// Files: read whole, gzipped or not; written whole or not at all.
namespace xtangent::nn {

/// The bytes of a file. One that begins as gzip does is unpacked, whatever its name.
/// Throws data_error naming the file and the byte where it is missing, unreadable, truncated or corrupt, and when
/// more than `limit` bytes come out.
std::vector<std::uint8_t> read_file(const std::filesystem::path& file, std::size_t limit = std::size_t(4) << 30);

/// The bytes of a file as they are, packed or not. Throws data_error as read_file does.
std::vector<std::uint8_t> read_raw_file(const std::filesystem::path& file,
                                        std::size_t limit = static_cast<std::size_t>(-1));

/// The first of these names that is there, each with or without .gz. Throws data_error listing what was looked for, and
/// for a folder that cannot be read.
std::filesystem::path find_file(const std::filesystem::path& folder, const std::vector<std::string>& names);
bool has_file(const std::filesystem::path& folder, const std::vector<std::string>& names);

/// Writes the parts, one after the other, to a temporary name beside `file`, flushes them to the disk and renames:
/// the file is there whole or not at all, and an older one is only replaced by a whole one.
/// Throws data_error with the system's reason.
void write_file(const std::filesystem::path& file, const std::vector<std::string_view>& parts);
/// The same, with parts that `next` makes one after the other until an empty one: for files larger than the memory.
void write_file_in_parts(const std::filesystem::path& file, const std::function<std::string_view()>& next);

/// Removes what interrupted writes of this file, of processes that were killed, have left beside it.
void remove_unfinished(const std::filesystem::path& file);

/// Creates the folder where needed and tries to write in it. Throws data_error with the system's reason: call it
/// before hours of work, not after.
void require_writable_folder(const std::filesystem::path& folder);

}  // namespace xtangent::nn
