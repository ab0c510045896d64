// Linearized predictions by both kernels, without a ridge and with.
#include "examples/study/long_training.hpp"
#include "examples/study/part.hpp"
#include "examples/study/predictions.hpp"
#include "examples/study/regression_report.hpp"
#include "nn/training/evaluate.hpp"
#include "ntk/compare.hpp"

namespace xtangent::examples {
namespace {

constexpr std::size_t tests = 100;

Unit measured(Workplace& place, const StudyCase& one, std::size_t width, std::uint64_t seed) {
  const std::size_t n = place.kernel_images(*one.network);
  Unit out;
  out.what = one.title() + ", width " + std::to_string(width) + ", seed " + std::to_string(seed);
  out.table = "regression";
  out.keys = {one.data, std::to_string(n), one.network->name, std::to_string(width), std::to_string(seed)};
  out.rows = ridges.size();
  out.seconds = prediction_cost(n, tests) * place.kernel_seconds(one, width, n);
  out.measure = [&place, one, width, seed, n, keys = out.keys] {
    const nn::AnyModule net = one.network->make(place.images(one.data).train, width);
    const PredictionKernels k = prediction_kernels(place, one, net, net->init<float>(seed), n, tests, Start::network);
    std::vector<Measurement> rows;
    for (const double ridge : ridges) {
      const BothPredictions f = predict(k, ridge);
      Measurement row{keys,
                      {ntk::relative_difference(f.pntk, f.entk), nn::accuracy(f.entk, k.labels),
                       nn::accuracy(f.pntk, k.labels), nn::accuracy(f.pntk, nn::argmax(f.entk)), f.ridge,
                       k.train.seconds_entk + k.cross.seconds_entk, k.train.seconds_pntk + k.cross.seconds_pntk}};
      row.keys.push_back(name_of_ridge(ridge));
      rows.push_back(std::move(row));
    }
    return rows;
  };
  return out;
}

// The network itself, trained on the same images and from the same initialization as the kernels.
Unit trained(Workplace& place, const StudyCase& one, std::size_t width, std::uint64_t seed) {
  const std::size_t n = place.kernel_images(*one.network);
  LongTraining how;
  how.images = n;
  how.batch = 25;
  how.epochs = {60};
  how.squared_error = true;
  Unit out;
  out.what = one.title() + ", width " + std::to_string(width) + ", seed " + std::to_string(seed) + ", the network";
  out.table = "networks";
  out.keys = {one.data, std::to_string(n), one.network->name, std::to_string(width), std::to_string(seed)};
  out.seconds = training_seconds(place, one, width, how);
  out.measure = [&place, one, width, seed, how, keys = out.keys] {
    const nn::TrainAndTest& images = place.images(one.data);
    const nn::AnyModule net = one.network->make(images.train, width);
    const std::vector<std::size_t> test = place.test_indices(one.data, tests);
    const Array<float> x_new = place.pixels(one.data, test, one.network->layout, true);
    std::vector<Measurement> rows;
    train(place, one, width, seed, how, [&](const Stop& stop) {
      rows.push_back({keys, {nn::accuracy(*net, stop.params, x_new, labels_at(images.test, test)), stop.accuracy}});
    });
    return rows;
  };
  return out;
}

std::vector<std::size_t> widths_of(Workplace& place, const StudyNetwork& network) {
  std::vector<std::size_t> out = place.widths(network);
  if (place.settings().widths.empty())
    out.resize(place.settings().full ? network.predicted_widths : network.quick_predicted_widths);
  return out;
}

std::vector<Unit> units(Workplace& place) {
  std::vector<Unit> out;
  for (const StudyCase& one : place.cases())
    for (const std::uint64_t seed : place.seeds(3, 5))
      for (const std::size_t width : widths_of(place, *one.network)) {
        out.push_back(measured(place, one, width, seed));
        out.push_back(trained(place, one, width, seed));
      }
  return out;
}

}  // namespace

Part regression_part() {
  return {.name = "regression",
          .what = "predictions of both kernels at initialization, without a ridge and with, and the network's",
          .tables = {{"regression",
                      {{"data", "n", "network", "width", "seed", "ridge"},
                       {"difference", "accuracy_entk", "accuracy_pntk", "same_class", "ridge_used", "seconds_entk",
                        "seconds_pntk"}}},
                     {"networks", {{"data", "n", "network", "width", "seed"}, {"accuracy", "train_accuracy"}}}},
          .units = units,
          .report = report_regression};
}

}  // namespace xtangent::examples
