#include "examples/uncertainty/methods.hpp"

#include <algorithm>
#include <cmath>

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/reduction.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/stopwatch.hpp"
#include "nn/data/images.hpp"
#include "nn/training/evaluate.hpp"
#include "ntk/class_probabilities.hpp"
#include "ntk/evidence.hpp"
#include "ntk/gram.hpp"
#include "ntk/kernel.hpp"
#include "ntk/regression.hpp"

namespace xtangent::examples {
namespace {

constexpr std::size_t block_rows = 20;  // images among which all blocks are computed, for those of the diagonal

Array<double> softmax_of(const nn::ModuleBase& net, const nn::Parameters<float>& params, const Array<float>& x) {
  return softmax(Var<double>(ntk::Doubles(nn::predict(net, params, x))), 1).value();
}

double entropy(const double* p, std::size_t classes) {
  double out = 0;
  for (std::size_t c = 0; c < classes; ++c)
    if (p[c] > 0) out -= p[c] * std::log(p[c]);
  return out;
}

// The mean of the members' probabilities. Its uncertainty is how much they disagree: the entropy of the mean less the
// mean of the entropies.
Verdicts agreement(const std::vector<Array<double>>& members) {
  const std::size_t m = members[0].shape()[0], o = members[0].shape()[1];
  Verdicts out{Array<double>::zeros({m, o}), std::vector<double>(m)};
  double* mean = out.probabilities.mutable_data();
  const double share = 1 / static_cast<double>(members.size());
  for (const Array<double>& p : members)
    for (std::size_t i = 0; i < m; ++i) {
      out.uncertainty[i] -= share * entropy(p.data() + i * o, o);
      for (std::size_t c = 0; c < o; ++c) mean[i * o + c] += share * p(i, c);
    }
  for (std::size_t i = 0; i < m; ++i) out.uncertainty[i] += entropy(mean + i * o, o);
  return out;
}

}  // namespace

const std::vector<MethodName>& methods() {
  static const std::vector<MethodName> all = {{Method::network, "network", "network"},
                                              {Method::temperature, "temperature", "network, temperature"},
                                              {Method::ensemble, "ensemble", "ensemble"},
                                              {Method::laplace_last, "laplace last", "Laplace, last layer"},
                                              {Method::laplace_pntk, "laplace pntk", "Laplace, pNTK"},
                                              {Method::laplace_entk, "laplace entk", "Laplace, eNTK"},
                                              {Method::laplace_held_out, "laplace held out", "Laplace, eNTK, held out"},
                                              {Method::gp_initial, "process initial", "process, initial pNTK"},
                                              {Method::gp_trained, "process trained", "process, trained pNTK"}};
  return all;
}

const MethodName& name_of(Method method) {
  return *std::find_if(methods().begin(), methods().end(), [&](const MethodName& m) { return m.method == method; });
}

bool is_laplace(Method method) {
  return method == Method::laplace_last || method == Method::laplace_pntk || method == Method::laplace_entk ||
         method == Method::laplace_held_out;
}

NetworkKernel::NetworkKernel(Method method, const nn::ModuleBase& net, nn::Parameters<float> params)
    : method_(method), net_(net), params_(std::move(params)) {}

bool NetworkKernel::of_all_outputs() const {
  return method_ == Method::laplace_entk || method_ == Method::laplace_held_out;
}

Array<double> NetworkKernel::within(const Array<float>& x) const {
  if (of_all_outputs()) return ntk::entk(net_, params_, x);
  if (method_ != Method::laplace_last) return ntk::pntk(net_, params_, x);
  return (Var<double>(ntk::feature_gram(net_, params_, x)) + 1.0).value();  // 1: the bias
}

Array<double> NetworkKernel::between(const Array<float>& x1, const Array<float>& x2) const {
  if (of_all_outputs()) return ntk::entk(net_, params_, x1, x2);
  if (method_ != Method::laplace_last) return ntk::pntk(net_, params_, x1, x2);
  return (Var<double>(ntk::feature_gram(net_, params_, x1, x2)) + 1.0).value();
}

Array<double> NetworkKernel::blocks(const Array<float>& x) const {
  const std::size_t m = x.shape()[0], o = of_all_outputs() ? params_.infos().back().shape[0] : 1;
  Array<double> out = of_all_outputs() ? Array<double>({m, o, o}) : Array<double>({m});
  double* to = out.mutable_data();
  for (std::size_t first = 0; first < m; first += block_rows) {
    const std::size_t last = std::min(m, first + block_rows);
    const Array<double> k = within(x.rows(first, last));
    for (std::size_t i = first; i < last; ++i)
      for (std::size_t a = 0; a < o; ++a)
        for (std::size_t b = 0; b < o; ++b) *to++ = k((i - first) * o + a, (i - first) * o + b);
    end_if_interrupted();
  }
  return out;
}

double NetworkKernel::norm() const {
  double out = 0;
  const std::size_t first = method_ == Method::laplace_last ? params_.count() - 2 : 0;
  for (std::size_t i = first; i < params_.count(); ++i) {
    const Array<float> values = params_.slice(i);
    for (std::size_t j = 0; j < values.size(); ++j) out += static_cast<double>(values[j]) * values[j];
  }
  return out;
}

Judgement judge_by_network(const nn::ModuleBase& net, const nn::Parameters<float>& params, const Judged& images) {
  const Stopwatch watch;
  Judgement out;
  out.test.probabilities = softmax_of(net, params, images.test);
  out.other.probabilities = softmax_of(net, params, images.other);
  out.seconds = watch.seconds();
  return out;
}

Judgement judge_by_ensemble(const nn::ModuleBase& net, const std::vector<nn::Parameters<float>>& params,
                            const Judged& images) {
  const Stopwatch watch;
  std::vector<Array<double>> test, other;
  for (const nn::Parameters<float>& member : params) {
    test.push_back(softmax_of(net, member, images.test));
    other.push_back(softmax_of(net, member, images.other));
  }
  Judgement out;
  out.test = agreement(test);
  out.other = agreement(other);
  out.seconds = watch.seconds();
  return out;
}

Judgement judge_by_process(const NetworkKernel& kernel, const Array<float>& x, std::size_t classes,
                           const Judged& images) {
  const Stopwatch watch;
  // Each class is a process of its own, about the mean of its labels.
  const double mean = 1 / static_cast<double>(classes);
  const Array<double> targets = (Var<double>(nn::one_hot<double>(images.y, classes)) - mean).value();
  Array<double> k = kernel.within(x);
  const ntk::Prior prior = ntk::most_likely_prior(k, targets);
  const ntk::Regression<double> regression(std::move(k), {.ridge = prior.noise / prior.variance, .relative = false});
  const Array<double> nothing = Array<double>::zeros(targets.shape());
  const auto verdicts = [&](const Array<float>& x_new) {
    const Array<double> k_new = kernel.between(x_new, x), none = Array<double>::zeros({x_new.shape()[0], classes});
    const Var<double> variance =
        Var<double>(regression.posterior_variance(k_new, kernel.blocks(x_new))) * prior.variance;
    const Array<double> uncertainty = variance.value();
    // The labels have the noise besides.
    return Verdicts{ntk::probability_of_largest(regression.predict(k_new, targets, nothing, none),
                                                (variance + prior.noise).value()),
                    std::vector<double>(uncertainty.data(), uncertainty.data() + uncertainty.size())};
  };
  Judgement out{.test = verdicts(images.test), .other = verdicts(images.other)};
  out.variance = prior.variance;
  out.noise = prior.noise;
  out.seconds = watch.seconds();
  return out;
}

}  // namespace xtangent::examples
