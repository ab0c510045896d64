// Images and labels of MNIST's format: the input is taken for both.
#include "nn/data/idx.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace xtangent;

namespace {

// Two images of 2 x 2 pixels, and two labels.
constexpr std::string_view images("\0\0\x08\x03\0\0\0\2\0\0\0\2\0\0\0\2abcdefgh", 24),
    labels("\0\0\x08\x01\0\0\0\2\1\2", 10);

void read(std::string_view bytes) {
  static fuzz::MemoryFile file, good_images, good_labels;
  const auto& path = file.with(bytes);
  if (const auto both = fuzz::accepted([&] { return nn::load_idx(path, good_labels.with(labels)); })) nn::check(*both);
  if (const auto both = fuzz::accepted([&] { return nn::load_idx(good_images.with(images), path); })) nn::check(*both);
}

}  // namespace
XTANGENT_FUZZ(read)
