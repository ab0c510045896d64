#include "examples/landscape/experiment.hpp"

#include <algorithm>
#include <cmath>

#include "examples/common/in_parallel.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/stopwatch.hpp"
#include "examples/landscape/children.hpp"
#include "nn/training/evaluate.hpp"
#include "ntk/compare.hpp"
#include "ntk/gram.hpp"
#include "ntk/kernel.hpp"
#include "ntk/regression.hpp"
#include "ntk/spectrum.hpp"

namespace xtangent::examples {
namespace {

using Trained = std::vector<nn::Parameters<float>>;  // at the checkpoints

// What kernel regression learns, in double.
struct Targets {
  Array<double> y;       // (N, O): 1 at the label
  Array<double> labels;  // (N, N): 1 for two images of the same class
};

Targets targets_of(const LandscapeTask& task) {
  const Array<double> y = nn::one_hot<double>(task.y, task.classes);
  return {y, same_class(task.y, task.classes)};
}

// The kernels of one checkpoint.
struct Kernels {
  Array<double> whole, few, entk;  // (N, N), (F, F), (F O, F O)
};

// Regression with a kernel, and what it gets on the test images.
class KernelRegression {
 public:
  KernelRegression(const LandscapeTask& task, const Targets& targets, const Array<double>& kernel, Array<double> test,
                   double ridge)
      : task_(task), targets_(targets), test_(std::move(test)), regression_(kernel, {.ridge = ridge}) {}
  double accuracy(const Array<double>& f, const Array<double>& f_test) const {
    return nn::accuracy(regression_.predict(test_, targets_.y, f, f_test), task_.y_test);
  }
  double accuracy() const {
    return accuracy(Array<double>::zeros(targets_.y.shape()),
                    Array<double>::zeros({task_.y_test.size(), task_.classes}));
  }

 private:
  const LandscapeTask& task_;
  const Targets& targets_;
  Array<double> test_;
  ntk::Regression<double> regression_;
};

// Fills in what needs no other checkpoint.
Kernels look_at(const LandscapeTask& task, const LandscapeSettings& s, const Targets& targets,
                const nn::Parameters<float>& params, Checkpoint& out) {
  const nn::ModuleBase& net = *task.net;
  const Array<float>&x = task.x, &x_test = task.x_test, few = x.rows(0, std::min(s.entk, task.y.size()));
  const ntk::Doubles f(nn::predict(net, params, x)), f_test(nn::predict(net, params, x_test));
  const ntk::Readout readout = ntk::readout::parse(s.readout);
  Kernels kernels = {ntk::kernel(net, params, x, readout), ntk::kernel(net, params, few, readout),
                     ntk::entk(net, params, few)};
  const std::vector<double> spectrum = ntk::eigenvalues(kernels.whole);
  out.accuracy = nn::accuracy<double>(f_test, task.y_test);
  out.alignment = ntk::centered_alignment(kernels.whole, targets.labels);
  out.effective_rank = ntk::effective_rank(spectrum);
  out.largest_eigenvalue = spectrum.back();
  const KernelRegression whole(task, targets, kernels.whole, ntk::kernel(net, params, x_test, x, readout), s.ridge),
      last(task, targets, ntk::feature_gram(net, params, x), ntk::feature_gram(net, params, x_test, x), s.ridge);
  out.kernel = whole.accuracy();
  out.linearized = whole.accuracy(f, f_test);
  out.last_layer = last.accuracy();
  return kernels;
}

// (T, T)
Array<double> distances_of(const std::vector<Kernels>& kernels, Array<double> Kernels::*which) {
  const std::size_t count = kernels.size();
  std::vector<double> out(count * count);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < i; ++j)
      out[i * count + j] = out[j * count + i] =
          std::max(0.0, ntk::kernel_distance(kernels[i].*which, kernels[j].*which));
  return Array<double>::from({count, count}, out);
}

LandscapeRun look_at_training(const LandscapeTask& task, const LandscapeSettings& s, const Targets& targets,
                              const std::vector<std::size_t>& epochs, const Trained& trained) {
  LandscapeRun out{.checkpoints = std::vector<Checkpoint>(epochs.size())};
  std::vector<Kernels> kernels;
  for (std::size_t t = 0; t < epochs.size(); ++t) {
    out.checkpoints[t].epoch = epochs[t];
    kernels.push_back(look_at(task, s, targets, trained[t], out.checkpoints[t]));
    end_if_interrupted();
  }
  out.distances = distances_of(kernels, &Kernels::whole);
  out.distances_few = distances_of(kernels, &Kernels::few);
  out.distances_entk = distances_of(kernels, &Kernels::entk);
  for (std::size_t t = 0; t + 1 < epochs.size(); ++t) {
    const auto between = static_cast<double>(epochs[t + 1] - epochs[t]);
    out.checkpoints[t].velocity = out.distances(t, t + 1) / between;
    out.checkpoints[t].velocity_few = out.distances_few(t, t + 1) / between;
    out.checkpoints[t].velocity_entk = out.distances_entk(t, t + 1) / between;
  }
  return out;
}

Trained train_parent(const LandscapeTask& task, const LandscapeSettings& s, const std::vector<std::size_t>& epochs,
                     std::uint64_t seed) {
  Trained out = {task.net->init<float>(seed)};
  train_on(task, s, out.front(), s.epochs, seed, [&](std::size_t epoch, const nn::Parameters<float>& params) {
    if (std::binary_search(epochs.begin(), epochs.end(), epoch)) out.push_back(params);
  });
  return out;
}

}  // namespace

