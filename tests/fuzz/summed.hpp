#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "ntk/computation/store_format.hpp"

namespace xtangent::fuzz {

/// The text of a manifest with the checksum of what it says, or nothing where it is no JSON.
inline std::string summed(std::string_view text) {
  auto all = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!all.is_object()) return {};
  all.erase("crc32");
  const std::string said = all.dump();
  all["crc32"] = ntk::fingerprint(said.data(), said.size());
  return all.dump(1) + "\n";
}

}  // namespace xtangent::fuzz
