#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "autodiff/kernels/conv_shape.hpp"
#include "autodiff/tape.hpp"

/// Gradients of single examples with respect to parameters, in factored form.
namespace xtangent {

/// The form in which the gradient of one example with respect to a parameter is held. l is the cotangent of the output
/// of the op that uses the parameter, r is the input of that op, and p runs over positions (pixels of a convolution's
/// output, tokens of a sequence).
///
///   outer      l_n (x) r_n            linear with one position       never forms N x P
///   outer_sum  sum_p l_np (x) r_np    convolution, linear on sequences
///   bias       sum_p l_np             bias: what is added at each position
///   diag       sum_p l_np o r_np      norm scale
///   gather     row i gets sum_{p: index_np = i} l_np    embedding
///   dense      the gradient itself    any op: always right
enum class FactorKind { outer, outer_sum, bias, diag, gather, dense };

const char* name(FactorKind kind);

/// The shape of one use of a parameter. Several uses that are alike count as one use with the positions of all.
struct UseShape {
  FactorKind kind = FactorKind::dense;
  std::size_t parameter_size = 0, positions = 1, left = 1, right = 1;  // P, D, C, I
  bool channels_first = false;
  bool transposed = false;                         ///< the parameter is stored as (I, C)
  std::optional<kernels::ConvShape> patches = {};  ///< for a convolution
  bool same_left = false;                          ///< all examples have the same left factors

  bool grouped() const { return patches && patches->groups > 1; }
  /// Whether the gradient is a sum of outer products, as for the kinds outer and outer_sum.
  bool is_product() const { return kind == FactorKind::outer || kind == FactorKind::outer_sum; }
  /// Elements that the factors of one example hold for K probes.
  std::size_t factor_size(std::size_t probes) const;
  /// Elements of the parameter whose gradients can be formed without the rest: those of a row, or of all rows of a
  /// group.
  std::size_t unit() const;
  bool operator==(const UseShape&) const = default;
};

/// The per-example gradients of one use of a parameter, for K probes and N examples.
template <class T>
struct Factor {
  FactorKind kind = FactorKind::dense;
  Shape parameter;            ///< shape of the parameter, P elements
  std::size_t probes = 1;     ///< K
  std::size_t examples = 0;   ///< N
  std::size_t positions = 1;  ///< D
  /// Cotangents. channels_first: (K, N, C, D); else (K, N, D, C); dense: (K, N, P).
  Array<T> left;
  /// Inputs, shared by all probes: (N, D, I); diag: like left without K; gather: (N, D) indices as T. With `patches`:
  /// the images (N, channels, pixels), whose patches (I = channels * taps) are the inputs.
  Array<T> right;
  bool channels_first = false;
  std::optional<kernels::ConvShape> patches;
  /// The parameter is stored as (I, C): its rows belong to the inputs. For the outer kinds without patches.
  bool transposed = false;
  /// The left factors of all examples are the same. This holds for a use in the op that made the output of the network,
  /// when all examples are swept with the same cotangents.
  bool same_left = false;

  /// C, the number of rows of the parameter that the left side addresses.
  std::size_t left_size() const;
  /// I, the number of columns of the parameter that the right side addresses.
  std::size_t right_size() const;
  std::size_t bytes() const { return left.bytes() + (right.defined() ? right.bytes() : 0); }

  /// (K, N, P): the gradients themselves. Cost: K N D C I multiply-adds for the outer kinds.
  Array<T> dense() const;
  /// Elements [begin, end) of the gradients of examples [first, last). The gradient of example n for probe k goes to
  /// out + k probe_stride + (n - first) example_stride. The range must consist of whole units, see UseShape::unit.
  void gradients(std::size_t first, std::size_t last, std::size_t begin, std::size_t end, T* out,
                 std::size_t probe_stride, std::size_t example_stride) const;
  UseShape shape() const;
  /// The factor of examples [first, last) alone.
  Factor slice_examples(std::size_t first, std::size_t last) const;
  /// Makes a dense factor of (K, N, parameter shape) or (K, N, P) gradients.
  static Factor from_dense(Array<T> gradients, const Shape& parameter);
};

/// The number of examples for which one task forms gradients, if the gradient of an example has `length` elements for
/// each probe.
std::size_t gradient_grain(std::size_t length, std::size_t positions, std::size_t probes);

/// One use of a parameter, as a sweep found it.
template <class T>
struct ParameterUse {
  std::size_t parameter;  ///< index into the parameters given to the sweep
  std::string op;         ///< name of the op that uses it
  std::size_t node;       ///< position of that op on the tape
  Factor<T> factor;
};

/// A reverse sweep that keeps examples apart: it yields, use by use in reverse order of recording, the per-example
/// gradients of the parameters, and frees each cotangent once it has been read.
///
/// y must be marked batched (axis 0: examples); ybar is (N, ...) or (K, N, ...). Parameters are leaves without the
/// mark. Throws batch_error naming the op where examples were mixed, tape_error, shape_error. A parameter that reaches
/// its use through other parameter-only ops (a scaled weight) is chained densely. With `consume`, nodes that the sweep
/// has passed are emptied, so activations are freed as it goes: the tape must then be rewound.
template <class T>
class FactorSweep {
 public:
  FactorSweep(const Var<T>& y, Array<T> ybar, VarListOf<T> parameters, bool consume = false);
  /// The next use; nothing when the sweep is done.
  std::optional<ParameterUse<T>> next();

 private:
  bool advance();
  void visit(std::size_t node);
  void emit(std::size_t at, std::size_t target, Factor<T> factor);

  std::shared_ptr<Record<T>> record_;
  std::vector<Var<T>> cotangent_;
  std::vector<bool> active_;
  std::vector<std::int64_t> parameter_at_;  // index of the parameter that stands at a position, or -1
  std::size_t probes_, examples_;
  bool consume_;
  bool same_seeds_;                    // the cotangents of all examples of the output are the same
  std::size_t cursor_;                 // nodes at and after it have been visited
  std::deque<ParameterUse<T>> ready_;  // in the order of the op's arguments
};

extern template struct Factor<float>;
extern template struct Factor<double>;
extern template class FactorSweep<float>;
extern template class FactorSweep<double>;

}  // namespace xtangent
