#include "ntk/monte_carlo.hpp"

#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <utility>

#include "autodiff/error.hpp"
#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/random.hpp"
#include "autodiff/kernels/statistics.hpp"
#include "nn/initialize.hpp"
#include "ntk/planning/budget.hpp"

namespace xtangent::ntk {
namespace {

double norm(const Array<double>& x) {
  return std::sqrt(x.size() ? kernels::loops<double>().dot(x.size(), x.data(), x.data()) : 0.0);
}

double ratio(double error, double size) {
  if (error == 0) return 0;
  return size > 0 ? error / size : std::numeric_limits<double>::infinity();
}

// The mean of the samples that have come, and the sums of squared differences from it.
struct Running {
  std::size_t samples = 0;
  Array<double> mean, squares;

  void add(const Array<double>& sample) {
    if (samples == 0) {
      mean = Array<double>::zeros(sample.shape());
      squares = Array<double>::zeros(sample.shape());
    }
    kernels::add_sample(sample.size(), ++samples, sample.data(), mean.mutable_data(), squares.mutable_data());
  }
  double relative_error() const {
    if (samples < 2) return std::numeric_limits<double>::infinity();
    const double n = static_cast<double>(samples);
    const double sum = squares.size() ? kernels::loops<double>().sum(squares.size(), squares.data()) : 0.0;
    return ratio(std::sqrt(sum / (n * (n - 1))), norm(mean));
  }
  MonteCarlo result() && {
    double* values = squares.mutable_data();
    kernels::affine(squares.size(), 1 / static_cast<double>(samples - 1), 0.0, values, values);
    kernels::unary(kernels::Function::sqrt, 0.0, squares.size(), values, values);
    return {samples, std::move(mean), std::move(squares)};
  }
};

void check(const MonteCarloOptions& options) {
  if (options.samples < 2)
    throw option_error("[monte_carlo] " + std::to_string(options.samples) +
                       " samples. Take at least 2, so that there is a spread.");
  if (!(options.tolerance >= 0))
    throw option_error("[monte_carlo] the tolerance " + std::to_string(options.tolerance) + " must not be negative.");
}

void check_sample(const Array<double>& sample, const Running& so_far, std::uint64_t seed) {
  std::ostringstream which;
  which << "[monte_carlo] sample " << so_far.samples << " (seed " << seed << " of init) ";
  if (!sample.defined()) throw shape_error(which.str() + "is no array.");
  if (so_far.samples > 0 && !(sample.shape() == so_far.mean.shape()))
    throw shape_error(which.str() + "is " + to_string(sample.shape()) + " after samples " +
                      to_string(so_far.mean.shape()) + ".");
  if (!all_finite(sample)) throw numerical_error(which.str() + "holds NaN or infinity.");
}

// Options of one kernel beside its mean and its sums of squares.
template <class T>
Options of_samples(const nn::ModuleBase& net, const Array<T>& x1, const Array<T>& x2, const Readout& readout,
                   std::uint64_t seed, Options options) {
  if (!options.store.empty())
    throw option_error(
        "[monte_carlo] a store is for one kernel. Average without one, or store the kernels one by one.");
  if (x1.rank() == 0 || x2.rank() == 0 || x1.shape()[0] == 0 || x2.shape()[0] == 0) return options;
  const auto params = net.init<T>(initialization_seed(seed, 0));
  const double kernel = plan(net, params, x1, x1.shape()[0], x2.shape()[0], readout, options).result_bytes;
  const double left = memory_budget(options.memory) - 2 * kernel;
  if (left < 1) {
    std::ostringstream text;
    text << "[monte_carlo] the mean and the deviation of a kernel of " << kernel << " bytes exceed the budget of "
         << memory_budget(options.memory) << " bytes. Raise options.memory.";
    throw memory_error(text.str());
  }
  options.memory = static_cast<std::size_t>(left);
  return options;
}

}  // namespace

Array<double> MonteCarlo::standard_error() const {
  Array<double> out(deviation.shape());
  kernels::affine(out.size(), 1 / std::sqrt(static_cast<double>(samples)), 0.0, deviation.data(), out.mutable_data());
  return out;
}

double MonteCarlo::relative_error() const {
  return ratio(norm(deviation) / std::sqrt(static_cast<double>(samples)), norm(mean));
}

std::uint64_t initialization_seed(std::uint64_t seed, std::size_t index) {
  const auto bits = kernels::philox(seed, nn::stream_of("monte_carlo"), index);
  return std::uint64_t{bits[0]} << 32 | bits[1];
}

template <class T>
MonteCarlo monte_carlo(const nn::ModuleBase& net, const std::function<Doubles(const nn::Parameters<T>&)>& f,
                       const MonteCarloOptions& options) {
  check(options);
  Running all;
  while (all.samples < options.samples) {
    const std::uint64_t seed = initialization_seed(options.seed, all.samples);
    const Array<double> sample = f(net.init<T>(seed));
    check_sample(sample, all, seed);
    all.add(sample);
    const double error = all.relative_error();
    if (options.progress) options.progress({all.samples, error});
    if (options.tolerance > 0 && all.samples >= options.min_samples && error <= options.tolerance) break;
  }
  return std::move(all).result();
}

template <class T>
MonteCarlo monte_carlo(const nn::ModuleBase& net, const Array<T>& x, const Readout& readout,
                       const MonteCarloOptions& monte_carlo, const Options& options) {
  check(monte_carlo);
  const Options each = of_samples(net, x, x, readout, monte_carlo.seed, options);
  return ntk::monte_carlo<T>(
      net, [&](const nn::Parameters<T>& params) { return Doubles(kernel(net, params, x, readout, each)); },
      monte_carlo);
}

template <class T>
MonteCarlo monte_carlo(const nn::ModuleBase& net, const Array<T>& x1, const Array<T>& x2, const Readout& readout,
                       const MonteCarloOptions& monte_carlo, const Options& options) {
  check(monte_carlo);
  const Options each = of_samples(net, x1, x2, readout, monte_carlo.seed, options);
  return ntk::monte_carlo<T>(
      net, [&](const nn::Parameters<T>& params) { return Doubles(kernel(net, params, x1, x2, readout, each)); },
      monte_carlo);
}

#define XTANGENT_INSTANTIATE(T)                                                                                     \
  template MonteCarlo monte_carlo(const nn::ModuleBase&, const std::function<Doubles(const nn::Parameters<T>&)>&,   \
                                  const MonteCarloOptions&);                                                        \
  template MonteCarlo monte_carlo(const nn::ModuleBase&, const Array<T>&, const Readout&, const MonteCarloOptions&, \
                                  const Options&);                                                                  \
  template MonteCarlo monte_carlo(const nn::ModuleBase&, const Array<T>&, const Array<T>&, const Readout&,          \
                                  const MonteCarloOptions&, const Options&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
