// Images of CIFAR-10 and CIFAR-100.
#include "nn/data/cifar.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace xtangent;

static void read(std::string_view bytes) {
  static fuzz::MemoryFile file;
  const auto& path = file.with(bytes);
  for (const auto labels : {nn::CifarLabels::ten, nn::CifarLabels::hundred, nn::CifarLabels::hundred_coarse})
    if (const auto images = fuzz::accepted([&] { return nn::load_cifar(path, labels); })) nn::check(*images);
}
XTANGENT_FUZZ(read)
