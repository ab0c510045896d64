// The first steps of docs/tutorial.md: a network is defined, trained, saved, and loaded again.
#include <cstdio>
#include <iostream>

#include "examples/tutorial/spirals.hpp"

using namespace xtangent;

int main(int, char** argv) {
  use_fitting_blas_core(argv);
  // [summary]
  const nn::Sequential net = spirals::network();
  std::cout << net.summary({2});
  // [/summary]
  // [train]
  const spirals::Points train = spirals::points(300, 1), test = spirals::points(300, 2);
  const nn::Fit<float> fit =
      nn::fit(net, net.init<float>(1), train.x, train.labels,
              {.epochs = 100, .batch = 32, .optimizer = nn::adam({.rate = 3e-3}), .schedule = nn::schedule::cosine()});
  for (const std::size_t epoch : {1, 10, 100})
    std::printf("epoch %3zu: loss %.3f, accuracy %.3f\n", epoch, fit.history[epoch - 1].loss,
                fit.history[epoch - 1].accuracy);
  std::printf("points it has not seen: accuracy %.3f\n", nn::accuracy(net, fit.params, test.x, test.labels));
  // [/train]
  // [save]
  nn::save_parameters(fit.params, "spirals.safetensors");
  const nn::Parameters<float> read = nn::load_parameters<float>(net, "spirals.safetensors");
  for (const auto& [info, value] : read) std::cout << info.name << " " << value.shape() << "\n";
  std::printf("read again: accuracy %.3f\n", nn::accuracy(net, read, test.x, test.labels));
  // [/save]
}
