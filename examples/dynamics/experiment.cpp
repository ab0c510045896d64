#include "examples/dynamics/experiment.hpp"

#include <algorithm>
#include <cmath>

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/loss.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/progress.hpp"
#include "examples/common/stopwatch.hpp"
#include "nn/models/convnet.hpp"
#include "nn/models/mlp.hpp"
#include "nn/training/fit.hpp"
#include "ntk/compare.hpp"
#include "ntk/dynamics.hpp"
#include "ntk/gram.hpp"
#include "ntk/kernel.hpp"
#include "ntk/regression.hpp"

namespace xtangent::examples {
namespace {

// Outputs (N, O) and (M, O) at training and test images, in double, after a number of steps.
struct Outputs {
  Array<double> train, test;
};

// What is trained: the network at its initial parameters, with its targets.
struct Problem {
  const ImageTask& task;
  const nn::ModuleBase& net;
  nn::Parameters<float> params;
  TrainingLoss loss;
  Array<double> targets, targets_test;  // (N, O), (M, O): 1 at the label
  double loss_of(const Array<double>& f, const Array<double>& y) const {
    return loss == TrainingLoss::squared_error ? mean_squared_error(Var<double>(f), Var<double>(y)).value().item()
                                               : cross_entropy(Var<double>(f), Var<double>(y)).value().item();
  }
};

Outputs outputs_of(const Problem& p, const nn::Parameters<float>& params) {
  return {ntk::Doubles(nn::predict(p.net, params, p.task.x)), ntk::Doubles(nn::predict(p.net, params, p.task.x_test))};
}

// Gradient descent: each step takes all images, so an epoch is one step.
std::vector<Outputs> train(const Problem& p, double rate, const std::vector<std::size_t>& steps) {
  std::vector<Outputs> out = {outputs_of(p, p.params)};
  nn::FitOptions<float> options;
  options.epochs = steps.back();
  options.batch = p.task.y.size();
  options.optimizer = nn::sgd({.rate = rate});
  options.on_epoch = [&](const nn::Epoch& epoch, const nn::Parameters<float>& params) {
    if (std::binary_search(steps.begin(), steps.end(), epoch.number)) out.push_back(outputs_of(p, params));
    end_if_interrupted();
    return true;
  };
  if (p.loss == TrainingLoss::squared_error)
    nn::fit(p.net, p.params, p.task.x, nn::one_hot<float>(p.task.y, p.task.classes), std::move(options));
  else
    nn::fit(p.net, p.params, p.task.x, p.task.y, std::move(options));
  return out;
}

// A kernel of the initial network among training images, and between test and training images.
struct Kernels {
  Array<double> train, test;
};

Kernels kernels_of(const Problem& p, Told told) {
  const Array<float>&x = p.task.x, &x_test = p.task.x_test;
  if (told == Told::last_layer)
    return {ntk::feature_gram(p.net, p.params, x), ntk::feature_gram(p.net, p.params, x_test, x)};
  const ntk::Readout readout = told == Told::entk ? ntk::readout::full() : ntk::readout::pseudo();
  return {ntk::kernel(p.net, p.params, x, readout), ntk::kernel(p.net, p.params, x_test, x, readout)};
}

// What the kernel says of each step: the network that is linearized in all parameters, or in those of the kernel.
std::vector<Outputs> foretell(const Problem& p, const Kernels& kernels, const Outputs& first, double rate,
                              const std::vector<std::size_t>& steps) {
  const bool squares = p.loss == TrainingLoss::squared_error;
  const ntk::LossDynamics dynamics(ntk::linear_map(kernels.train), first.train,
                                   squares ? ntk::squared_error_gradient(p.targets, ntk::SquaredError::mean)
                                           : ntk::cross_entropy_gradient(p.targets));
  std::vector<Outputs> out;
  for (const ntk::FlowState& state : dynamics.states_at_steps(rate, steps))
    out.push_back({state.outputs, ntk::predict(kernels.test, state.weights, first.test)});
  return out;
}

Array<double> moved(const Array<double>& f, const Array<double>& f0) {
  return (Var<double>(f) - Var<double>(f0)).value();
}

LossCurve curve_of(const Problem& p, Told told, const std::vector<Outputs>& outputs,
                   const std::vector<Outputs>& actual) {
  LossCurve out{told, {}, {}, {}, {}};
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    out.train_loss.push_back(p.loss_of(outputs[i].train, p.targets));
    out.test_loss.push_back(p.loss_of(outputs[i].test, p.targets_test));
    out.accuracy.push_back(nn::accuracy(outputs[i].test, p.task.y_test));
    const Array<double>& from = actual[0].test;
    out.apart.push_back(i ? ntk::relative_difference(moved(outputs[i].test, from), moved(actual[i].test, from)) : 0);
  }
  return out;
}

// The largest rate for the squared error is that of the linearized network. The curvature of the cross-entropy of one
// image is at most 1/2 in any direction of its outputs, that of the mean over N images 1 / (2 N).
double rate_of(const Problem& p, const Array<double>& entk, const DynamicsSettings& s) {
  const double greatest = ntk::largest_eigenvalues(ntk::linear_map(entk)).values.back();
  const double curvature = p.loss == TrainingLoss::squared_error ? 2 / static_cast<double>(p.targets.size())
                                                                 : 0.5 / static_cast<double>(p.task.y.size());
  return s.rate * 2 / (curvature * greatest);
}

DynamicsRun run_one(const Problem& p, const DynamicsSettings& s, const std::vector<std::size_t>& steps) {
  DynamicsRun out{.loss = p.loss, .curves = {}};
  const Kernels exact = kernels_of(p, Told::entk);
  out.rate = rate_of(p, exact.train, s);
  const std::vector<Outputs> actual = train(p, out.rate, steps);
  for (const Teller& teller : tellers()) {
    const bool trained = teller.told == Told::training;
    const auto outputs = trained ? actual
                                 : foretell(p, teller.told == Told::entk ? exact : kernels_of(p, teller.told),
                                            actual[0], out.rate, steps);
    out.curves.push_back(curve_of(p, teller.told, outputs, actual));
  }
  return out;
}

}  // namespace

