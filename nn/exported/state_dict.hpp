#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nn/exported/archive.hpp"

/// Dictionaries of arrays that torch.save wrote, which older versions of PyTorch put into exported programs.
namespace xtangent::nn::exported {

/// The arrays of a dictionary by their names. `storage` of each tells arrays that share their elements. Nothing of the
/// file is executed. Throws data_error naming `source` for what is no such file.
std::map<std::string, StoredArray> read_state_dict(std::vector<std::uint8_t> bytes, const std::string& source);

}  // namespace xtangent::nn::exported
