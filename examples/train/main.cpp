// Trains a network on published images. Shows a progress bar, and writes curves, weights as safetensors, and metrics.
#include <cstdio>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/program.hpp"
#include "examples/common/threads.hpp"
#include "examples/train/curves.hpp"
#include "examples/train/training.hpp"
#include "nn/data/file.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

void add_options(CLI::App& app, Settings& s) {
  app.add_option("dataset", s.data_set, "mnist, fashion, cifar10 or digits")->required();
  app.add_option("--network", s.network, "mlp, lenet, convnet, resnet18, wide_resnet16, vit or mixer");
  app.add_option("--width", s.width, "Factor of the numbers of channels and features");
  app.add_option("--data", s.data, "Folder of the data set's files, or a folder above");
  app.add_option("--out", s.out, "Folder for curves, weights, metrics and checkpoint");
  app.add_option("--epochs", s.epochs, "Passes over the training images");
  app.add_option("--batch", s.batch, "Images a training step");
  app.add_option("--optimizer", s.optimizer, "sgd (Nesterov's momentum), adam or adamw");
  app.add_option("--lr", s.rate, "Learning rate, at its highest");
  app.add_option("--momentum", s.momentum, "Of sgd");
  app.add_option("--weight-decay", s.weight_decay, "Of the optimizer");
  app.add_option("--schedule", s.schedule, "constant, step, cosine, warmup (then cosine) or onecycle");
  app.add_option("--clip-norm", s.clip_norm, "Largest norm of a gradient; 0: any");
  app.add_flag_function(
      "--augment,!--no-augment", [&s](std::int64_t count) { s.augment = count > 0; },
      "Random windows and mirror images; the default for cifar10");
  app.add_option("--weights", s.weights, "Safetensors file to begin with");
  app.add_option("--freeze", s.frozen, "Layers or parameters that stay as they are")->delimiter(',');
  app.add_option("--images", s.images, "Training images, at most; 0: all")->capture_default_str();
  app.add_option("--metrics-steps", s.metrics_steps, "Updates between two lines of metrics")->capture_default_str();
  app.add_option("--checkpoint-steps", s.checkpoint_steps, "Updates between two checkpoints; 0: epochs and minutes")
      ->capture_default_str();
  app.add_option("--seed", s.seed, "Of the initial parameters and all random numbers")->capture_default_str();
  app.add_option("--threads", s.threads, "0: as many as the machine has")->capture_default_str();
  app.add_flag("--resume", s.resume, "Go on from the checkpoint in --out");
  for (CLI::Option* option : app.get_options())
    if (option->get_type_name().find("UINT") != std::string::npos) option->check(CLI::NonNegativeNumber);
}

void run(Settings& settings) {
  require_gnuplot();
  const ImageSet& set = image_set(settings.data_set);
  if (settings.network.empty())
    settings.network = set.name == "cifar10" ? "resnet18" : set.name == "digits" ? "mlp" : "lenet";
  if (settings.out.empty()) settings.out = "results/train/" + set.name + "-" + settings.network;
  network_kind(settings.network);
  const nn::TrainAndTest images = load(set, settings.data);
  const ThreadLimit limit(settings.threads);
  const Training training = train(settings, set, images);
  nn::write_file(settings.out / "curves.svg", {curves_svg(training, settings.out / "metrics.jsonl")});
  std::printf("\n%s\nCurves, weights and metrics: %s (%s)\n", table(training).c_str(), settings.out.c_str(),
              seconds(training.seconds).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  if (const auto status =
          parse_options(argc, argv, "Trains a network on MNIST, Fashion-MNIST, CIFAR-10 or handwritten digits.",
                        settings, add_options))
    return *status;
  return run_program("train", "Choose a smaller --width or --batch.", [&] { run(settings); });
}
