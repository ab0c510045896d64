// Computes kernels and features in a process of its own, for tests that measure or kill it.
//
//   probe memory NETWORK N READOUT STRATEGY MIB [FOLDER]
//       the process' peak beside a budget of MIB, one line of JSON; the kernel in memory, or stored in FOLDER and then
//       written to one file; STRATEGY may also be bfloat16, a precision
//   probe features NETWORK N K ANCHORS float|double MIB [FOLDER]
//       the same for the features of N examples and their basis, in memory or in FOLDER
//   probe regression N K float|double|bfloat16 MIB FOLDER float|double
//       the same for the kernel of N examples from K features, and for its factor, all of it in FOLDER: two lines
//   probe store FOLDER                            a kernel in a store, tile by tile; says how many tiles it found
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "autodiff/blas_core.hpp"
#include "nn/nn.hpp"
#include "ntk/feature_kernel.hpp"
#include "ntk/feature_store.hpp"
#include "ntk/kernel.hpp"
#include "ntk/stored_cholesky.hpp"
#include "tests/ntk/causal_transformer.hpp"

namespace {

using namespace xtangent;

struct Network {
  nn::AnyModule net;
  Shape input;
};

Network network(const std::string& name) {
  if (name == "small") return {nn::mlp({32, 64, 64, 10}), {32}};
  if (name == "mlp") return {nn::mlp({784, 1024, 1024, 1024, 10}), {784}};
  if (name == "lenet") return {nn::lenet(), {1, 28, 28}};
  if (name == "resnet18") return {nn::resnet18({.classes = 10, .stem = nn::Stem::cifar, .width = 0.25}), {3, 32, 32}};
  if (name == "wide_resnet") return {nn::wide_resnet(16, 2, {.classes = 10}), {3, 32, 32}};
  if (name == "mixer")
    return {nn::mlp_mixer({.image = 32,
                           .patch = 4,
                           .layers = 2,
                           .features = 64,
                           .tokens_hidden = 64,
                           .channels_hidden = 256,
                           .classes = 10}),
            {3, 32, 32}};
  if (name == "causal") return {testing::CausalTransformer(16, 32, 4, 10), {1024, 16}};
  if (name == "vit")
    return {nn::vit({.image = 32, .patch = 4, .layers = 3, .heads = 4, .features = 64, .hidden = 128, .classes = 10}),
            {3, 32, 32}};
  throw std::runtime_error("no network " + name);
}

// Numbers between -1 and 1 that repeat nowhere.
template <class T>
Array<T> inputs(const Shape& shape) {
  Array<T> x(shape);
  T* to = x.mutable_data();
  for (std::size_t i = 0; i < x.size(); ++i)
    to[i] = static_cast<T>(static_cast<double>(i * 2654435761u % 4294967291u) / 2147483648.0 - 1.0);
  return x;
}

double mib(const char* key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (double kib = 0; word == key && status >> kib) return kib / 1024;
  throw std::runtime_error(std::string("no ") + key + " in /proc/self/status");
}

constexpr double mebi = 1 << 20;

// The peaks of arrays and of the process beside a budget, from here on.
class Measured {
 public:
  explicit Measured(std::size_t budget) : budget_(budget) {
    std::ofstream("/proc/self/clear_refs") << 5;
    before_ = mib("VmRSS:");
    reset_peak_memory();
    live_ = memory_statistics().live;
  }
  nlohmann::json found() const {
    return {{"budget", budget_},
            {"overhead", static_cast<double>(ntk::memory_overhead()) / mebi},
            {"arrays", static_cast<double>(memory_statistics().peak - live_) / mebi},
            {"peak", mib("VmHWM:") - before_}};
  }

