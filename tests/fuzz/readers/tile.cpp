// Names of the files of a store. What is taken for a tile has exactly the name that this tile gets.
#include "ntk/computation/store_format.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace xtangent;

static void read(std::string_view text) {
  const std::string name(text);
  if (const auto tile = ntk::store_format::parsed(name))
    fuzz::require(ntk::store_format::tile_name(tile->place, tile->sum) == name);
}
XTANGENT_FUZZ(read)
