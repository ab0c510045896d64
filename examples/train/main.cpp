// Trains a network on published images. Shows a progress bar, and writes curves, weights as safetensors, and metrics.
#include <cstdio>

#include "examples/common/divergence.hpp"
#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/networks.hpp"
#include "examples/common/program.hpp"
#include "examples/common/threads.hpp"
#include "examples/train/curves.hpp"
#include "examples/train/recipe.hpp"
#include "examples/train/training.hpp"
#include "nn/data/file.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

const Program program = {
    "train",
    "Trains a network on images or arrays: curves, weights that PyTorch loads, metrics, a checkpoint to go on from.",
    {{"", "a fully connected network on the handwritten digits, which need no files; results/train/digits-mlp"},
     {"mnist --data DIR --epochs 10 --schedule onecycle",
      "LeNet on MNIST, its four files in DIR; where they lie in data/ or build/data/, without --data"},
     {"--model net.pt2 --inputs x.npy --labels y.npy --test-inputs t.npy --test-labels z.npy",
      "a network that PyTorch exported, on examples of your own; more --inputs for a network of several"},
     {"cifar10 --resume", "after Ctrl-C: goes on from the checkpoint of the same training"}},
    "Choose a smaller --width or --batch-size.",
    usual_recipes()};

void add_options(CLI::App& app, Settings& s) {
  data_set_option(app, s.data_set);
  option(app, "--network", s.network, "NAME",
         "mlp, lenet, convnet, resnet18, wide_resnet16, vit or mixer; text or gpt2 for --inputs")
      ->default_str("below");
  option(app, "--width", s.width, "X", "Factor of the numbers of channels and features")
      ->check(positive())
      ->default_str("below");
  data_option(app, s.data);
  input_options(app, s.files, "dataset", "The same for test examples");
  app.get_option("--inputs")->needs(app.get_option("--labels"))->excludes(app.get_option("--data"));
  option(app, "--out", s.out, "DIR", "For curves, weights, metrics and checkpoint")
      ->check(named())
      ->default_str("results/train/SET-NETWORK");
  option(app, "--epochs", s.epochs, "N", "Passes over the training images")->check(whole(1))->default_str("below");
  batch_size_option(app, s.batch_size)->default_str("below");
  option(app, "--optimizer", s.optimizer, "NAME", "sgd (Nesterov's momentum), adam or adamw")->default_str("below");
  learning_rate_option(app, s.learning_rate, "Learning rate at its highest")->default_str("below");
  option(app, "--momentum", s.momentum, "X", "Momentum of sgd")->check(not_negative())->default_str("0.9");
  option(app, "--weight-decay", s.weight_decay, "X", "Weight decay of the optimizer")
      ->check(not_negative())
      ->default_str("below");
  option(app, "--schedule", s.schedule, "NAME", "constant, step, cosine, linear, warmup (then cosine) or onecycle")
      ->default_str("warmup");
  option(app, "--clip-norm", s.clip_norm, "X", "Largest norm of a gradient; 0: any")
      ->check(not_negative())
      ->default_str("below");
  app.add_flag_function(
         "--augment,!--no-augment", [&s](std::int64_t count) { s.augment = count > 0; },
         "Random windows and mirror images")
      ->default_str("for cifar10 only");
  option(app, "--weights", s.weights, "FILE", "Safetensors to begin with")
      ->check(named())
      ->default_str("none: initial parameters");
  option(app, "--freeze", s.frozen, "NAME", "Layers or parameters that stay as they are")
      ->delimiter(',')
      ->default_str("none");
  count_option(app, "--n", s.n, 0, "Training images, at most; 0: all");
  former(app, "--images", s.n, whole(0));
  count_option(app, "--metrics-steps", s.metrics_steps, 0, "Updates between two lines of metrics; 0: epochs alone");
  count_option(app, "--checkpoint-steps", s.checkpoint_steps, 0,
               "Updates between two checkpoints; 0: at epochs and each minute");
  seed_option(app, s.seed, "Seed of the initial parameters and of all random numbers");
  threads_option(app, s.threads);
  app.add_flag("--resume", s.resume, "Go on from the checkpoint in --out");
}

// Fills in what was not given, and reads the images.
Lesson prepare_images(Settings& settings) {
  const ImageSet& set = image_set(settings.data_set);
  if (settings.network.empty())
    settings.network = set.name == "cifar10" ? "resnet18" : set.name == "digits" ? "mlp" : "lenet";
  if (settings.out.empty()) settings.out = "results/train/" + set.name + "-" + settings.network;
  network_kind(settings.network);
  return lesson_on(settings, set, load(set, settings.data));
}

Lesson prepare_files(Settings& settings) {
  if (settings.network.empty()) settings.network = "mlp";
  const std::filesystem::path& model = settings.files.model;
  if (settings.out.empty())
    settings.out = "results/train/inputs-" + (model.empty() ? settings.network : model.stem().string());
  return lesson_on_files(settings);
}

void run(Settings& settings) {
  require_gnuplot();
  const ThreadLimit limit(settings.threads);
  const Training training =
      train(settings, settings.files.given() ? prepare_files(settings) : prepare_images(settings));
  {
    const Patience patience;
    nn::write_file(settings.out / "curves.svg", {curves_svg(training, settings.out / "metrics.jsonl")});
  }
  std::printf("\n%s\nCurves, weights and metrics: %s (%s)\n", table(training).c_str(), settings.out.c_str(),
              seconds(training.seconds).c_str());
  std::fflush(stdout);
  const double loss = training.fit.history.back().loss;
  if (diverged(loss, training.classes))
    std::fprintf(stderr, "train: warning: %s Choose a smaller --learning-rate than %g.\n",
                 say_diverged(loss, training.classes).c_str(), training.recipe.rate);
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  if (const auto status = parse_options(argc, argv, program, settings, add_options)) return *status;
  settings.command = command_line(argc, argv);
  return run_program(program, argv, [&] { run(settings); });
}
