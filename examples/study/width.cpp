// Both kernels of networks of growing width at initialization.
#include "examples/study/comparison.hpp"
#include "examples/study/part.hpp"
#include "examples/study/width_report.hpp"
#include "examples/study/workplace.hpp"
#include "ntk/gram.hpp"

namespace xtangent::examples {
namespace {

// Images whose kernels the heat maps show.
constexpr std::size_t shown = 3;

Unit kernels(Workplace& place, const StudyCase& one, std::size_t width, std::uint64_t seed) {
  const std::size_t n = place.kernel_images(*one.network);
  Unit out;
  out.what = one.title() + ", width " + std::to_string(width) + ", seed " + std::to_string(seed);
  out.table = "width";
  out.keys = {one.data, std::to_string(n), one.network->name, std::to_string(width), std::to_string(seed)};
  out.seconds = place.kernel_seconds(one, width, n);
  out.measure = [&place, one, width, seed, n, keys = out.keys]() -> std::vector<Measurement> {
    const nn::AnyModule net = one.network->make(place.images(one.data).train, width);
    const Array<float> x = place.pixels(one.data, place.train_indices(one.data, n), one.network->layout);
    const nn::Parameters<float> params = net->init<float>(seed);
    Measurement row{keys, quantities(kernel_pair(net, params, x))};
    // What the weights of the last layer add to a diagonal entry: the mean squared length of the last features.
    row.values.push_back(mean_diagonal(ntk::feature_gram(*net, params, x)));
    return {std::move(row)};
  };
  return out;
}

// The blocks of the first images. The images are neighbours in the list, so they are of different classes.
Unit blocks(Workplace& place, const StudyCase& one, std::size_t width) {
  const std::uint64_t seed = place.settings().seed;
  const std::size_t outputs = place.images(one.data).train.classes, order = shown * outputs;
  Unit out;
  out.what = one.title() + ", width " + std::to_string(width) + ", blocks";
  out.table = "blocks";
  out.keys = {one.data, std::to_string(shown), one.network->name, std::to_string(width), std::to_string(seed)};
  out.rows = order * order;
  out.seconds = place.kernel_seconds(one, width, shown);
  out.measure = [&place, one, width, seed, order, outputs, keys = out.keys] {
    const nn::AnyModule net = one.network->make(place.images(one.data).train, width);
    const Array<float> x = place.pixels(one.data, place.train_indices(one.data, shown), one.network->layout);
    const KernelPair k = kernel_pair(net, net->init<float>(seed), x);
    std::vector<Measurement> rows;
    for (std::size_t i = 0; i < order; ++i)
      for (std::size_t j = 0; j < order; ++j) {
        Measurement row{keys, {k.entk[i * order + j], 0}};
        if (i % outputs == j % outputs) row.values[1] = k.pntk[i / outputs * shown + j / outputs];
        row.keys.insert(row.keys.end(), {std::to_string(i), std::to_string(j)});
        rows.push_back(std::move(row));
      }
    return rows;
  };
  return out;
}

std::vector<Unit> units(Workplace& place) {
  std::vector<Unit> out;
  for (const StudyCase& one : place.cases()) {
    const std::vector<std::size_t> widths = place.widths(*one.network);
    if (out.empty())
      for (const std::size_t width : {widths.front(), widths.back()})
        if (out.empty() || width != widths.front()) out.push_back(blocks(place, one, width));
    for (const std::uint64_t seed : place.seeds(5, 10))
      for (const std::size_t width : widths) out.push_back(kernels(place, one, width, seed));
  }
  return out;
}

}  // namespace

Part width_part() {
  const std::vector<std::string> keys = {"data", "n", "network", "width", "seed"};
  std::vector<std::string> entries = keys;
  entries.insert(entries.end(), {"row", "column"});
  std::vector<std::string> values = quantity_names();
  values.push_back("last_layer");
  return {.name = "width",
          .what = "both kernels at initialization, over widths and seeds",
          .tables = {{"width", {keys, values}}, {"blocks", {entries, {"entk", "pntk"}}}},
          .units = units,
          .report = report_width};
}

}  // namespace xtangent::examples
