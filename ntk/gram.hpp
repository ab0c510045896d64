#pragma once

#include "nn/module.hpp"

/// Gram matrices of what a network computes, as opposed to kernels of how it changes: the empirical kernels of its
/// NNGP, the Gaussian process that the initial network becomes as its layers widen. All are in double, and exactly
/// symmetric between examples x (N, ...) and themselves. The network runs in evaluation mode.
///
///   const Array<double> nngp = ntk::output_gram(net, params, x);   // over outputs of one initialization
///   const ntk::MonteCarlo mean = ntk::monte_carlo<double>(         // over outputs of 200 of them
///       net, [&](const nn::Parameters<double>& drawn) { return ntk::output_gram(net, drawn, x); }, {.samples = 200});
///
/// Lee et al., Deep Neural Networks as Gaussian Processes, ICLR 2018.
namespace xtangent::ntk {

/// f(x) f(x')^T / O, (N, N), for outputs f (N, O). Outputs of another shape (N, ...) count as (N, O), and (N,) as
/// (N, 1). There may be no examples. Cost: one forward pass and N^2 O multiply-adds. Throws shape_error (axis 0 of the
/// outputs does not run over the examples), numerical_error (an example, a parameter or an output is not finite).
template <class T>
Array<double> output_gram(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x);
/// Between two sets of examples, (N1, N2).
template <class T>
Array<double> output_gram(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1,
                          const Array<T>& x2);

/// h(x) h(x')^T, (N, N), for the inputs h (N, I) of the linear layer in which the network ends. It is the kernel with
/// respect to the weight of that layer, for each output: entk with Options::parameters = {"head.weight"} is this Gram
/// (x) I. In the NTK parameterization that is sigma_w^2 h h^T / I. Cost: one forward pass and N^2 I multiply-adds.
/// Memory: N I doubles. Throws shape_error, numerical_error, and rule_error (the network does not end in a linear layer
/// whose parameters nothing else uses).
template <class T>
Array<double> feature_gram(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x);
/// Between two sets of examples, (N1, N2).
template <class T>
Array<double> feature_gram(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1,
                           const Array<T>& x2);

}  // namespace xtangent::ntk
