// Distills a data set of digits or clothes to one image for each class, by the gradient of the loss of a kernel
// regression with respect to the images, and shows them.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/images.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/program.hpp"
#include "examples/common/statistics.hpp"
#include "examples/common/threads.hpp"
#include "examples/distill/distill.hpp"
#include "nn/data/file.hpp"
#include "nn/data/npy.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

const Program program = {
    "distill",
    "Distils a set of gray images to one image a class, from which a kernel regression reads the others.",
    {{"", "ten images for the handwritten digits, which need no files; results/distill"},
     {"mnist --data DIR --steps 800", "longer, for MNIST, its four files in DIR"}},
    "Choose a smaller --width or --batch-size."};

void add_options(CLI::App& app, DistillSettings& s) {
  option(app, "dataset", s.data_set, "SET", "digits; or mnist, fashion, whose files are not included")
      ->capture_default_str();
  option(app, "--network", s.network, "NAME", "mlp, or lenet for mnist and fashion")->capture_default_str();
  count_option(app, "--width", s.width, 1, "Width of the mlp's two hidden layers");
  data_option(app, s.data);
  option(app, "--out", s.out, "DIR", "For the figures and the images")->check(named())->capture_default_str();
  count_option(app, "--steps", s.steps, 0, "Steps of Adam; 0: the images stay what they are");
  batch_size_option(app, s.batch_size);
  learning_rate_option(app, s.learning_rate, "Learning rate of Adam, in standard deviations of the pixels");
  former(app, "--rate", s.learning_rate, positive());
  option(app, "--ridge", s.ridge, "X", "Relative to the mean of the kernel's diagonal")
      ->check(positive())
      ->capture_default_str();
  count_option(app, "--test", s.test_images, 1, "Test images, at most");
  former(app, "--test-images", s.test_images, whole(1));
  count_option(app, "--draws", s.draws, 0, "Draws of random real images, to compare with");
  seed_option(app, s.seed, "Seed of everything random");
  threads_option(app, s.threads);
  app.callback([&app, &s] {
    if (s.network == "lenet" && app.count("--width") > 0)
      throw CLI::ValidationError("--width", "is for the mlp; lenet has one size");
  });
}

// What lies between paper and ink of each image, stretched to the whole range.
Array<double> stretched(const Array<double>& images) {
  Array<double> out(images.shape());
  double* to = out.mutable_data();
  for (std::size_t i = 0; i < images.size(); ++i) to[i] = std::clamp(images[i], 0.0, 1.0);
  const std::size_t each = images.size() / images.shape()[0];
  for (std::size_t first = 0; first < images.size(); first += each) {
    const auto ends = std::minmax_element(to + first, to + first + each);
    const double low = *ends.first, range = *ends.second - low;
    for (std::size_t i = first; i < first + each; ++i) to[i] = range > 0 ? (to[i] - low) / range : 0.0;
  }
  return out;
}

// Makes one row of pairs of two rows of images.
Array<double> above(const Array<double>& top, const Array<double>& bottom) {
  const std::size_t n = top.shape()[0], height = top.shape()[1], width = top.shape()[2], gap = 3;
  Array<double> out = Array<double>::zeros({n, 2 * height + gap, width});
  for (std::size_t i = 0; i < n; ++i) {
    double* to = out.mutable_data() + i * (2 * height + gap) * width;
    std::copy_n(top.data() + i * height * width, height * width, to);
    std::copy_n(bottom.data() + i * height * width, height * width, to + (height + gap) * width);
  }
  return out;
}

void write_figures(const DistillSettings& s, const ImageSet& set, const Distillation& d) {
  std::vector<std::string> captions;
  for (std::size_t c = 0; c < d.before.shape()[0]; ++c) captions.push_back(std::to_string(c));
  nn::write_file(s.out / "images.svg",
                 {draw_images(above(stretched(d.before), stretched(d.after)), captions, 1000, 240)});
  nn::write_npy(s.out / "images.npy", d.after);
  if (d.losses.empty()) {
    std::filesystem::remove(s.out / "loss.svg");  // of an earlier run
    return;
  }
  Panel loss{set.title + ": " + percent(d.accuracy) + " of the test images from " + plural(captions.size(), "image"),
             "step",
             "squared error a training image",
             {}};
  loss.series.push_back({"", d.losses, "#1f5fbf", 0});
  nn::write_file(s.out / "loss.svg", {draw(std::vector<Panel>{loss}, 560, 400)});
}

void run(DistillSettings& s) {
  require_gnuplot();
  const ImageSet& set = image_set(s.data_set);
  const nn::TrainAndTest images = load(set, s.data);
  with_patience([&] {
    for (const char* name : {"images.svg", "images.npy", "loss.svg"}) nn::require_writable_file(s.out / name);
  });
  const ThreadLimit limit(s.threads);
  const Distillation d = distill(s, images);
  {
    const Patience patience;
    write_figures(s, set, d);
  }
  std::printf(
      "\nKernel regression from one image a class, right on %s test images of %s:\n"
      "  distilled images          %s\n"
      "  the images they began as  %s\n",
      grouped(static_cast<double>(d.test_images)).c_str(), set.title.c_str(), percent(d.accuracy).c_str(),
      percent(d.first).c_str());
  if (!d.random.empty()) {
    const Mean random = mean_of(d.random);
    std::printf("  random real images        %s%s (%s)\n", percent(random.value).c_str(),
                random.count > 1 ? (" ± " + percent(random.deviation)).c_str() : "",
                plural(random.count, "draw").c_str());
  }
  std::printf("Images before and after (images.svg)%s the images as numbers: %s (%s)\n",
              d.losses.empty() ? " and" : ", the loss and", s.out.c_str(), seconds(d.seconds).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  DistillSettings settings;
  if (const auto status = parse_options(argc, argv, program, settings, add_options)) return *status;
  return run_program(program, argv, [&] { run(settings); });
}