 private:
  std::size_t budget_, live_ = 0;
  double before_ = 0;
};

void memory(const std::string& name, std::size_t n, const std::string& readout, const std::string& strategy,
            std::size_t budget, const std::string& folder) {
  const Network network = ::network(name);
  const auto params = network.net->init<float>(1);
  const Array<float> x = inputs<float>(network.input.prepended(n));
  const ntk::Readout r = ntk::readout::parse(readout);
  ntk::Options options{.memory = budget << 20, .store = folder};
  for (ntk::Strategy s : {ntk::Strategy::structured, ntk::Strategy::jacobian, ntk::Strategy::vector_products})
    if (strategy == ntk::name(s)) options.strategy = s;
  if (strategy == ntk::name(ntk::Precision::bfloat16)) options.precision = ntk::Precision::bfloat16;
  const auto residence = folder.empty() ? ntk::Residence::dense : ntk::Residence::stored;
  const ntk::Plan plan = ntk::plan(*network.net, params, x, r, options, residence);
  const Measured measured(budget);
  double last = 0;
  if (folder.empty()) {
    const Array<double> k = ntk::kernel(*network.net, params, x, r, options);
    last = k[k.size() - 1];
  } else {
    ntk::stored_kernel(*network.net, params, x, r, options).write_npy(folder + ".npy");
  }
  nlohmann::json found = measured.found();
  found.update({{"planned", plan.bytes() / mebi},
                {"tiles", plan.grid.count()},
                {"panel", plan.partition.panel},
                {"strategy", ntk::name(plan.strategy)},
                {"last", last}});
  std::cout << found << "\n";
}

template <class T>
void features(const std::string& name, std::size_t n, const ntk::FeatureOptions& options) {
  const Network network = ::network(name);
  const auto params = network.net->init<T>(1);
  const Array<T> x = inputs<T>(network.input.prepended(n));
  const ntk::Readout r = ntk::readout::pseudo();
  const Measured measured(options.memory >> 20);
  if (options.store.empty())
    ntk::features(*network.net, params, x, r, options);
  else
    ntk::stored_features(*network.net, params, x, r, options);
  std::cout << measured.found() << "\n";
}

// Features are stored in T.
template <class T>
void regression(std::size_t n, std::size_t k, const std::string& precision, std::size_t budget,
                const std::string& folder) {
  const Network network = ::network("small");
  const auto params = network.net->init<T>(1);
  const bool single = precision != "double";
  const ntk::StoredFeatures phi =
      ntk::stored_features(*network.net, params, inputs<T>(network.input.prepended(n)), ntk::readout::pseudo(),
                           {.k = k, .store = folder + "/features", .part = 512});
  const Measured forming(budget);
  const ntk::StoredKernel kernel = ntk::stored_feature_kernel(
      phi, {.store = folder + "/kernel",
            .memory = budget << 20,
            .single = single,
            .precision = precision == "bfloat16" ? ntk::Precision::bfloat16 : ntk::Precision::exact});
  std::cout << forming.found() << "\n";
  const Array<double> y = Array<double>::ones({n, 2});
  const Measured factoring(budget);
  const ntk::StoredCholesky factor(kernel, folder + "/factor",
                                   {.ridge = 1e-2, .memory = budget << 20, .single = single});
  const Array<double> rest = factor.residual(factor.solve(y), y);
  nlohmann::json found = factoring.found();
  double largest = 0;
  for (std::size_t i = 0; i < rest.size(); ++i) largest = std::max(largest, std::abs(rest[i]));
  found["residual"] = largest;
  std::cout << found << "\n";
}

void store(const std::string& folder, std::size_t tile) {
  const Network network = ::network("lenet");
  const auto params = network.net->init<float>(1);
  const Array<float> x = inputs<float>(network.input.prepended(240));
  const ntk::Options options{.memory = std::size_t{256} << 20, .tile = tile, .store = folder};
  std::size_t found = ntk::is_store(folder) ? ntk::StoredKernel(folder).finished() : 0;
  std::cout << "found " << found << std::endl;
  const ntk::StoredKernel k = ntk::stored_kernel(*network.net, params, x, ntk::readout::full(), options);
  std::cout << "finished " << k.finished() << " of " << k.tiles() << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  xtangent::use_fitting_blas_core(argv);
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if ((words.size() == 6 || words.size() == 7) && words[0] == "memory")
      memory(words[1], std::stoul(words[2]), words[3], words[4], std::stoul(words[5]),
             words.size() == 7 ? words[6] : "");
    else if ((words.size() == 7 || words.size() == 8) && words[0] == "features")
      (words[5] == "double" ? features<double> : features<float>)(words[1], std::stoul(words[2]),
                                                                  {.k = std::stoul(words[3]),
                                                                   .anchors = std::stoul(words[4]),
                                                                   .memory = std::stoul(words[6]) << 20,
                                                                   .store = words.size() == 8 ? words[7] : "",
                                                                   .part = 1024});
    else if (words.size() == 7 && words[0] == "regression")
      (words[6] == "double" ? regression<double> : regression<float>)(std::stoul(words[1]), std::stoul(words[2]),
                                                                      words[3], std::stoul(words[4]), words[5]);
    else if ((words.size() == 2 || words.size() == 3) && words[0] == "store")
      store(words[1], words.size() == 3 ? std::stoul(words[2]) : 16);
    else
      return std::fputs(
                 "usage: probe memory NETWORK N READOUT STRATEGY MIB [FOLDER]\n"
                 "       probe features NETWORK N K ANCHORS float|double MIB [FOLDER]\n"
                 "       probe regression N K float|double|bfloat16 MIB FOLDER float|double\n"
                 "       probe store FOLDER [TILE]\n",
                 stderr),
             2;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "probe: %s\n", failure.what());
    return 1;
  }
  return 0;
}
