#pragma once

#include "ntk/algebra/any_matrix.hpp"

/// Probabilities of classes from outputs that are known only up to a Gaussian, as ntk::Laplace and Gaussian processes
/// give them.
namespace xtangent::ntk {

/// The expected softmax of Gaussian outputs with means (M, O) and covariances (M, O, O), approximately: softmax of each
/// mean divided by sqrt(1 + pi / 8 times its variance). (M, O). MacKay: The Evidence Framework Applied to
/// Classification Networks, 1992. Throws shape_error.
Array<double> expected_softmax(const Doubles& means, const Doubles& covariances);

/// How probable it is that each output is the largest, for independent Gaussian outputs with means (M, O) whose
/// variance is the same for all outputs of an example: (M,). This turns the posterior of regression on one-hot labels
/// into probabilities (M, O). Its integrals are exact to about 1e-9. Cost: some hundred times M O^2 evaluations of the
/// normal distribution. Throws shape_error, numerical_error (a mean is not finite; a variance is not positive and
/// finite).
Array<double> probability_of_largest(const Doubles& means, const Doubles& variances);

}  // namespace xtangent::ntk
