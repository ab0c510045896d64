// Safetensors as a file of arrays, and as the parameters of a network.
#include "nn/safetensors.hpp"

#include "tests/fuzz/training.hpp"

using namespace xtangent;

static void read(std::string_view bytes) {
  static fuzz::MemoryFile file;
  static const auto params = fuzz::network().init<float>(1);
  const auto arrays = fuzz::accepted([&] { return nn::read_safetensors(file.with(bytes)); });
  if (!arrays) return;
  for (const nn::TensorFile::Entry& entry : arrays->entries()) {
    fuzz::accepted([&] { return arrays->get<double>(entry.name); });
    fuzz::accepted([&] { return arrays->get<float>(entry.name); });
    fuzz::accepted([&] { return arrays->integers(entry.name); });
  }
  for (const bool partly : {false, true})
    fuzz::accepted(
        [&] { return nn::load_parameters(params, *arrays, {.ignore_extra = partly, .ignore_missing = partly}); });
}
XTANGENT_FUZZ(read)
