#pragma once

#include <string>

#include "examples/quickstart/experiment.hpp"

/// Sentences, made from the numbers, that say what the results of the quickstart show. All return HTML.
namespace xtangent::examples {

/// An exponent against -1/2, by its confidence interval: "steeper", "agrees", "shallower", ...
std::string verdict(const Fit& fit);
std::string say_training(const Experiment& experiment);
/// Empty where every training converged.
std::string say_divergence(const Experiment& experiment);
std::string say_blocks(const Experiment& experiment);
std::string say_matrices(const Experiment& experiment);
std::string say_frobenius(const Experiment& experiment);
std::string say_spectrum(const Experiment& experiment);
std::string say_regression(const Experiment& experiment);
std::string say_cost(const Experiment& experiment);

}  // namespace xtangent::examples
