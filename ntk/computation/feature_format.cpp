#include "ntk/computation/feature_format.hpp"

#include <algorithm>
#include <cstdio>

#include "ntk/computation/manifest_json.hpp"

namespace xtangent::ntk::feature_format {
namespace {

namespace fs = std::filesystem;
using namespace store_format;

constexpr const char* format = "xtangent features, 2";
constexpr std::size_t largest_manifest = std::size_t{64} << 20;  // bytes; networks have many parameters

Json described(const Manifest& m) {
  Json places = Json::array();
  for (const FeaturePlace& p : m.places)
    places.push_back({{"parameter", p.parameter},
                      {"elements", p.elements},
                      {"first", p.first},
                      {"count", p.count},
                      {"exact", p.exact}});
  return {{"format", format},
          {"features",
           {{"rows", m.rows},
            {"columns", m.columns},
            {"rows_in_a_file", m.part},
            {"type", m.in_double ? "float64" : "float32"}}},
          {"places", places},
          {"settings", as_json(m.settings)}};
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
  out.settings = settings_in(all.at("settings"));
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

std::string text_of(const Manifest& manifest) { return with_sum(described(manifest)); }

Manifest parsed_manifest(std::string_view text, const fs::path& file) {
  const Manifest out = read_json(text, file, [&](const Json& all) { return manifest_of(all, file); });
  if (const std::string fault = fault_of(out); !fault.empty()) corrupt(file, fault);
  return out;
}

Manifest read_manifest(const fs::path& folder) {
  return parsed_manifest(text_of_manifest(folder, largest_manifest), folder / manifest_name);
}

}  // namespace xtangent::ntk::feature_format
