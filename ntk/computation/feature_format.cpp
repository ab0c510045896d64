#include "ntk/computation/feature_format.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "autodiff/error.hpp"

namespace xtangent::ntk::feature_format {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using store_format::fail;

constexpr const char* format = "xtangent features, 1";
constexpr const char* sum_key = "crc32";

[[noreturn]] void corrupt(const fs::path& file, const std::string& what) {
  fail(file, "is corrupt: " + what + ". Remove the folder to begin again.");
}

Json described(const Manifest& m) {
  Json places = Json::array(), given = Json::object();
  for (const FeaturePlace& p : m.places)
    places.push_back({{"parameter", p.parameter},
                      {"elements", p.elements},
                      {"first", p.first},
                      {"count", p.count},
                      {"exact", p.exact}});
  for (const auto& [name, value] : m.settings) given[name] = value;
  return {{"format", format},
          {"features",
           {{"rows", m.rows},
            {"columns", m.columns},
            {"rows_in_a_file", m.part},
            {"type", m.in_double ? "float64" : "float32"}}},
          {"places", places},
          {"settings", given}};
}

// A conversion by Json itself would take -1 and 1e30.
std::size_t whole(const Json& object, const char* name, const fs::path& file) {
  const Json& value = object.at(name);
  if (!value.is_number_unsigned()) corrupt(file, std::string(name) + " is no whole number");
  return value.get<std::size_t>();
}

Manifest manifest_of(const Json& all, const fs::path& file) {
  if (all.at("format") != format) fail(file, "is not of features, or of another version of the library.");
  const Json& features = all.at("features");
  Manifest out;
  out.rows = whole(features, "rows", file);
  out.columns = whole(features, "columns", file);
  out.part = whole(features, "rows_in_a_file", file);
  out.in_double = features.at("type").get<std::string>() == "float64";
  for (const Json& place : all.at("places"))
    out.places.push_back({place.at("parameter").get<std::string>(), whole(place, "elements", file),
                          whole(place, "first", file), whole(place, "count", file), place.at("exact").get<bool>()});
  for (const auto& [name, value] : all.at("settings").items())
    out.settings.emplace_back(name, value.get<std::string>());
  return out;
}

// What is wrong with these numbers, or nothing.
std::string fault_of(const Manifest& m) {
  if (m.rows == 0 || m.columns == 0) return "there are no features";
  constexpr double most = 4e18;  // bytes, so that no number of entries overflows
  if (!(8 * static_cast<double>(m.rows) * static_cast<double>(m.columns) < most)) return "the features are too large";
  if (m.part == 0 || m.part > m.rows) return "no such features have files of that size";
  for (const FeaturePlace& p : m.places)
    if (p.count > m.columns || p.first > m.columns - p.count) return "a parameter has no place in a row";
  return {};
}

}  // namespace

std::string part_name(std::size_t number, const std::string& sum) {
  char text[64];
  std::snprintf(text, sizeof text, "features-%05zu-%s.npy", number, sum.c_str());
  return text;
}

std::optional<PartFile> parsed(const std::string& name) {
  std::size_t number = 0;
  char sum[9] = {};
  int length = 0;
  if (std::sscanf(name.c_str(), "features-%zu-%8[0-9a-f].npy%n", &number, sum, &length) != 2 || length == 0 ||
      name != part_name(number, sum))
    return std::nullopt;
  return PartFile{number, sum};
}

std::string text_of(const Manifest& manifest) {
  Json all = described(manifest);
  const std::string text = all.dump();
  all[sum_key] = fingerprint(text.data(), text.size());
  return all.dump(1) + "\n";
}

Manifest parsed_manifest(std::string_view text, const fs::path& file) {
  Manifest out;
  try {
    out = manifest_of(Json::parse(text), file);
    // Compared as a whole, so that there is no byte whose damage goes unnoticed.
    if (text_of(out) != text) corrupt(file, "its checksum does not fit");
  } catch (const Json::exception& wrong) {
    corrupt(file, wrong.what());
  }
  if (const std::string fault = fault_of(out); !fault.empty()) corrupt(file, fault);
  return out;
}

}  // namespace xtangent::ntk::feature_format
