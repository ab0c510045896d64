// Checkpoints of a training.
#include "nn/training/checkpoint.hpp"

#include "tests/fuzz/networks.hpp"

using namespace xtangent;

static void read(const std::filesystem::path& file) {
  nn::load_checkpoint<float>(file, fuzz::network().init<float>(1), fuzz::settings);
}
XTANGENT_FUZZ_FILE(read)
