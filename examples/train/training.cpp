#include "examples/train/training.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "examples/common/divergence.hpp"
#include "examples/common/format.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/progress.hpp"
#include "examples/common/stopwatch.hpp"
#include "nn/data/file.hpp"
#include "nn/safetensors.hpp"

namespace xtangent::examples {
namespace {

// Scales by means and standard deviations of the training images. Photographs are also shifted and mirrored at random.
nn::DatasetOptions options_of(const Settings& settings, const NetworkKind& kind, const nn::LabeledImages& train) {
  const bool photographs = train.channels == 3;
  nn::DatasetOptions out{.layout = kind.layout, .scaling = nn::channel_standardization(train)};
  if (settings.augment.value_or(photographs))
    out.augmentation = {.padding = photographs ? 4u : 2u, .mirror = photographs};
  return out;
}

nn::Dataset training_images(const Settings& settings, const nn::Dataset& all) {
  if (settings.n == 0 || settings.n >= all.count()) return all;
  return all.subset(nn::balanced_indices(all.images(), settings.n, settings.seed));
}

// The progress bar, with a step for each epoch.
class Bar {
 public:
  Bar(std::size_t epochs, std::size_t images, std::size_t classes)
      : images_(static_cast<double>(images)), classes_(classes), bar_(static_cast<double>(epochs) * images_) {}

  void operator()(const nn::Progress& p) {
    const double epochs_before = static_cast<double>(p.epoch - 1);
    const double items = p.fraction * static_cast<double>(p.epochs) * images_ - epochs_before * images_;
    if (p.epoch != epoch_) {
      if (epoch_ == 0) bar_.skip(epochs_before * images_);  // the training goes on from a checkpoint
      bar_.step("epoch " + std::to_string(p.epoch) + "/" + std::to_string(p.epochs), images_, images_, "images",
                epoch_ == 0 ? items : 0);
      epoch_ = p.epoch;
    }
    bar_.note("loss " + significant(p.loss, 4) + (diverged(p.loss, classes_) ? " (diverging)" : "") + ", accuracy " +
              fixed(p.accuracy, 3));
    bar_.update(items);
  }
  void finish() { bar_.finish(); }

 private:
  double images_;
  std::size_t classes_;
  Progress bar_;
  std::size_t epoch_ = 0;
};

Images kind_of(const ImageSet& set, const nn::LabeledImages& train) {
  return set.name == "digits" ? Images::digits : train.channels == 3 ? Images::color : Images::gray;
}

}  // namespace

Training train(const Settings& settings, const ImageSet& set, const nn::TrainAndTest& images) {
  const Stopwatch watch;
  const NetworkKind& kind = network_kind(settings.network);
  Training out;
  out.data_set = set.title;
  out.recipe = changed(usual_recipe(kind.name, kind_of(set, images.train)), settings);
  const double width = kind.width_for(images.train, settings.width);
  const nn::AnyModule net = kind.make(images.train, width);
  const nn::DatasetOptions options = options_of(settings, kind, images.train);
  const nn::Dataset train = training_images(settings, nn::Dataset(images.train, options));
  nn::Parameters<float> params = net->init<float>(settings.seed);
  if (!settings.weights.empty()) params = nn::load_parameters(std::move(params), settings.weights);
  out.parameters = params.size();
  out.network = kind.name;
  // What is written in the end. nn::fit tries what it writes itself, the checkpoint with its size.
  with_patience([&] {
    for (const char* name : {"weights.safetensors", "curves.svg"}) nn::require_writable_file(settings.out / name);
  });
  std::error_code code;
  const std::filesystem::path checkpoint = settings.out / "checkpoint.safetensors";
  const bool there = std::filesystem::exists(checkpoint, code);
  if (settings.resume && there)
    std::printf("going on from %s\n", checkpoint.c_str());
  else if (settings.resume)
    std::fprintf(stderr, "train: warning: --resume found no checkpoint in %s: this is a training from the beginning.\n",
                 settings.out.c_str());
  else if (there)
    std::printf("replacing the training in %s (--resume would go on with it)\n", settings.out.c_str());
  std::printf("%s, width %g: %s parameters, %s training images\n", kind.name.c_str(), width,
              grouped(static_cast<double>(out.parameters)).c_str(),
              grouped(static_cast<double>(train.count())).c_str());
  std::fflush(stdout);
  answer_interruptions("the checkpoint is in " + settings.out.string() + ". To go on:\n  " + settings.command +
                       (settings.resume ? "" : " --resume"));
  const Patience patience;
  Bar bar(out.recipe.epochs, train.count(), train.classes());
  out.fit = nn::fit(*net, std::move(params), train,
                    {.epochs = out.recipe.epochs,
                     .batch = out.recipe.batch_size,
                     .optimizer = optimizer_of(out.recipe),
                     .schedule = schedule_of(out.recipe),
                     .clip_norm = out.recipe.clip_norm,
                     .frozen = settings.frozen,
                     .seed = settings.seed,
                     .test_data = nn::Dataset(images.test, options),
                     .checkpoint = {.file = checkpoint, .resume = settings.resume, .steps = settings.checkpoint_steps},
                     .metrics = {.file = settings.out / "metrics.jsonl", .steps = settings.metrics_steps},
                     .progress = [&](const nn::Progress& p) { bar(p); },
                     .stop = interrupted});
  end_if_interrupted();
  bar.finish();
  nn::save_parameters(out.fit.params, settings.out / "weights.safetensors");
  out.seconds = watch.seconds();
  return out;
}

std::string table(const Training& training) {
  std::string out = "epoch    loss  accuracy  test loss  test accuracy  seconds\n";
  const std::vector<nn::Epoch>& history = training.fit.history;
  const std::size_t stride = (history.size() + 11) / 12;  // at most a dozen lines, including the last epoch
  for (std::size_t i = (history.size() - 1) % stride; i < history.size(); i += stride) {
    const nn::Epoch& e = history[i];
    char line[128];
    std::snprintf(line, sizeof line, "%5zu  %6.4f  %8.4f  %9.4f  %13.4f  %7.1f\n", e.number, e.loss, e.accuracy,
                  e.test_loss, e.test_accuracy, e.seconds);
    out += line;
  }
  return out;
}

}  // namespace xtangent::examples
