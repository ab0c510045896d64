// Manifests of stores. What is accepted must be what was written, byte by byte.
#include "ntk/computation/store_format.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace xtangent;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  fuzz::expect_answer([&] {
    const auto manifest = ntk::store_format::parsed_manifest(text, "manifest.json");
    if (ntk::store_format::text_of(manifest) != text) std::abort();
  });
  return 0;
}
