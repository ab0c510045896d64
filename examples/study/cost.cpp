// Seconds and bytes of both kernels against the outputs, the images and the depth.
#include <algorithm>

#include "examples/study/comparison.hpp"
#include "examples/study/cost_report.hpp"
#include "examples/study/part.hpp"
#include "examples/study/workplace.hpp"
#include "nn/models/resnet.hpp"

namespace xtangent::examples {
namespace {

// A residual network with everything stated: `channels` is what its widths are multiplied by, in 64ths.
struct CostUnit {
  std::string series;  ///< what grows: outputs, images or depth
  std::string data;
  std::size_t n = 8, depth = 18, channels = 16, outputs = 10;
};

nn::AnyModule network(const nn::LabeledImages& images, const CostUnit& unit) {
  const nn::ResNetOptions options = {.classes = unit.outputs,
                                     .stem = nn::Stem::cifar,
                                     .width = static_cast<double>(unit.channels) / 64,
                                     .channels = images.channels};
  switch (unit.depth) {
    case 34:
      return nn::resnet34(options);
    case 50:
      return nn::resnet50(options);
    case 101:
      return nn::resnet101(options);
    case 152:
      return nn::resnet152(options);
    default:
      return nn::resnet18(options);
  }
}

// The shorter of two runs, since the first one may fetch its memory from the operating system.
KernelPair timed_pair(const nn::AnyModule& net, const nn::Parameters<float>& params, const Array<float>& x) {
  KernelPair out = kernel_pair(net, params, x);
  if (out.seconds_entk > 2) return out;
  const KernelPair again = kernel_pair(net, params, x);
  out.seconds_entk = std::min(out.seconds_entk, again.seconds_entk);
  out.seconds_pntk = std::min(out.seconds_pntk, again.seconds_pntk);
  return out;
}

// Images of a set, taken as often as needed: only their shape matters for the cost.
Array<float> images_for(Workplace& place, const CostUnit& unit) {
  std::vector<std::size_t> indices;
  const std::size_t count = place.images(unit.data).train.count();
  for (std::size_t i = 0; i < unit.n; ++i) indices.push_back(i % count);
  return place.pixels(unit.data, indices, nn::ImageLayout::planes);
}

Unit measured(Workplace& place, const CostUnit& cost) {
  Unit out;
  out.what = cost.series + ": ResNet" + std::to_string(cost.depth) + ", " + std::to_string(cost.n) + " images, " +
             std::to_string(cost.outputs) + " outputs";
  out.table = "cost";
  out.keys = {cost.data,
              cost.series,
              std::to_string(cost.n),
              std::to_string(cost.depth),
              std::to_string(cost.channels),
              std::to_string(cost.outputs)};
  const nn::AnyModule net = network(place.images(cost.data).train, cost);
  const Array<float> x = images_for(place, cost);
  const nn::Parameters<float> params = net->init<float>(1);
  const ntk::Plan entk = ntk::plan(*net, params, x, ntk::readout::full()),
                  pntk = ntk::plan(*net, params, x, ntk::readout::pseudo());
  out.seconds = 2 * place.seconds(entk.flop() + pntk.flop()) + 0.01;
  std::vector<double> counted = {entk.sweep_flop, entk.contraction_flop, pntk.sweep_flop, pntk.contraction_flop,
                                 static_cast<double>(params.size())};
  out.measure = [&place, net, cost, keys = out.keys, counted]() -> std::vector<Measurement> {
    const KernelPair k = timed_pair(net, net->init<float>(1), images_for(place, cost));
    Measurement row{keys, {k.seconds_entk, k.seconds_pntk, k.bytes_entk, k.bytes_pntk}};
    row.values.insert(row.values.end(), counted.begin(), counted.end());
    return {row};
  };
  return out;
}

std::vector<Unit> units(Workplace& place) {
  const bool full = place.settings().full, small = place.settings().n > 0;
  const std::string data = place.data().back();  // color images where there are any
  std::vector<CostUnit> costs;
  CostUnit base{.series = "outputs", .data = data};
  if (small) base.n = place.settings().n;
  if (small || !full) base.channels = small ? 2 : 8;
  for (const std::size_t outputs : {10, 20, 50, 100, 200}) {
    costs.push_back(base);
    costs.back().outputs = small ? outputs / 5 : outputs;
  }
  base.series = "images";
  for (const std::size_t times : {1, 2, 4, 8, 16}) {
    costs.push_back(base);
    costs.back().n = base.n * times;
  }
  base.series = "depth";
  base.channels = small ? 1 : 4;
  for (const std::size_t depth : {18, 34, 50, 101, 152}) {
    costs.push_back(base);
    costs.back().depth = depth;
  }
  std::vector<Unit> out;
  for (const CostUnit& cost : costs) out.push_back(measured(place, cost));
  return out;
}

}  // namespace

Part cost_part() {
  return {.name = "cost",
          .what = "seconds and bytes against outputs, images and depth, for residual networks",
          .tables = {{"cost",
                      {{"data", "series", "n", "depth", "channels", "outputs"},
                       {"seconds_entk", "seconds_pntk", "bytes_entk", "bytes_pntk", "sweep_flop_entk",
                        "contraction_flop_entk", "sweep_flop_pntk", "contraction_flop_pntk", "parameters"}}}},
          .units = units,
          .report = report_cost};
}

}  // namespace xtangent::examples
