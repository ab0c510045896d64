#include "examples/train/lesson.hpp"

#include <algorithm>
#include <cstdio>

#include "autodiff/error.hpp"
#include "examples/common/networks.hpp"
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

Images kind_of(const ImageSet& set, const nn::LabeledImages& train) {
  return set.name == "digits" ? Images::digits : train.channels == 3 ? Images::color : Images::gray;
}

std::string shown(double width) {
  char text[32];
  std::snprintf(text, sizeof text, ", width %g", width);
  return text;
}

nn::Parameters<float> begun(nn::Parameters<float> params, const Settings& settings) {
  return settings.weights.empty() ? params : nn::load_parameters(std::move(params), settings.weights);
}

}  // namespace

Lesson lesson_on(const Settings& settings, const ImageSet& set, const nn::TrainAndTest& images) {
  const NetworkKind& kind = network_kind(settings.network);
  const double width = kind.width_for(images.train, settings.width);
  const nn::AnyModule net = kind.make(images.train, width);
  const nn::DatasetOptions options = options_of(settings, kind, images.train);
  const nn::Dataset train = training_images(settings, nn::Dataset(images.train, options));
  return {.net = net,
          .params = begun(net->init<float>(settings.seed), settings),
          .network = kind.name,
          .width = shown(width),
          .data = set.title,
          .noun = "images",
          .count = train.count(),
          .classes = train.classes(),
          .recipe = changed(usual_recipe(kind.name, kind_of(set, images.train)), settings),
          .fit = [net, train, test = nn::Dataset(images.test, options)](nn::Parameters<float> params,
                                                                        nn::FitOptions<float> how) {
            how.test_data = test;
            return nn::fit(*net, std::move(params), train, std::move(how));
          }};
}

Lesson lesson_on_files(const Settings& settings) {
  const InputFiles& files = settings.files;
  if (settings.augment.value_or(false))
    throw option_error("[train] --augment changes images. There are no random changes of --inputs.");
  if (!files.test_inputs.empty() && files.test_labels.empty())
    throw option_error("[train] --test-inputs have no labels. Name their file with --test-labels.");
  const FileExamples<float> read =
      read_examples<float>("train", files, settings.network, settings.width, {settings.n, {}}, settings.seed);
  const bool model = !files.model.empty();
  const std::size_t some = std::min<std::size_t>(2, read.train.shape()[0]);
  const Shape outputs = (*read.net)(read.params, read.train.rows(0, some)).shape();
  return {.net = read.net,
          .params = begun(read.params, settings),
          .network = model ? files.model.filename().string() : settings.network,
          .width = model ? "" : shown(read.width),
          .data = files.inputs.front().filename().string(),
          .noun = "examples",
          .count = read.train.shape()[0],
          .classes = outputs.rank() ? outputs.back() : 1,
          .tested = read.test.defined(),
          .recipe = changed(recipe_for_files(), settings),
          .fit = [read](nn::Parameters<float> params, nn::FitOptions<float> how) {
            if (read.test.defined()) {
              how.test_x = read.test;
              how.test_labels = read.test_labels;
            }
            return nn::fit(*read.net, std::move(params), read.train, read.train_labels, std::move(how));
          }};
}

}  // namespace xtangent::examples
