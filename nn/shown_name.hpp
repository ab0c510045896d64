#pragma once

#include <string>
#include <string_view>

namespace xtangent::nn {

/// The name of an array in quotes for a message, cut to a length that fits in a line.
inline std::string shown(std::string_view name) {
  constexpr std::size_t most = 100;
  std::string out(1, '\'');
  out.append(name.substr(0, most)).append(name.size() > most ? "...'" : "'");
  return out;
}

}  // namespace xtangent::nn
