#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "ntk/contraction/shapes.hpp"

namespace xtangent::ntk {

struct Rule;
template <class T>
class Side;

/// Rows of numbers for each probe. Row r of probe k begins at data + k probe_stride + r length. With `scales` it counts
/// times scales[k scale_stride + r].
template <class T>
struct Rows {
  const T* data = nullptr;
  std::size_t probes = 1, rows = 0, length = 0, probe_stride = 0;
  const double* scales = nullptr;
  std::size_t scale_stride = 0;

  const T* at(std::size_t probe, std::size_t row) const { return data + probe * probe_stride + row * length; }
};

/// The arrays of a side, which its rule fills. The rule decides which of them are used and what their rows are. Rows of
/// one example follow each other.
template <class T>
struct SideArrays {
  const Rule* rule;
  Term term;
  std::size_t examples, probes;
  bool summed;  // probes are side by side in one row
  Array<T> left, right;
  Array<double> corrections;              // (K, N) scales of the rows of rounded gradients
  std::vector<Factor<T>> factors;         // one for each part of the term, with all examples
  std::vector<std::uint32_t> row, count;  // rows of the parameter that examples picked
  Array<T> scales;                        // square roots of a metric for the elements of the parameter, or undefined
  T scale = 1;                            // or that of a metric for the whole parameter
  std::vector<Side<T>> parts;             // one for each part of the term, if its parts are contracted in pairs

  bool whole(const Factor<T>& piece) const { return piece.examples == examples; }
  /// Whether no probes have to be moved to be side by side.
  bool probes_lie_well() const { return !summed || probes == 1; }
  std::size_t side_by_side() const { return summed ? probes : 1; }
  /// Pointers into `left` and `right`. The first call makes an array of `size` numbers.
  T* make_left(std::size_t size);
  T* make_right(std::size_t size);
  /// Calls `make` once, from the thread that comes first.
  template <class F>
  void once(const F& make) {
    std::call_once(made_, make);
  }

 private:
  std::once_flag left_made_, right_made_, made_;
  T *left_at_ = nullptr, *right_at_ = nullptr;
};

/// One side of the contraction of a term, for N examples, in the form that the rule wants. With ProbeMode::summed the
/// probes are side by side in one row, and the side counts as one with a single probe. Copies and ranges share the
/// arrays.
template <class T>
class Side {
 public:
  Side(const Rule& rule, const Term& term, std::size_t examples, std::size_t probes, ProbeMode mode);

  /// Gives the contraction a metric, before anything is put in: its square roots for each element of the parameter,
  /// which only the rule materialize takes, or that for the whole parameter.
  void set_metric(const Array<T>& scales, T scale);
  /// Puts in the factors of all uses, in the order of the sweep, from first_example on. Several threads may call it for
  /// ranges that do not overlap. Factors of all examples whose arrays already have the right layout are taken over
  /// without a copy.
  void fill(std::size_t first_example, std::vector<Factor<T>> uses);
  /// The side of examples [first, last), without a copy.
  Side range(std::size_t first, std::size_t last) const;

  const Rule& rule() const { return *arrays_->rule; }
  const Term& term() const { return arrays_->term; }
  std::size_t first() const { return first_; }
  std::size_t examples() const { return examples_; }
  /// Rows in the left factors of an example: K, or 1 if probes are summed.
  std::size_t probes() const { return arrays_->summed ? 1 : arrays_->probes; }
  std::size_t side_by_side() const { return arrays_->side_by_side(); }
  /// Bytes that all examples take, including those outside of the range.
  std::size_t bytes() const;
  /// Whether both are the same examples of the same arrays.
  bool same(const Side& other) const;

  /// The left factors as rows (K, N each, length), and the right factors as rows (N each, length).
  Rows<T> left(std::size_t each, std::size_t length) const;
  Rows<T> right(std::size_t each, std::size_t length) const;
  const SideArrays<T>& arrays() const { return *arrays_; }

 private:
  std::shared_ptr<SideArrays<T>> arrays_;
  std::size_t first_ = 0, examples_ = 0;
};

/// Puts the cotangents (K, n, D, C) or (K, n, C, D) of one part into `left` as rows of positions: (K, N each, C), or (N
/// each, K C) with probes summed. An example has `each` rows, and those of this part begin at row `offset`.
template <class T>
void put_cotangents(SideArrays<T>& side, std::size_t first, const Factor<T>& f, std::size_t each = 1,
                    std::size_t offset = 0);
/// Puts the inputs (n, D, I), or the patches of images, into `right` as rows of positions: (N each, I).
template <class T>
void put_inputs(SideArrays<T>& side, std::size_t first, const Factor<T>& f, std::size_t each = 1,
                std::size_t offset = 0);

}  // namespace xtangent::ntk
