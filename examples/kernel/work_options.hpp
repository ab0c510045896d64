#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "examples/kernel/settings.hpp"

namespace xtangent::examples {

/// Declares the options that choose the network and the examples: --network, --width, --weights, --data, those of
/// input_options, --n and --test. `test` and `test_inputs` say what the test images and inputs are for.
void work_options(CLI::App& app, Settings& settings, const std::string& test, const std::string& test_inputs);

}  // namespace xtangent::examples
