#include "ntk/computation/manifest_json.hpp"

namespace xtangent::ntk::store_format {

namespace fs = std::filesystem;

void corrupt(const fs::path& file, const std::string& what) {
  fail(file, "is corrupt: " + what + ". Remove the folder to begin again.");
}

std::size_t whole(const Json& object, const char* name, const fs::path& file) {
  const Json& value = object.at(name);
  if (!value.is_number_unsigned()) corrupt(file, std::string(name) + " is no whole number");
  return value.get<std::size_t>();
}

Json as_json(const StoreSettings& settings) {
  Json out = Json::object();
  for (const auto& [name, value] : settings) out[name] = value;
  return out;
}

StoreSettings settings_in(const Json& object) {
  StoreSettings out;
  for (const auto& [name, value] : object.items()) out.emplace_back(name, value.get<std::string>());
  return out;
}

std::string with_sum(Json manifest) {
  const std::string text = manifest.dump();
  manifest["crc32"] = fingerprint(text.data(), text.size());
  return manifest.dump(1) + "\n";
}

}  // namespace xtangent::ntk::store_format
