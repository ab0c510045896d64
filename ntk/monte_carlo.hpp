#pragma once

#include <cstdint>
#include <functional>

#include "ntk/algebra/any_matrix.hpp"
#include "ntk/kernel.hpp"

/// Averages over initializations, such as the kernel of an infinitely wide network as the mean of kernels of finite
/// ones, with the spread that says how far to trust them.
///
/// Novak et al., Bayesian Deep Convolutional Networks with Many Channels are Gaussian Processes, ICLR 2019, section 4.
namespace xtangent::ntk {

/// How far an average has come.
struct MonteCarloProgress {
  std::size_t samples = 0;
  double relative_error = 0;  ///< see MonteCarlo::relative_error; infinite for a single sample
};

struct MonteCarloOptions {
  std::size_t samples = 100;  ///< the largest number of initializations, at least 2
  std::uint64_t seed = 0;
  /// Ends as soon as the relative error is at most this, but not before `min_samples`. 0 takes all samples.
  double tolerance = 0;
  std::size_t min_samples = 10;
  /// Called after each sample. An exception thrown from it stops the computation and reaches the caller.
  std::function<void(const MonteCarloProgress&)> progress = {};
};

/// The mean over initializations of an array, and how far single ones are from it.
struct MonteCarlo {
  std::size_t samples = 0;
  Array<double> mean;
  Array<double> deviation;  ///< the standard deviation of one sample, of each entry

  /// deviation / sqrt(samples): the standard error of each entry of the mean.
  Array<double> standard_error() const;
  /// The norm of the standard error divided by the norm of the mean. Infinite for a mean of 0 that is uncertain.
  double relative_error() const;
};

/// The seed of initialization number `index` from 0: net.init<T>(initialization_seed(seed, index)) are its parameters.
/// It depends on nothing else, so a longer average begins with the samples of a shorter one.
std::uint64_t initialization_seed(std::uint64_t seed, std::size_t index);

/// The mean of f(params) over initializations of the network, for any f that returns arrays of one shape:
///
///   const ntk::MonteCarlo kernel = ntk::monte_carlo<float>(
///       net, [&](const nn::Parameters<float>& drawn) { return ntk::pntk(net, drawn, x); }, {.samples = 200});
///
/// Sums are in double, by Welford's updates. The result depends on seed and options alone. Cost: that of f for each
/// sample. Memory: two arrays of doubles beside that of f. Throws option_error (fewer than 2 samples, or a tolerance
/// below 0), shape_error (f returns another shape than before), numerical_error (f returns NaN or infinity; the message
/// has the seed of the initialization), and what f throws.
template <class T>
MonteCarlo monte_carlo(const nn::ModuleBase& net, const std::function<Doubles(const nn::Parameters<T>&)>& f,
                       const MonteCarloOptions& monte_carlo = {});

/// The mean of the kernel of a readout between examples x and themselves, in the shape that `kernel` gives it. The
/// memory of the options covers the mean and the deviation, too. Throws also what `kernel` throws, and option_error
/// (a store is given).
template <class T>
MonteCarlo monte_carlo(const nn::ModuleBase& net, const Array<T>& x, const Readout& readout,
                       const MonteCarloOptions& monte_carlo = {}, const Options& options = {});
/// Between two sets of examples.
template <class T>
MonteCarlo monte_carlo(const nn::ModuleBase& net, const Array<T>& x1, const Array<T>& x2, const Readout& readout,
                       const MonteCarloOptions& monte_carlo = {}, const Options& options = {});

}  // namespace xtangent::ntk
