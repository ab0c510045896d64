#pragma once

#include <cstddef>
#include <cstdint>

#include "autodiff/kernels/conv_shape.hpp"
#include "autodiff/kernels/simd/functions.hpp"

namespace xtangent::kernels {

enum class Binary { add, subtract, multiply, divide, maximum, minimum };

/// Step sizes of Adam for one update.
struct AdamStep {
  double rate, beta1, beta2, epsilon;
  double correction1, correction2;  ///< 1 - beta^t
  double weight_decay;              ///< added to the gradient (Adam)
  double decoupled_decay;           ///< subtracted from the parameter, times the rate (AdamW)
};

/// One update of stochastic gradient descent.
struct SgdStep {
  double rate, momentum, weight_decay;
  bool nesterov;
};

/// The innermost loops, compiled once for each instruction set (baseline, AVX2, AVX-512) and chosen when the library
/// first computes. Everything above them (broadcasting, threads, shapes) is ordinary code.
template <class T>
struct Loops {
  const char* instruction_set;
  void (*unary)(Function, double parameter, std::size_t n, const T* x, T* y);
  /// out = t * slope(x, y)
  void (*slope_product)(Function, double parameter, std::size_t n, const T* x, const T* y, const T* t, T* out);
  /// out = a op b; a step of 0 repeats the first element.
  void (*binary)(Binary, std::size_t n, const T* a, std::size_t step_a, const T* b, std::size_t step_b, T* out);
  /// y = a x + b
  void (*affine)(std::size_t n, T a, T b, const T* x, T* y);
  /// y += a x
  void (*axpy)(std::size_t n, T a, const T* x, T* y);
  /// y = a x + b with rows a and b
  void (*scale_shift)(std::size_t n, const T* a, const T* b, const T* x, T* y);
  /// out = a x + b y + c
  void (*combine)(std::size_t n, T a, const T* x, T b, const T* y, T c, T* out);
  /// Sum in double, in interleaved lanes.
  double (*sum)(std::size_t n, const T* x);
  /// Of two rows, in interleaved lanes of T.
  double (*dot)(std::size_t n, const T* a, const T* b);
  /// Sum of (a - center_a) (b - center_b), as in dot.
  double (*centered_dot)(std::size_t n, const T* a, T center_a, const T* b, T center_b);
  /// Or NaN, if there is one; n > 0.
  T (*maximum)(std::size_t n, const T* x);
  /// k += a * b and k += a, into double
  void (*accumulate_product)(std::size_t n, const T* a, const T* b, double* k);
  void (*accumulate)(std::size_t n, const T* a, double scale, double* k);
  /// See im2col.hpp.
  void (*im2col)(const ConvShape&, std::size_t first_row, std::size_t last_row, const T* image, T* patches,
                 std::size_t stride);
  void (*col2im_add)(const ConvShape&, std::size_t first_row, std::size_t last_row, const T* patches,
                     std::size_t stride, T* image);
  /// Runs side by side, as in pooling: y[i] = scale * sum of the run x[i run ...]; y[i run ...] = scale * x[i];
  /// y[i] = maximum of the run x[i run ...].
  void (*sum_runs)(std::size_t n, std::size_t run, T scale, const T* x, T* y);
  void (*repeat_runs)(std::size_t n, std::size_t run, T scale, const T* x, T* y);
  void (*maximum_runs)(std::size_t n, std::size_t run, const T* x, T* y);
  /// y = the larger of x and y, or NaN.
  void (*maximum_into)(std::size_t n, const T* x, T* y);
  /// Where x[i step] beats best[i]: best[i] becomes it and index[i] becomes at + i step. The first NaN beats all.
  void (*argmax_into)(std::size_t n, std::size_t step, const T* x, std::uint32_t at, T* best, std::uint32_t* index);
  void (*adam)(const AdamStep&, std::size_t n, const T* gradient, T* first, T* second, T* parameter);
  /// `momentum` may be null when the step has none.
  void (*sgd)(const SgdStep&, std::size_t n, const T* gradient, T* momentum, T* parameter);
};

/// The loops for this processor.
template <class T>
const Loops<T>& loops();

}  // namespace xtangent::kernels
