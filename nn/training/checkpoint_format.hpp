#pragma once

#include <string>

#include "nn/safetensors.hpp"

/// What the metadata of a checkpoint's file hold.
namespace xtangent::nn::checkpoint_format {

constexpr const char* state_key = "training";  ///< counters, history and settings, as JSON
constexpr const char* sum_key = "checksum";

/// The checksum of a checkpoint with this text under `state_key` and the arrays of `file`. Throws data_error for
/// elements that are out of range.
std::string checksum(const std::string& text, const TensorFile& file);

}  // namespace xtangent::nn::checkpoint_format
