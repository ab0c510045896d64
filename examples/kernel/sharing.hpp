#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "examples/kernel/settings.hpp"
#include "ntk/sharing.hpp"
#include "ntk/store.hpp"

/// Options of programs whose store several processes share.
namespace xtangent::examples {

/// Declares --share, --shard, --take-over and --patience, which need --store.
void sharing_options(CLI::App& app, SharingSettings& settings);

/// What they ask for. Notices go to stderr, a line each, after the program's name. Throws option_error (a shard that is
/// none).
ntk::Sharing sharing_of(const SharingSettings& settings, const std::string& program);

/// What is missing of a kernel of which this process has computed its part, and how to get it; empty where nothing is.
std::string missing_parts(const ntk::StoredKernel& kernel, const ntk::Shard& shard);

}  // namespace xtangent::examples
