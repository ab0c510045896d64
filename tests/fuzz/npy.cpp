// NumPy arrays.
#include "nn/data/npy.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace xtangent;

static void read(const std::filesystem::path& file) {
  fuzz::expect_answer([&] { nn::read_npy<float>(file); });
  fuzz::expect_answer([&] { nn::read_npy<double>(file); });
  fuzz::expect_answer([&] { nn::read_npy_int64(file); });
}
XTANGENT_FUZZ_FILE(read)
