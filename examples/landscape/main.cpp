// Follows the kernel of a network along its training, and the networks that can still become of it.
#include <cstdio>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/program.hpp"
#include "examples/common/results.hpp"
#include "examples/common/threads.hpp"
#include "examples/landscape/report.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

const Program program = {
    "landscape",
    "Follows the kernel of a network along its training, and the barriers between networks that part on the way.",
    {{"", "the handwritten digits, which need no files; results/landscape/report.html"},
     {"mnist --data DIR --network lenet --width 1 --seeds 3", "LeNet on images of MNIST, its four files in DIR"}},
    "Choose a smaller --n, --entk or --width."};

void add_options(CLI::App& app, LandscapeSettings& s) {
  data_set_option(app, s.data_set);
  option(app, "--network", s.network, "NAME", "mlp, lenet, convnet, vit or mixer")->capture_default_str();
  option(app, "--width", s.width, "X", "Factor of the numbers of channels and features")
      ->check(positive())
      ->capture_default_str();
  option(app, "--loss", s.loss, "NAME", "cross-entropy or squared-error")->capture_default_str();
  option(app, "--readout", s.readout, "NAME", "Of the kernel: pseudo (the pNTK), trace, signs:SEED or single:OUTPUT")
      ->capture_default_str();
  data_and_report_options(app, s.data, s.out);
  count_option(app, "--n", s.n, 1, "Training images, at most");
  count_option(app, "--test", s.test, 1, "Test images, at most");
  count_option(app, "--entk", s.entk, 1, "Training images whose eNTK is compared, at most");
  count_option(app, "--seeds", s.seeds, 1, "Initial networks");
  count_option(app, "--epochs", s.epochs, 1, "Passes over the training images");
  batch_size_option(app, s.batch_size);
  learning_rate_option(app, s.learning_rate, "Learning rate of plain descent, constant")
      ->default_str("0.5, or 1 for squared-error");
  option(app, "--ridge", s.ridge, "X", "Ridge of kernel regression, relative to the mean of the kernel's diagonal")
      ->check(positive())
      ->capture_default_str();
  seed_option(app, s.seed, "Seed of everything random");
  threads_option(app, s.threads);
}

void run(const LandscapeSettings& s) {
  require_gnuplot();
  const ImageSet& set = image_set(s.data_set);
  LandscapeTask task = make_landscape_task(s, set, load(set, s.data));
  require_results(s.out, {"landscape.csv", "distances.csv", "landscape.svg", "distances.svg"});
  const ThreadLimit limit(s.threads);
  std::printf("%s: %zu training images, %zu test images; %s, width %g, %s parameters\n", task.title.c_str(),
              task.y.size(), task.y_test.size(), s.network.c_str(), s.width,
              grouped(static_cast<double>(task.net->init<float>().size())).c_str());
  std::fflush(stdout);
  const LandscapeStudy study = landscape_study(s, std::move(task));
  write_results(s.out,
                {{"landscape.csv", landscape_csv(study)},
                 {"distances.csv", distances_csv(study)},
                 {"landscape.svg", landscape_figure(study)},
                 {"distances.svg", distances_figure(study)}},
                landscape_report(study), landscape_summary(study), study.seconds);
}

}  // namespace

int main(int argc, char** argv) {
  LandscapeSettings settings;
  if (const auto status = parse_options(argc, argv, program, settings, add_options)) return *status;
  settings.command = command_line(argc, argv);
  return run_program(program, argv, [&] { run(settings); });
}
