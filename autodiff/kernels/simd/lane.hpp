#pragma once

// `Lane` makes a vector behave as a number, so that loops.cpp can run the elementwise functions on vectors. Only
// loops.cpp includes this file, once for each instruction set, inside the namespace of that set.

#include <cmath>
#include <limits>
#include <numbers>

#include "autodiff/kernels/simd/isa.hpp"

namespace xtangent::kernels::XTANGENT_ISA {
namespace {

// erf(x) = x P(x^2) for |x| <= 1, and erfc(x) = Q((x - 3) / (x + 3)) exp(-x^2) / (1 + 2 x) for 1/2 <= x <= largest,
// beyond which it rounds to 0. P and Q are Chebyshev interpolants with relative errors below 1e-17 and, in float, 5e-9.
template <class T>
struct ErrorFunction;
template <>
struct ErrorFunction<double> {
  static constexpr double largest = 28.0;
  static constexpr double p[] = {1.12837916709551257,     -3.76126389031835404e-1, 1.12837916709450063e-1,
                                 -2.68661706432377704e-2, 5.22397760711642273e-3,  -8.54832597538969208e-4,
                                 1.20552949048397079e-4,  -1.49247369074196603e-5, 1.64474247033173624e-6,
                                 -1.62084838018717059e-7, 1.37200645467776856e-8,  -7.79589882700214224e-10};
  static constexpr double q[] = {
      1.25300805826972965,     -1.35621106124581343e-1, -4.75622943534505761e-2, 1.29645158702783495e-1,
      -1.19273663415324318e-1, 6.83080273430707668e-2,  -2.37705149180364438e-2, 2.52939183267518599e-3,
      1.88869034660493786e-3,  -7.79832439879313293e-4, -1.05159652247351902e-4, 1.25100373138233607e-4,
      4.94845353391924817e-6,  -2.0104454851557475e-5,  -7.2706031098829302e-7,  3.48168698345204623e-6,
      3.44825369682477919e-7,  -6.29912910328254137e-7, -1.21692406276396537e-7, 1.1177528463195771e-7,
      2.29239300992189896e-8,  -1.54105529247466698e-8};
};
template <>
struct ErrorFunction<float> {
  static constexpr float largest = 11.0F;
  static constexpr float p[] = {1.128379166F,    -3.761262667e-1F, 1.128359472e-1F, -2.685421201e-2F,
                                5.189087423e-3F, -8.016864287e-4F, 7.875875063e-5F};
  static constexpr float q[] = {1.253008056F,    -1.356210483e-1F, -4.756210321e-2F, 1.296427675e-1F, -1.192772558e-1F,
                                6.833503199e-2F, -2.374433746e-2F, 2.409873143e-3F,  1.80336544e-3F,  -5.648089857e-4F};
};

// A batch with a type of its own, so that constants in functions.hpp may be double for either T.
template <class T>
struct Lane {
  using B = Batch<T>;
  B v;
  Lane(B value) : v(value) {}
  Lane(double value) : v(static_cast<T>(value)) {}
  friend Lane operator+(const Lane& a, const Lane& b) { return a.v + b.v; }
  friend Lane operator-(const Lane& a, const Lane& b) { return a.v - b.v; }
  friend Lane operator*(const Lane& a, const Lane& b) { return a.v * b.v; }
  friend Lane operator/(const Lane& a, const Lane& b) { return a.v / b.v; }
  friend Lane operator-(const Lane& a) { return -a.v; }
  friend Lane expm1(const Lane& a) { return xsimd::expm1(a.v); }
  friend Lane log1p(const Lane& a) { return xsimd::log1p(a.v); }
  friend Lane sqrt(const Lane& a) { return xsimd::sqrt(a.v); }
  friend Lane sin(const Lane& a) { return xsimd::sin(a.v); }
  friend Lane cos(const Lane& a) { return xsimd::cos(a.v); }
  friend Lane tanh(const Lane& a) { return xsimd::tanh(a.v); }
  friend Lane abs(const Lane& a) { return xsimd::abs(a.v); }
  // xsimd's pow is exp(p log(x)), which loses digits where the logarithm is large.
  friend Lane pow(const Lane& a, double exponent) {
    T x[B::size];
    a.v.store_unaligned(x);
    for (T& value : x) value = static_cast<T>(std::pow(value, static_cast<T>(exponent)));
    return B::load_unaligned(x);
  }

