#pragma once

#include <vector>

#include "examples/uncertainty/methods.hpp"

namespace xtangent::examples {

/// One variance of the prior, and what follows from it.
struct TriedVariance {
  Method method;
  double variance = 0, log_evidence = 0;
  double nll = 0;  ///< mean negative log-likelihood of some images
};

/// Laplace's approximation around a trained network, with the prior's variance that has the greatest evidence or, for
/// Method::laplace_held_out, the one of 17 that suits the images that were held out best. With `tried`, notes also how
/// likely the first test images are under 17 variances.
Judgement judge_by_laplace(Method method, const nn::ModuleBase& net, const nn::Parameters<float>& params,
                           const Array<float>& x, const Judged& images, std::vector<TriedVariance>* tried);

/// The trained network with its outputs divided by the number that suits the images that were held out best. Guo,
/// Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017.
Judgement judge_by_temperature(const nn::ModuleBase& net, const nn::Parameters<float>& params, const Judged& images);

}  // namespace xtangent::examples
