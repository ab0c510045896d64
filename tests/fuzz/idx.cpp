// Images and labels of MNIST's format: the input is taken for both.
#include "nn/data/idx.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace xtangent;

namespace {

// Two images of 2 x 2 pixels, and two labels.
const std::string images("\0\0\x08\x03\0\0\0\2\0\0\0\2\0\0\0\2abcdefgh", 24), labels("\0\0\x08\x01\0\0\0\2\1\2", 10);

void read(const std::filesystem::path& file) {
  static fuzz::MemoryFile good;
  fuzz::expect_answer([&] { nn::load_idx(file, good.with(labels)); });
  fuzz::expect_answer([&] { nn::load_idx(good.with(images), file); });
}

}  // namespace
XTANGENT_FUZZ_FILE(read)
