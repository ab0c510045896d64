// Trains networks on handwritten digits, computes their eNTK and pNTK before and after training, and writes a report
// about how close the two are, in results/quickstart/.
#include <cstdio>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/program.hpp"
#include "examples/common/threads.hpp"
#include "examples/quickstart/experiment.hpp"
#include "examples/quickstart/report.hpp"
#include "nn/data/file.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

const Program program = {"quickstart",
                         "Trains networks of growing width on handwritten digits, and compares their eNTK and pNTK.",
                         {{"", "the report, results/quickstart/report.html, in less than a minute"},
                          {"--data DIR --widths 64,256,1024 --n 300 --out results/mnist",
                           "the same on MNIST or Fashion-MNIST, whose four files lie in DIR"}},
                         "Choose smaller --widths or --n."};

void add_options(CLI::App& app, Settings& s) {
  option(app, "--data", s.data, "DIR", "MNIST or Fashion-MNIST (IDX, gzipped or not), or UCI's optdigits")
      ->check(named())
      ->default_str("none: the digits");
  option(app, "--digits", s.digits, "FILE", "scikit-learn's digits.csv.gz, used without --data")
      ->check(named())
      ->default_str("in data, build/data or $XTANGENT_DATA");
  option(app, "--out", s.out, "DIR", "For the report and the kernels")->check(named())->capture_default_str();
  option(app, "--widths", s.widths, "N,...", "Features of the last hidden layer, multiples of 4")
      ->delimiter(',')
      ->check(whole(1))
      ->default_str("64,128,256,512,1024");
  count_option(app, "--n", s.n_train, 1, "Training images of the kernels");
  former(app, "--n-train", s.n_train, whole(1));
  count_option(app, "--test", s.n_test, 1, "Test images of the kernels, at most");
  former(app, "--n-test", s.n_test, whole(1));
  count_option(app, "--fit-images", s.fit_images, 1, "Training images of the networks, at most");
  count_option(app, "--epochs", s.epochs, 1, "Passes over the training images");
  batch_size_option(app, s.batch_size);
  learning_rate_option(app, s.learning_rate,
                       "Learning rate of Adam at width 64; scaled by width^-1/2, falling to 0 in training");
  seed_option(app, s.seed, "Seed of the split, the initial parameters and the order of images");
  threads_option(app, s.threads);
  app.add_flag("--all-kernels", s.all_kernels, "Write every kernel; otherwise the eNTKs of the widest networks alone");
}

void quickstart(const Settings& settings, const std::string& command) {
  require_gnuplot();
  const nn::TrainAndTest images = load(settings);
  check(settings, images);
  with_patience([&] {
    nn::require_writable_folder(settings.out / "kernels");
    for (const char* name : {"overview.svg", "report.json", "report.html"})
      nn::require_writable_file(settings.out / name);
  });
  const ThreadLimit limit(settings.threads);
  std::printf("%s: %zu training images, %zu test images\n", images.train.name.c_str(), images.train.count(),
              images.test.count());
  const Experiment experiment = run(settings, images, command);
  const std::string html = report_html(experiment), overview = overview_svg(experiment), json = report_json(experiment);
  const Patience patience;
  nn::write_file(settings.out / "overview.svg", {overview});
  nn::write_file(settings.out / "report.json", {json});
  nn::write_file(settings.out / "report.html", {html});
  std::printf("\n%s\nReport: %s (%s)\n", summary(experiment).c_str(), (settings.out / "report.html").c_str(),
              seconds(experiment.seconds).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  if (const auto status = parse_options(argc, argv, program, settings, add_options)) return *status;
  return run_program(program, argv, [&] { quickstart(settings, command_line(argc, argv)); });
}
