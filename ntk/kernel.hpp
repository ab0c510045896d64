#pragma once

#include <functional>
#include <memory>

#include "autodiff/xtensor.hpp"
#include "nn/module.hpp"
#include "ntk/packed.hpp"
#include "ntk/plan.hpp"
#include "ntk/readout.hpp"
#include "ntk/sink.hpp"
#include "ntk/store.hpp"

/// Empirical neural tangent kernels of a network f with O outputs, at its present parameters.
///
///   eNTK(x, x') = J(x) J(x')^T                     (O, O) a pair; rows n O + o
///   pNTK(x, x') = <grad g(x), grad g(x')>,         g = sum_o f_o / sqrt(O)
///
/// All results are in double, and symmetric to the bit where both sides are the same examples. Inputs x (N, ...) are an
/// Array<T> or, for `entk` and `pntk`, also an xtensor expression of any element type. The network runs in evaluation
/// mode.
///
/// Cost for L dense layers of width W by the structured strategy: the sweeps take N L W^2 multiply-adds for each probe,
/// and the products N^2 L W for the pNTK or N^2 O^2 L W for the eNTK. Memory: at most options.memory, see plan.hpp.
///
/// Outputs of any shape (N, ...) count as (N, O). Without examples a kernel has no rows or columns. All functions throw
/// shape_error (axis 0 of the outputs is not that of x), numerical_error (NaN or infinity; the message names the
/// example or the parameter), batch_error (an op mixes examples) and memory_error (the budget cannot be kept).
///
/// Mohamadi, Bae, Sutherland: A Fast, Well-Founded Approximation to the Empirical Neural Tangent Kernel, ICML 2023.
/// Novak, Sohl-Dickstein, Schoenholz: Fast Finite Width Neural Tangent Kernel, ICML 2022.
namespace xtangent::ntk {

/// The kernel of a readout between examples x and themselves: (N K, N K), where K is the number of columns of the
/// readout, and probe k of example n has row n*K + k. For the other reductions of a readout see Readout::Reduction.
template <class T>
Array<double> kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                     const Readout& readout, const Options& options = {});
/// The kernel between two sets of examples, (N1 K, N2 K'). K' is K unless rows and columns have readouts of their own.
template <class T>
Array<double> kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1, const Array<T>& x2,
                     const Readout& readout, const Options& options = {});

/// The kernel between examples x and themselves in half the memory. Throws also shape_error (the readout is diagonal)
/// and option_error (a store is given).
template <class T>
PackedKernel packed_kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                           const Readout& readout, const Options& options = {});

/// Computes the kernel between examples x and themselves tile by tile and hands each tile to the sink that `sink` makes
/// for its shape. This is for kernels that are kept in a form of the caller's own. options.memory does not count the
/// memory of the sink. Throws also option_error (a store is given), and what the sink throws.
template <class T>
void kernel_into(const std::function<std::unique_ptr<TileSink>(const KernelShape&)>& sink, const nn::ModuleBase& net,
                 const nn::Parameters<T>& params, const Array<T>& x, const Readout& readout,
                 const Options& options = {});

/// Computes the kernel tile by tile into the folder options.store, for kernels that are larger than the memory. A call
/// that was interrupted is continued from the tiles that it has left there. Throws also shape_error (no examples),
/// option_error (no store is given, or it was begun with other settings) and data_error (the folder cannot be used).
template <class T>
StoredKernel stored_kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                           const Readout& readout, const Options& options);
template <class T>
StoredKernel stored_kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1,
                           const Array<T>& x2, const Readout& readout, const Options& options);

/// Plans a kernel between `rows` and `columns` examples without computing it. The plan says what the kernel will cost
/// and can be printed. x holds examples of the right shape, or none. If options.store holds a store that was begun,
/// the plan keeps to the tiles of that store, or throws option_error if it is a store of another kernel. Cost: one
/// forward pass over two examples.
template <class T>
Plan plan(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x, std::size_t rows,
          std::size_t columns, const Readout& readout, const Options& options = {},
          Residence residence = Residence::dense);
/// Plans the symmetric kernel between all examples in x and themselves.
template <class T>
Plan plan(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x, const Readout& readout,
          const Options& options = {}, Residence residence = Residence::dense);

/// The eNTK of all outputs, (N O, N O) or (N1 O, N2 O): `kernel` with readout::full().
template <class T, class X>
Array<double> entk(const nn::ModuleBase& net, const nn::Parameters<T>& params, const X& x,
                   const Options& options = {}) {
  return kernel<T>(net, params, Array<T>(x), readout::full(), options);
}
template <class T, class X1, class X2>
requires(!std::is_same_v<X2, Options>) Array<double> entk(const nn::ModuleBase& net, const nn::Parameters<T>& params,
                                                          const X1& x1, const X2& x2, const Options& options = {}) {
  return kernel<T>(net, params, Array<T>(x1), Array<T>(x2), readout::full(), options);
}
/// The pNTK, (N, N) or (N1, N2): `kernel` with readout::pseudo().
template <class T, class X>
Array<double> pntk(const nn::ModuleBase& net, const nn::Parameters<T>& params, const X& x,
                   const Options& options = {}) {
  return kernel<T>(net, params, Array<T>(x), readout::pseudo(), options);
}
template <class T, class X1, class X2>
requires(!std::is_same_v<X2, Options>) Array<double> pntk(const nn::ModuleBase& net, const nn::Parameters<T>& params,
                                                          const X1& x1, const X2& x2, const Options& options = {}) {
  return kernel<T>(net, params, Array<T>(x1), Array<T>(x2), readout::pseudo(), options);
}

}  // namespace xtangent::ntk