std::vector<double> LandscapeStudy::values(double Checkpoint::*what, std::size_t t) const {
  std::vector<double> out;
  for (const LandscapeRun& run : runs) out.push_back(run.checkpoints[t].*what);
  return out;
}

std::string kernel_name(const LandscapeSettings& s) {
  if (s.readout == "pseudo") return "pNTK";
  return s.readout == "trace" ? "trace kernel" : "kernel " + s.readout;
}

LandscapeTask make_landscape_task(const LandscapeSettings& s, const ImageSet& set, const nn::TrainAndTest& images) {
  if (s.loss != "cross-entropy" && s.loss != "squared-error")
    throw option_error("[landscape] no loss '" + s.loss + "'. There are cross-entropy, squared-error.");
  const ntk::Readout readout = ntk::readout::parse(s.readout);
  if (!readout.common() ||
      (readout.reduction == ntk::Readout::Reduction::none && readout.columns(images.train.classes) > 1) ||
      readout.reduction == ntk::Readout::Reduction::diagonal)
    throw option_error(
        "[landscape] readout '" + s.readout +
        "' has not one number for each pair of images. Choose pseudo, trace, signs:SEED or single:OUTPUT.");
  const NetworkKind& kind = network_kind(s.network);
  const nn::AnyModule net = kind.make(images.train, s.width);
  if (!net->init<float>().buffer_infos().empty())
    throw option_error("[landscape] " + s.network +
                       " keeps statistics of its batches, which the line between two networks has not. Choose mlp, "
                       "lenet or convnet.");
  return {make_image_task(set, images, kind.layout, s.n, s.test, s.seed), net};
}

LandscapeStudy landscape_study(const LandscapeSettings& s, LandscapeTask task) {
  const Stopwatch watch;
  LandscapeStudy out{.settings = s, .task = std::move(task)};
  out.epochs = spread_out(s.epochs, std::pow(10, 0.2));  // five for each factor of ten
  const std::size_t seeds = s.seeds, times = out.epochs.size();
  const Targets targets = targets_of(out.task);
  const auto left = [&](std::size_t i) { return static_cast<double>(2 * (s.epochs - out.epochs[i / seeds])); };
  const double parents = static_cast<double>(seeds * s.epochs), looks = static_cast<double>(seeds * times);
  double children = 0;
  for (std::size_t i = 0; i < seeds * times; ++i) children += left(i);
  Progress bar(2 * parents + children);
  bar.step("training", parents, parents, "epochs");
  std::vector<Trained> trained(seeds);
  in_parallel(
      seeds, bar, [&](std::size_t i) { trained[i] = train_parent(out.task, s, out.epochs, s.seed + i); },
      [&](std::size_t) { return static_cast<double>(s.epochs); });
  bar.step("kernels", parents, looks, "checkpoints");
  for (std::size_t seed = 0; seed < seeds; ++seed) {
    out.runs.push_back(look_at_training(out.task, s, targets, out.epochs, trained[seed]));
    bar.update(static_cast<double>((seed + 1) * times));
  }
  bar.step("two networks from each checkpoint", children, children, "epochs");
  in_parallel(
      seeds * (times - 1), bar,
      [&](std::size_t i) {
        const std::size_t seed = i % seeds, t = i / seeds;
        look_at_children(out.task, s, trained[seed][t], s.seed + seed, out.runs[seed].checkpoints[t]);
      },
      left);
  bar.finish();
  out.seconds = watch.seconds();
  return out;
}

}  // namespace xtangent::examples
