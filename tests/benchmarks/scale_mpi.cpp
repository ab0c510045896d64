// Predicts what 1 to 256 machines gain for ResNet18 on CIFAR-10, from the costs in ntk/distributed/cost.hpp, whose
// messages tests/distributed/mpi_test.py compares with those that were counted. It prints a table and draws
// docs/scale_mpi.svg: build/tests/benchmarks/scale_mpi docs/scale_mpi.svg
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "examples/common/figure.hpp"
#include "ntk/distributed/block_cyclic.hpp"
#include "ntk/distributed/cost.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

struct Net {
  const char* name;
  const char* color;
  ntk::RankMachine machine;
};

// Two cores at 100 GFLOP/s, as was measured for sweeps and factorizations; the networks are assumed.
const Net networks[] = {{"10 Gbit/s, 20 us", "#1f5fbf", {1e11, 1.25e9, 2e-5}},
                        {"1 Gbit/s, 50 us", "#bf3f1f", {1e11, 1.25e8, 5e-5}}};

constexpr double forward_flop = 1.11e9;  // of ResNet18 for one image; a product takes four such passes
constexpr std::size_t parameters = 11'173'962, outputs = 10;

ntk::RankCost iteration(std::size_t examples, std::size_t ranks) {
  return ntk::iteration_cost({.examples = examples,
                              .outputs = outputs,
                              .parameters = parameters,
                              .ranks = ranks,
                              .product_flop = 4 * forward_flop * static_cast<double>(examples)});
}

ntk::RankCost factorization(std::size_t examples, std::size_t ranks) {
  return ntk::factorization_cost(examples, ntk::block_rows(examples, ranks), ranks);
}

// The efficiency: the speed in percent of as many times that of one machine as there are machines.
Panel panel(const std::string& title, const std::string& noun, const std::vector<std::size_t>& examples,
            ntk::RankCost (*cost)(std::size_t, std::size_t)) {
  Panel out{.title = title,
            .x_label = "machines",
            .y_label = "efficiency, %",
            .series = {},
            .log_x = true,
            .y_range = {0, 105}};
  for (std::size_t ranks = 1; ranks <= 256; ranks *= 2) out.x_ticks.push_back(double(ranks));
  for (const Net& net : networks)
    for (const std::size_t n : examples) {
      Series line{.title = std::to_string(n) + noun + ", " + net.name,
                  .points = {},
                  .color = net.color,
                  .marker = n == examples[0] ? 7 : 6};
      const double alone = cost(n, 1).seconds(net.machine);
      for (std::size_t ranks = 1; ranks <= 256; ranks *= 2)
        line.points.push_back({double(ranks), 100 * alone / cost(n, ranks).seconds(net.machine) / double(ranks)});
      out.series.push_back(line);
    }
  return out;
}

void table(const char* what, std::size_t examples, ntk::RankCost (*cost)(std::size_t, std::size_t)) {
  std::printf("%s, %zu images\n%8s %12s %12s %12s", what, examples, "machines", "GFLOP", "MB sent", "messages");
  for (const Net& net : networks) std::printf(" %18s", net.name);
  std::printf("\n");
  for (std::size_t ranks = 1; ranks <= 256; ranks *= 4) {
    const ntk::RankCost one = cost(examples, ranks);
    std::printf("%8zu %12.0f %12.1f %12.0f", ranks, one.flop / 1e9, one.bytes / 1e6, one.messages);
    for (const Net& net : networks) std::printf(" %16.2f s", one.seconds(net.machine));
    std::printf("\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  table("an iteration with the eNTK", 50000, iteration);
  table("an iteration with the eNTK", 5000, iteration);
  table("a factorization of the pNTK", 50000, factorization);
  table("a factorization of the eNTK", 500000, factorization);
  if (argc < 2) return 0;
  const std::vector<Panel> panels = {
      panel("an iteration with the eNTK of ResNet18", " images", {50000, 5000}, iteration),
      panel("a factorization in double", " rows", {50000, 500000}, factorization)};
  const std::string text = draw(panels, 540, 420);
  std::ofstream(argv[1]) << text;
}
