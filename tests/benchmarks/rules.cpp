// Times every contraction rule on a table of layers, and prints seconds and GFLOP/s, the rule that a plan chooses, and
// how far it is from the fastest. Seconds are summed over all cores, so that other programs disturb less. Rules with
// many times the operations of the chosen one are left out.
//
//   rules [ROUNDS [PART]]   rounds of all rules in turn whose best counts (3); only layers with PART in their name
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <limits>
#include <string>
#include <vector>

#include "autodiff/blas_core.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/random.hpp"
#include "ntk/contraction/rule.hpp"

namespace {

using namespace xtangent;

double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

constexpr std::size_t room = std::size_t{256} << 20;
constexpr double worth_trying = 4;  // rules are timed up to this many times the cost of the chosen one

struct Layer {
  std::string name;
  std::size_t examples, left, right, positions;  // extents for dense layers and sequences
  std::optional<kernels::ConvShape> patches;
};

Layer dense(std::string name, std::size_t n, std::size_t in, std::size_t out, std::size_t positions = 1) {
  return {std::move(name), n, out, in, positions, {}};
}

Layer conv(std::string name, std::size_t n, std::size_t in, std::size_t out, std::size_t edge, std::size_t kernel,
           std::size_t stride, std::size_t padding, std::size_t dilation = 1) {
  const kernels::ConvShape s{in, edge, edge, kernel, kernel, stride, stride, padding, padding, dilation, dilation};
  return {std::move(name), n, out, s.patch_size(), s.positions(), s};
}

std::vector<Layer> layers() {
  std::vector<Layer> all;
  for (std::size_t n : {32, 64})
    for (const Layer& layer :
         {conv("resnet18 stem", n, 3, 64, 32, 3, 1, 1), conv("resnet18 stage 1", n, 64, 64, 32, 3, 1, 1),
          conv("resnet18 stage 2 first", n, 64, 128, 32, 3, 2, 1), conv("resnet18 stage 2", n, 128, 128, 16, 3, 1, 1),
          conv("resnet18 shortcut 2", n, 64, 128, 32, 1, 2, 0),
          conv("resnet18 stage 3 first", n, 128, 256, 16, 3, 2, 1), conv("resnet18 stage 3", n, 256, 256, 8, 3, 1, 1),
          conv("resnet18 shortcut 3", n, 128, 256, 16, 1, 2, 0),
          conv("resnet18 stage 4 first", n, 256, 512, 8, 3, 2, 1), conv("resnet18 stage 4", n, 512, 512, 4, 3, 1, 1),
          conv("resnet18 shortcut 4", n, 256, 512, 8, 1, 2, 0)})
      all.push_back(layer);
  for (const Layer& layer : {conv("wrn-16-4 stem", 32, 3, 16, 32, 3, 1, 1),
                             conv("wrn-16-4 block 1 first", 32, 16, 64, 32, 3, 1, 1),
                             conv("wrn-16-4 block 2 first", 32, 64, 128, 32, 3, 2, 1),
                             conv("wrn-16-4 block 3", 64, 256, 256, 8, 3, 1, 1),
                             conv("lenet first", 64, 1, 6, 28, 5, 1, 2),
                             conv("lenet second", 64, 6, 16, 14, 5, 1, 0),
                             conv("cnn first", 64, 3, 32, 32, 3, 1, 0),
                             conv("cnn second", 64, 32, 32, 30, 3, 1, 0),
                             conv("pointwise", 64, 256, 64, 8, 1, 1, 0),
                             conv("dilated", 64, 64, 64, 8, 3, 1, 2, 2),
                             dense("head 512-10", 64, 512, 10),
                             dense("mlp 784-1024", 64, 784, 1024),
                             dense("mlp 1024-1024", 256, 1024, 1024),
                             dense("narrow 16-16", 256, 16, 16),
                             dense("lenet 400-120", 128, 400, 120),
                             dense("cnn head", 32, 21632, 10),
                             dense("tokens 16 of 64", 64, 64, 64, 16),
                             dense("attention 64 of 192", 64, 192, 192, 64),
                             dense("attention 197 of 384", 32, 384, 384, 197),
                             dense("mixer 49 of 256-1024", 64, 256, 1024, 49)})
    all.push_back(layer);
  return all;
}

Array<float> normal(const Shape& shape, std::uint64_t seed) {
  Array<float> out(shape);
  kernels::fill_normal(seed, 0, 0.0, 1.0, out.size(), out.mutable_data());
  return out;
}

Factor<float> factor(const Layer& layer, std::size_t probes) {
  Factor<float> f;
  f.kind = layer.positions == 1 && !layer.patches ? FactorKind::outer : FactorKind::outer_sum;
  f.parameter = Shape{layer.left, layer.right};
  f.probes = probes;
  f.examples = layer.examples;
  f.positions = layer.positions;
  f.patches = layer.patches;
  f.channels_first = layer.patches.has_value();
  f.left = normal(f.channels_first ? Shape{probes, layer.examples, layer.left, layer.positions}
                                   : Shape{probes, layer.examples, layer.positions, layer.left},
                  1);
  f.right = layer.patches
                ? normal({layer.examples, layer.patches->channels, layer.patches->height, layer.patches->width}, 2)
                : normal({layer.examples, layer.positions, layer.right}, 2);
  return f;
}

double run_once(const ntk::Rule& rule, const Factor<float>& f, double& sum) {
  ntk::Block block({f.examples, f.examples, f.probes, f.probes, ntk::ProbeMode::cross, true});
  const double start = processor_seconds();
  ntk::Side<float> side(rule, ntk::Term(f.shape()), f.examples, f.probes, ntk::ProbeMode::cross);
  side.fill(0, {f});
  ntk::contract(side, side, {false, room}, block);
  const double seconds = processor_seconds() - start;
  sum += block.values[0];
  return seconds;
}

struct Timed {
  const ntk::Rule* rule;
  ntk::RuleCost cost;
  double weighted, seconds;
};

// Prints one line; returns how far the chosen rule is from the fastest.
double time_layer(const Layer& layer, std::size_t probes, std::size_t rounds, double& sum) {
  const Factor<float> f = factor(layer, probes);
  const ntk::Term term(f.shape());
  const std::size_t n = layer.examples;
  const ntk::BlockShape block{n, n, probes, probes, ntk::ProbeMode::cross, true};
  const ntk::Rule& chosen = cheapest_rule(term, block);
  std::vector<Timed> timed;
  for (const ntk::Rule* rule : rules_for(term))
    if (rule->effort(term, block) < worth_trying * chosen.effort(term, block))
      timed.push_back({rule, rule->cost(term, block, {sizeof(float), room, kernels::thread_count()}),
                       rule->effort(term, block), std::numeric_limits<double>::infinity()});
  // Does a few long runs, or more short ones.
  double spent = 0;
  for (std::size_t r = 0; r < rounds || (spent < 0.1 * static_cast<double>(rounds) && r < 20 * rounds); ++r)
    for (Timed& t : timed) {
      const double seconds = run_once(*t.rule, f, sum);
      t.seconds = std::min(t.seconds, seconds);
      spent += seconds;
    }
  double best = std::numeric_limits<double>::infinity(), of_chosen = 0;
  for (const Timed& t : timed) {
    best = std::min(best, t.seconds);
    if (t.rule == &chosen) of_chosen = t.seconds;
  }
  std::printf("%-24s%5zu%4zu  %-14s%6.2f ", layer.name.c_str(), n, probes, chosen.name(), of_chosen / best);
  for (const Timed& t : timed)
    std::printf("  %s %.5f s %.1f GFLOP/s (%.0f)", t.rule->name(), t.seconds, t.cost.flop / t.seconds * 1e-9,
                t.weighted / t.seconds * 1e-9);
  std::printf("\n");
  std::fflush(stdout);
  return of_chosen / best;
}

}  // namespace

int main(int argc, char** argv) {
  use_fitting_blas_core(argv);
  const std::size_t rounds = argc > 1 ? std::stoul(argv[1]) : 3;
  const std::string part = argc > 2 ? argv[2] : "";
  std::printf("%-24s%5s%4s  %-14s%6s   every rule: seconds, GFLOP/s as counted and (as weighed)\n", "layer", "N", "K",
              "chosen", "/best");
  double worst = 0, sum = 0;
  for (const Layer& layer : layers())
    for (std::size_t probes : {1, 10})
      if (layer.name.find(part) != std::string::npos) worst = std::max(worst, time_layer(layer, probes, rounds, sum));
  std::printf("the chosen rule takes at most %.2f times as long as the fastest (checksum %.6g)\n", worst, sum);
  return 0;
}
