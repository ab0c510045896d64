#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "autodiff/array.hpp"

/// Readouts: which linear combinations of the outputs a kernel is made of.
namespace xtangent::ntk {

class PerExample;

/// A matrix R (O, K), whose K columns are combinations of the outputs, and a reduction. The kernel is (R^T J)(R^T
/// J')^T, with a block (K, K) for each pair of examples, and the reduction says what is kept of a block. Readouts are
/// made by the functions of namespace `readout`. With Kind::per_example each example has a matrix of its own, see
/// per_example.hpp; then the examples of the kernel's columns may have another number K' of them, and blocks are (K,
/// K').
struct Readout {
  enum class Kind { full, pseudo, single, random_signs, custom, per_example };
  enum class Reduction {
    none,      ///< whole blocks: (N1 K, N2 K'), column k of R for example n in row n*K + k
    trace,     ///< (N1, N2): the mean of the diagonal of each block, which must be square
    diagonal,  ///< (K, N1, N2): the diagonal of each block, which must be square; (N1, N2) if K is 1
  };
  /// A side of a kernel: the examples in its rows, or those in its columns.
  enum class Of { rows, columns };
  Kind kind = Kind::full;
  Reduction reduction = Reduction::none;
  std::size_t output = 0;  ///< for single: the output
  std::uint64_t seed = 0;  ///< for random_signs: the seed of the signs
  std::size_t count = 1;   ///< for random_signs: the number of vectors whose kernels are averaged
  Array<double> matrix;    ///< for custom: R (O, K)
  std::shared_ptr<const PerExample> of_rows, of_columns;  ///< for per_example: those of each side of the kernel

  /// Whether all examples have the same R.
  bool common() const { return kind != Kind::per_example; }
  /// Whether rows and columns of the kernel have the same readout, so that it can be symmetric.
  bool same_sides() const { return of_rows == of_columns; }
  /// R (O, K) for a network of O outputs. Throws shape_error if the readout does not fit the network, and option_error
  /// for a readout that is not common.
  Array<double> weights(std::size_t outputs) const;
  /// Throws shape_error or data_error if the readout does not fit a network of O outputs.
  void check(std::size_t outputs) const;
  /// Throws shape_error if it is for other numbers of examples. `two_sets` says that rows and columns are not the same
  /// examples; then it throws option_error for a readout that is of one set alone.
  void check_examples(std::size_t rows, std::size_t columns, bool two_sets) const;
  /// The number of columns of R: K of the kernel's rows, or K' of its columns.
  std::size_t columns(std::size_t outputs, Of side = Of::rows) const;
  /// The name that `readout::parse` reads, or "custom" for a matrix.
  std::string name() const;
};

namespace readout {
/// R = I: the eNTK, (N1 O, N2 O).
Readout full();
/// R = 1 / sqrt(O): the pNTK, (N1, N2). Mohamadi, Bae, Sutherland, ICML 2023, definition 1.
Readout pseudo();
/// The kernel of logit `output` alone, (N1, N2).
Readout single(std::size_t output);
/// R = +-1 / sqrt(O) with signs drawn from a seed, (N1, N2): the pNTK with random instead of equal signs. Its
/// expectation is the trace kernel. With a count above 1 it is the mean of the kernels of `count` vectors of signs,
/// from one sweep with `count` probes. Throws option_error for a count of 0.
Readout random_signs(std::uint64_t seed, std::size_t count = 1);
/// Any R (O, K), finite. Throws shape_error, numerical_error.
Readout custom(Array<double> matrix);
/// The mean over the outputs of the kernels of the single logits, (N1, N2).
Readout trace();
/// The kernels of the single logits, (O, N1, N2), or (N1, N2) for a network of one output. They are the diagonals of
/// the blocks of the eNTK, for 1 / O of its work and memory.
Readout diagonal();
/// Reads a readout from text: "full", "pseudo", "trace", "diagonal", "single:OUTPUT", "signs:SEED", "signs:SEEDxCOUNT"
/// or "fisher:SEED". Throws option_error, which lists these names.
Readout parse(std::string_view text);
}  // namespace readout

}  // namespace xtangent::ntk
