#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "autodiff/kernels/layout.hpp"
#include "ntk/compare.hpp"
#include "ntk/kernel.hpp"

/// How good an approximation K (x) I of an eNTK Theta is, from a few of Theta's blocks, with a confidence interval.
namespace xtangent::ntk {

struct CertificateOptions {
  std::size_t groups = 32;     ///< independent draws, at least 10: their spread gives the interval
  std::size_t group_size = 4;  ///< examples in a group, at least 2: all their pairs are used
  double confidence = 0.95;    ///< of the interval, between 0 and 1
  std::uint64_t seed = 0;
};

/// || Theta - K (x) I ||_F / || Theta ||_F over all pairs of the N examples.
struct Certificate {
  double estimate = 0;
  double low = 0, high = 0;  ///< the confidence interval; high is infinite when the draws say nothing
  double confidence = 0;
  std::size_t pairs = 0;     ///< exact O x O blocks that were computed
  std::size_t examples = 0;  ///< Jacobians that were computed, repetitions included
};

/// The eNTK (c O, c O) of c of the examples, given by their numbers.
using BlockSource = std::function<Array<double>(const std::vector<std::size_t>& examples)>;

/// For a pNTK (N, N), or any other K, and the exact blocks of the same N examples that `entk` computes.
///
/// Each group is a draw of examples in proportion to K_nn, independent of the others: examples with large gradients
/// carry most of the norms. A group's blocks, over the probabilities of their draws, estimate both squared norms
/// without bias; the estimate is the root of the ratio of their sums. The interval holds the ratios r for which the
/// groups' difference - r total are zero on average, by Student's t of groups - 1 degrees of freedom (Fieller 1954)
/// corrected for skewness (Hall 1992). It is approximate: a few pairs that carry most of the difference may be missed
/// by few groups; then raise `groups`. Up to N = group_size all pairs are used, once, and the interval is a point.
///
/// Cost: groups * group_size Jacobians of all outputs (the whole eNTK: N), groups * group_size^2 blocks (N^2); memory
/// one group. Throws shape_error (K not square, blocks that do not fit), option_error, numerical_error (Theta = 0, K
/// with a negative diagonal).
Certificate certificate(const BlockSource& entk, const AnyMatrix& pntk, const CertificateOptions& options = {});

/// The same for a network on the examples x (N, ...) of the pNTK. Throws also what entk() does.
template <class T>
Certificate certificate(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                        const AnyMatrix& pntk, const CertificateOptions& options = {},
                        const Options& kernel_options = {}) {
  const std::size_t n = x.rank() ? x.shape()[0] : 0;
  if (pntk.shape().rank() == 0 || pntk.shape()[0] != n)
    throw shape_error("[certificate] pNTK " + to_string(pntk.shape()) + " of " + std::to_string(n) + " examples.");
  const BlockSource blocks = [&](const std::vector<std::size_t>& chosen) {
    Shape shape = x.shape();
    shape[0] = chosen.size();
    Array<T> group(shape);
    kernels::gather(1, n, x.size() / n, chosen, x.data(), group.mutable_data());
    return entk(net, params, group, kernel_options);
  };
  return certificate(blocks, pntk, options);
}

/// The value below which Student's t with this many degrees of freedom (8 at least) falls with this probability, to
/// 1e-4 (Cornish and Fisher's expansion).
double student_quantile(double probability, double degrees);

}  // namespace xtangent::ntk
