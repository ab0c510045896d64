// Chooses the images that get a label next, by looking ahead with the kernel and in three other ways.
#include <cstdio>

#include "examples/active/report.hpp"
#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/program.hpp"
#include "examples/common/results.hpp"
#include "examples/common/threads.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

const Program program = {
    "active",
    "Chooses the images that get a label next: by what the kernel says they would change, and in other ways.",
    {{"", "the handwritten digits, which need no files; results/active/report.html"},
     {"mnist --data DIR --network lenet --width 1 --pool 2000", "2,000 images of MNIST, its four files in DIR"}},
    "Choose a smaller --pool or --width."};

void add_options(CLI::App& app, ActiveSettings& s) {
  data_set_option(app, s.data_set);
  option(app, "--network", s.network, "NAME", "mlp, lenet, convnet, resnet18, wide_resnet16, vit or mixer")
      ->capture_default_str();
  option(app, "--width", s.width, "X", "Factor of the numbers of channels and features")
      ->check(positive())
      ->default_str("0.25");
  data_and_report_options(app, s.data, s.out);
  count_option(app, "--pool", s.pool, 1, "Training images, at most: those with labels and those without");
  count_option(app, "--test", s.test, 1, "Test images, at most");
  count_option(app, "--start", s.start, 1, "Labelled images at the beginning, all classes equally often");
  count_option(app, "--acquire", s.acquire, 1, "Images that get a label in each round");
  count_option(app, "--rounds", s.rounds, 1, "How often images get labels");
  count_option(app, "--seeds", s.seeds, 1, "Initial networks and first images");
  count_option(app, "--steps", s.steps, 1, "Steps of each training");
  batch_size_option(app, s.batch_size);
  learning_rate_option(app, s.learning_rate, "Learning rate of Adam at the start; it falls to 0");
  option(app, "--ridge", s.ridge, "X", "Ridge of the look-ahead, relative to the mean of the kernel's diagonal")
      ->check(positive())
      ->capture_default_str();
  count_option(app, "--trials", s.trials, 1, "Images of each seed for which the look-ahead is compared with training");
  seed_option(app, s.seed, "Seed of everything random");
  threads_option(app, s.threads);
}

void run(const ActiveSettings& s) {
  require_gnuplot();
  const ImageSet& set = image_set(s.data_set);
  ActiveTask task = make_active_task(s, set, load(set, s.data));
  require_results(s.out, {"accuracy.csv", "active.svg"});
  const ThreadLimit limit(s.threads);
  std::printf("%s: %zu training images, %zu test images; %s, width %g, %s parameters\n", task.title.c_str(),
              task.y.size(), task.y_test.size(), task.network.c_str(), task.width,
              grouped(static_cast<double>(task.net->init<float>().size())).c_str());
  std::fflush(stdout);
  const ActiveStudy study = active_study(s, std::move(task));
  write_results(s.out, {{"accuracy.csv", active_csv(study)}, {"active.svg", active_figure(study)}},
                active_report(study), active_summary(study), study.seconds);
}

}  // namespace

int main(int argc, char** argv) {
  ActiveSettings settings;
  if (const auto status = parse_options(argc, argv, program, settings, add_options)) return *status;
  settings.command = command_line(argc, argv);
  return run_program(program, argv, [&] { run(settings); });
}
