#pragma once

#include <cstddef>
#include <cstdint>

#include "autodiff/kernels/conv_shape.hpp"
#include "autodiff/kernels/simd/functions.hpp"

namespace xtangent::kernels {

enum class Binary { add, subtract, multiply, divide, maximum, minimum, power };

/// The settings of Adam for one update.
struct AdamStep {
  double rate, beta1, beta2, epsilon;
  double correction1, correction2;  ///< 1 - beta^t
  double weight_decay;              ///< added to the gradient (Adam)
  double decoupled_decay;           ///< subtracted from the parameter, times the rate (AdamW)
};

/// The settings of stochastic gradient descent for one update.
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
  /// y = a x + b, where a and b are rows (n), too
  void (*scale_shift)(std::size_t n, const T* a, const T* b, const T* x, T* y);
  /// out = a x + b y + c
  void (*combine)(std::size_t n, T a, const T* x, T b, const T* y, T c, T* out);
  /// The sum of x, computed in double in interleaved lanes.
  double (*sum)(std::size_t n, const T* x);
  /// The inner product of a and b, computed in T in interleaved lanes.
  double (*dot)(std::size_t n, const T* a, const T* b);
  /// The sum of (a - center_a) (b - center_b), computed as in `dot`.
  double (*centered_dot)(std::size_t n, const T* a, T center_a, const T* b, T center_b);
  /// The largest element of x, or NaN if there is one; n > 0.
  T (*maximum)(std::size_t n, const T* x);
  /// k += a * b and k += a, into double
  void (*accumulate_product)(std::size_t n, const T* a, const T* b, double* k);
  void (*accumulate)(std::size_t n, const T* a, double scale, double* k);
  /// y (rows, n) = x for short rows, which are ldy and ldx elements apart.
  void (*copy_rows)(std::size_t rows, std::size_t n, const T* x, std::size_t ldx, T* y, std::size_t ldy);
  /// out (columns, rows) = the transpose of x (rows, columns), whose rows are ldo and ldx elements apart.
  void (*transpose)(std::size_t rows, std::size_t columns, const T* x, std::size_t ldx, T* out, std::size_t ldo);
  /// See im2col.hpp.
  void (*im2col)(const ConvShape&, std::size_t first_row, std::size_t last_row, const T* image, T* patches,
                 std::size_t stride);
  void (*col2im_add)(const ConvShape&, std::size_t first_row, std::size_t last_row, const T* patches,
                     std::size_t stride, T* image);
  /// Runs side by side, as in pooling. sum_runs: y[i] = scale * the sum of run i of x; repeat_runs: all of run i of y =
  /// scale * x[i]; maximum_runs: y[i] = the maximum of run i of x.
  void (*sum_runs)(std::size_t n, std::size_t run, T scale, const T* x, T* y);
  void (*repeat_runs)(std::size_t n, std::size_t run, T scale, const T* x, T* y);
  void (*maximum_runs)(std::size_t n, std::size_t run, const T* x, T* y);
  /// y = the larger of x and y, or NaN if one of them is.
  void (*maximum_into)(std::size_t n, const T* x, T* y);
  /// Where x[i step] is larger than best[i], best[i] becomes x[i step] and index[i] becomes at + i step. The first NaN
  /// counts as larger than all numbers.
  void (*argmax_into)(std::size_t n, std::size_t step, const T* x, std::uint32_t at, T* best, std::uint32_t* index);
  void (*adam)(const AdamStep&, std::size_t n, const T* gradient, T* first, T* second, T* parameter);
  /// `momentum` may be null when the step has none.
  void (*sgd)(const SgdStep&, std::size_t n, const T* gradient, T* momentum, T* parameter);
};

/// The loops for this processor.
template <class T>
const Loops<T>& loops();

}  // namespace xtangent::kernels
