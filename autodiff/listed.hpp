#pragma once

#include <string>
#include <string_view>

namespace xtangent {

/// Names between commas, for a message: "a, b, c".
template <class Names>
std::string listed(const Names& names) {
  std::string out;
  for (const std::string_view name : names) out.append(out.empty() ? "" : ", ").append(name);
  return out;
}

}  // namespace xtangent
