// Images of CIFAR-10 and CIFAR-100, and the digits' tables.
#include "nn/data/cifar.hpp"

#include "nn/data/digits.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace xtangent;

static void read(const std::filesystem::path& file) {
  fuzz::expect_answer([&] { nn::load_cifar(file); });
  fuzz::expect_answer([&] { nn::load_digits(file); });
}
XTANGENT_FUZZ_FILE(read)
