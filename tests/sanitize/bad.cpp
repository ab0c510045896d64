// Makes one mistake, which a sanitizer must report. This shows that the sanitizers watch arrays, arithmetic and tasks.
#include <climits>
#include <cstdio>
#include <string>

#include "autodiff/array.hpp"
#include "autodiff/kernels/parallel.hpp"

namespace {

void race() {
  static long shared = 0;
  xtangent::kernels::parallel_for(64, 1, [](std::size_t first, std::size_t) {
    for (std::size_t i = 0; i < 100'000; ++i) shared += static_cast<long>(first);
  });
  std::printf("%ld\n", shared);
}

void out_of_bounds() {
  xtangent::Array<float> a({16});
  float* end = a.mutable_data() + a.size();
  *end = 1.0F;
}

void overflow(int argc) {
  int big = INT_MAX - 1 + argc;
  std::printf("%d\n", ++big);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mistake = argc > 1 ? argv[1] : "";
  if (mistake == "race") race();
  if (mistake == "out_of_bounds") out_of_bounds();
  if (mistake == "overflow") overflow(argc - 1);
  return 0;
}
