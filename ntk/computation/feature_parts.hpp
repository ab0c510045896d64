#pragma once

#include <algorithm>

#include "ntk/computation/projector.hpp"

namespace xtangent::ntk {

/// Throws what `features` throws for its arguments: examples, parameters, and a readout for these examples with the
/// same combinations on both sides.
template <class T>
void check_feature_request(const nn::Parameters<T>& params, const Array<T>& x, const Readout& readout);

/// What is left of a budget, for Options::memory, where 0 would mean half of what is free.
inline std::size_t at_least_a_byte(double left) { return static_cast<std::size_t>(std::max(1.0, left)); }

/// Makes the features of examples x (N, ...), a part of the examples at a time. The parts, and with them all bits, are
/// the same in memory and in a folder.
template <class T>
class FeatureParts {
 public:
  /// `in_memory` says that the features of all examples are held, and not only those of a part. Throws shape_error
  /// (another number of examples than the readout is for, or a basis of another network), option_error.
  FeatureParts(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x, const Readout& readout,
               const FeatureBasis<T>& basis, const FeatureOptions& options, bool in_memory);

  /// Examples in a part; the last one may have fewer.
  std::size_t part() const { return part_; }
  std::size_t rows_each() const { return sweep_.rows_each(); }
  const GradientSweep<T>& sweep() const { return sweep_; }
  /// Puts the features of these examples, which are a part, into n K rows of out (., m K + k) from `row` on. `done` is
  /// called as by GradientSweep::project. The kernel of the anchors gets what is left of options.memory. Throws
  /// numerical_error (the network overflows), memory_error.
  void make(Range examples, Array<T>& out, std::size_t row, const std::function<void(std::size_t)>& done) const;

 private:
  const nn::ModuleBase& net_;
  const nn::Parameters<T>& params_;
  const Array<T>& x_;
  const Readout& readout_;
  const FeatureBasis<T>& basis_;
  std::size_t part_ = 0;
  double held_bytes_ = 0;  // the features of all examples or of a part, and the basis
  GradientSweep<T> sweep_;
  std::vector<FeaturePlace> places_;  // in the order of the terms
};

}  // namespace xtangent::ntk
