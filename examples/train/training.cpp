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

// The progress bar, with a step for each epoch.
class Bar {
 public:
  Bar(std::size_t epochs, const Lesson& lesson)
      : examples_(static_cast<double>(lesson.count)),
        classes_(lesson.classes),
        noun_(lesson.noun),
        bar_(static_cast<double>(epochs) * examples_) {}

  void operator()(const nn::Progress& p) {
    const double epochs_before = static_cast<double>(p.epoch - 1);
    const double items = p.fraction * static_cast<double>(p.epochs) * examples_ - epochs_before * examples_;
    if (p.epoch != epoch_) {
      if (epoch_ == 0) bar_.skip(epochs_before * examples_);  // the training goes on from a checkpoint
      bar_.step("epoch " + std::to_string(p.epoch) + "/" + std::to_string(p.epochs), examples_, examples_, noun_,
                epoch_ == 0 ? items : 0);
      epoch_ = p.epoch;
    }
    bar_.note("loss " + significant(p.loss, 4) + (diverged(p.loss, classes_) ? " (diverging)" : "") + ", accuracy " +
              fixed(p.accuracy, 3));
    bar_.update(items);
  }
  void finish() { bar_.finish(); }

 private:
  double examples_;
  std::size_t classes_;
  std::string noun_;
  Progress bar_;
  std::size_t epoch_ = 0;
};

}  // namespace

Training train(const Settings& settings, Lesson lesson) {
  const Stopwatch watch;
  Training out;
  out.data_set = lesson.data;
  out.network = lesson.network;
  out.noun = lesson.noun;
  out.classes = lesson.classes;
  out.tested = lesson.tested;
  out.recipe = lesson.recipe;
  out.parameters = lesson.params.size();
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
  std::printf("%s%s: %s parameters, %s training %s\n", lesson.network.c_str(), lesson.width.c_str(),
              grouped(static_cast<double>(out.parameters)).c_str(), grouped(static_cast<double>(lesson.count)).c_str(),
              lesson.noun.c_str());
  std::fflush(stdout);
  answer_interruptions("the checkpoint is in " + settings.out.string() + ". To go on:\n  " + settings.command +
                       (settings.resume ? "" : " --resume"));
  const Patience patience;
  Bar bar(out.recipe.epochs, lesson);
  out.fit = lesson.fit(
      std::move(lesson.params),
      {.epochs = out.recipe.epochs,
       .batch = out.recipe.batch_size,
       .optimizer = optimizer_of(out.recipe),
       // Without one, epochs may be added later.
       .schedule = out.recipe.schedule == "constant" ? nn::Schedule{} : nn::schedule::parse(out.recipe.schedule),
       .clip_norm = out.recipe.clip_norm,
       .frozen = settings.frozen,
       .seed = settings.seed,
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
  std::string out =
      std::string("epoch    loss  accuracy") + (training.tested ? "  test loss  test accuracy" : "") + "  seconds\n";
  const std::vector<nn::Epoch>& history = training.fit.history;
  const std::size_t stride = (history.size() + 11) / 12;  // at most a dozen lines, including the last epoch
  for (std::size_t i = (history.size() - 1) % stride; i < history.size(); i += stride) {
    const nn::Epoch& e = history[i];
    char line[128], test[32] = "";
    if (training.tested) std::snprintf(test, sizeof test, "  %9.4f  %13.4f", e.test_loss, e.test_accuracy);
    std::snprintf(line, sizeof line, "%5zu  %6.4f  %8.4f%s  %7.1f\n", e.number, e.loss, e.accuracy, test, e.seconds);
    out += line;
  }
  return out;
}

}  // namespace xtangent::examples
