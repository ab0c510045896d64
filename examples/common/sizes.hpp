#pragma once

#include <cstddef>
#include <string>

namespace xtangent::examples {

/// Bytes as people write them: 512M, 2G, 1.5GiB, 800MB, 4096. K, M, G and T, alone or with iB, are powers of 1024; with
/// B alone powers of 1000. Throws option_error naming `option` for anything else, and for less than one byte.
std::size_t parse_bytes(const std::string& option, const std::string& text);

}  // namespace xtangent::examples
