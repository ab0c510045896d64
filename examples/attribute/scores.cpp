#include "examples/attribute/scores.hpp"

#include "autodiff/ops/arithmetic.hpp"
#include "nn/training/evaluate.hpp"
#include "ntk/attribution.hpp"
#include "ntk/feature_matrix.hpp"
#include "ntk/kernel.hpp"

namespace xtangent::examples {
namespace {

Array<double> misses(const Task& task, const nn::Parameters<float>& params, const ntk::Labels& labels) {
  return ntk::Doubles(ntk::misses(nn::predict(*task.net, params, task.x), labels));
}

}  // namespace

MarginKernels exact_kernels(const Task& task, const nn::Parameters<float>& params, const ntk::Labels& labels) {
  const ntk::Readout margin = ntk::readout::margin(labels);
  return {.train = ntk::kernel(*task.net, params, task.x, margin),
          .test = ntk::kernel(*task.net, params, task.x_test, task.x,
                              ntk::readout::between(ntk::readout::margin(task.y_test), margin)),
          .misses = misses(task, params, labels)};
}

MarginKernels projected_kernels(const Task& task, const nn::Parameters<float>& params, std::size_t count,
                                std::uint64_t seed) {
  const ntk::Readout margin = ntk::readout::margin(task.y);
  const auto basis = ntk::feature_basis(*task.net, params, task.x, margin, {.k = count, .seed = seed});
  const Array<float> phi = ntk::features(*task.net, params, task.x, margin, basis),
                     phi_test = ntk::features(*task.net, params, task.x_test, ntk::readout::margin(task.y_test), basis);
  return {.train = ntk::feature_kernel(phi),
          .test = ntk::feature_kernel(phi_test, phi),
          .misses = misses(task, params, task.y)};
}

Array<double> scores(const MarginKernels& k, double ridge) {
  return ntk::Attribution<double>(k.train, {.ridge = ridge}).scores(k.test, k.misses);
}

Array<double> products(const MarginKernels& k) { return (Var<double>(k.test) * Var<double>(k.misses)).value(); }

Array<double> ensemble_scores(const std::vector<MarginKernels>& networks, double ridge) {
  const double share = 1 / static_cast<double>(networks.size());
  Var<double> sum, misses;
  for (const MarginKernels& k : networks) {
    const Var<double> one(
        ntk::Attribution<double>(k.train, {.ridge = ridge}).scores(k.test, Array<double>::ones(k.misses.shape())));
    sum = sum.defined() ? sum + one : one;
    misses = misses.defined() ? misses + Var<double>(k.misses) : Var<double>(k.misses);
  }
  return (sum * share * (misses * share)).value();
}

}  // namespace xtangent::examples
