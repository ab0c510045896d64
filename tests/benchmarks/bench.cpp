// Times one kernel of one reference workload, its training step, or a matrix product, and prints one line of JSON.
// tests/benchmarks/bench.py runs it once a row, so that the peak memory is that of the row.
//
//   bench list                                         names of the workloads
//   bench gemm REPEAT                                  the limit: a large product in float
//   bench WORKLOAD entk|pntk|loss N REPEAT [--save FOLDER]  with the inputs, parameters and kernel as .npy
//   bench WORKLOAD entk|pntk N REPEAT --strategy NAME  by that strategy
//   bench WORKLOAD entk|pntk N once --inputs FILE --memory MIB   one run within a budget, nothing before it
//   bench images mnist|cifar10 FOLDER N FILE           real training images, standardized, as .npy
//   bench WORKLOAD train BATCH REPEAT STEPS            a step's time, in epochs of STEPS batches
#include <algorithm>
#include <cstdio>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/random.hpp"
#include "tests/benchmarks/measured.hpp"
#include "tests/benchmarks/shared_weights.hpp"
#include "xtangent.hpp"

namespace {

using namespace xtangent;
using benchmarks::Clock;
using benchmarks::peak_mib;
using Json = nlohmann::ordered_json;

struct Workload {
  std::function<nn::AnyModule()> net;
  Shape input;             // the shape of one example
  std::size_t tokens = 0;  // not 0: inputs are whole numbers below it
};

const std::map<std::string, Workload>& workloads() {
  static const std::map<std::string, Workload> all = {
      {"mlp",
       {[] {
          return nn::mlp({784, 1024, 1024, 1024, 10});
        },
        {784}}},
      {"lenet", {[] { return nn::lenet(); }, {1, 28, 28}}},
      {"cnn", {[] { return nn::cnn(); }, {3, 32, 32}}},
      {"resnet18", {[] { return nn::resnet18({.classes = 10, .stem = nn::Stem::cifar}); }, {3, 32, 32}}},
      {"lstm", {[] { return benchmarks::Lstm(); }, {100, 32}}},
      {"gru", {[] { return benchmarks::Gru(); }, {100, 32}}},
      {"shared_vit", {[] { return benchmarks::SharedVit(); }, {3, 32, 32}}},
      {"tied_gpt", {[] { return benchmarks::TiedGpt(); }, {32}, 1000}},
      {"deq", {[] { return benchmarks::UnrolledDeq(); }, {784}}},
      {"tied_autoencoder", {[] { return benchmarks::TiedAutoencoder(); }, {784}}},
  };
  return all;
}

// The shortest of `repeat` runs, or of more while they are short, after a run to warm up.
double best_seconds(std::size_t repeat, const std::function<void()>& run) {
  run();
  double best = std::numeric_limits<double>::infinity(), spent = 0.0;
  for (std::size_t i = 0; i < repeat || (spent < 1.0 && i < 100); ++i) {
    const Clock clock;
    run();
    const double seconds = clock.seconds();
    best = std::min(best, seconds);
    spent += seconds;
  }
  return best;
}

Array<float> normal(const Shape& shape, unsigned seed) {
  xt::random::seed(seed);
  return Array<float>(xt::random::randn<float>(std::vector<std::size_t>(shape.begin(), shape.end())));
}

Json row(const std::string& workload, const std::string& kernel, std::size_t n, double seconds, double flop) {
  return {{"workload", workload},
          {"kernel", kernel},
          {"n", n},
          {"program", "xtangent"},
          {"seconds", seconds},
          {"peak_mib", peak_mib()},
          {"gflops", flop / seconds * 1e-9},
          {"threads", kernels::thread_count()},
          {"core", blas_core_name()}};
}

Json time_product(std::size_t repeat) {
  const std::size_t n = 2048;
  const Array<float> a = normal({n, n}, 1), b = normal({n, n}, 2);
  Array<float> c(Shape{n, n});
  float* out = c.mutable_data();
  const double seconds =
      best_seconds(repeat, [&] { kernels::gemm(false, true, n, n, n, 1.0F, a.data(), n, b.data(), n, 0.0F, out, n); });
  return row("gemm", "product", n, seconds, 2.0 * static_cast<double>(n * n * n));
}

// 0 to 9 in turn, as the peers have them.
ntk::Labels labels(std::size_t n) {
  ntk::Labels y(n);
  for (std::size_t i = 0; i < n; ++i) y[i] = i % 10;
  return y;
}

Json time_kernel(const std::string& workload, const std::string& kernel, std::size_t n, std::size_t repeat,
                 const std::string& folder, ntk::Strategy strategy) {
  const Workload& chosen = workloads().at(workload);
  const nn::AnyModule chosen_net = chosen.net();
  const nn::ModuleBase& net = *chosen_net;
  const nn::Parameters<float> params = net.init<float>(0);
  Array<float> x = normal(chosen.input.prepended(n), 0);
  if (chosen.tokens)
    for (std::size_t i = 0; i < x.size(); ++i)
      x.mutable_data()[i] = static_cast<float>(kernels::philox(0, 0, i)[0] % chosen.tokens);
  const ntk::Readout readout = kernel == "entk"   ? ntk::readout::full()
                               : kernel == "loss" ? ntk::readout::loss(labels(n))
                                                  : ntk::readout::pseudo();
  Array<double> k;
  const double seconds =
      best_seconds(repeat, [&] { k = ntk::kernel(net, params, x, readout, {.strategy = strategy}); });
  Json out = row(workload, kernel, n, seconds, ntk::plan(net, params, x, readout, {.strategy = strategy}).flop());
  double sum = 0.0;
  for (std::size_t i = 0; i < k.size(); ++i) sum += k[i];
  out["sum"] = sum;
  if (strategy != ntk::Strategy::automatic) out["strategy"] = name(strategy);
  if (!folder.empty()) {
    nn::write_npy(folder + "/x.npy", x);
    nn::write_npy(folder + "/parameters.npy", params.flat());
    nn::write_npy(folder + "/kernel.npy", k);
  }
  return out;
}

// Computes a large kernel once, within a budget, on given inputs.
Json time_large(const std::string& workload, const std::string& kernel, const std::string& inputs, std::size_t budget) {
  const nn::AnyModule chosen_net = workloads().at(workload).net();
  const nn::ModuleBase& net = *chosen_net;
  const nn::Parameters<float> params = net.init<float>(0);
  const Array<float> x = nn::read_npy<float>(inputs);
  const ntk::Readout readout = kernel == "entk" ? ntk::readout::full() : ntk::readout::pseudo();
  ntk::Options options{.memory = budget << 20};
  const ntk::Plan plan = ntk::plan(net, params, x, readout, options);
  std::cerr << plan;
  const Clock clock;
  const Array<double> k = ntk::kernel(net, params, x, readout, options);
  const double seconds = clock.seconds();
  Json out = row(workload, kernel, x.shape()[0], seconds, plan.flop());
  out["budget_mib"] = budget;
  double sum = 0.0;
  for (std::size_t i = 0; i < k.size(); ++i) sum += k[i];
  out["sum"] = sum;
  return out;
}

void write_images(const std::string& set, const std::string& folder, std::size_t n, const std::string& file) {
  const nn::LabeledImages images =
      set == "mnist" ? nn::load_idx_folder(folder).train : nn::load_cifar_folder(folder).train;
  std::vector<std::size_t> first(n);
  for (std::size_t i = 0; i < n; ++i) first[i] = i;
  nn::write_npy(file, nn::pixels<float>(images, first, nn::ImageLayout::planes, nn::standardization(images)));
}

// Times training steps of nn::fit: forward, cross-entropy, backward, and SGD with momentum.
Json time_training(const std::string& workload, std::size_t batch, std::size_t repeat, std::size_t steps) {
  const Workload& chosen = workloads().at(workload);
  const nn::AnyModule chosen_net = chosen.net();
  const nn::ModuleBase& net = *chosen_net;
  const Array<float> x = normal(chosen.input.prepended(batch * steps), 0);
  double best = std::numeric_limits<double>::infinity(), spent = 0.0;
  nn::FitOptions<float> options;
  options.epochs = 1 + std::max<std::size_t>(repeat, 100);
  options.batch = batch;
  options.optimizer = nn::sgd({.rate = 1e-3, .momentum = 0.9});
  options.on_epoch = [&](const nn::Epoch& epoch, const nn::Parameters<float>&) {
    if (epoch.number == 1) return true;  // warms up
    best = std::min(best, epoch.seconds);
    spent += epoch.seconds;
    return epoch.number <= repeat || spent < 1.0;
  };
  const nn::Fit<float> fitted = nn::fit(net, net.init<float>(0), x, labels(batch * steps), options);
  const double seconds = best / static_cast<double>(steps);
  Json out = {{"workload", workload},
              {"kernel", "train"},
              {"n", batch},
              {"program", "xtangent"},
              {"seconds", seconds},
              {"peak_mib", peak_mib()},
              {"threads", kernels::thread_count()},
              {"core", blas_core_name()},
              {"images_per_second", static_cast<double>(batch) / seconds}};
  out["sum"] = fitted.history.back().loss;
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  use_fitting_blas_core(argv);
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (words.size() == 1 && words[0] == "list") {
      for (const auto& [name, workload] : workloads()) std::cout << name << "\n";
    } else if (words.size() == 2 && words[0] == "gemm") {
      std::cout << time_product(std::stoul(words[1])) << "\n";
    } else if ((words.size() == 4 || (words.size() == 6 && (words[4] == "--save" || words[4] == "--strategy"))) &&
               workloads().contains(words[0]) && (words[1] == "entk" || words[1] == "pntk" || words[1] == "loss")) {
      const bool saved = words.size() == 6 && words[4] == "--save";
      std::cout << time_kernel(words[0], words[1], std::stoul(words[2]), std::stoul(words[3]), saved ? words[5] : "",
                               ntk::parse_strategy(words.size() == 6 && !saved ? words[5] : "automatic"))
                << "\n";
    } else if (words.size() == 8 && workloads().contains(words[0]) && words[3] == "once" && words[4] == "--inputs" &&
               words[6] == "--memory") {
      std::cout << time_large(words[0], words[1], words[5], std::stoul(words[7])) << "\n";
    } else if (words.size() == 5 && words[0] == "images") {
      write_images(words[1], words[2], std::stoul(words[3]), words[4]);
    } else if (words.size() == 5 && workloads().contains(words[0]) && words[1] == "train") {
      std::cout << time_training(words[0], std::stoul(words[2]), std::stoul(words[3]), std::stoul(words[4])) << "\n";
    } else {
      std::cerr << "usage: bench list | bench gemm REPEAT | bench WORKLOAD entk|pntk|loss N REPEAT [--save FOLDER | "
                   "--strategy NAME] | bench "
                   "WORKLOAD train BATCH REPEAT STEPS\n";
      return 2;
    }
  } catch (const std::exception& failure) {
    std::cerr << "bench: " << failure.what() << "\n";
    return 1;
  }
  return 0;
}
