#include "examples/kernel/work_options.hpp"

#include "examples/common/options.hpp"

namespace xtangent::examples {

void work_options(CLI::App& app, Settings& s, const std::string& test, const std::string& test_inputs) {
  option(app, "--network", s.network, "NAME",
         "mlp, lenet, convnet, resnet18, wide_resnet16, vit or mixer; text or gpt2 for --inputs")
      ->capture_default_str();
  option(app, "--width", s.width, "X", "Factor of the numbers of channels and features")
      ->check(positive())
      ->default_str("that of ./run train");
  option(app, "--weights", s.weights, "FILE", "Safetensors, of ./run train or of PyTorch")
      ->check(named())
      ->default_str("none: initial parameters");
  option(app, "--data", s.data, "SET", "digits, mnist, fashion, cifar10, or a folder with the files of one of them")
      ->check(named())
      ->capture_default_str();
  input_options(app, s.files, "--data", test_inputs);
  option(app, "--n", s.n, "N", "The first N training images (digits: in a random order) or inputs; 0: all")
      ->check(whole(0))
      ->default_str("1000 images, all inputs");
  option(app, "--test", s.test, "N", test)->check(whole(0))->default_str("0, all test inputs");
}

}  // namespace xtangent::examples
