#include "examples/landscape/children.hpp"

#include <algorithm>

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/loss.hpp"
#include "nn/training/fit.hpp"

namespace xtangent::examples {
namespace {

constexpr std::size_t pieces = 10;  // of the line between two networks

double loss_of(const LandscapeTask& task, const LandscapeSettings& s, const Array<float>& f) {
  const Var<float> loss =
      s.squares() ? mean_squared_error(Var<float>(f), Var<float>(nn::one_hot<float>(task.y_test, task.classes)))
                  : cross_entropy(Var<float>(f), task.y_test);
  return loss.value().item();
}

nn::Parameters<float> between(const nn::Parameters<float>& a, const nn::Parameters<float>& b, double part) {
  nn::Parameters<float> out = a;
  out.set_flat(((1 - part) * Var<float>(a.flat()) + part * Var<float>(b.flat())).value());
  return out;
}

double barrier_of(const std::vector<double>& values) {
  return *std::max_element(values.begin(), values.end()) - (values.front() + values.back()) / 2;
}

}  // namespace

nn::Parameters<float> train_on(const LandscapeTask& task, const LandscapeSettings& s, const nn::Parameters<float>& from,
                               std::size_t epochs, std::uint64_t order,
                               const std::function<void(std::size_t, const nn::Parameters<float>&)>& after) {
  if (epochs == 0) return from;
  nn::FitOptions<float> options;
  options.epochs = epochs;
  options.batch = s.batch_size;
  options.optimizer = nn::sgd({.rate = s.rate()});
  options.seed = order;
  options.on_epoch = [&](const nn::Epoch& epoch, const nn::Parameters<float>& params) {
    if (after) after(epoch.number, params);
    return true;
  };
  return s.squares() ? nn::fit(*task.net, from, task.x, nn::one_hot<float>(task.y, task.classes), options).params
                     : nn::fit(*task.net, from, task.x, task.y, options).params;
}

void look_at_children(const LandscapeTask& task, const LandscapeSettings& s, const nn::Parameters<float>& parent,
                      std::uint64_t seed, Checkpoint& checkpoint) {
  // Far from the seeds of all parents.
  constexpr std::uint64_t one = 1'000'000'000, other = 2 * one;
  const std::size_t epochs = s.epochs - checkpoint.epoch;
  const nn::Parameters<float> a = train_on(task, s, parent, epochs, one + seed),
                              b = train_on(task, s, parent, epochs, other + seed);
  std::vector<double> errors, losses;
  for (std::size_t i = 0; i <= pieces; ++i) {
    const Array<float> f =
        nn::predict(*task.net, between(a, b, static_cast<double>(i) / static_cast<double>(pieces)), task.x_test);
    errors.push_back(1 - nn::accuracy(f, task.y_test));
    losses.push_back(loss_of(task, s, f));
  }
  checkpoint.barrier = barrier_of(errors);
  checkpoint.loss_barrier = barrier_of(losses);
  checkpoint.children = 1 - (errors.front() + errors.back()) / 2;
}

}  // namespace xtangent::examples
