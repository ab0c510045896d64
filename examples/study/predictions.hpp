#pragma once

#include <array>
#include <string>

#include "examples/study/comparison.hpp"
#include "examples/study/workplace.hpp"
#include "ntk/algebra/any_matrix.hpp"

/// Predictions of a linearized network by its eNTK and by its pNTK.
namespace xtangent::examples {

/// What predictions on test images are made from and judged by.
struct PredictionKernels {
  KernelPair train, cross;          ///< of the training images, and between test and training images
  ntk::Doubles f0, f0_new;          ///< where predictions start from, (N, O) and (M, O)
  Array<double> targets;            ///< one-hot, (N, O)
  std::vector<std::size_t> labels;  ///< of the test images
};

/// Outputs that predictions start from: the network's, or 1/O each, so that all of what is predicted comes from the
/// kernel.
enum class Start { network, constant };

/// The kernels of `n` training images of a case, and between `tests` test images and these.
PredictionKernels prediction_kernels(Workplace& place, const StudyCase& one, const nn::AnyModule& net,
                                     const nn::Parameters<float>& params, std::size_t n, std::size_t tests,
                                     Start start);
/// The cost of prediction_kernels, in units of that of both kernels of `n` images.
double prediction_cost(std::size_t n, std::size_t tests);

/// The ridges with which predictions are compared, in units of the mean of the eNTK's diagonal.
inline constexpr std::array<double, 4> ridges = {0, 1e-3, 1e-2, 1e-1};
std::string name_of_ridge(double ridge);  ///< "0.001"

/// Predictions by both kernels with the same ridge, and the ridge that they needed in its place.
struct BothPredictions {
  Array<double> entk, pntk;  ///< (M, O)
  double ridge = 0;          ///< in units of the mean of the eNTK's diagonal
};

/// f0_new + K_new (K + ridge)^-1 (Y - f0) by both kernels, with the ridge in units of the mean of the eNTK's diagonal.
/// Where one of them is not positive definite to rounding, both get the least ridge of 1e-6, 1e-5, 1e-4 and 1e-3 with
/// which they are. Throws numerical_error where that is not enough.
BothPredictions predict(const PredictionKernels& kernels, double ridge);

}  // namespace xtangent::examples
