#include "examples/uncertainty/laplace.hpp"

#include <algorithm>
#include <boost/math/tools/minima.hpp>
#include <cmath>

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/reduction.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/stopwatch.hpp"
#include "nn/training/evaluate.hpp"
#include "ntk/class_probabilities.hpp"
#include "ntk/laplace.hpp"

namespace xtangent::examples {
namespace {

constexpr std::size_t at_a_time = 200;  // images whose rows of an eNTK are in memory

// The network and the posterior around it; x are its training images.
struct Posterior {
  const nn::ModuleBase& net;
  const nn::Parameters<float>& params;
  const Array<float>& x;
  NetworkKernel kernel;

  Verdicts verdicts(const ntk::Laplace& laplace, const Array<float>& x_new) const {
    const Array<double> outputs = ntk::Doubles(nn::predict(net, params, x_new));
    const std::size_t m = outputs.shape()[0], o = outputs.shape()[1];
    Verdicts out{Array<double>(outputs.shape()), {}};
    double* to = out.probabilities.mutable_data();
    for (std::size_t first = 0; first < m; first += at_a_time) {
      const std::size_t last = std::min(m, first + at_a_time);
      const Array<float> part = x_new.rows(first, last);
      const Array<double> covariances = laplace.covariances(kernel.between(part, x), kernel.blocks(part)),
                          p = ntk::expected_softmax(outputs.rows(first, last), covariances);
      to = std::copy(p.data(), p.data() + p.size(), to);
      for (std::size_t i = 0; i < last - first; ++i) {
        double trace = 0;
        for (std::size_t c = 0; c < o; ++c) trace += covariances[(i * o + c) * o + c];
        out.uncertainty.push_back(trace / static_cast<double>(o));
      }
      end_if_interrupted();
    }
    return out;
  }
};

// Calls f with the approximation for 17 variances around its own, one at a time: each holds a matrix of order N O.
template <class F>
void with_variances(const ntk::Laplace& laplace, const F& f) {
  for (int i = -8; i <= 8; ++i)
    if (i)
      f(laplace.with_variance(laplace.variance() * std::pow(10.0, i / 2.0)));
    else
      f(laplace);
}

}  // namespace

Judgement judge_by_laplace(Method method, const nn::ModuleBase& net, const nn::Parameters<float>& params,
                           const Array<float>& x, const Judged& images, std::vector<TriedVariance>* tried) {
  const Stopwatch watch;
  const Posterior posterior{net, params, x, NetworkKernel(method, net, params)};
  const double norm = posterior.kernel.norm();
  const Array<float> outputs = nn::predict(net, params, x);
  const ntk::Laplace likeliest = ntk::Laplace(posterior.kernel.within(x), ntk::Doubles(outputs), 1).most_likely(norm);
  ntk::Laplace chosen = likeliest;
  if (method == Method::laplace_held_out) {
    double least = INFINITY;
    with_variances(likeliest, [&](const ntk::Laplace& one) {
      const double nll = fitness(posterior.verdicts(one, images.held_out), images.y_held_out).nll;
      if (nll >= least) return;
      least = nll;
      chosen = one;
    });
  }
  Judgement out{.test = posterior.verdicts(chosen, images.test), .other = posterior.verdicts(chosen, images.other)};
  out.variance = chosen.variance();
  out.seconds = watch.seconds();
  if (!tried) return out;
  const std::size_t count = std::min(tried_on, images.y_test.size());
  const std::vector<std::size_t> labels(images.y_test.begin(),
                                        images.y_test.begin() + static_cast<std::ptrdiff_t>(count));
  with_variances(likeliest, [&](const ntk::Laplace& one) {
    tried->push_back({method, one.variance(), one.log_evidence(images.y, norm),
                      fitness(posterior.verdicts(one, images.test.rows(0, count)), labels).nll});
  });
  return out;
}

Judgement judge_by_temperature(const nn::ModuleBase& net, const nn::Parameters<float>& params, const Judged& images) {
  const Stopwatch watch;
  const auto verdicts = [&](const Array<float>& x, double temperature) {
    const Var<double> f(Array<double>(ntk::Doubles(nn::predict(net, params, x))));
    return Verdicts{softmax(f / temperature, 1).value(), {}};
  };
  const auto misfit = [&](double log_temperature) {
    return fitness(verdicts(images.held_out, std::exp(log_temperature)), images.y_held_out).nll;
  };
  const double temperature = std::exp(boost::math::tools::brent_find_minima(misfit, -3.0, 3.0, 20).first);
  Judgement out{.test = verdicts(images.test, temperature), .other = verdicts(images.other, temperature)};
  out.seconds = watch.seconds();
  return out;
}

}  // namespace xtangent::examples
