// Exact regression on MNIST with an eNTK that is never formed. Prints seconds, iterations and peak memory as one line
// of JSON.
//
//   solve N [--data FOLDER] [--width W] [--epochs E] [--preconditioner none|pseudo|trace|outputs|nearest]
//           [--tolerance T] [--memory MIB] [--neighbors K] [--products float] [--test M]
//
// The network is 784-W-W-10 with relu, in double, at initialization or after E epochs on 10,000 images. Images are
// standardized and targets one-hot. Every tenth iteration is reported on stderr.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>

#include "autodiff/kernels/parallel.hpp"
#include "tests/benchmarks/measured.hpp"
#include "xtangent.hpp"

namespace {

using namespace xtangent;
using benchmarks::Clock;
using benchmarks::peak_mib;
using Json = nlohmann::ordered_json;
std::vector<std::size_t> first(std::size_t n) {
  std::vector<std::size_t> out(n);
  std::iota(out.begin(), out.end(), std::size_t(0));
  return out;
}

std::map<std::string, std::string> options_of(int argc, char** argv) {
  std::map<std::string, std::string> out = {{"data", "data/mnist"}, {"width", "1024"},     {"epochs", "0"},
                                            {"memory", "0"},        {"tolerance", "1e-6"}, {"preconditioner", "pseudo"},
                                            {"products", "double"}, {"neighbors", "80"},   {"test", "2000"}};
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string name = argv[i] + 2;
    if (!out.contains(name)) throw option_error("[solve] no option --" + name + ".");
    out[name] = argv[i + 1];
  }
  return out;
}

Json run(std::size_t n, const std::map<std::string, std::string>& given) {
  const nn::TrainAndTest data = nn::load_idx_folder(given.at("data"));
  const nn::DatasetOptions flat{.layout = nn::ImageLayout::flat, .scaling = {nn::standardization(data.train)}};
  const nn::Dataset train(data.train, flat), test(data.test, flat);
  const std::size_t width = std::stoul(given.at("width")), epochs = std::stoul(given.at("epochs"));
  const nn::Sequential net = nn::mlp({784, width, width, 10});
  nn::Parameters<float> start = net.init<float>(1);
  if (epochs)
    start = nn::fit(net, start, train.subset(first(10000)),
                    {.epochs = epochs, .optimizer = nn::sgd({.rate = 0.02, .momentum = 0.9})})
                .params;
  const nn::Parameters<double> params = start.cast<double>();
  const Array<double> x = train.batch<double>(first(n));
  const std::vector<std::size_t> labels = train.labels(first(n));
  Array<double> y = Array<double>::zeros({n, 10});
  for (std::size_t i = 0; i < n; ++i) y.mutable_data()[i * 10 + labels[i]] = 1.0;

  const Clock clock;
  double prepared = 0;
  ntk::SolveOptions options{.tolerance = std::stod(given.at("tolerance")),
                            .max_iterations = 20000,
                            .memory = std::stoul(given.at("memory")) << 20,
                            .preconditioner = ntk::parse_preconditioner(given.at("preconditioner")),
                            .float_factor = true,
                            .float_products = given.at("products") == "float",
                            .neighbors = std::stoul(given.at("neighbors")),
                            .partial = true};
  options.progress = [&](const ntk::ConjugateGradientProgress& p) {
    if (p.iteration == 1) prepared = clock.seconds();
    if (p.iteration % 10 == 0)
      std::fprintf(stderr, "iteration %zu, residual %.2e, %.0f s\n", p.iteration, p.residual, clock.seconds());
    return true;
  };
  const ntk::Solution found = ntk::solve(net, params, x, y, options);
  const double seconds = clock.seconds(), peak = peak_mib();
  const std::vector<std::size_t> tested = first(std::min(test.count(), std::stoul(given.at("test"))));
  const Array<double> predicted =
      ntk::predict_linearized(net, params, test.batch<double>(tested), x, found.weights, {.memory = options.memory});
  return {{"workload", "mnist 784-" + std::to_string(width) + "-" + std::to_string(width) + "-10"},
          {"kernel", "solve"},
          {"n", n},
          {"program", "xtangent"},
          {"seconds", seconds},
          {"peak_mib", peak},
          {"preconditioner", given.at("preconditioner")},
          {"products", given.at("products")},
          {"epochs", epochs},
          {"iterations", found.iterations},
          {"residual", found.residual},
          {"seconds_to_first_iteration", prepared},
          {"accuracy", nn::accuracy(predicted, test.labels(tested))},
          {"threads", kernels::thread_count()},
          {"core", blas_core_name()}};
}

}  // namespace

int main(int argc, char** argv) {
  use_fitting_blas_core(argv);
  try {
    if (argc < 2 || argc % 2) throw option_error("usage: solve N [--OPTION VALUE ...]");
    std::cout << run(std::stoul(argv[1]), options_of(argc, argv)) << "\n";
  } catch (const std::exception& failure) {
    std::cerr << "solve: " << failure.what() << "\n";
    return 1;
  }
  return 0;
}
