// Safetensors as a file of arrays, and as the parameters of a network.
#include "nn/safetensors.hpp"

#include "tests/fuzz/networks.hpp"

using namespace xtangent;

static void read(const std::filesystem::path& file) {
  const nn::TensorFile arrays = nn::read_safetensors(file);
  const auto net = fuzz::network();
  for (const bool extra : {false, true})
    fuzz::expect_answer([&] { nn::load_parameters(net.init<float>(1), arrays, {.ignore_extra = extra}); });
}
XTANGENT_FUZZ_FILE(read)
