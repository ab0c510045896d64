#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "ntk/compare.hpp"
#include "ntk/kernel.hpp"

/// Estimates how well K (x) I approximates an eNTK Theta. A few blocks of Theta suffice, and the estimate comes with a
/// confidence interval.
namespace xtangent::ntk {

struct CertificateOptions {
  std::size_t groups = 32;     ///< independent draws, at least 10; their spread gives the interval
  std::size_t group_size = 4;  ///< examples in a group, at least 2; all pairs of them are used
  double confidence = 0.95;    ///< confidence level of the interval, between 0 and 1
  std::uint64_t seed = 0;
};

/// An estimate of || Theta - K (x) I ||_F / || Theta ||_F over all pairs of the N examples.
struct Certificate {
  double estimate = 0;
  /// The confidence interval. high is infinite when the draws say nothing, and 0 when all of their blocks agree
  /// exactly.
  double low = 0, high = 0;
  double confidence = 0;     ///< the confidence level of the interval
  std::size_t pairs = 0;     ///< exact blocks (O, O) that were computed
  std::size_t examples = 0;  ///< Jacobians that were computed, including repetitions
};

/// Returns the eNTK (c O, c O) of the c examples with the given numbers.
using BlockSource = std::function<Array<double>(const std::vector<std::size_t>& examples)>;

/// The certificate of a pNTK (N, N), or of any other K of that shape. `entk` computes exact blocks for the same N
/// examples.
///
/// The examples of a group are drawn independently and with probabilities in proportion to K_nn, because examples with
/// large gradients carry most of the norms. The blocks of a group, divided by the probabilities of their draws,
/// estimate both squared norms without bias. The estimate is the root of the ratio of the sums over all groups. The
/// interval consists of the ratios r for which the mean over the groups of (difference - r total) is compatible with
/// zero, by Student's t with groups - 1 degrees of freedom (Fieller 1954), corrected for skewness (Hall 1992). It is
/// approximate: where a few pairs carry most of the difference, a small number of groups may miss them, and `groups`
/// should be raised. If N <= group_size, every pair is used once and the interval is a point.
///
/// Cost: groups * group_size Jacobians of all outputs, where the whole eNTK needs N, and groups * group_size^2 blocks,
/// where it has N^2. Memory: the eNTK of one group. Throws shape_error (K is not square, or blocks do not fit),
/// option_error, numerical_error (Theta is 0, or K has a negative entry on its diagonal).
Certificate certificate(const BlockSource& entk, const AnyMatrix& pntk, const CertificateOptions& options = {});

/// The certificate for a network and the examples x (N, ...) from which the pNTK was computed. Throws also what entk()
/// throws.
template <class T>
Certificate certificate(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                        const AnyMatrix& pntk, const CertificateOptions& options = {},
                        const Options& kernel_options = {}) {
  const std::size_t n = x.rank() ? x.shape()[0] : 0;
  if (pntk.shape().rank() == 0 || pntk.shape()[0] != n)
    throw shape_error("[certificate] pNTK " + to_string(pntk.shape()) + " for " + std::to_string(n) + " examples.");
  const BlockSource blocks = [&](const std::vector<std::size_t>& chosen) {
    return entk(net, params, x.rows_at(chosen), kernel_options);
  };
  return certificate(blocks, pntk, options);
}

/// The certificate of K for the kernel of a readout. If Theta is K (x) I, then A_n^T Theta(x_n, x_m) B_m is K_nm A_n^T
/// B_m, where A_n (O, C) and B_m (O, C') are what the readout takes of the outputs of examples n and m. The certificate
/// estimates how well that holds, || A^T Theta B - K_nm A_n^T B_m ||_F / || A^T Theta B ||_F over all pairs. For
/// example: how well the pNTK stands for the Gram of the gradients of the losses, readout::loss(labels). With
/// readout::full() it is the certificate above. A readout of each example's own is that of the N examples x; rows and
/// columns may have different ones, readout::between. Cost: groups * group_size gradients for each column of the
/// readout, and a forward pass of these examples. Throws also option_error (the reduction of the readout is not none),
/// and what kernel() throws.
template <class T>
Certificate certificate(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                        const Readout& readout, const AnyMatrix& pntk, const CertificateOptions& options = {},
                        const Options& kernel_options = {});

/// The quantile of Student's t distribution: t with `degrees` degrees of freedom, at least 8, falls below it with the
/// given probability. Accurate to 1e-4 (expansion of Cornish and Fisher).
double student_quantile(double probability, double degrees);

}  // namespace xtangent::ntk
