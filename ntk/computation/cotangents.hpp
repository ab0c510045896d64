#pragma once

#include "ntk/per_example.hpp"

namespace xtangent::ntk {

/// The cotangents for a reverse sweep that a readout makes of the outputs of the examples on one side of a kernel.
template <class T>
class Cotangents {
 public:
  using Of = Readout::Of;
  /// For a network of O outputs. Throws what readout.check throws.
  Cotangents(const Readout& readout, std::size_t outputs, Of side);

  /// The number of columns of this side's readout.
  std::size_t count() const { return count_; }
  /// (K, n, O): the cotangents of the n examples from number `first` on, whose outputs are (n, O). They are on a tape
  /// if they depend on outputs that are.
  Var<T> recorded(std::size_t first, const Var<T>& outputs) const;
  /// The same as numbers.
  Array<T> at(std::size_t first, const Var<T>& outputs) const;
  /// R (O, K) if all examples have the same, otherwise undefined.
  const Array<double>& common() const { return common_; }

 private:
  std::size_t count_;
  Array<double> common_;
  std::shared_ptr<const PerExample> own_;
};

/// Examples x (n, ...) of one side of a kernel, and the cotangents of their outputs.
template <class T>
struct OneSide {
  Array<T> x;
  const Cotangents<T>& cotangents;
  std::size_t first = 0;  ///< the number of the first of them among all examples of the side

  std::size_t size() const { return x.shape()[0]; }
  /// A part of them, counted from the first.
  OneSide part(Range range) const { return {x.rows(range.first, range.last), cotangents, first + range.first}; }
};

}  // namespace xtangent::ntk
