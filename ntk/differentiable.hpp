#pragma once

#include <vector>

#include "nn/module.hpp"
#include "ntk/readout.hpp"

/// Kernels that can be differentiated with respect to the examples and to the parameters of the network.
namespace xtangent::ntk {

/// The kernel of a readout between x1 and x2 as a Var, (N1 K, N2 K') with probe k of example n in row n*K + k. It
/// stands on the tape of x1, x2 and `parameters` if any of them is on one. So a loss that depends on a kernel is
/// differentiated like any other function, any number of times:
///
///   Tape<double> tape;
///   const Var<double> x = tape.variable(images, Examples::axis0);
///   const Var<double> k = differentiable_kernel(net, params, x, x, readout::pseudo());
///   const Var<double> loss = sum(square(y - matmul(cross, solve_positive_definite(k, labels))));
///   const std::vector<Var<double>> gradient = pullback(loss, ones_like(loss), {x});
///
/// `parameters` are Vars in the order of params.infos(); if there are none, the values in params are used. A side that
/// is on no tape is computed without being recorded. For the kernel between examples and themselves pass the same Var
/// twice, and the sweep runs only once. The network runs in evaluation mode.
///
/// Cost: the sweep and the products of the per-example gradients are recorded. The gradients of dense layers of width W
/// stay in factored form, which takes N^2 K^2 W multiply-adds a layer; those of other layers are formed and take N K P
/// elements. A side without examples gives a kernel without rows or columns. Throws what recorded_gradients throws,
/// shape_error, option_error (the reduction is diagonal), numerical_error (NaN or infinity; the message names the
/// example or the parameter).
template <class T>
Var<T> differentiable_kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Var<T>& x1,
                             const Var<T>& x2, const Readout& readout = readout::full(), VarListOf<T> parameters = {});

struct KernelGradientOptions {
  std::size_t block = 128;  ///< number of examples of a side that are recorded at a time
  bool parameters = false;  ///< also differentiate with respect to the parameters
};

/// The derivatives of the sum over all entries of the kernel times kbar.
template <class T>
struct KernelGradient {
  Array<T> x1, x2;                   ///< each in the shape of its examples
  std::vector<Array<T>> parameters;  ///< in the order of params.infos(); empty unless asked for
};

/// The gradient of a scalar function of a large kernel, from the derivative kbar (N1 K, N2 K') of that function with
/// respect to the kernel. It is computed block by block, so that no more than a pair of blocks is recorded at a time.
/// For the kernel between examples and themselves, add x1 and x2 of the result. Cost: N1 N2 K^2 W multiply-adds for
/// each dense layer of width W, and each block of examples is swept once for each block of the other side. Throws what
/// differentiable_kernel throws, shape_error (kbar does not fit), option_error (block is 0).
template <class T>
KernelGradient<T> kernel_gradient(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1,
                                  const Array<T>& x2, const Array<T>& kbar, const Readout& readout = readout::full(),
                                  const KernelGradientOptions& options = {});

}  // namespace xtangent::ntk
