// Predicts loss curves of networks from their kernels at initialization, and trains the networks.
#include <algorithm>
#include <cstdio>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/program.hpp"
#include "examples/common/results.hpp"
#include "examples/common/threads.hpp"
#include "examples/dynamics/report.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

const Program program = {
    "dynamics",
    "Predicts loss curves of networks from their kernels before training, and trains the networks.",
    {{"", "the handwritten digits, which need no files; results/dynamics/report.html"},
     {"mnist --data DIR --network convnet --widths 64,128,256", "images of MNIST, its four files in DIR"}},
    "Choose smaller --widths or --n."};

void add_options(CLI::App& app, DynamicsSettings& s) {
  data_set_option(app, s.data_set);
  option(app, "--network", s.network, "NAME", "mlp with two hidden layers, or convnet")->capture_default_str();
  option(app, "--widths", s.widths, "N,...", "Features of the last hidden layer")
      ->delimiter(',')
      ->check(whole(1))
      ->default_str("64,256,1024");
  data_and_report_options(app, s.data, s.out);
  count_option(app, "--n", s.n, 1, "Training images, at most");
  count_option(app, "--test", s.test, 1, "Test images, at most");
  count_option(app, "--seeds", s.seeds, 1, "Initial networks of each width");
  count_option(app, "--steps", s.steps, 1, "Steps of gradient descent, each on all training images");
  option(app, "--rate", s.rate, "X", "Learning rate, in units of the largest one that the kernel allows")
      ->check(positive())
      ->capture_default_str();
  seed_option(app, s.seed, "Seed of everything random");
  threads_option(app, s.threads);
}

void run(DynamicsSettings s) {
  require_gnuplot();
  std::sort(s.widths.begin(), s.widths.end());
  s.widths.erase(std::unique(s.widths.begin(), s.widths.end()), s.widths.end());
  const ImageSet& set = image_set(s.data_set);
  const auto layout = s.network == "mlp" ? nn::ImageLayout::flat : nn::ImageLayout::planes;
  ImageTask task = make_image_task(set, load(set, s.data), layout, s.n, s.test, s.seed);
  for (const std::size_t width : s.widths) dynamics_network(s, task.images, width);
  require_results(s.out, {"dynamics.csv", "dynamics.svg"});
  const ThreadLimit limit(s.threads);
  std::printf("%s: %zu training images, %zu test images; %s\n", task.title.c_str(), task.y.size(), task.y_test.size(),
              s.network.c_str());
  std::fflush(stdout);
  const DynamicsStudy study = dynamics_study(s, std::move(task));
  write_results(s.out, {{"dynamics.csv", dynamics_csv(study)}, {"dynamics.svg", dynamics_figure(study)}},
                dynamics_report(study), dynamics_summary(study), study.seconds);
}

}  // namespace

int main(int argc, char** argv) {
  DynamicsSettings settings;
  if (const auto status = parse_options(argc, argv, program, settings, add_options)) return *status;
  settings.command = command_line(argc, argv);
  return run_program(program, argv, [&] { run(settings); });
}