const std::vector<Teller>& tellers() {
  static const std::vector<Teller> all = {{Told::training, "training", "training"},
                                          {Told::entk, "entk", "eNTK"},
                                          {Told::pntk, "pntk", "pNTK"},
                                          {Told::last_layer, "last layer", "last layer alone"}};
  return all;
}

std::string name_of(TrainingLoss loss) {
  return loss == TrainingLoss::squared_error ? "squared error" : "cross-entropy";
}

const LossCurve& DynamicsRun::curve(Told told) const {
  return *std::find_if(curves.begin(), curves.end(), [&](const LossCurve& c) { return c.told == told; });
}

std::vector<const DynamicsRun*> DynamicsStudy::runs_of(TrainingLoss loss, std::size_t width) const {
  std::vector<const DynamicsRun*> out;
  for (const DynamicsRun& run : runs)
    if (run.loss == loss && run.width == width) out.push_back(&run);
  return out;
}

Mean DynamicsStudy::apart(TrainingLoss loss, std::size_t width, Told told) const {
  std::vector<double> values;
  for (const DynamicsRun* run : runs_of(loss, width)) values.push_back(run->curve(told).apart.back());
  return mean_of(values);
}

Mean DynamicsStudy::loss_gap(TrainingLoss loss, std::size_t width, Told told) const {
  std::vector<double> values;
  for (const DynamicsRun* run : runs_of(loss, width)) {
    const std::vector<double>&said = run->curve(told).train_loss, &actual = run->curve(Told::training).train_loss;
    double greatest = 0;
    for (std::size_t i = 0; i < said.size(); ++i) greatest = std::max(greatest, std::abs(said[i] - actual[i]));
    values.push_back(greatest / actual[0]);
  }
  return mean_of(values);
}

nn::AnyModule dynamics_network(const DynamicsSettings& s, const nn::LabeledImages& images, std::size_t width) {
  const nn::WeightOptions options{
      .parameterization = nn::Parameterization::ntk, .sigma_w = std::sqrt(2.0), .sigma_b = 0.1};
  if (s.network == "mlp") return nn::mlp({images.image_size(), width, width, images.classes}, nn::Relu{}, options);
  if (s.network == "convnet") return nn::convnet(width, images.channels, images.classes, options);
  throw option_error("[dynamics] no network '" + s.network + "'. There are mlp, convnet.");
}

DynamicsStudy dynamics_study(const DynamicsSettings& s, ImageTask task) {
  const Stopwatch watch;
  DynamicsStudy out{.settings = s, .task = std::move(task)};
  out.steps = spread_out(s.steps, 1.2589);  // ten for each factor of ten
  const Array<double> targets = nn::one_hot<double>(out.task.y, out.task.classes),
                      targets_test = nn::one_hot<double>(out.task.y_test, out.task.classes);
  const auto work = [](std::size_t width) { return static_cast<double>(width * width); };
  double total = 0;
  for (const std::size_t width : s.widths) total += work(width) * 2 * static_cast<double>(s.seeds);
  Progress bar(total);
  for (const std::size_t width : s.widths) {
    const nn::AnyModule net = dynamics_network(s, out.task.images, width);
    const double networks = 2 * static_cast<double>(s.seeds);
    bar.step("width " + std::to_string(width), networks * work(width), networks, "networks");
    std::size_t done = 0;
    for (std::size_t seed = 0; seed < s.seeds; ++seed)
      for (const TrainingLoss loss : {TrainingLoss::squared_error, TrainingLoss::cross_entropy}) {
        const Problem problem{out.task, *net, net->init<float>(s.seed + seed), loss, targets, targets_test};
        DynamicsRun run = run_one(problem, s, out.steps);
        run.width = width, run.seed = seed;
        out.runs.push_back(std::move(run));
        bar.update(static_cast<double>(++done));
        end_if_interrupted();
      }
  }
  bar.finish();
  out.seconds = watch.seconds();
  return out;
}

}  // namespace xtangent::examples
