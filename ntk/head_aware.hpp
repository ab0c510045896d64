#pragma once

#include <vector>

#include "ntk/algebra/any_matrix.hpp"
#include "ntk/algebra/cholesky.hpp"
#include "ntk/algebra/linear_map.hpp"
#include "ntk/kernel.hpp"

/// An approximation of the eNTK between the pNTK and the eNTK itself: Theta ~ Phi (x) I + C (x) S.
///
/// The last layer, f = W h + b with W (O, W), gives Theta exactly Phi (x) I_O with Phi(x, x') = <h, h'> + 1. What the
/// layers below give is W T W^T with T the kernel of h, and T ~ C I: hence C (x) S, S = W W^T. C is what a readout's
/// kernel has beside Phi, over v^T S v. At initialization S is nearly a multiple of I and this is little better than
/// the pNTK; after training it is not, and this is much better. All of it diagonalizes in the eigenvectors of S: a
/// solution is O solutions of order N.
namespace xtangent::ntk {

struct HeadAwareKernel {
  Array<double> head;     ///< Phi (N1, N2)
  Array<double> rest;     ///< C (N1, N2)
  Array<double> outputs;  ///< S (O, O)
};

/// For the examples x (N, ...) with themselves, exactly symmetric. `readout` has one column, or is the trace: the sum
/// of logits decays in trained networks, random signs do not. Cost: the readout's kernel, one more forward pass, and 2
/// N^2 W FLOP; memory 16 N^2 bytes besides. Throws rule_error where the network's output is no linear layer of its own
/// parameters, option_error (a readout with more columns), numerical_error (v^T S v = 0), and what `kernel` throws.
template <class T>
HeadAwareKernel head_aware_kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                                  const Readout& readout = readout::trace(), const Options& options = {});
/// Between x1 (N1, ...) and x2 (N2, ...).
template <class T>
HeadAwareKernel head_aware_kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1,
                                  const Array<T>& x2, const Readout& readout = readout::trace(),
                                  const Options& options = {});

/// (Phi (x) I + C (x) S + ridge I)^-1 r for r (N, O): what predict() below takes when r = y - f0. A relative ridge is
/// in units of the mean diagonal of the whole. Cost: O factorizations of order N, one at a time; memory 16 N^2 bytes.
/// Throws shape_error, numerical_error (not positive definite), option_error.
Array<double> head_aware_solve(const HeadAwareKernel& kernel, const Doubles& r, const CholeskyOptions& options = {});

/// f0_new + K_new w: (M, O), from the kernel between M new examples and the N of the weights w (N, O). Throws
/// shape_error.
Array<double> predict(const HeadAwareKernel& kernel_new, const Doubles& weights, const Doubles& f0_new);

/// All N O eigenvalues, ascending. Cost: O times those of order N. Throws shape_error, numerical_error.
std::vector<double> eigenvalues(const HeadAwareKernel& kernel);

/// Applied to columns (N O, M), rows n O + o. Throws shape_error unless the kernel is one of examples with themselves.
LinearMap linear_map(const HeadAwareKernel& kernel);

/// || Theta - Phi (x) I - C (x) S ||_F / || Theta ||_F for an eNTK (N1 O, N2 O), without forming the approximation.
/// Throws shape_error, numerical_error (Theta = 0).
double relative_frobenius(const AnyMatrix& entk, const HeadAwareKernel& kernel);

}  // namespace xtangent::ntk
