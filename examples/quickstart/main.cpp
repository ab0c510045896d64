// Trains networks on handwritten digits, computes their eNTK and pNTK before and after training, and writes a report
// about how close the two are, in results/quickstart/.
#include <cstdio>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/program.hpp"
#include "examples/common/threads.hpp"
#include "examples/quickstart/experiment.hpp"
#include "examples/quickstart/report.hpp"
#include "nn/data/file.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

void add_options(CLI::App& app, Settings& s) {
  app.add_option("--data", s.data, "Folder with MNIST or Fashion-MNIST (IDX, gzipped or not), or with UCI's optdigits");
  app.add_option("--digits", s.digits, "scikit-learn's digits.csv.gz, used without --data")->capture_default_str();
  app.add_option("--out", s.out, "Folder for the report and the kernels")->capture_default_str();
  app.add_option("--widths", s.widths, "Features of the last hidden layer")->delimiter(',')->capture_default_str();
  app.add_option("--n-train", s.n_train, "Training images of the kernels")->capture_default_str();
  app.add_option("--n-test", s.n_test, "Test images of the kernels, at most")->capture_default_str();
  app.add_option("--fit-images", s.fit_images, "Training images of the networks, at most")->capture_default_str();
  app.add_option("--epochs", s.epochs, "Passes over the training images")->capture_default_str();
  app.add_option("--batch-size", s.batch_size, "Images a training step")->capture_default_str();
  app.add_option("--learning-rate", s.learning_rate, "Of Adam at width 64, falling as width^-1/2")
      ->capture_default_str();
  app.add_option("--seed", s.seed, "Of the split, the initial parameters and the order of images")
      ->capture_default_str();
  app.add_option("--threads", s.threads, "0: as many as the machine has")->capture_default_str();
  for (CLI::Option* option : app.get_options())
    if (option->get_type_name().find("UINT") != std::string::npos) option->check(CLI::NonNegativeNumber);
  app.add_flag("--all-kernels", s.all_kernels, "Write every kernel; otherwise the eNTKs of the widest networks alone");
}

void quickstart(const Settings& settings) {
  require_gnuplot();
  const nn::TrainAndTest images = load(settings);
  check(settings, images);
  nn::require_writable_folder(settings.out);
  const ThreadLimit limit(settings.threads);
  std::printf("%s: %zu training images, %zu test images\n", images.train.name.c_str(), images.train.count(),
              images.test.count());
  const Experiment experiment = run(settings, images);
  const std::string html = report_html(experiment), overview = overview_svg(experiment), json = report_json(experiment);
  nn::write_file(settings.out / "overview.svg", {overview});
  nn::write_file(settings.out / "report.json", {json});
  nn::write_file(settings.out / "report.html", {html});
  std::printf("\n%s\nReport: %s (%s)\n", summary(experiment).c_str(), (settings.out / "report.html").c_str(),
              seconds(experiment.seconds).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  if (const auto status = parse_options(
          argc, argv, "Trains networks of growing width on handwritten digits and compares their eNTK and pNTK.",
          settings, add_options))
    return *status;
  return run_program("quickstart", "Choose smaller --widths or --n-train.", [&] { quickstart(settings); });
}
