// Manifests of features, as they are and with a checksum that fits them. What is accepted is what was written, byte by
// byte, and the sizes of all files can be told.
#include "ntk/computation/feature_format.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/summed.hpp"

using namespace xtangent;

namespace {

void load(std::string_view text) {
  const auto m = fuzz::accepted([&] { return ntk::feature_format::parsed_manifest(text, "manifest.json"); });
  if (!m) return;
  fuzz::require(ntk::feature_format::text_of(*m) == text);
  fuzz::require(m->rows > 0 && m->part > 0 && m->part <= m->rows && m->columns > 0);
  fuzz::require(static_cast<double>(m->rows) * static_cast<double>(m->columns) < 1e18);
  for (const ntk::FeaturePlace& place : m->places) fuzz::require(place.first + place.count <= m->columns);
}

void read(std::string_view text) {
  load(text);
  if (const std::string changed = fuzz::summed(text); !changed.empty()) load(changed);
}

}  // namespace
XTANGENT_FUZZ(read)
