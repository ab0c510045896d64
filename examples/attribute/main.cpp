// Finds the training images that a network's predictions come from, and tests how good the answer is.
#include <cstdio>

#include "examples/attribute/files.hpp"
#include "examples/attribute/report.hpp"
#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/program.hpp"
#include "examples/common/results.hpp"
#include "examples/common/threads.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

const Program program = {
    "attribute",
    "Finds the training images that a network's predictions come from, and tests the answer by training anew.",
    {{"", "the handwritten digits, which need no files; results/attribute/report.html"},
     {"mnist --data DIR --network mlp --n 2000 --subsets 300 --out results/mnist",
      "2,000 images of MNIST, its four files in DIR, and networks on 300 halves of them"}},
    "Choose a smaller --n, --width or --projections.",
    "The network is mlp for digits, lenet for mnist and fashion, convnet for cifar10; its width is 1 for lenet and\n"
    "0.125 for the others."};

void add_options(CLI::App& app, AttributeSettings& s) {
  data_set_option(app, s.data_set);
  option(app, "--network", s.network, "NAME", "mlp, lenet, convnet, resnet18, wide_resnet16, vit or mixer")
      ->default_str("below");
  option(app, "--width", s.width, "X", "Factor of the numbers of channels and features")
      ->check(positive())
      ->default_str("below");
  data_and_report_options(app, s.data, s.out);
  count_option(app, "--n", s.n, 1, "Training images, at most");
  count_option(app, "--test", s.test, 1, "Test images, at most");
  count_option(app, "--epochs", s.epochs, 1, "Passes over the training images, for each network");
  batch_size_option(app, s.batch_size);
  learning_rate_option(app, s.learning_rate, "Learning rate of Adam at the start; it falls to 0");
  option(app, "--ridge", s.ridge, "X", "Ridge of the scores, relative to the mean of the kernel's diagonal")
      ->check(positive())
      ->capture_default_str();
  option(app, "--projections", s.projections, "N,...", "Numbers that gradients are projected to, beside exact scores")
      ->delimiter(',')
      ->check(whole(1))
      ->default_str("2048,8192");
  count_option(app, "--subsets", s.subsets, 1, "Random halves of the training images on which networks are trained");
  count_option(app, "--repeats", s.repeats, 1, "Networks on each half");
  count_option(app, "--ensemble", s.ensemble, 1, "Networks on all of them, whose scores are averaged");
  option(app, "--flipped", s.flipped, "X", "Share of the labels that are flipped")
      ->check(positive())
      ->capture_default_str();
  count_option(app, "--flip-seeds", s.flip_seeds, 1, "Networks that are trained on flipped labels");
  seed_option(app, s.seed, "Seed of everything random");
  threads_option(app, s.threads);
}

void run(const AttributeSettings& s) {
  require_gnuplot();
  if (s.subsets < 3)
    throw option_error("[attribute] --subsets " + std::to_string(s.subsets) +
                       ": a rank correlation needs at least 3, and says little below 50.");
  if (s.flipped > 0.5)
    throw option_error("[attribute] --flipped " + significant(s.flipped) + ": at most half of the labels.");
  const ImageSet& set = image_set(s.data_set);
  Task task = make_task(s, set, load(set, s.data));
  require_results(s.out, file_names());
  const ThreadLimit limit(s.threads);
  std::printf("%s: %zu training images, %zu test images; %s, width %g, %s parameters\n", task.title.c_str(),
              task.y.size(), task.y_test.size(), task.network.c_str(), task.width,
              grouped(static_cast<double>(task.net->init<float>().size())).c_str());
  std::fflush(stdout);
  const Study found = study(s, std::move(task));
  {
    const Patience patience;
    write_files(found);
  }
  write_results(s.out, {}, report_html(found), summary(found), found.seconds);
}

}  // namespace

int main(int argc, char** argv) {
  AttributeSettings settings;
  if (const auto status = parse_options(argc, argv, program, settings, add_options)) return *status;
  settings.command = command_line(argc, argv);
  return run_program(program, argv, [&] { run(settings); });
}
