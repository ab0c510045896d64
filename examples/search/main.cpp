// Ranks networks before training, by scores from their kernels, and trains them.
#include <cstdio>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/program.hpp"
#include "examples/common/results.hpp"
#include "examples/common/threads.hpp"
#include "examples/search/report.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

const Program program = {"search",
                         "Ranks 72 networks before training, by scores from the kernels of one batch, and trains them "
                         "to see which were right.",
                         {{"", "the handwritten digits, which need no files; results/search/report.html"},
                          {"mnist --data DIR --networks 40", "40 of the networks on MNIST, its four files in DIR"}},
                         "Choose fewer images, --n."};

void add_options(CLI::App& app, SearchSettings& s) {
  data_set_option(app, s.data_set);
  option(app, "--networks", s.networks, "N", "So many of the networks, drawn at random; 0: all")
      ->check(whole(0))
      ->capture_default_str();
  data_and_report_options(app, s.data, s.out);
  count_option(app, "--n", s.n, 1, "Training images, at most");
  count_option(app, "--test", s.test, 1, "Test images, at most");
  count_option(app, "--scored", s.scored, 1, "Training images of the batch from which the scores are, at most");
  count_option(app, "--seeds", s.seeds, 1, "Initial values of each network");
  count_option(app, "--epochs", s.epochs, 1, "Passes over the training images");
  batch_size_option(app, s.batch_size);
  learning_rate_option(app, s.learning_rate, "Learning rate of Adam at the start, for all networks; it falls to 0");
  seed_option(app, s.seed, "Seed of everything random");
  threads_option(app, s.threads);
}

void run(const SearchSettings& s) {
  require_gnuplot();
  check_networks(s);
  const ImageSet& set = image_set(s.data_set);
  ImageTask task = make_image_task(set, load(set, s.data), nn::ImageLayout::planes, s.n, s.test, s.seed);
  require_results(s.out, {"search.csv", "search.svg", "scores.svg"});
  const ThreadLimit limit(s.threads);
  std::printf("%s: %zu training images, %zu test images; scores from %zu images\n", task.title.c_str(), task.y.size(),
              task.y_test.size(), std::min(s.scored, task.y.size()));
  std::fflush(stdout);
  const SearchStudy study = search_study(s, std::move(task));
  write_results(
      s.out,
      {{"search.csv", search_csv(study)}, {"search.svg", search_figure(study)}, {"scores.svg", scores_figure(study)}},
      search_report(study), search_summary(study), study.seconds);
}

}  // namespace

int main(int argc, char** argv) {
  SearchSettings settings;
  if (const auto status = parse_options(argc, argv, program, settings, add_options)) return *status;
  settings.command = command_line(argc, argv);
  return run_program(program, argv, [&] { run(settings); });
}
