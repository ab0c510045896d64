// The table of the handwritten digits.
#include "nn/data/digits.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace xtangent;

static void read(std::string_view bytes) {
  static fuzz::MemoryFile file;
  if (const auto images = fuzz::accepted([&] { return nn::load_digits(file.with(bytes)); })) nn::check(*images);
}
XTANGENT_FUZZ(read)
