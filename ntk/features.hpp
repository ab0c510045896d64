#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "nn/module.hpp"
#include "ntk/metric.hpp"
#include "ntk/plan.hpp"
#include "ntk/readout.hpp"
#include "ntk/sharing.hpp"

/// Features: a row of k numbers for each example, whose inner products are those of the examples' gradients in
/// expectation. Then K ~ Phi Phi^T, and what a kernel of order N is needed for takes a matrix of order k instead.
///
///   const auto basis = ntk::feature_basis(net, params, x, readout, {.k = 8192, .seed = 1});
///   const Array<float> phi = ntk::features(net, params, x, readout, basis);            // (N, 8192)
///   const Array<float> phi_new = ntk::features(net, params, x_new, readout, basis);
///   const ntk::FeatureRegression regression(phi);                                      // feature_regression.hpp
///
/// The gradient of an example, R^T J with P numbers for each column of the readout, is projected by sparse signs: each
/// element of it is added, with a sign, to one of the k numbers. Sign and place are a hash of the seed, the name of the
/// parameter and the number of the element, so nothing is stored, and two calls with the same basis use the same ones.
/// Arrays whose gradients are not larger than their share of k keep coordinates of their own, without an error; with k
/// = P that is all of them. For entries of gradients g and g' of which none is large, Phi Phi^T has the standard
/// deviation sqrt((|g|^2 |g'|^2 + (g . g')^2) / k), and its rank is at most k.
///
/// With m anchors A, examples whose kernels C = K(X, A) and W = K(A, A) are computed exactly, what they explain of each
/// gradient is not left to the projection:
///
///   K ~ C W^+ C^T + (Phi - C W^+ Phi_A)(Phi - C W^+ Phi_A)^T
///
/// This is again an inner product of features, with m numbers more: (C W^(+/2), Phi - C W^+ Phi_A). Kernels of networks
/// have a few large eigenvalues, which anchors take over: on CIFAR-10 they cut errors of norms and spectra 3 to 70
/// times, while predictions without a ridge, which depend on the smallest eigenvalues, gain less.
///
/// Rows are those of the kernel: probe c of example n has row n K + c, and for readout::trace() there is one row for an
/// example. All functions throw what `kernel` throws, option_error for the reduction diagonal and for a readout of two
/// sides (take the features of each side), and memory_error where not even one example fits.
namespace xtangent::ntk {

/// How the k numbers are divided among the arrays of parameters.
enum class FeatureSplit {
  pooled,  ///< arrays that are larger than an equal share go to one common set of places
  equal,   ///< each array has places of its own, as many for each; what small ones do not need is for the others
  size,    ///< in proportion to the number of elements
  trace,   ///< in proportion to the array's part of the kernel's trace on up to 32 of the examples
};
const char* name(FeatureSplit split);
/// The split of a name. Throws option_error, which lists the names.
FeatureSplit parse_feature_split(std::string_view text);

struct FeatureOptions {
  std::size_t k = 8192;     ///< numbers to which gradients are projected
  std::uint64_t seed = 0;   ///< decides the signs, and which examples are anchors
  std::size_t anchors = 0;  ///< m, examples whose kernels are exact
  FeatureSplit split = FeatureSplit::pooled;
  /// The parameters whose gradients count, as in Options. A kernel is a sum over parameters, so those whose exact
  /// kernel is cheap, such as large dense layers, can be left out here and added exactly: K ~ Phi Phi^T + kernel(net,
  /// params, x, readout, {.parameters = ...}). See dense_parameters.
  std::vector<std::string> parameters = {};
  Metric metric = {};                                  ///< as in Options
  std::size_t memory = 0;                              ///< as in Options
  std::function<void(const Progress&)> progress = {};  ///< as in Options, by the share of the examples
  /// For stored_features: the folder, and the examples in a file; 0 means as many as make about 256 MiB.
  std::filesystem::path store = {};
  std::size_t part = 0;
  Sharing sharing = {};  ///< for stored_features: whether other processes compute into the same folder
};

/// Where the gradient of an array of parameters stands among the k numbers.
struct FeaturePlace {
  std::string parameter;             ///< its name
  std::size_t elements = 0;          ///< in its gradient: P, or K P where K probes are summed
  std::size_t first = 0, count = 0;  ///< its numbers: [first, first + count)
  bool exact = false;                ///< they are the elements themselves
};

/// Everything that gives examples their coordinates, besides the network: two sets of examples with the same basis have
/// features whose inner products approximate their kernel.
template <class T>
struct FeatureBasis {
  FeatureOptions options = {};
  std::vector<FeaturePlace> places = {};
  std::size_t rows_each = 1;     ///< rows of an example
  Array<T> anchors = {};         ///< (m, ...)
  Readout anchor_readout = {};   ///< theirs, not that of the examples where each has its own
  Array<double> whitening = {};  ///< W^(+/2) (m K, m K)
  Array<double> explained = {};  ///< its transpose times Phi_A, (m K, k)

  /// Numbers in a row of features: m K + k.
  std::size_t columns() const { return options.k + (whitening.defined() ? whitening.shape()[1] : 0); }
};

/// Divides the k numbers among the parameters and draws the anchors from x (N, ...). Cost: one forward pass; for m
/// anchors their exact kernel, their features, and an eigenvalue problem of order m K; for FeatureSplit::trace the
/// gradients of 32 examples. Memory: with anchors 8 m K (m K + k) bytes that stay in the basis, and up to three times
/// as much on the way. Also throws option_error (k is 0, or less than the number of arrays that need places of
/// their own; m K + k is 2^31 or more; more anchors than examples).
template <class T>
FeatureBasis<T> feature_basis(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                              const Readout& readout, const FeatureOptions& options = {});

/// Phi of examples x (N, ...): (N K, m K + k). Rows have the same bits for any number of threads. Cost: one sweep and
/// the gradients themselves, N K P hashed elements, and with anchors the exact kernel between x and the anchors.
/// Memory: the result, the gradients of a few shards in pieces, and with anchors their kernel with a part of the
/// examples; all of it and the basis within options.memory of the basis.
template <class T>
Array<T> features(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x, const Readout& readout,
                  const FeatureBasis<T>& basis, const std::function<void(const Progress&)>& progress = {});
/// The same with a basis made for these examples.
template <class T>
Array<T> features(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x, const Readout& readout,
                  const FeatureOptions& options = {}) {
  return features(net, params, x, readout, feature_basis(net, params, x, readout, options), options.progress);
}

/// The names of the parameters of large dense layers with one position, whose exact kernel takes fewer operations than
/// to form and project their gradients, for `examples` examples: what Options::parameters and, each with ! in front,
/// FeatureOptions::parameters take. Cost: one forward pass over two examples.
template <class T>
std::vector<std::string> dense_parameters(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                                          std::size_t examples, const Readout& readout);

}  // namespace xtangent::ntk
