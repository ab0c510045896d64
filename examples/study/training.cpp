// Both kernels along training, and the predictions by them, without a ridge and with.
#include <algorithm>

#include "examples/study/long_training.hpp"
#include "examples/study/part.hpp"
#include "examples/study/predictions.hpp"
#include "examples/study/training_report.hpp"
#include "nn/training/evaluate.hpp"
#include "ntk/compare.hpp"

namespace xtangent::examples {
namespace {

LongTraining training_of(Workplace& place, const StudyNetwork& network) {
  LongTraining out;
  out.epochs = {0, 1, 2, 4, 8, 16, 32, 64, 128};
  out.optimizer = nn::adam({.rate = 3e-3});
  out.schedule = nn::schedule::cosine();
  if (network.residual) {
    out.images = 200;
    out.epochs = {0, 1, 2, 4, 8, 16, 32};
  }
  if (place.kernel_images(network) < network.n) {
    out.images = 4 * place.settings().n;
    out.batch = std::min<std::size_t>(out.batch, std::max<std::size_t>(1, out.images / 8));
  }
  return out;
}

std::vector<std::size_t> widths_of(Workplace& place, const StudyNetwork& network) {
  if (!place.settings().widths.empty()) return place.settings().widths;
  std::vector<std::size_t> out = network.trained_widths;
  if (!place.settings().full) out.resize(network.quick_trained_widths);
  return out;
}

Unit measured(Workplace& place, const StudyCase& one, std::size_t width, std::uint64_t seed) {
  const std::size_t n = place.kernel_images(*one.network);
  const LongTraining how = training_of(place, *one.network);
  Unit out;
  out.what = one.title() + ", width " + std::to_string(width) + ", seed " + std::to_string(seed);
  out.table = "training";
  out.keys = {one.data, std::to_string(n), one.network->name, std::to_string(width), std::to_string(seed)};
  out.rows = how.epochs.size();
  out.seconds = training_seconds(place, one, width, how) +
                static_cast<double>(how.epochs.size()) * prediction_cost(n, n) * place.kernel_seconds(one, width, n);
  out.measure = [&place, one, width, seed, n, how, keys = out.keys] {
    const nn::AnyModule net = one.network->make(place.images(one.data).train, width);
    const nn::LabeledImages& unseen = place.images(one.data).test;
    const std::vector<std::size_t> test = place.test_indices(one.data, n);
    const Array<float> x_new = place.pixels(one.data, test, one.network->layout, true);
    std::vector<Measurement> rows;
    train(place, one, width, seed, how, [&](const Stop& stop) {
      const PredictionKernels k = prediction_kernels(place, one, net, stop.params, n, n, Start::constant);
      const BothPredictions f = predict(k, ridges.front());
      Measurement row{keys, {stop.loss, stop.accuracy}};
      row.keys.push_back(std::to_string(stop.epoch));
      const std::vector<double> compared = quantities(k.train);
      row.values.insert(row.values.end(), compared.begin(), compared.end());
      row.values.insert(row.values.end(), {ntk::relative_difference(f.pntk, f.entk), nn::accuracy(f.entk, k.labels),
                                           nn::accuracy(f.pntk, k.labels),
                                           nn::accuracy(*net, stop.params, x_new, labels_at(unseen, test)), f.ridge,
                                           k.cross.seconds_entk, k.cross.seconds_pntk});
      for (std::size_t i = 1; i < ridges.size(); ++i) {
        const BothPredictions with = predict(k, ridges[i]);
        row.values.push_back(ntk::relative_difference(with.pntk, with.entk));
      }
      rows.push_back(std::move(row));
    });
    return rows;
  };
  return out;
}

std::vector<Unit> units(Workplace& place) {
  std::vector<Unit> out;
  for (const StudyCase& one : place.cases())
    for (const std::uint64_t seed : place.seeds(2, 3))
      for (const std::size_t width : widths_of(place, *one.network)) out.push_back(measured(place, one, width, seed));
  return out;
}

}  // namespace

Part training_part() {
  std::vector<std::string> values = {"loss", "accuracy"};
  values.insert(values.end(), quantity_names().begin(), quantity_names().end());
  values.insert(values.end(), {"difference", "accuracy_entk", "accuracy_pntk", "accuracy_network", "ridge_used",
                               "seconds_cross_entk", "seconds_cross_pntk"});
  for (std::size_t i = 1; i < ridges.size(); ++i) values.push_back("difference_" + name_of_ridge(ridges[i]));
  return {.name = "training",
          .what = "both kernels and predictions by them at stops along training, over widths and seeds",
          .tables = {{"training", {{"data", "n", "network", "width", "seed", "epoch"}, values}}},
          .units = units,
          .report = report_training};
}

}  // namespace xtangent::examples
