#include "ntk/computation/store_format.hpp"

#include <algorithm>
#include <cstdio>

#include "ntk/computation/manifest_json.hpp"

namespace xtangent::ntk::store_format {
namespace {

namespace fs = std::filesystem;

constexpr const char* format = "xtangent kernel store, 3";
constexpr std::size_t largest_manifest = 1 << 20;  // bytes; a usual one has about a thousand

Json described(const Manifest& manifest) {
  const auto& [shape, partition, settings] = manifest;
  const Grid& g = shape.grid;
  Json cut = {{"strategy", name(partition.strategy)},
              {"tile", partition.tile},
              {"panel", partition.panel},
              {"shard", partition.shard},
              {"rows_held", partition.rows_held},
              {"columns_held", partition.columns_held}};
  if (partition.room > 0) cut["room"] = partition.room;
  return {{"format", format},
          {"kernel",
           {{"rows", g.rows},
            {"columns", g.columns},
            {"symmetric", g.symmetric},
            {"block", shape.block},
            {"column_block", shape.column_block},
            {"planes", shape.planes}}},
          {"partition", std::move(cut)},
          {"settings", as_json(settings)}};
}

Strategy strategy_of(const std::string& text, const fs::path& file) {
  try {
    const Strategy out = parse_strategy(text);
    if (out != Strategy::automatic) return out;  // a partition is of one of the others
  } catch (const option_error&) {
  }
  corrupt(file, "there is no strategy of that name");
}

Manifest manifest_of(const Json& all, const fs::path& file) {
  if (all.at("format") != format) fail(file, "is of another version of the library. Use another folder.");
  const Json &kernel = all.at("kernel"), &cut = all.at("partition");
  const auto number = [&file](const Json& object, const char* name) { return whole(object, name, file); };
  Manifest out;
  out.shape = {{number(kernel, "rows"), number(kernel, "columns"), number(cut, "tile"), kernel.at("symmetric")},
               number(kernel, "block"),
               number(kernel, "column_block"),
               number(kernel, "planes")};
  out.partition = {strategy_of(cut.at("strategy"), file),
                   number(cut, "tile"),
                   number(cut, "panel"),
                   number(cut, "shard"),
                   cut.at("rows_held"),
                   cut.at("columns_held"),
                   cut.contains("room") ? number(cut, "room") : 0};
  out.settings = settings_in(all.at("settings"));
  return out;
}

}  // namespace

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
      name != tile_name({i, j}, sum))
    return std::nullopt;
  return TileFile{{i, j}, sum};
}

std::string text_of(const Manifest& manifest) { return with_sum(described(manifest)); }

std::string fault_of(const KernelShape& shape, const Partition& cut) {
  const Grid& g = shape.grid;
  if (std::min({g.rows, g.columns, shape.block, shape.column_block, shape.planes}) == 0) return "the kernel is empty";
  constexpr double most = 4e18;  // bytes, so that no number of entries or tiles overflows
  const double sides = static_cast<double>(g.rows) * static_cast<double>(g.columns);
  const double block = static_cast<double>(shape.block) * static_cast<double>(shape.column_block);
  if (!(8 * sides * block * static_cast<double>(shape.planes) < most)) return "the kernel is too large";
  if (g.symmetric && (g.rows != g.columns || shape.block != shape.column_block))
    return "a symmetric kernel that is not square";
  if (std::max(shape.block, shape.column_block) > 1 && shape.planes > 1) return "several planes of blocks";
  const std::size_t whole = std::max(g.rows, g.columns);
  const auto outside = [](std::size_t value, std::size_t last) { return value == 0 || value > last; };
  if (cut.tile != g.edge || outside(cut.tile, whole)) return "no such kernel has tiles of that size";
  const std::size_t rows_of_tiles = (g.rows - 1) / cut.tile + 1;
  if (cut.panel % cut.tile != 0 || outside(cut.panel / cut.tile, rows_of_tiles))
    return "the panel is not made of the kernel's tiles";
  if (outside(cut.shard, whole)) return "no such kernel has shards of that size";
  if (cut.strategy != Strategy::structured && !(cut.rows_held && cut.columns_held))
    return "this strategy holds rows and columns";
  if (!cut.rows_held && cut.tile < whole) return "rows that are not held serve one tile alone";
  return {};
}

Manifest parsed_manifest(std::string_view text, const fs::path& file) {
  const Manifest out = read_json(text, file, [&](const Json& all) { return manifest_of(all, file); });
  if (const std::string fault = fault_of(out.shape, out.partition); !fault.empty()) corrupt(file, fault);
  return out;
}

Manifest read_manifest(const fs::path& folder) {
  return parsed_manifest(text_of_manifest(folder, largest_manifest), folder / manifest_name);
}

}  // namespace xtangent::ntk::store_format
