#include "ntk/computation/store_format.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "autodiff/error.hpp"
#include "nn/data/file.hpp"

namespace xtangent::ntk {
namespace store_format {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* format = "xtangent kernel store, 3";
constexpr const char* sum_key = "crc32";
constexpr std::size_t largest_manifest = 1 << 20;  // bytes; a usual one has about a thousand

[[noreturn]] void corrupt(const fs::path& file, const std::string& what) {
  fail(file, "is corrupt: " + what + ". Remove the folder to begin again.");
}

Json described(const Manifest& manifest) {
  const auto& [shape, partition, settings] = manifest;
  Json given = Json::object();
  for (const auto& [name, value] : settings) given[name] = value;
  const Grid& g = shape.grid;
  return {{"format", format},
          {"kernel",
           {{"rows", g.rows},
            {"columns", g.columns},
            {"symmetric", g.symmetric},
            {"block", shape.block},
            {"column_block", shape.column_block},
            {"planes", shape.planes}}},
          {"partition",
           {{"strategy", name(partition.strategy)},
            {"tile", partition.tile},
            {"panel", partition.panel},
            {"shard", partition.shard},
            {"rows_held", partition.rows_held},
            {"columns_held", partition.columns_held}}},
          {"settings", given}};
}

// A conversion by Json itself would take -1 and 1e30 for numbers of examples.
std::size_t whole(const Json& object, const char* name, const fs::path& file) {
  const Json& value = object.at(name);
  if (!value.is_number_unsigned()) corrupt(file, std::string(name) + " is no whole number");
  return value.get<std::size_t>();
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
                   cut.at("columns_held")};
  for (const auto& [name, value] : all.at("settings").items())
    out.settings.emplace_back(name, value.get<std::string>());
  return out;
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
      name != tile_name({i, j}, sum))
    return std::nullopt;
  return TileFile{{i, j}, sum};
}

std::string sum_of(const Array<double>& tile, Place place, const std::string& store) {
  const std::uint64_t at[] = {place.first, place.second};
  return fingerprint(tile.data(), tile.bytes(), fingerprint(at, sizeof at, store));
}

std::string text_of(const Manifest& manifest) {
  Json all = described(manifest);
  const std::string text = all.dump();
  all[sum_key] = fingerprint(text.data(), text.size());
  return all.dump(1) + "\n";
}

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
  Manifest out;
  try {
    out = manifest_of(Json::parse(text), file);
    // Compared as a whole, so that there is no byte whose damage goes unnoticed.
    if (text_of(out) != text) corrupt(file, "its checksum does not fit");
  } catch (const Json::exception& wrong) {
    corrupt(file, wrong.what());
  }
  if (const std::string fault = fault_of(out.shape, out.partition); !fault.empty()) corrupt(file, fault);
  return out;
}

Manifest read_manifest(const fs::path& folder) {
  const fs::path file = folder / manifest_name;
  const auto bytes = nn::read_raw_file(file, largest_manifest);
  return parsed_manifest({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, file);
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code))
    out.push_back(entry->path());
  if (code) fail(folder, "cannot be read: " + code.message() + ".");
  return out;
}

void remove_entry(const fs::path& entry) {
  std::error_code code;
  fs::remove(entry, code);
  if (code)
    fail(entry, std::string(fs::is_directory(entry, code) ? "is a folder that" : "is no finished tile and") +
                    " cannot be removed. Remove it, and compute the kernel again with this store.");
}

}  // namespace store_format

std::string fingerprint(const void* data, std::size_t bytes, const std::string& earlier) {
  const uLong before = earlier.empty() ? 0 : std::stoul(earlier, nullptr, 16);
  char text[9];
  std::snprintf(text, sizeof text, "%08lx", crc32_z(before, static_cast<const Bytef*>(data), bytes));
  return text;
}

}  // namespace xtangent::ntk
