// Archives of NumPy arrays.
#include "nn/data/npy.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace xtangent;

static void read(const std::filesystem::path& file) {
  const nn::NpzFile arrays = nn::read_npz(file);
  for (const std::string& name : arrays.names()) fuzz::expect_answer([&] { arrays.array(name).get<double>(); });
}
XTANGENT_FUZZ_FILE(read)
