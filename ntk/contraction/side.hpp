#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ntk/contraction/rule.hpp"

namespace xtangent::ntk {

/// Rows of numbers for each probe: row r of probe p at data + p probe_stride + r length.
template <class T>
struct Rows {
  const T* data = nullptr;
  std::size_t probes = 1, rows = 0, length = 0, probe_stride = 0;

  const T* at(std::size_t probe, std::size_t row) const { return data + probe * probe_stride + row * length; }
};

/// The picked rows of an embedding: of each example at most `slots` places, whose row of the parameter is in `row`, in
/// rising order, and whose values (K, E) follow each other.
template <class T>
struct Picks {
  const std::uint32_t* row = nullptr;    // (N, slots)
  const std::uint32_t* count = nullptr;  // (N)
  const T* values = nullptr;             // (N, slots, K, E)
  std::size_t slots = 0, probes = 1, width = 0;
};

/// One side of the contraction of one use of a parameter, for N examples, in the form that the rule wants. With
/// ProbeMode::summed the probes lie side by side in one row, and the side counts as one of a single probe.
///
///   outer          left (K, N, C), right (N, R)
///   readout        left (K, C) of one example, right (N, R)
///   position_gram  left (K, N D, C), right (N D, R): patches of convolutions
///   pixel_gram     left (K, N D, C), right (N H W, channels)
///   gather         the rows that each example picked
///   materialize    gradients (K, N, P), or the factors where they are smaller (holds_gradients)
///
/// Copies and ranges share the arrays.
template <class T>
class Side {
 public:
  Side(Rule rule, const UseShape& use, std::size_t examples, std::size_t probes, ProbeMode mode);

  /// Puts the examples of `piece` at first_example and what follows. May be called from several threads for ranges that
  /// do not overlap. A piece of all examples whose arrays lie as they are wanted is taken over without a copy.
  void fill(std::size_t first_example, const Factor<T>& piece);
  /// Examples [first, last), without a copy.
  Side range(std::size_t first, std::size_t last) const;

  Rule rule() const;
  const UseShape& use() const;
  std::size_t examples() const { return examples_; }
  /// Of the rows: 1 where probes are summed.
  std::size_t probes() const;
  /// Bytes that all examples take (also those outside of the range), equal to held_bytes for each.
  std::size_t bytes() const;
  /// The arrays' first example is the same and so is their number.
  bool same(const Side& other) const;

  /// outer: (K, N, C); readout: (K, 1, C); Grams: (K, N D, C); materialize with gradients: (K, N, P).
  Rows<T> left() const;
  /// outer and readout: (N, R); position_gram: (N D, R); pixel_gram: (N H W, channels).
  Rows<T> right() const;
  Picks<T> picks() const;
  /// materialize: gradients are held, in left().
  bool has_gradients() const;
  /// materialize: elements [begin, end) of the parameter's gradients, out (K, N, end - begin), or (N, K (end - begin))
  /// with probes summed. The range consists of whole units.
  void gradients(std::size_t begin, std::size_t end, T* out) const;
  /// Elements of the parameter that gradients() forms together.
  std::size_t unit() const;

 private:
  struct Store;
  std::shared_ptr<Store> store_;
  std::size_t first_ = 0, examples_ = 0;
};

extern template class Side<float>;
extern template class Side<double>;

}  // namespace xtangent::ntk
