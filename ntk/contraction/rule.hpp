#pragma once

#include <optional>
#include <vector>

#include "autodiff/factor.hpp"

/// The rules by which two uses of a parameter are contracted, and what they cost: arithmetic on shapes, nothing is run.
///
/// Legend: A, B the row and column examples; K probes; D positions; C rows and R columns of the parameter, P elements.
namespace xtangent::ntk {

/// How the K x K blocks of probes are formed.
enum class ProbeMode {
  cross,   ///< all pairs of probes: rows K NA
  summed,  ///< the sum over equal probes: rows NA (trace)
  equal,   ///< pairs of equal probes only, each a matrix of its own: rows K NA, columns NB (diagonal)
};

/// Rules for one use (or one pair of uses) of a parameter.
enum class Rule {
  outer,    ///< (La Lb^T) o (Ra Rb^T): one position
  readout,  ///< (R^T R) (x) (Ra Rb^T): the last layer, whose cotangents are the readout's columns for all examples
  position_gram,  ///< sum over (p, q) of (La Lb^T) o (Ra Rb^T)
  pixel_gram,     ///< the same with (Ra Rb^T)_pq = sum over taps f of the Gram of pixels at (p + f, q + f): stride 1
  gather,         ///< rows of the parameter that both examples picked
  materialize,    ///< the gradients as (K N, P), in pieces of rows of the parameter, and one product
};
const char* name(Rule rule);

/// Shape of one use of a parameter.
struct UseShape {
  FactorKind kind = FactorKind::dense;
  std::size_t parameter_size = 0, positions = 1, left = 1, right = 1;  // P, D, C, R
  bool channels_first = false;
  std::optional<kernels::ConvShape> patches = {};  ///< of a convolution
  bool same_left = false;                          ///< the left factors of all examples are the same

  bool grouped() const { return patches && patches->groups > 1; }
};
template <class T>
UseShape shape_of(const Factor<T>& factor);

/// The rules that are right for a use.
std::vector<Rule> rules_for(const UseShape& use);
/// True when both uses of one parameter can be contracted with each other by this rule. Materialized sides meet any
/// other.
bool meets(Rule rule, const UseShape& a, const UseShape& b);

/// Floating-point operations, and bytes that contract() needs besides its two sides and the block: a pair of examples
/// of a symmetric block counts half. For gather, whose work depends on the indices, the most there can be. Shifted sums
/// count all taps, also where they leave the image. Bytes are those of as many tasks as the machine runs at a time.
struct RuleCost {
  double flop = 0;
  double bytes = 0;
};
RuleCost cost(Rule rule, const UseShape& use, std::size_t rows, std::size_t columns, std::size_t probes, bool symmetric,
              ProbeMode mode, std::size_t scalar_bytes, std::size_t room);
/// What a rule takes, in floating-point operations of large products: elementwise passes, operands that are packed and
/// results that are stored count as many operations as they take as long. Fixed weights: nothing is timed.
double weighted_cost(Rule rule, const UseShape& use, std::size_t rows, std::size_t columns, std::size_t probes,
                     bool symmetric, ProbeMode mode);
/// The cheapest in weighted cost.
Rule cheapest_rule(const UseShape& use, std::size_t rows, std::size_t columns, std::size_t probes, bool symmetric,
                   ProbeMode mode);

/// Bytes that a Side holds of each example, exactly. (The readout's rows that it holds once are in RuleCost.)
double held_bytes(Rule rule, const UseShape& use, std::size_t probes, ProbeMode mode, std::size_t scalar_bytes);

/// Materialized sides hold the gradients where they are not larger than the factors; else the factors, whose gradients
/// are formed in pieces of rows of the parameter each time that they are contracted.
bool holds_gradients(const UseShape& use, std::size_t probes);

/// Rows of the parameter that two examples can have picked of a use of kind gather.
std::size_t gather_slots(const UseShape& use);

}  // namespace xtangent::ntk
