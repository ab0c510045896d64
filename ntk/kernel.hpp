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

/// Empirical neural tangent kernels of a network f: R^d -> R^O at its present parameters.
///
///   eNTK(x, x') = J(x) J(x')^T                     (O, O) a pair; rows n O + o
///   pNTK(x, x') = <grad g(x), grad g(x')>,         g = sum_o f_o / sqrt(O)
///
/// All results are in double, symmetric to the bit where both sides are the same examples. Inputs x are (N, ...), Array
/// or xt::xarray of any element type. The network runs in evaluation mode.
///
/// Cost (dense layers, width W, L layers, structured): N L W^2 sweeps a probe + N^2 L W for the pNTK, N^2 O^2 L W for
/// the eNTK. Memory: options.memory at most, see plan.hpp.
/// Throw shape_error (no examples, an output that is not (N, O)), numerical_error (NaN or infinity, naming the example
/// or the parameter), batch_error (an op mixes examples), memory_error (the budget cannot be kept).
///
/// Mohamadi, Bae, Sutherland: A Fast, Well-Founded Approximation to the Empirical Neural Tangent Kernel, ICML 2023.
/// Novak, Sohl-Dickstein, Schoenholz: Fast Finite Width Neural Tangent Kernel, ICML 2022.
namespace xtangent::ntk {

/// The kernel of a readout between examples x and themselves, (N C, N C).
template <class T>
Array<double> kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                     const Readout& readout, const Options& options = {});
/// Between two sets of examples, (N1 C, N2 C).
template <class T>
Array<double> kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1, const Array<T>& x2,
                     const Readout& readout, const Options& options = {});

/// The kernel between examples x and themselves in half the memory. Throws shape_error also for readout::diagonal.
template <class T>
PackedKernel packed_kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                           const Readout& readout, const Options& options = {});

/// The kernel between examples x and themselves tile by tile into a sink that is made for its shape: for what is kept
/// in another form. The sink's memory is the caller's, options.memory does not count it. Throws also option_error with
/// a store, and what the sink throws.
template <class T>
void kernel_into(const std::function<std::unique_ptr<TileSink>(const KernelShape&)>& sink, const nn::ModuleBase& net,
                 const nn::Parameters<T>& params, const Array<T>& x, const Readout& readout,
                 const Options& options = {});

/// The kernel in the folder options.store, tile by tile: for kernels larger than the memory. Goes on with what an
/// interrupted call has left there. Throws also what StoreTiles throws, option_error without a store.
template <class T>
StoredKernel stored_kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                           const Readout& readout, const Options& options);
template <class T>
StoredKernel stored_kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1,
                           const Array<T>& x2, const Readout& readout, const Options& options);

/// What a kernel would cost, without computing it: printable. x: at least one example, of the right shape. Of a store
/// that was begun, as it was begun.
template <class T>
Plan plan(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x, std::size_t rows,
          std::size_t columns, const Readout& readout, const Options& options = {},
          Residence residence = Residence::dense);
/// Of a symmetric kernel over all examples in x.
template <class T>
Plan plan(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x, const Readout& readout,
          const Options& options = {}, Residence residence = Residence::dense);

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
