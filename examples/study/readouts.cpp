// Kernels by different readouts of networks that were trained for long with weight decay.
#include <algorithm>
#include <cstdio>

#include "examples/common/stopwatch.hpp"
#include "examples/study/comparison.hpp"
#include "examples/study/long_training.hpp"
#include "examples/study/part.hpp"
#include "examples/study/readouts_report.hpp"
#include "nn/training/evaluate.hpp"
#include "ntk/compare.hpp"
#include "ntk/head_aware.hpp"
#include "ntk/kernel.hpp"
#include "ntk/regression.hpp"

namespace xtangent::examples {
namespace {

constexpr std::size_t tests = 100;
// Each kernel gets it in units of its own mean diagonal, so that their scales do not matter.
constexpr ntk::CholeskyOptions ridge = {.ridge = 1e-3, .relative = true};

LongTraining training_of(Workplace& place, const StudyNetwork& network, double decay) {
  LongTraining out;
  out.epochs = {0, 10, 50, 200};
  if (network.residual) {
    out.images = 200;
    out.epochs = {0, 5, 20, 50};
  }
  out.optimizer = nn::sgd({.rate = 0.05, .momentum = 0.9, .weight_decay = decay});
  if (place.kernel_images(network) < network.n) {
    out.images = 4 * place.settings().n;
    out.epochs = {0, 2, 8, 20};
    out.batch = std::min<std::size_t>(out.batch, std::max<std::size_t>(1, out.images / 8));
  }
  return out;
}

// What the kernels of a trained network are judged by: images, and the regression with the eNTK.
struct Judged {
  const nn::ModuleBase& net;
  const nn::Parameters<float>& params;
  Array<float> x, x_new;
  Array<double> targets, start, start_new;  // one-hot, and the constant 1 / O
  std::vector<std::size_t> labels;
  Array<double> entk = {}, trace = {}, head = {};  // head: the part of the last layer, the same for all readouts
  Array<double> predictions = {};                  // by the eNTK
  double seconds_entk = 0;                         // of the eNTK, and that between test and training images
};

Array<double> constant(std::size_t rows, std::size_t columns) {
  return Array<double>::full({rows, columns}, 1 / static_cast<double>(columns));
}

Array<double> predictions(const Judged& j, const Array<double>& kernel, const Array<double>& kernel_new) {
  return ntk::Regression(kernel, ridge).predict(kernel_new, j.targets, j.start, j.start_new);
}

Judged judged(Workplace& place, const StudyCase& one, const nn::ModuleBase& net, const nn::Parameters<float>& params,
              std::size_t n) {
  const nn::TrainAndTest& images = place.images(one.data);
  const std::vector<std::size_t> train = place.train_indices(one.data, n), test = place.test_indices(one.data, tests);
  Judged out{.net = net,
             .params = params,
             .x = place.pixels(one.data, train, one.network->layout),
             .x_new = place.pixels(one.data, test, one.network->layout, true),
             .targets = nn::one_hot<double>(labels_at(images.train, train), images.train.classes),
             .start = constant(train.size(), images.train.classes),
             .start_new = constant(test.size(), images.train.classes),
             .labels = labels_at(images.test, test)};
  const Stopwatch watch;
  out.entk = ntk::entk(net, params, out.x);
  const Array<double> entk_new = ntk::entk(net, params, out.x_new, out.x);
  out.seconds_entk = watch.seconds();
  out.trace = ntk::kernel(net, params, out.x, ntk::readout::trace());
  out.head = ntk::head_aware_kernel(net, params, out.x).head;
  out.predictions = predictions(out, out.entk, entk_new);
  return out;
}

// The last values of a row, of predictions and the seconds that the kernels took.
std::vector<double> by_predictions(const Judged& j, const Array<double>& f, double seconds) {
  return {nn::accuracy(f, j.labels), ntk::relative_difference(f, j.predictions), seconds, j.seconds_entk};
}

std::vector<double> of_readout(const Judged& j, const ntk::Readout& readout) {
  const Stopwatch watch;
  const Array<double> kernel = ntk::kernel(j.net, j.params, j.x, readout),
                      kernel_new = ntk::kernel(j.net, j.params, j.x_new, j.x, readout);
  const double seconds = watch.seconds();
  const double below = mean_diagonal(kernel) - mean_diagonal(j.head),
               mean_below = mean_diagonal(j.trace) - mean_diagonal(j.head);
  std::vector<double> out = {mean_diagonal(kernel) / mean_diagonal(j.trace), below / mean_below,
                             ntk::relative_frobenius(j.entk, kernel, j.targets.shape()[1]),
                             ntk::relative_difference(kernel, j.trace)};
  const std::vector<double> more = by_predictions(j, predictions(j, kernel, kernel_new), seconds);
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

// Its mean diagonal is that of the trace, of which it is made.
std::vector<double> of_head_aware(const Judged& j) {
  const Stopwatch watch;
  const ntk::HeadAwareKernel kernel = ntk::head_aware_kernel(j.net, j.params, j.x),
                             kernel_new = ntk::head_aware_kernel(j.net, j.params, j.x_new, j.x);
  const double seconds = watch.seconds();
  Array<double> residual = Array<double>::zeros(j.targets.shape());
  for (std::size_t i = 0; i < residual.size(); ++i) residual.mutable_data()[i] = j.targets[i] - j.start[i];
  std::vector<double> out = {1, 1, ntk::relative_frobenius(j.entk, kernel), 0};
  const std::vector<double> more =
      by_predictions(j, ntk::predict(kernel_new, ntk::head_aware_solve(kernel, residual, ridge), j.start_new), seconds);
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

std::vector<Measurement> compared(const Judged& j, const Stop& stop, std::vector<std::string> keys,
                                  std::uint64_t seed) {
  keys.push_back(std::to_string(stop.epoch));
  const std::vector<double> first = {stop.loss, stop.accuracy, nn::accuracy(j.net, j.params, j.x_new, j.labels),
                                     nn::accuracy(j.predictions, j.labels)};
  std::vector<Measurement> rows;
  const auto add = [&](const std::string& name, const std::vector<double>& values) {
    Measurement row{keys, first};
    row.keys.push_back(name);
    row.values.insert(row.values.end(), values.begin(), values.end());
    rows.push_back(std::move(row));
  };
  add("sum", of_readout(j, ntk::readout::pseudo()));
  add("signs", of_readout(j, ntk::readout::random_signs(seed)));
  add("single", of_readout(j, ntk::readout::single(0)));
  add("trace", of_readout(j, ntk::readout::trace()));
  add("head-aware", of_head_aware(j));
  return rows;
}

Unit measured(Workplace& place, const StudyCase& one, std::size_t width, double decay, std::uint64_t seed) {
  const std::size_t n = place.kernel_images(*one.network);
  const LongTraining how = training_of(place, *one.network, decay);
  char text[20];
  std::snprintf(text, sizeof text, "%g", decay);
  Unit out;
  out.what = one.title() + ", weight decay " + text + ", seed " + std::to_string(seed);
  out.table = "readouts";
  out.keys = {one.data, std::to_string(n), one.network->name, std::to_string(width), text, std::to_string(seed)};
  out.rows = 5 * how.epochs.size();
  // Kernels between test and training images are not symmetric and cost twice as much.
  out.seconds = training_seconds(place, one, width, how) +
                static_cast<double>(how.epochs.size()) * 2.5 * place.kernel_seconds(one, width, n);
  out.measure = [&place, one, width, seed, n, how, keys = out.keys] {
    const nn::AnyModule net = one.network->make(place.images(one.data).train, width);
    std::vector<Measurement> rows;
    train(place, one, width, seed, how, [&](const Stop& stop) {
      const std::vector<Measurement> more = compared(judged(place, one, *net, stop.params, n), stop, keys, seed);
      rows.insert(rows.end(), more.begin(), more.end());
    });
    return rows;
  };
  return out;
}

// Residual networks on color images only, where there are any, and with fewer decays and seeds, since a training of one
// takes longer than several of the others; in the quick study ResNet18 alone.
std::vector<Unit> units(Workplace& place) {
  std::vector<Unit> out;
  for (const StudyCase& one : place.cases()) {
    const bool residual = one.network->residual, full = place.settings().full;
    if (residual && !((full || one.network->name == "resnet18") && one.data == place.data().back())) continue;
    const std::size_t width =
        place.settings().widths.empty() ? one.network->long_width : place.settings().widths.back();
    const std::vector<double> decays =
        full && !residual ? std::vector<double>{0, 5e-4, 5e-3} : std::vector<double>{0, 5e-3};
    for (const double decay : decays)
      for (const std::uint64_t seed : place.seeds(residual ? 2 : 3, residual ? 3 : 5))
        out.push_back(measured(place, one, width, decay, seed));
  }
  return out;
}

}  // namespace

Part readouts_part() {
  return {.name = "readouts",
          .what = "kernels by five readouts after long training with weight decay",
          .tables = {{"readouts",
                      {{"data", "n", "network", "width", "decay", "seed", "epoch", "readout"},
                       {"loss", "accuracy", "accuracy_network", "accuracy_entk", "share", "share_below", "frobenius",
                        "trace_difference", "accuracy_kernel", "difference", "seconds", "seconds_entk"}}}},
          .units = units,
          .report = report_readouts};
}

}  // namespace xtangent::examples
