#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nn/module.hpp"
#include "ntk/algebra/linear_map.hpp"
#include "ntk/distributed/communicator.hpp"
#include "ntk/metric.hpp"
#include "ntk/readout.hpp"

namespace xtangent::ntk {

struct OperatorOptions {
  /// The largest number of bytes that recordings and a product may hold, including the result. 0 means half of the
  /// memory that the machine has free.
  std::size_t memory = 0;
  /// The parameters whose gradients count, as in Options.
  std::vector<std::string> parameters = {};
  /// As in Options.
  Metric metric = {};
  /// Examples in one recording. 0 means as many as keep weights and activations in the cache.
  std::size_t shard = 0;
  /// Several processes: the examples of the columns are those of all ranks together, of which each rank has given its
  /// own, at least one. A product takes this rank's rows of u, and makes this rank's rows of the result. All ranks have
  /// to call it together, with as many columns. The cotangents of the parameters are summed over the ranks, once for
  /// the probes that are swept at a time, which are as many as the memory of each rank allows. Empty: this process.
  std::shared_ptr<Communicator> ranks = {};
};

/// A kernel Theta that is applied and never formed: Theta u = R^T J (J^T R u), exactly.
///
/// Theta has N1 examples in its rows and N2 in its columns; O outputs, K columns of the readout R (O, K), or K of the
/// rows and K' of the columns where they have readouts of their own, P elements of all parameters, m columns of u.
///
/// u (N2 K', m), with probe k of example n in row n*K' + k, is pulled back to cotangents of the parameters, which are
/// summed in double. These are then pushed forward to the outputs. Both sweeps go over recordings of shards of
/// examples. Every product needs the same recordings: as many as the memory allows are kept, and the others are made
/// anew each time. The m columns are probes of the sweeps, as many at a time as fit. Results depend neither on the
/// number of threads nor on the memory, as long as shards of the usual size fit.
///
/// Cost for each column, if recordings are kept: about four forward passes over the examples, because a dense layer
/// takes two products back and two forward, and the first layer one of each. Memory for the columns that are swept at a
/// time, m of them: m P doubles and 2 m P elements of T. With T = float the error of a product is about 1e-6 of the
/// norm of Theta, so use double to solve systems.
///
/// Novak, Sohl-Dickstein, Schoenholz: Fast Finite Width Neural Tangent Kernel, ICML 2022, section 3.3.
template <class T>
class Operator {
 public:
  /// The kernel between examples x (N, ...) and themselves. The network runs in evaluation mode and must outlive the
  /// operator and its maps; parameters and examples are shared. There may be no examples. Throws shape_error (an output
  /// that is not (N, ...), or a readout that does not fit), numerical_error (NaN or infinity; the message names the
  /// example or the parameter), batch_error (an op mixes examples), memory_error (not even one example at a time fits),
  /// option_error (the reduction is diagonal).
  Operator(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
           const Readout& readout = readout::full(), const OperatorOptions& options = {});
  /// The kernel between examples x1 (N1, ...) in its rows and x2 (N2, ...) in its columns. Throws also shape_error if
  /// examples of x1 and x2 differ in shape.
  Operator(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1, const Array<T>& x2,
           const Readout& readout = readout::full(), const OperatorOptions& options = {});

  /// N1 K, or N1 for the trace.
  std::size_t rows() const;
  /// N2 K', or N2 for the trace.
  std::size_t columns() const;

  /// Theta u, (rows(), m), for u (columns(), m). Throws shape_error, numerical_error (u is not finite, or the network
  /// overflows), memory_error (not even one column fits beside the result).
  Array<double> operator()(const Array<double>& u) const;

  /// The same operator as a map for Lanczos and conjugate gradients, which may outlive this object. Throws shape_error
  /// for an operator between two sets of examples, since that is not symmetric.
  LinearMap map() const;

  /// Floating-point operations of a product with one column.
  double flop() const;
  /// Bytes of the recordings that are kept.
  double kept_bytes() const;

 private:
  class State;
  std::shared_ptr<const State> state_;
};

extern template class Operator<float>;
extern template class Operator<double>;

}  // namespace xtangent::ntk
