#pragma once

#include <vector>

#include "autodiff/factor.hpp"

/// Contractions of per-example gradients into kernel blocks.
///
/// Legend: A, B the row and column examples; K probes; D positions; C rows and R columns of the parameter.
/// A block is accumulated in double, probe-major: entry (k NA + n, j NB + m). Within one block of a symmetric kernel
/// (`symmetric`, both sides the same factors) only tiles on and above the diagonal are computed; finish_block mirrors.
namespace xtangent::ntk {

/// How the K x K blocks of probes are formed.
enum class ProbeMode {
  cross,   ///< all pairs of probes: rows K NA
  summed,  ///< the sum over equal probes: rows NA (trace)
};

/// Rules for one use (or one pair of uses) of a parameter.
enum class Rule {
  outer,          ///< (La Lb^T) o (Ra Rb^T): one position
  position_gram,  ///< sum over (p, q) of (La Lb^T) o (Ra Rb^T)
  gather,         ///< rows of the parameter that both examples picked
  materialize,    ///< the gradients as (K N, P), in pieces of rows of the parameter, and one product
};
const char* name(Rule rule);

/// Shape of one use, and what a rule costs on it: exact counts of floating-point operations and of bytes that are
/// held while it runs; for gather, whose work depends on the indices, the most there can be.
struct UseShape {
  FactorKind kind = FactorKind::dense;
  std::size_t parameter_size = 0, positions = 1, left = 1, right = 1;  // P, D, C, R
  bool grouped = false;
};
struct RuleCost {
  double flop = 0;
  double bytes = 0;
};
RuleCost cost(Rule rule, const UseShape& use, std::size_t rows, std::size_t columns, std::size_t probes,
              bool symmetric, ProbeMode mode, std::size_t scalar_bytes);
/// The rules that are right for a use.
std::vector<Rule> rules_for(const UseShape& use);
/// The cheapest in FLOP.
Rule cheapest_rule(const UseShape& use, std::size_t rows, std::size_t columns, std::size_t probes, bool symmetric,
                   ProbeMode mode);
template <class T>
UseShape shape_of(const Factor<T>& factor);

/// A block that is being accumulated.
struct Block {
  std::size_t rows, columns;  ///< examples
  std::size_t probes = 1;
  ProbeMode mode = ProbeMode::cross;
  bool symmetric = false;
  std::vector<double> values;

  Block(std::size_t rows_, std::size_t columns_, std::size_t probes_, ProbeMode mode_, bool symmetric_);
  std::size_t height() const { return mode == ProbeMode::cross ? probes * rows : rows; }
  std::size_t width() const { return mode == ProbeMode::cross ? probes * columns : columns; }
};

/// The factors of one use over all examples of one side, in pieces (shards) along the examples.
template <class T>
using Pieces = std::vector<Factor<T>>;

/// block += contraction of use a (rows) with use b (columns) of one parameter. A parameter with several uses needs all
/// ordered pairs (a, b), cross terms included; in a symmetric block too.
/// `fused_bias` adds the bias of the same layer, whose left factors are those of the weight: (La Lb^T) o (Ra Rb^T + 1).
/// `room` bounds the bytes of materialized gradients that are held at a time.
template <class T>
void contract(Rule rule, const Pieces<T>& a, const Pieces<T>& b, bool fused_bias, std::size_t room, Block& block);

/// Writes a block into a kernel (rows n C + c), mirrored where symmetric, times `scale`.
void finish_block(const Block& block, double scale, double* kernel, std::size_t leading, std::size_t first_row,
                  std::size_t first_column, bool mirror);

}  // namespace xtangent::ntk
