// Manifests of stores, as they are and with a checksum that fits them. What is accepted is what was written, byte by
// byte, and the numbers of tiles and of their entries can be told.
#include "ntk/computation/store_format.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/summed.hpp"

using namespace xtangent;

namespace {

void load(std::string_view text) {
  const auto manifest = fuzz::accepted([&] { return ntk::store_format::parsed_manifest(text, "manifest.json"); });
  if (!manifest) return;
  fuzz::require(ntk::store_format::text_of(*manifest) == text);
  const auto& shape = manifest->shape;
  const auto& grid = shape.grid;
  const auto entries = [&](std::size_t i, std::size_t j) { return static_cast<double>(shape.tile_shape(i, j).size()); };
  const std::size_t rows = grid.tile_rows(), columns = grid.tile_columns();
  fuzz::require(rows > 0 && columns > 0 && grid.count() >= std::max(rows, columns));
  fuzz::require(entries(0, 0) > 0 && entries(rows - 1, columns - 1) > 0 && entries(0, 0) < 1e18);
}

void read(std::string_view text) {
  load(text);
  if (const std::string changed = fuzz::summed(text); !changed.empty()) load(changed);
}

}  // namespace
XTANGENT_FUZZ(read)
