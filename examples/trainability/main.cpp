// Says from kernels which networks can be trained, and at which rates, and trains them.
#include <algorithm>
#include <cstdio>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/program.hpp"
#include "examples/common/results.hpp"
#include "examples/common/threads.hpp"
#include "examples/trainability/report.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

const Program program = {
    "trainability",
    "Says from kernels which depths and initial weights can be trained, and at which rates, and trains the networks.",
    {{"", "the handwritten digits, which need no files; results/trainability/report.html"},
     {"--activation relu --gains 1,1.2,1.4142,1.7,2", "relu, whose critical gain is the root of 2"}},
    "Choose a smaller --width or --n."};

void add_options(CLI::App& app, TrainabilitySettings& s) {
  data_set_option(app, s.data_set);
  option(app, "--activation", s.activation, "NAME", "tanh or relu")->capture_default_str();
  option(app, "--depths", s.depths, "N,...", "Numbers of hidden layers")
      ->delimiter(',')
      ->check(whole(1))
      ->default_str("1,2,4,8,16");
  option(app, "--gains", s.gains, "X,...", "Standard deviations of initial weights, times the root of their inputs")
      ->delimiter(',')
      ->check(positive())
      ->default_str("0.8,1,1.25,1.5,2,3");
  count_option(app, "--width", s.width, 1, "Features of each hidden layer");
  data_and_report_options(app, s.data, s.out);
  count_option(app, "--n", s.n, 1, "Training images, at most");
  count_option(app, "--test", s.test, 1, "Test images, at most");
  count_option(app, "--seeds", s.seeds, 1, "Initial networks of each depth and gain");
  count_option(app, "--steps", s.steps, 1, "Steps of gradient descent, each on all training images");
  seed_option(app, s.seed, "Seed of everything random");
  threads_option(app, s.threads);
}

template <class T>
void ascend(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

void run(TrainabilitySettings s) {
  require_gnuplot();
  ascend(s.depths);
  ascend(s.gains);
  const ImageSet& set = image_set(s.data_set);
  ImageTask task = make_image_task(set, load(set, s.data), nn::ImageLayout::flat, s.n, s.test, s.seed);
  check_activation(s);
  require_results(s.out, {"trainability.csv", "trainability.svg"});
  const ThreadLimit limit(s.threads);
  std::printf("%s: %zu training images, %zu test images; width %zu, %s\n", task.title.c_str(), task.y.size(),
              task.y_test.size(), s.width, s.activation.c_str());
  std::fflush(stdout);
  const TrainabilityStudy study = trainability_study(s, std::move(task));
  write_results(s.out,
                {{"trainability.csv", trainability_csv(study)}, {"trainability.svg", trainability_figure(study)}},
                trainability_report(study), trainability_summary(study), study.seconds);
}

}  // namespace

int main(int argc, char** argv) {
  TrainabilitySettings settings;
  if (const auto status = parse_options(argc, argv, program, settings, add_options)) return *status;
  settings.command = command_line(argc, argv);
  return run_program(program, argv, [&] { run(settings); });
}
