#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "ntk/contraction/shapes.hpp"

namespace xtangent::ntk {

struct Rule;

/// Rows of numbers for each probe: row r of probe p at data + p probe_stride + r length.
template <class T>
struct Rows {
  const T* data = nullptr;
  std::size_t probes = 1, rows = 0, length = 0, probe_stride = 0;

  const T* at(std::size_t probe, std::size_t row) const { return data + probe * probe_stride + row * length; }
};

/// What a side holds, and where its rule puts it. Which of the arrays are used, and what their rows are, is the rule's
/// affair; rows of one example follow each other.
template <class T>
struct SideArrays {
  const Rule* rule;
  Term term;
  std::size_t examples, probes;
  bool summed;  // probes lie side by side in one row
  Array<T> left, right;
  std::vector<Factor<T>> factors;         // of all examples, one for each part of the term
  std::vector<std::uint32_t> row, count;  // rows of the parameter that examples picked

  bool whole(const Factor<T>& piece) const { return piece.examples == examples; }
  /// No probes have to be moved beside each other.
  bool probes_lie_well() const { return !summed || probes == 1; }
  std::size_t side_by_side() const { return summed ? probes : 1; }
  /// Where to write into left, or right, an array of so many numbers that the first call makes.
  T* make_left(std::size_t size);
  T* make_right(std::size_t size);
  /// Calls `make` once, whichever thread comes first.
  template <class F>
  void once(const F& make) {
    std::call_once(made_, make);
  }

 private:
  std::once_flag left_made_, right_made_, made_;
  T *left_at_ = nullptr, *right_at_ = nullptr;
};

/// One side of the contraction of a term, for N examples, in the form that the rule wants. With ProbeMode::summed the
/// probes lie side by side in one row, and the side counts as one of a single probe. Copies and ranges share the
/// arrays.
template <class T>
class Side {
 public:
  Side(const Rule& rule, const Term& term, std::size_t examples, std::size_t probes, ProbeMode mode);

  /// Puts the factors of all uses, in the order of the sweep, at first_example and what follows. May be called from
  /// several threads for ranges that do not overlap. A piece of all examples whose arrays lie as they are wanted is
  /// taken over without a copy.
  void fill(std::size_t first_example, std::vector<Factor<T>> uses);
  /// Examples [first, last), without a copy.
  Side range(std::size_t first, std::size_t last) const;

  const Rule& rule() const { return *arrays_->rule; }
  const Term& term() const { return arrays_->term; }
  std::size_t first() const { return first_; }
  std::size_t examples() const { return examples_; }
  /// Rows of an example's left factors: 1 where probes are summed.
  std::size_t probes() const { return arrays_->summed ? 1 : arrays_->probes; }
  std::size_t side_by_side() const { return arrays_->side_by_side(); }
  /// Bytes that all examples take, also those outside of the range.
  std::size_t bytes() const;
  /// Are they the same examples of the same arrays?
  bool same(const Side& other) const;

  /// Left: (K, N each, length). Right: (N each, length).
  Rows<T> left(std::size_t each, std::size_t length) const;
  Rows<T> right(std::size_t each, std::size_t length) const;
  const SideArrays<T>& arrays() const { return *arrays_; }

 private:
  std::shared_ptr<SideArrays<T>> arrays_;
  std::size_t first_ = 0, examples_ = 0;
};

/// Cotangents (K, n, D, C) or (K, n, C, D) of one part as rows of positions in `left`: (K, N each, C), or (N each, K C)
/// with probes summed. `each` rows belong to an example, this part's from row `offset` on.
template <class T>
void put_cotangents(SideArrays<T>& side, std::size_t first, const Factor<T>& f, std::size_t each = 1,
                    std::size_t offset = 0);
/// Inputs (n, D, R), or the patches of images, as rows of positions in `right`: (N each, R).
template <class T>
void put_inputs(SideArrays<T>& side, std::size_t first, const Factor<T>& f, std::size_t each = 1,
                std::size_t offset = 0);

}  // namespace xtangent::ntk
