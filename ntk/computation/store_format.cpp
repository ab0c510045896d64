#include "ntk/computation/store_format.hpp"

#include <zlib.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "autodiff/error.hpp"
#include "nn/data/file.hpp"

namespace xtangent::ntk {
namespace store_format {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* format = "xtangent kernel store, 1";

Strategy strategy_of(const std::string& text) {
  for (Strategy s : {Strategy::structured, Strategy::jacobian, Strategy::vector_products})
    if (text == name(s)) return s;
  throw data_error("[ntk store] no strategy '" + text + "'.");
}

}  // namespace

void fail(const fs::path& place, const std::string& what) {
  throw data_error("[ntk store] " + place.string() + ": " + what);
}

std::string tile_name(Place place, const std::string& sum) {
  char text[64];
  std::snprintf(text, sizeof text, "tile-%05zu-%05zu-%s.npy", place.first, place.second, sum.c_str());
  return text;
}

std::optional<TileFile> parsed(const std::string& name) {
  std::size_t i = 0, j = 0;
  char sum[9] = {};
  int length = 0;
  if (std::sscanf(name.c_str(), "tile-%zu-%zu-%8[0-9a-f].npy%n", &i, &j, sum, &length) != 3 || length == 0 ||
      static_cast<std::size_t>(length) != name.size())
    return std::nullopt;
  return TileFile{{i, j}, sum};
}

std::string sum_of(const Array<double>& tile) { return fingerprint(tile.data(), tile.bytes()); }

std::string text_of(const Manifest& manifest) {
  const auto& [shape, partition, settings] = manifest;
  Json given = Json::object();
  for (const auto& [name, value] : settings) given[name] = value;
  const Grid& g = shape.grid;
  const Json all = {{"format", format},
                    {"kernel",
                     {{"rows", g.rows},
                      {"columns", g.columns},
                      {"symmetric", g.symmetric},
                      {"block", shape.block},
                      {"planes", shape.planes}}},
                    {"partition",
                     {{"strategy", name(partition.strategy)},
                      {"tile", partition.tile},
                      {"panel", partition.panel},
                      {"shard", partition.shard},
                      {"rows_held", partition.rows_held},
                      {"columns_held", partition.columns_held}}},
                    {"settings", given}};
  return all.dump(1) + "\n";
}

Manifest read_manifest(const fs::path& folder) {
  Manifest out;
  const auto bytes = nn::read_raw_file(folder / manifest_name);
  try {
    const Json all = Json::parse(bytes.begin(), bytes.end());
    if (all.at("format") != format) fail(folder / manifest_name, "is of another version of the library.");
    const Json &kernel = all.at("kernel"), &cut = all.at("partition");
    out.shape = {{kernel.at("rows"), kernel.at("columns"), cut.at("tile"), kernel.at("symmetric")},
                 kernel.at("block"),
                 kernel.at("planes")};
    out.partition = {
        strategy_of(cut.at("strategy")), cut.at("tile"), cut.at("panel"), cut.at("shard"), cut.at("rows_held"),
        cut.at("columns_held")};
    for (const auto& [name, value] : all.at("settings").items())
      out.settings.emplace_back(name, value.get<std::string>());
  } catch (const Json::exception& wrong) {
    fail(folder / manifest_name, std::string("is corrupt: ") + wrong.what() + ". Remove the folder to begin again.");
  }
  if (out.shape.grid.rows == 0 || out.shape.grid.columns == 0 || out.shape.grid.edge == 0 || out.shape.block == 0 ||
      out.shape.planes == 0)
    fail(folder / manifest_name, "is corrupt: an empty kernel. Remove the folder to begin again.");
  return out;
}

}  // namespace store_format

std::string fingerprint(const void* data, std::size_t bytes, const std::string& earlier) {
  const uLong before = earlier.empty() ? 0 : std::stoul(earlier, nullptr, 16);
  char text[9];
  std::snprintf(text, sizeof text, "%08lx", crc32_z(before, static_cast<const Bytef*>(data), bytes));
  return text;
}

}  // namespace xtangent::ntk
