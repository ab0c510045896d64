#include "nn/training/schedule.hpp"

#include <cmath>
#include <numbers>
#include <string>
#include <utility>

#include "autodiff/error.hpp"

namespace xtangent::nn::schedule {
namespace {

void check_factor(const char* who, const char* what, double value) {
  if (!(value >= 0.0) || !std::isfinite(value))
    throw option_error(std::string("[") + who + "] " + what + " is " + std::to_string(value) +
                       ". A factor of the rate must be finite and not negative.");
}

void check_part(const char* who, const char* what, double value) {
  if (!(value >= 0.0 && value <= 1.0))
    throw option_error(std::string("[") + who + "] " + what + " is " + std::to_string(value) +
                       ". A fraction of all updates must be from 0 to 1.");
}

// From a to b along half a cosine while t goes from 0 to 1.
double half_cosine(double a, double b, double t) { return b + (a - b) * 0.5 * (1.0 + std::cos(std::numbers::pi * t)); }

}  // namespace

Schedule constant() {
  return [](double) { return 1.0; };
}

Schedule step(StepOptions options) {
  double before = 0.0;
  for (double at : options.at) {
    check_part("step", "at", at);
    if (at < before) throw option_error("[step] the fractions do not rise. Give them in ascending order.");
    before = at;
  }
  check_factor("step", "factor", options.factor);
  return [options = std::move(options)](double done) {
    double out = 1.0;
    for (double at : options.at)
      if (done >= at) out *= options.factor;
    return out;
  };
}

Schedule cosine(CosineOptions options) {
  check_factor("cosine", "last", options.last);
  return [options](double done) { return half_cosine(1.0, options.last, done); };
}

Schedule linear(LinearOptions options) {
  check_factor("linear", "first", options.first);
  check_factor("linear", "last", options.last);
  return [options](double done) { return options.first + (options.last - options.first) * done; };
}

Schedule warm_up(Schedule then, WarmUpOptions options) {
  if (!then) throw option_error("[warm_up] no schedule follows. Give one, such as cosine().");
  check_part("warm_up", "part", options.part);
  check_factor("warm_up", "first", options.first);
  return [options, then = std::move(then)](double done) {
    if (done < options.part) return options.first + (1.0 - options.first) * done / options.part;
    return then(options.part < 1.0 ? (done - options.part) / (1.0 - options.part) : 1.0);
  };
}

Schedule one_cycle(OneCycleOptions options) {
  check_part("one_cycle", "part", options.part);
  check_factor("one_cycle", "first", options.first);
  check_factor("one_cycle", "last", options.last);
  return [options](double done) {
    if (done < options.part) return half_cosine(options.first, 1.0, done / options.part);
    return half_cosine(1.0, options.last, options.part < 1.0 ? (done - options.part) / (1.0 - options.part) : 1.0);
  };
}

Schedule parse(std::string_view name) {
  if (name == "constant") return constant();
  if (name == "step") return step();
  if (name == "cosine") return cosine();
  if (name == "linear") return linear();
  if (name == "warm_up" || name == "warmup") return warm_up();
  if (name == "one_cycle" || name == "onecycle") return one_cycle();
  std::string message = "[schedule] no schedule '";
  message.append(name).append("'. There are constant, step, cosine, linear, warm_up, one_cycle.");
  throw option_error(message);
}

}  // namespace xtangent::nn::schedule
