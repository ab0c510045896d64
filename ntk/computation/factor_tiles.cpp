#include "ntk/computation/factor_tiles.hpp"

#include <cstdio>

#include "autodiff/error.hpp"
#include "nn/data/file.hpp"
#include "nn/data/npy.hpp"
#include "ntk/computation/manifest_json.hpp"
#include "ntk/computation/store_folder.hpp"

namespace xtangent::ntk {
namespace {

namespace fs = std::filesystem;
using namespace store_format;

constexpr const char* format = "xtangent Cholesky factor, 1";
constexpr std::size_t largest_manifest = 1 << 20;  // bytes; a usual one has a few hundred

std::string file_name(std::size_t i, std::size_t j, const std::string& sum) {
  char text[72];
  std::snprintf(text, sizeof text, "factor-%05zu-%05zu-%s.npy", i, j, sum.c_str());
  return text;
}

// The place of a tile in the name of its file, or nothing for other files.
std::optional<std::pair<std::size_t, std::size_t>> place_in(const std::string& name) {
  std::size_t i = 0, j = 0;
  char sum[9];
  if (std::sscanf(name.c_str(), "factor-%zu-%zu-%8[0-9a-f].npy", &i, &j, sum) != 3 || name != file_name(i, j, sum))
    return std::nullopt;
  return std::pair(i, j);
}

}  // namespace

namespace factor_format {

std::string text_of(const Manifest& m) {
  return with_sum(
      {{"format", format},
       {"factor", {{"order", m.order}, {"rows_of_a_tile", m.tile}, {"type", m.single ? "float32" : "float64"}}},
       {"settings", as_json(m.settings)}});
}

Manifest parsed_manifest(std::string_view text, const fs::path& file) {
  const Manifest out = read_json(text, file, [&](const Json& all) {
    if (all.at("format") != format) fail(file, "is not of a Cholesky factor, or of another version of the library.");
    const Json& factor = all.at("factor");
    return Manifest{whole(factor, "order", file), whole(factor, "rows_of_a_tile", file),
                    factor.at("type").get<std::string>() == "float32", settings_in(all.at("settings"))};
  });
  constexpr std::size_t most = std::size_t{1} << 30;  // so that no number of entries overflows
  if (out.order == 0 || out.order > most || out.tile == 0 || out.tile > out.order)
    corrupt(file, "no factor has such tiles");
  return out;
}

std::optional<Manifest> manifest_in(const fs::path& folder) {
  if (!has_manifest(folder)) return std::nullopt;
  return parsed_manifest(text_of_manifest(folder, largest_manifest), folder / manifest_name);
}

}  // namespace factor_format

FactorTiles::FactorTiles(fs::path folder, const factor_format::Manifest& manifest)
    : folder_(std::move(folder)), manifest_(manifest) {
  nn::require_writable_folder(folder_);
  lock_ = std::make_unique<FolderLock>(folder_);
  const std::string text = text_of(manifest_);
  identity_ = fingerprint(text.data(), text.size());
  if (const auto known = factor_format::manifest_in(folder_)) {
    require_same_settings(folder_, known->settings, manifest_.settings);
    if (!(*known == manifest_))
      throw option_error("[stored cholesky] " + folder_.string() + " was begun with tiles of " +
                         std::to_string(known->tile) + " rows of " + (known->single ? "float" : "double") +
                         ", and this call has tiles of " + std::to_string(manifest_.tile) + " rows of " +
                         (manifest_.single ? "float" : "double") +
                         ". Use another folder, or the options that it was begun with.");
  } else {
    require_empty(folder_, manifest_name, "factor");
    nn::remove_unfinished(folder_ / manifest_name);
    require_space(folder_, missing_bytes(), "factor");
    nn::write_file(folder_ / manifest_name, {text});
  }
  for (const fs::path& entry : entries(folder_)) {
    const std::string name = entry.filename().string();
    const auto place = place_in(name);
    if (place && place->second <= place->first && place->first < along())
      files_[*place] = entry;
    else if (name.starts_with("factor-") || name.starts_with(nn::probe_name))  // left by a run that was killed
      remove_entry(entry, "factor");
  }
  manifest_.single ? check_all<float>() : check_all<double>();
  require_space(folder_, missing_bytes(), "factor");
}

FactorTiles::~FactorTiles() = default;

double FactorTiles::missing_bytes() const {
  double entries = 0;
  for (std::size_t i = 0; i < along(); ++i)
    for (std::size_t j = 0; j <= i; ++j)
      if (!has(i, j)) entries += static_cast<double>(rows(i).size()) * static_cast<double>(rows(j).size());
  return entries * (manifest_.single ? 4 : 8);
}

// Removes tiles that are damaged; they are computed again.
template <class T>
void FactorTiles::check_all() {
  std::erase_if(files_, [&](const auto& tile) {
    return !is_whole(tile.second, "factor", [&] { read<T>(tile.first.first, tile.first.second); });
  });
}

template <class T>
Array<T> FactorTiles::read(std::size_t i, std::size_t j) const {
  const auto at = files_.find({i, j});
  if (at == files_.end()) fail(folder_, "tile " + std::to_string(i) + ", " + std::to_string(j) + " is missing.");
  Array<T> values = nn::read_npy<T>(at->second);
  if (!(values.shape() == Shape{rows(i).size(), rows(j).size()}) ||
      at->second.filename() != file_name(i, j, sum_of(values, {i, j}, identity_)))
    fail(at->second,
         "is corrupt: its checksum or shape does not fit. Remove it and factor the kernel again with this folder.");
  return values;
}

template <class T>
void FactorTiles::write(std::size_t i, std::size_t j, const Array<T>& tile) {
  const fs::path file = folder_ / file_name(i, j, sum_of(tile, {i, j}, identity_));
  nn::write_npy(file, tile);
  files_[{i, j}] = file;
}

void FactorTiles::finish() { lock_.reset(); }

template Array<float> FactorTiles::read(std::size_t, std::size_t) const;
template Array<double> FactorTiles::read(std::size_t, std::size_t) const;
template void FactorTiles::write(std::size_t, std::size_t, const Array<float>&);
template void FactorTiles::write(std::size_t, std::size_t, const Array<double>&);

}  // namespace xtangent::ntk