  // xsimd's expm1 overflows half a unit too early, and bits of its expm1 or log1p depend on the other arguments.
  friend Lane single_expm1(const Lane& a) {
    T x[B::size];
    a.v.store_unaligned(x);
    for (T& value : x) value = std::expm1(value);
    return B::load_unaligned(x);
  }
  friend Lane single_log1p(const Lane& a) {
    T x[B::size];
    a.v.store_unaligned(x);
    for (T& value : x) value = std::log1p(value);
    return B::load_unaligned(x);
  }

  // xsimd's exp overflows half a unit too early and flushes subnormal results to 0.
  friend Lane exp(const Lane& a) {
    const B y = xsimd::exp(a.v);
    const auto extreme = xsimd::abs(a.v) > B(sizeof(T) == 4 ? T(87) : T(708));
    if (!xsimd::any(extreme)) return y;
    const B root = xsimd::exp(a.v * B(T(0.5)));
    return xsimd::select(extreme, root * root, y);
  }
  // xsimd's log is wrong for subnormal doubles.
  friend Lane log(const Lane& a) {
    const B y = xsimd::log(a.v);
    const auto subnormal = a.v < B(std::numeric_limits<T>::min()) && a.v > B(T(0));
    if (!xsimd::any(subnormal)) return y;
    constexpr int digits = std::numeric_limits<T>::digits;
    const B scaled = xsimd::log(a.v * B(static_cast<T>(1LL << digits)));
    return xsimd::select(subnormal, scaled - B(static_cast<T>(digits * std::numbers::ln2)), y);
  }

  template <std::size_t N>
  static B polynomial(const T (&c)[N], const B& x) {
    B y(c[N - 1]);
    for (std::size_t i = N - 1; i-- > 0;) y = xsimd::fma(y, x, B(c[i]));
    return y;
  }
  static B erf_inner(const B& x) { return x * polynomial(ErrorFunction<T>::p, x * x); }
  // erfc(|x|) for |x| >= 1/2
  static B erfc_outer(const B& x) {
    const B largest(ErrorFunction<T>::largest), a = xsimd::abs(x), clipped = xsimd::select(a > largest, largest, a);
    const B q = polynomial(ErrorFunction<T>::q, (clipped - B(T(3))) / (clipped + B(T(3))));
    return q * exp(Lane(-clipped * clipped)).v / (B(T(1)) + clipped + clipped);
  }
  friend Lane erf(const Lane& x) {
    const auto inner = xsimd::abs(x.v) <= B(T(1));
    const B y = erf_inner(x.v);
    if (xsimd::all(inner)) return y;
    const B outer = B(T(1)) - erfc_outer(x.v);
    return xsimd::select(inner, y, xsimd::select(x.v < B(T(0)), -outer, outer));
  }
  friend Lane erfc(const Lane& x) {
    const auto inner = xsimd::abs(x.v) <= B(T(0.5));
    const B y = B(T(1)) - erf_inner(x.v);
    if (xsimd::all(inner)) return y;
    const B outer = erfc_outer(x.v);
    return xsimd::select(inner, y, xsimd::select(x.v < B(T(0)), B(T(2)) - outer, outer));
  }

  friend Lane where_positive(const Lane& x, const Lane& yes, const Lane& no) {
    return xsimd::select(x.v > B(T(0)), yes.v, no.v);
  }
  // A NaN stays one. Versions of xsimd differ in which operand max returns then.
  friend Lane positive_part(const Lane& x) { return xsimd::select(x.v < B(T(0)), B(T(0)), x.v); }
  friend Lane step(const Lane& x) { return where_positive(x, Lane(1.0), Lane(0.0)); }
  friend Lane sign(const Lane& x) {
    return where_positive(x, Lane(1.0), xsimd::select(x.v < B(T(0)), B(T(-1)), x.v * B(T(0))));
  }
  friend Lane sigmoid(const Lane& x) {
    const Lane e = exp(-abs(x));
    return where_positive(x, Lane(1.0), e) / (Lane(1.0) + e);
  }
};

}  // namespace
}  // namespace xtangent::kernels::XTANGENT_ISA
