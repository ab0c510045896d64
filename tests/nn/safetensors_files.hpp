#pragma once

#include <cstdint>
#include <string>

/// Files in the safetensors format, made by hand.
namespace xtangent::testing {

inline std::string length_prefix(std::uint64_t length) {
  std::string out;
  for (int byte = 0; byte < 8; ++byte) out += static_cast<char>(length >> 8 * byte & 255);
  return out;
}

inline std::string safetensors_file(const std::string& header, const std::string& elements) {
  return length_prefix(header.size()) + header + elements;
}

}  // namespace xtangent::testing
