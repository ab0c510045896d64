#pragma once

#include <string>
#include <vector>

#include "examples/uncertainty/verdicts.hpp"
#include "nn/module.hpp"

/// Ways to say how certain a classifier is.
namespace xtangent::examples {

enum class Method {
  network,
  temperature,
  ensemble,
  laplace_last,
  laplace_pntk,
  laplace_entk,
  laplace_held_out,
  gp_initial,
  gp_trained
};
/// With the names of the tables, "laplace entk", and for people, "Laplace, eNTK".
struct MethodName {
  Method method;
  std::string id, name;
};
const std::vector<MethodName>& methods();
const MethodName& name_of(Method method);
bool is_laplace(Method method);

/// Test images, of which the first have variances tried on them.
inline constexpr std::size_t tried_on = 250;

/// The labels of the training images, and images to judge.
struct Judged {
  Array<float> test, other;                  ///< (M, ...)
  std::vector<std::size_t> y, y_test;        ///< of the training images (N,), and of the test images (M,)
  Array<float> held_out = {};                ///< (H, ...): neither trained on nor tested, to choose one number by
  std::vector<std::size_t> y_held_out = {};  ///< (H,)
};

/// What a method says of both sets, and how it was set up.
struct Judgement {
  Verdicts test, other;
  double variance = 0, noise = 0;  ///< of the prior that the evidence chose; 0 for methods without
  double seconds = 0;              ///< of everything but the training of the networks
};

/// A kernel of a network: between images and themselves, two sets of images, and of each image with itself.
class NetworkKernel {
 public:
  /// The method says which: that of all parameters, for all outputs (eNTK) or their sum (pNTK), or that of the last
  /// layer's weight and bias, whose order N stands for K (x) I.
  NetworkKernel(Method method, const nn::ModuleBase& net, nn::Parameters<float> params);

  Array<double> within(const Array<float>& x) const;
  Array<double> between(const Array<float>& x1, const Array<float>& x2) const;
  /// (M, O, O), or (M,) for a kernel of order M.
  Array<double> blocks(const Array<float>& x) const;
  /// The squared norm of the parameters that it is about.
  double norm() const;

 private:
  bool of_all_outputs() const;

  Method method_;
  const nn::ModuleBase& net_;
  nn::Parameters<float> params_;
};

Judgement judge_by_network(const nn::ModuleBase& net, const nn::Parameters<float>& params, const Judged& images);
Judgement judge_by_ensemble(const nn::ModuleBase& net, const std::vector<nn::Parameters<float>>& params,
                            const Judged& images);
/// A Gaussian process with the pNTK as its covariance, on one-hot labels of the training images x.
Judgement judge_by_process(const NetworkKernel& kernel, const Array<float>& x, std::size_t classes,
                           const Judged& images);

}  // namespace xtangent::examples
