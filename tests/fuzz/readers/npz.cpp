// Archives of NumPy arrays.
#include "nn/data/npy.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace xtangent;

static void read(std::string_view bytes) {
  static fuzz::MemoryFile file;
  const auto arrays = fuzz::accepted([&] { return nn::read_npz(file.with(bytes)); });
  if (!arrays) return;
  for (const std::string& name : arrays->names()) {
    fuzz::require(arrays->contains(name));
    fuzz::accepted([&] { return arrays->get<double>(name); });
    fuzz::accepted([&] { return arrays->integers(name); });
  }
}
XTANGENT_FUZZ(read)
