#include "examples/train/recipe.hpp"

#include <optional>

#include "autodiff/error.hpp"

namespace xtangent::examples {
namespace {

template <class V>
void replace(V& value, const std::optional<V>& given) {
  if (given) value = *given;
}

void require(bool good, const std::string& what) {
  if (!good) throw option_error("[train] " + what);
}

}  // namespace

Recipe usual_recipe(const std::string& network, bool color) {
  if (network == "mlp") return {.epochs = color ? 15u : 5u, .batch = 128};
  if (network == "lenet") return {.epochs = 3, .rate = 3e-3};
  if (network == "convnet") return color ? Recipe{.epochs = 20, .rate = 2e-3} : Recipe{.epochs = 4, .rate = 3e-3};
  // Stochastic gradient descent for networks with batch norm; AdamW for those with layer norm.
  if (network == "resnet18" || network == "wide_resnet16")
    return {.epochs = color ? 12u : 3u, .optimizer = "sgd", .rate = 0.05, .weight_decay = 5e-4};
  return {.epochs = color ? 30u : 5u, .optimizer = "adamw", .weight_decay = 0.05, .clip_norm = 1.0};
}

nn::OptimizerSettings optimizer_of(const Recipe& r) {
  if (r.optimizer == "sgd") return nn::sgd({r.rate, r.momentum, r.weight_decay, r.momentum > 0.0});
  if (r.optimizer == "adam") return nn::adam({.rate = r.rate, .weight_decay = r.weight_decay});
  if (r.optimizer == "adamw") return nn::adamw({.rate = r.rate, .weight_decay = r.weight_decay});
  throw option_error("[train] no optimizer '" + r.optimizer + "'. There are sgd, adam, adamw.");
}

nn::Schedule schedule_of(const Recipe& r) {
  if (r.schedule == "constant") return {};
  if (r.schedule == "step") return nn::schedule::step();
  if (r.schedule == "cosine") return nn::schedule::cosine();
  if (r.schedule == "warmup") return nn::schedule::warm_up();
  if (r.schedule == "onecycle") return nn::schedule::one_cycle();
  throw option_error("[train] no schedule '" + r.schedule + "'. There are constant, step, cosine, warmup, onecycle.");
}

Recipe changed(Recipe out, const Settings& settings) {
  const std::string before = out.optimizer;
  replace(out.optimizer, settings.optimizer);
  if (out.optimizer != before) {  // another optimizer needs another rate
    const bool sgd = out.optimizer == "sgd";
    out.rate = sgd ? 0.05 : 1e-3;
    out.weight_decay = sgd ? 5e-4 : out.optimizer == "adamw" ? 0.05 : 0.0;
  }
  replace(out.epochs, settings.epochs);
  replace(out.batch, settings.batch);
  replace(out.rate, settings.rate);
  replace(out.momentum, settings.momentum);
  replace(out.weight_decay, settings.weight_decay);
  replace(out.schedule, settings.schedule);
  replace(out.clip_norm, settings.clip_norm);
  require(out.epochs > 0 && out.batch > 0, "--epochs and --batch are at least 1.");
  require(out.rate > 0.0, "--lr must be positive.");
  require(out.clip_norm >= 0.0, "--clip-norm is 0 or more.");
  nn::Optimizer<float>{optimizer_of(out)};
  schedule_of(out);
  return out;
}

}  // namespace xtangent::examples
