#pragma once

#include <memory>

#include "nn/module.hpp"
#include "ntk/algebra/linear_map.hpp"
#include "ntk/readout.hpp"

namespace xtangent::ntk {

struct OperatorOptions {
  /// Bytes that recordings and a product may hold at most, its result included; 0: half of what the machine has free.
  std::size_t memory = 0;
  /// Examples a recording; 0: as many as keep weights and activations in the cache.
  std::size_t shard = 0;
};

/// A kernel that is applied and never formed: K u = R^T J (J^T R u), exactly.
///
/// Legend: N columns' and N1 rows' examples, O outputs, C columns of the readout R (O, C), M columns of u, P
/// parameters.
///
/// u (N C, M), row n C + c, is pulled back to cotangents of the parameters, which are summed in double, and those are
/// pushed forward to the outputs, both over recordings in shards of examples. The recordings are the same in every
/// product: as many as the memory allows are kept, the others made anew each time. The M columns are probes of the
/// sweeps, as many at a time as fit. Results depend neither on the number of threads nor on the memory, as long as
/// shards of the usual size fit.
///
/// Cost: with kept recordings about four forward passes over the examples a column (for dense layers: two products
/// back, two forward, but one each for the first layer); M P doubles and twice M P elements of T of one chunk of
/// columns. In T = float a product is good to about 1e-6 of the norm of K: solve in double.
///
/// Novak, Sohl-Dickstein, Schoenholz: Fast Finite Width Neural Tangent Kernel, ICML 2022, section 3.3.
template <class T>
class Operator {
 public:
  /// Of examples x (N, ...) with themselves. The network runs in evaluation mode and must outlive the operator and its
  /// maps; parameters and examples are shared. Throws shape_error (no examples, an output that is not (N, O), a readout
  /// that does not fit), numerical_error (NaN or infinity, naming the example or the parameter), batch_error (an op
  /// mixes examples), memory_error (not even one example at a time fits), option_error (another reduction than trace).
  Operator(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
           const Readout& readout = readout::full(), const OperatorOptions& options = {});
  /// Between rows x1 (N1, ...) and columns x2 (N, ...). Throws the same, shape_error for examples of other shapes.
  Operator(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1, const Array<T>& x2,
           const Readout& readout = readout::full(), const OperatorOptions& options = {});

  /// N1 C; N1 for the trace.
  std::size_t rows() const;
  /// N C; N for the trace.
  std::size_t columns() const;

  /// K u for u (columns(), M): (rows(), M). Throws shape_error, numerical_error (u not finite, or the network
  /// overflows), memory_error when not even one column fits beside the result.
  Array<double> operator()(const Array<double>& u) const;

  /// The symmetric operator for Lanczos and conjugate gradients; it may outlive this one. Throws shape_error for an
  /// operator between two sets of examples.
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
