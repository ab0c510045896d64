#include "examples/trainability/experiment.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "autodiff/ops/loss.hpp"
#include "examples/common/in_parallel.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/stopwatch.hpp"
#include "nn/layers/activation.hpp"
#include "nn/models/mlp.hpp"
#include "nn/training/fit.hpp"
#include "ntk/dynamics.hpp"
#include "ntk/kernel.hpp"
#include "ntk/per_example.hpp"

namespace xtangent::examples {
namespace {

constexpr double unbounded = 1e4;        // times the first loss: the training is stopped
constexpr std::size_t probe_steps = 40;  // in which a rate that is too high shows
constexpr std::size_t halvings = 9;      // of the interval in which the measured rate lies

nn::AnyModule network_of(const TrainabilitySettings& s, const ImageTask& task, std::size_t depth, double gain) {
  std::vector<std::size_t> sizes(depth + 2, s.width);
  sizes.front() = task.images.image_size();
  sizes.back() = task.classes;
  const nn::WeightOptions options{
      .bias = false, .parameterization = nn::Parameterization::ntk, .sigma_w = gain, .sigma_b = 0};
  if (s.activation == "tanh") return nn::mlp(sizes, nn::Tanh{}, options);
  return nn::mlp(sizes, nn::Relu{}, options);
}

// An initial network, and what it learns.
struct Problem {
  const TrainabilitySettings& settings;
  const ImageTask& task;
  const Array<float>& targets;  // (N, O): 1 at the label
  nn::AnyModule net;
  nn::Parameters<float> params;
};

// Gradient descent on the mean squared error of all images. A loss without bounds stops it.
TriedRate train(const Problem& p, double rate, std::size_t steps) {
  TriedRate out;
  nn::FitOptions<float> options;
  options.epochs = steps;
  out.accuracy = 1.0 / static_cast<double>(p.task.classes);  // what diverges guesses
  options.batch = p.task.y.size();
  options.optimizer = nn::sgd({.rate = rate});
  options.on_epoch = [&](const nn::Epoch& epoch, const nn::Parameters<float>&) {
    out.losses.push_back(epoch.loss);
    return epoch.loss < unbounded * out.losses.front();
  };
  nn::Parameters<float> trained = p.params;
  try {
    trained = nn::fit(*p.net, p.params, p.task.x, p.targets, std::move(options)).params;
  } catch (const numerical_error&) {  // infinity
    out.losses.push_back(std::numeric_limits<double>::infinity());
  }
  if (std::isfinite(out.losses.back())) {
    const Array<float> f = nn::predict(*p.net, trained, p.task.x);
    out.losses.push_back(mean_squared_error(Var<float>(f), Var<float>(p.targets)).value().item());
    out.accuracy = nn::accuracy(*p.net, trained, p.task.x_test, p.task.y_test);
  }
  // Rounding alone does not count.
  const double first = out.losses.front() * (1 + 1e-5), rounding = 1e-5 * out.losses.front();
  const auto rises = [&](double before, double after) { return !(after <= before + rounding); };
  out.rose = std::adjacent_find(out.losses.begin(), out.losses.end(), rises) != out.losses.end();
  out.above = std::any_of(out.losses.begin(), out.losses.end(), [&](double loss) { return !(loss <= first); });
  out.ended_above = !(out.losses.back() <= first);
  return out;
}

// The smallest rate at which the loss rises, in units of `predicted`.
double measured_rate(const Problem& p, double predicted) {
  const auto rises = [&](double factor) { return train(p, factor * predicted, probe_steps).rose; };
  double low = 0.125, high = 8;
  if (rises(low) || !rises(high)) return std::numeric_limits<double>::quiet_NaN();
  for (std::size_t i = 0; i < halvings; ++i) {
    const double middle = std::sqrt(low * high);
    (rises(middle) ? high : low) = middle;
  }
  return std::sqrt(low * high);
}

Foreknown foreknown(const Problem& p) {
  const Array<double> k = ntk::pntk(*p.net, p.params, p.task.x), theta = ntk::entk(*p.net, p.params, p.task.x),
                      losses = ntk::kernel(*p.net, p.params, p.task.x,
                                           ntk::readout::loss(Array<double>(ntk::Doubles(p.targets)))),
                      f0 = ntk::Doubles((*p.net)(p.params, p.task.x)), y = ntk::Doubles(p.targets);
  const ntk::LossDynamics dynamics(ntk::linear_map(k), f0, ntk::squared_error_gradient(y, ntk::SquaredError::mean));
  Foreknown out;
  out.condition = ntk::condition_number(ntk::eigenvalues(k));
  out.condition_entk = ntk::condition_number(ntk::eigenvalues(theta));
  // By products, which do not depend on the number of threads. Half the sum of squares has N O / 2 times the curvature
  // of their mean.
  const auto rate = [&](const Array<double>& kernel) {
    const std::vector<double> largest = ntk::largest_eigenvalues(ntk::linear_map(kernel)).values;
    return ntk::maximal_learning_rate(largest) * static_cast<double>(y.size()) / 2;
  };
  out.maximal_rate = rate(k);
  out.maximal_rate_entk = rate(theta);
  const Array<double> end =
      dynamics.states_at_steps(tried_rates[0] * out.maximal_rate, {p.settings.steps}).front().outputs;
  out.predicted_loss = mean_squared_error(Var<double>(end), Var<double>(y)).value().item();
  const double sum = std::accumulate(losses.data(), losses.data() + losses.size(), 0.0);
  out.gradient = std::sqrt(std::max(0.0, sum)) / static_cast<double>(p.task.y.size());
  return out;
}

}  // namespace

void check_activation(const TrainabilitySettings& s) {
  if (s.activation != "tanh" && s.activation != "relu")
    throw option_error("[trainability] no activation '" + s.activation + "'. There are tanh, relu.");
}

std::vector<const TrainabilityRun*> TrainabilityStudy::runs_of(std::size_t depth, double gain) const {
  std::vector<const TrainabilityRun*> out;
  for (const TrainabilityRun& run : runs)
    if (run.depth == depth && run.gain == gain) out.push_back(&run);
  return out;
}

Mean TrainabilityStudy::correlation(double (*known)(const TrainabilityRun&)) const {
  std::vector<double> out;
  for (std::size_t seed = 0; seed < settings.seeds; ++seed) {
    std::vector<double> before, after;
    for (const TrainabilityRun& run : runs)
      if (run.seed == seed) {
        before.push_back(known(run));
        after.push_back(run.tried.front().losses.back());
      }
    out.push_back(rank_correlation(before, after));
  }
  return mean_of(out);
}

TrainabilityStudy trainability_study(const TrainabilitySettings& s, ImageTask task) {
  const Stopwatch watch;
  check_activation(s);
  TrainabilityStudy out{.settings = s, .task = std::move(task)};
  const Array<float> targets = nn::one_hot<float>(out.task.y, out.task.classes);
  std::vector<Problem> problems;
  for (const std::size_t depth : s.depths)
    for (const double gain : s.gains) {
      const nn::AnyModule net = network_of(s, out.task, depth, gain);
      for (std::size_t seed = 0; seed < s.seeds; ++seed) {
        problems.push_back({s, out.task, targets, net, net->init<float>(s.seed + seed)});
        out.runs.push_back({.depth = depth, .seed = seed, .gain = gain, .known = {}, .tried = {}});
      }
    }
  const double all = static_cast<double>(problems.size());
  Progress bar(3 * all);
  bar.step("kernels", all, all, "networks");
  for (std::size_t i = 0; i < problems.size(); ++i) {
    out.runs[i].known = foreknown(problems[i]);
    bar.update(static_cast<double>(i + 1));
    end_if_interrupted();
  }
  bar.step("training", 2 * all, all, "networks");
  // The deep networks, which take longest, come first.
  in_parallel(problems.size(), bar, [&](std::size_t j) {
    const std::size_t i = problems.size() - 1 - j;
    const double predicted = out.runs[i].known.maximal_rate;
    for (const double rate : tried_rates) out.runs[i].tried.push_back(train(problems[i], rate * predicted, s.steps));
    out.runs[i].measured_rate = measured_rate(problems[i], predicted);
  });
  bar.finish();
  out.seconds = watch.seconds();
  return out;
}

}  // namespace xtangent::examples
