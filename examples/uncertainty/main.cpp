// Says how certain a network is, by Laplace's approximation with several kernels, by Gaussian processes and by an
// ensemble.
#include <cstdio>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/program.hpp"
#include "examples/common/results.hpp"
#include "examples/common/threads.hpp"
#include "examples/uncertainty/report.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

const Program program = {"uncertainty",
                         "Says how certain a network is, by Laplace's approximation, Gaussian processes and ensembles, "
                         "and whether rightly so.",
                         {{"", "the handwritten digits, which need no files; results/uncertainty/report.html"},
                          {"mnist --other fashion --network lenet --width 1 --n 500 --data DIR",
                           "the files of both sets in folders below DIR"}},
                         "Choose a smaller --n, --test or --width."};

void add_options(CLI::App& app, UncertaintySettings& s) {
  data_set_option(app, s.data_set);
  option(app, "--other", s.other, "SET", "Images of no class: another set, or the test images with shuffled pixels")
      ->capture_default_str();
  option(app, "--network", s.network, "NAME", "A network of ./run kernel")->capture_default_str();
  option(app, "--width", s.width, "X", "Factor of its features and channels")->check(positive())->default_str("0.25");
  data_and_report_options(app, s.data, s.out);
  count_option(app, "--n", s.n, 1, "Training images");
  count_option(app, "--held-out", s.held_out, 1, "Images by which a temperature and a variance are chosen");
  count_option(app, "--test", s.test, 1, "Test images, and other images, at most");
  count_option(app, "--ensemble", s.ensemble, 1, "Networks of an ensemble");
  count_option(app, "--seeds", s.seeds, 1, "Choices of training images, each with an ensemble");
  count_option(app, "--epochs", s.epochs, 1, "Of each training");
  batch_size_option(app, s.batch_size);
  learning_rate_option(app, s.learning_rate, "Of SGD with momentum 0.9, at the start; it falls to 0");
  option(app, "--decay", s.decay, "X", "Weight decay")->check(not_negative())->capture_default_str();
  seed_option(app, s.seed, "Seed of everything random");
  threads_option(app, s.threads);
}

void run(UncertaintySettings s) {
  require_gnuplot();
  const ImageSet& set = image_set(s.data_set);
  const nn::TrainAndTest images = load(set, s.data);
  UncertaintyTask task = make_uncertainty_task(s, set, images);
  require_results(s.out, {"uncertainty.csv", "verdicts.csv", "variances.csv", "uncertainty.svg"});
  const ThreadLimit limit(s.threads);
  std::printf("%s: %zu training images, %zu test images, %zu %s; %s at width %s\n", task.images.title.c_str(), s.n,
              task.images.y_test.size(), task.x_other.shape()[0], task.other_title.c_str(), s.network.c_str(),
              significant(task.width).c_str());
  std::fflush(stdout);
  const UncertaintyStudy study = uncertainty_study(s, std::move(task), images, set);
  write_results(s.out,
                {{"uncertainty.csv", uncertainty_csv(study)},
                 {"verdicts.csv", verdicts_csv(study)},
                 {"variances.csv", variances_csv(study)},
                 {"uncertainty.svg", uncertainty_figure(study)}},
                uncertainty_report(study), uncertainty_summary(study), study.seconds);
}

}  // namespace

int main(int argc, char** argv) {
  UncertaintySettings settings;
  if (const auto status = parse_options(argc, argv, program, settings, add_options)) return *status;
  settings.command = command_line(argc, argv);
  return run_program(program, argv, [&] { run(settings); });
}
