#pragma once

#include <vector>

#include "ntk/algebra/any_matrix.hpp"
#include "ntk/algebra/cholesky.hpp"
#include "ntk/algebra/linear_map.hpp"
#include "ntk/kernel.hpp"

/// The head-aware kernel, an approximation of the eNTK Theta that lies between the pNTK and the eNTK itself: Theta ~
/// Phi (x) I + Psi (x) S.
///
/// The last layer is f = W h + b, and its parameters contribute exactly Phi (x) I_O to Theta, with Phi(x, x') = <h, h'>
/// + 1. The layers below contribute W T W^T, where T is the kernel of h. If T is approximated by Psi I, this becomes
/// Psi (x) S with S = W W^T. Psi is computed from the kernel of a readout v, as (kernel - v^T v Phi) / (v^T S v). At
/// initialization S is nearly a multiple of I, and the approximation is little better than the pNTK; after training it
/// is much better. The eigenvectors of S make it block diagonal, so that solving takes O solutions of order N.
namespace xtangent::ntk {

struct HeadAwareKernel {
  Array<double> head;     ///< Phi (N1, N2)
  Array<double> rest;     ///< Psi (N1, N2)
  Array<double> outputs;  ///< S (O, O)
};

/// The kernel between examples x (N, ...) and themselves, exactly symmetric. `readout` has one column or a mean over
/// columns, such as the trace. The pNTK's sum of the logits is less suited, since it decays in trained networks. Cost:
/// the kernel of the readout, one more forward pass, and 2 N^2 FLOP for each input of the last layer. Memory: 16 N^2
/// bytes more. Throws rule_error (the network does not end in a linear layer with parameters of its own), option_error
/// (the readout has several columns and no mean over them), numerical_error (v^T S v is 0), and what `kernel` throws.
template <class T>
HeadAwareKernel head_aware_kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                                  const Readout& readout = readout::trace(), const Options& options = {});
/// The kernel between examples x1 (N1, ...) and x2 (N2, ...).
template <class T>
HeadAwareKernel head_aware_kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1,
                                  const Array<T>& x2, const Readout& readout = readout::trace(),
                                  const Options& options = {});

/// (Phi (x) I + Psi (x) S + ridge I)^-1 r for r (N, O). With r = y - f0 the result is the weights that predict() takes.
/// A relative ridge is in units of the mean of the diagonal. Cost: O factorizations of order N, one at a time. Memory:
/// 16 N^2 bytes. Throws shape_error, numerical_error (the kernel is not positive definite), option_error.
Array<double> head_aware_solve(const HeadAwareKernel& kernel, const Doubles& r, const CholeskyOptions& options = {});

/// f0_new + K_new w, (M, O), from the kernel K_new between M new examples and the N examples of the weights w (N, O).
/// Throws shape_error.
Array<double> predict(const HeadAwareKernel& kernel_new, const Doubles& weights, const Doubles& f0_new);

/// All N O eigenvalues in ascending order. Cost: O times that of the eigenvalues of a kernel of order N. Throws
/// shape_error, numerical_error.
std::vector<double> eigenvalues(const HeadAwareKernel& kernel);

/// The kernel as a map of columns (N O, m), with output o of example n in row n*O + o. Throws shape_error (the kernel
/// is not one between examples and themselves).
LinearMap linear_map(const HeadAwareKernel& kernel);

/// || Theta - Phi (x) I - Psi (x) S ||_F / || Theta ||_F for an eNTK Theta (N1 O, N2 O), without forming the
/// approximation. Throws shape_error, numerical_error (Theta is 0).
double relative_frobenius(const AnyMatrix& entk, const HeadAwareKernel& kernel);

}  // namespace xtangent::ntk
