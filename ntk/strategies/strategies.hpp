#pragma once

#include "ntk/plan.hpp"

/// The ways to compute a kernel. All write the same numbers to rounding: kernel (rows C, columns C) in double, row
/// n C + c; one pair of example ranges at a time is the business of `structured`, the others work example by example.
namespace xtangent::ntk {

/// Bytes of materialized gradients that are held at a time.
inline constexpr double materialization_room = 256.0 * (1 << 20);

/// Tells the callback of options how much of `plan` is done.
class ProgressMeter {
 public:
  ProgressMeter(const Options& options, double total_flop);
  void add(double flop);

 private:
  const Options& options_;
  double total_, done_ = 0, start_;
};

/// x2 is x1 itself for a symmetric plan.
template <class T>
Array<double> structured_kernel(const Model<T>& model, const Plan& plan, const Array<T>& x1, const Array<T>& x2,
                                const Readout& readout, const Options& options);
template <class T>
Array<double> jacobian_kernel(const Model<T>& model, const Plan& plan, const Array<T>& x1, const Array<T>& x2,
                              const Readout& readout, const Options& options);
template <class T>
Array<double> vector_product_kernel(const Model<T>& model, const Plan& plan, const Array<T>& x1, const Array<T>& x2,
                                    const Readout& readout, const Options& options);

/// Cotangents of n outputs for a readout (O, C): (C, n, O).
template <class T>
Array<T> readout_cotangents(const Array<double>& weights, std::size_t n);

}  // namespace xtangent::ntk
