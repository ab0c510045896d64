#pragma once

#include <vector>

#include "nn/module.hpp"
#include "ntk/readout.hpp"

/// Kernels that can be differentiated: with respect to the examples and to the parameters of the network.
namespace xtangent::ntk {

/// K(x1, x2) of a readout, (N1 C, N2 C), row n C + c, as a Var: on the tape of x1, x2 and `parameters`, whichever stand
/// on one. So a loss of a kernel is differentiated like any other function, any number of times:
///
///   Tape<double> tape;
///   const Var<double> x = tape.variable(images, Examples::axis0);
///   const Var<double> k = differentiable_kernel(net, params, x, x, readout::pseudo());
///   const Var<double> loss = sum(square(y - matmul(cross, solve_positive_definite(k, labels))));
///   const std::vector<Var<double>> gradient = pullback(loss, ones_like(loss), {x});
///
/// `parameters`: Vars in the order of params.infos(), or none for the values in params. A side that stands on no tape
/// is computed and not recorded; pass the same Var twice for the kernel of examples with themselves, whose sweep then
/// runs once. In evaluation mode. The sweep is recorded, and so are the products of the per-example gradients: those of
/// dense layers stay in factored form, N^2 C^2 W a layer and no N P, those of other layers are made, N C P elements.
/// A side without examples gives a kernel without rows or columns. Throws what recorded_gradients throws, shape_error,
/// option_error (another reduction than trace), numerical_error (NaN or infinity, naming the example or the parameter).
template <class T>
Var<T> differentiable_kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Var<T>& x1,
                             const Var<T>& x2, const Readout& readout = readout::full(), VarListOf<T> parameters = {});

struct KernelGradientOptions {
  std::size_t block = 128;  ///< examples of a side that are recorded at a time
  bool parameters = false;  ///< also with respect to the parameters
};

/// Derivatives of sum(kbar o K(x1, x2)).
template <class T>
struct KernelGradient {
  Array<T> x1, x2;                   ///< in their shapes
  std::vector<Array<T>> parameters;  ///< in the order of params.infos(); empty where not asked for
};

/// The gradient of a scalar of a large kernel from its derivative kbar (N1 C, N2 C) with respect to the kernel: block
/// by block, so that no more than a pair of blocks is ever recorded. For the kernel of examples with themselves add the
/// two sides. Cost: for dense layers of width W, N1 N2 C^2 W a layer, and the sweeps of each block once for each block
/// of the other side. Throws what differentiable_kernel throws, shape_error (kbar), option_error (block 0).
template <class T>
KernelGradient<T> kernel_gradient(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1,
                                  const Array<T>& x2, const Array<T>& kbar, const Readout& readout = readout::full(),
                                  const KernelGradientOptions& options = {});

}  // namespace xtangent::ntk
