#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <string>

#include "examples/kernel/settings.hpp"
#include "ntk/feature_store.hpp"
#include "ntk/sharing.hpp"
#include "ntk/store.hpp"

/// Options of programs whose store several processes share.
namespace xtangent::examples {

/// Declares --share, --shard, --take-over and --patience, which need the option `of_folder`, if that is not null.
void sharing_options(CLI::App& app, SharingSettings& settings, CLI::Option* of_folder);

/// What they ask for. Notices go to stderr, a line each, after the program's name. Throws option_error (a shard that is
/// none).
ntk::Sharing sharing_of(const SharingSettings& settings, const std::string& program);

/// Which file has this name: the number of another one once that was renamed to it, and 0 where there is none.
std::uint64_t file_number(const std::filesystem::path& file);
/// Writes a complete kernel as one NumPy file. Of the processes that share it and name the same file, one writes it,
/// and the others wait until it has another number than `before`. The file claim-NAME beside it says who writes. Throws
/// what writing throws.
void write_together(const ntk::StoredKernel& kernel, const std::filesystem::path& file, std::uint64_t before,
                    const ntk::Sharing& sharing);

/// What is missing of a kernel, or of features, of which this process has computed its part, and what then happens;
/// empty where nothing is.
std::string missing_parts(const ntk::StoredKernel& kernel, const ntk::Shard& shard,
                          const std::string& then = "each of these commands writes the kernel");
std::string missing_parts(const ntk::StoredFeatures& features, const ntk::Shard& shard);

}  // namespace xtangent::examples
