// Both kernels along training.
#include <algorithm>

#include "examples/study/comparison.hpp"
#include "examples/study/long_training.hpp"
#include "examples/study/part.hpp"
#include "examples/study/training_report.hpp"

namespace xtangent::examples {
namespace {

LongTraining training_of(Workplace& place, const StudyNetwork& network) {
  LongTraining out;
  out.epochs = {0, 1, 2, 4, 8, 16, 32, 64};
  out.optimizer = nn::adam({.rate = 3e-3});
  if (network.residual) {
    out.images = 200;
    out.epochs.pop_back();
  }
  if (place.settings().n) {
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
                static_cast<double>(how.epochs.size()) * place.kernel_seconds(one, width, n);
  out.measure = [&place, one, width, seed, n, how, keys = out.keys] {
    const nn::AnyModule net = one.network->make(place.images(one.data).train, width);
    const Array<float> x = place.pixels(one.data, place.train_indices(one.data, n), one.network->layout);
    std::vector<Measurement> rows;
    train(place, one, width, seed, how, [&](const Stop& stop) {
      Measurement row{keys, {stop.loss, stop.accuracy}};
      row.keys.push_back(std::to_string(stop.epoch));
      const std::vector<double> compared = quantities(kernel_pair(net, stop.params, x));
      row.values.insert(row.values.end(), compared.begin(), compared.end());
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
  return {.name = "training",
          .what = "both kernels at stops along training, over widths and seeds",
          .tables = {{"training", {{"data", "n", "network", "width", "seed", "epoch"}, values}}},
          .units = units,
          .report = report_training};
}

}  // namespace xtangent::examples
