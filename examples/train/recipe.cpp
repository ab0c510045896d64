#include "examples/train/recipe.hpp"

#include <cstdio>
#include <optional>
#include <utility>

#include "autodiff/error.hpp"
#include "examples/common/networks.hpp"

namespace xtangent::examples {
namespace {

template <class V>
void replace(V& value, const std::optional<V>& given) {
  if (given) value = *given;
}

}  // namespace

Recipe usual_recipe(const std::string& network, Images images) {
  const bool color = images == Images::color;
  Recipe out;
  if (network == "mlp")
    out = {.epochs = color ? 15u : 5u, .batch_size = 128};
  else if (network == "lenet")
    out = {.epochs = 3, .rate = 3e-3};
  else if (network == "convnet")
    out = color ? Recipe{.epochs = 20, .rate = 2e-3} : Recipe{.epochs = 4, .rate = 3e-3};
  // Stochastic gradient descent for networks with batch norm; AdamW for those with layer norm.
  else if (network == "resnet18" || network == "wide_resnet16")
    out = {.epochs = color ? 12u : 3u, .optimizer = "sgd", .rate = 0.05, .weight_decay = 5e-4};
  else
    out = {.epochs = color ? 30u : 5u, .optimizer = "adamw", .weight_decay = 0.05, .clip_norm = 1.0};
  if (images == Images::digits) {  // 40 times fewer images than MNIST has
    out.epochs = 30;
    out.batch_size = 32;
  }
  return out;
}

Recipe recipe_for_files() { return {.epochs = 10}; }

std::string usual_recipes() {
  std::string out =
      "The network is mlp for digits and files, lenet for mnist and fashion, resnet18 for cifar10.\n"
      "What depends on the network and the images (gray: mnist, fashion; color: cifar10; files: --inputs):\n"
      "  network        images  width  epochs  batch size  optimizer  learning rate  weight decay  clip norm";
  const auto add = [&](const std::string& network, const char* images, const std::string& width, const Recipe& r) {
    char line[160];
    std::snprintf(line, sizeof line, "\n  %-13s  %-6s  %5s  %6zu  %10zu  %9s  %13g  %12g  %9g", network.c_str(), images,
                  width.c_str(), r.epochs, r.batch_size, r.optimizer.c_str(), r.rate, r.weight_decay, r.clip_norm);
    out += line;
  };
  for (const NetworkKind& kind : network_kinds())
    for (const auto& [name, images] :
         {std::pair("digits", Images::digits), std::pair("gray", Images::gray), std::pair("color", Images::color)}) {
      if (kind.name == "lenet" && images != Images::gray) continue;  // takes no other images
      char width[16];
      std::snprintf(width, sizeof width, "%g", images == Images::color ? kind.color_width : kind.gray_width);
      add(kind.name, name, width, usual_recipe(kind.name, images));
    }
  add("any", "files", "", recipe_for_files());
  return out;
}

nn::OptimizerSettings optimizer_of(const Recipe& r) {
  if (r.optimizer == "sgd") return nn::sgd({r.rate, r.momentum, r.weight_decay, r.momentum > 0.0});
  if (r.optimizer == "adam") return nn::adam({.rate = r.rate, .weight_decay = r.weight_decay});
  if (r.optimizer == "adamw") return nn::adamw({.rate = r.rate, .weight_decay = r.weight_decay});
  throw option_error("[train] no optimizer '" + r.optimizer + "'. There are sgd, adam, adamw.");
}

Recipe changed(Recipe out, const Settings& settings) {
  const std::string before = out.optimizer;
  replace(out.optimizer, settings.optimizer);
  if (settings.momentum && out.optimizer != "sgd")
    throw option_error("[train] --momentum is for sgd; the optimizer is " + out.optimizer + ".");
  if (out.optimizer != before) {  // another optimizer needs another rate
    const bool sgd = out.optimizer == "sgd";
    out.rate = sgd ? 0.05 : 1e-3;
    out.weight_decay = sgd ? 5e-4 : out.optimizer == "adamw" ? 0.05 : 0.0;
  }
  replace(out.epochs, settings.epochs);
  replace(out.batch_size, settings.batch_size);
  replace(out.rate, settings.learning_rate);
  replace(out.momentum, settings.momentum);
  replace(out.weight_decay, settings.weight_decay);
  replace(out.schedule, settings.schedule);
  replace(out.clip_norm, settings.clip_norm);
  nn::Optimizer<float>{optimizer_of(out)};
  nn::schedule::parse(out.schedule);
  return out;
}

}  // namespace xtangent::examples
