// Compares the elementwise functions of every compiled instruction set with those of the standard library.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <tuple>
#include <vector>

#include "autodiff/kernels/simd/instruction_sets.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::kernels;

namespace {

// The values of the functions in long double, by the standard library.
long double exact(Function function, long double p, long double x) {
  constexpr long double half_root = 0.707106781186547524400844362104849039L;
  switch (function) {
    case Function::exp:
      return std::exp(x);
    case Function::log:
      return std::log(x);
    case Function::sqrt:
      return std::sqrt(x);
    case Function::sin:
      return std::sin(x);
    case Function::cos:
      return std::cos(x);
    case Function::tanh:
      return std::tanh(x);
    case Function::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Function::relu:
      return x < 0 ? 0 : x;
    case Function::leaky_relu:
      return x > 0 ? x : p * x;
    case Function::gelu:
      return x * std::erfc(-x * half_root) / 2;
    case Function::silu:
      return x / (1 + std::exp(-x));
    case Function::softplus:
      return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
    case Function::elu:
      return x > 0 ? x : p * std::expm1(x);
    case Function::erf:
      return std::erf(x);
    case Function::erfc:
      return std::erfc(x);
    case Function::abs:
      return std::abs(x);
    case Function::sign:
      return x > 0 ? 1 : x < 0 ? -1 : x;
    case Function::step:
      return x > 0 ? 1 : 0;
    case Function::square:
      return x * x;
    case Function::power:
      return std::pow(x, p);
    case Function::expm1:
      return std::expm1(x);
    case Function::log1p:
      return std::log1p(x);
    case Function::reciprocal:
      break;
  }
  return 1 / x;
}

// Arguments of both signs over the whole range of exponents, with more of them where functions bend.
template <class T>
std::vector<T> arguments() {
  testing::Random random(7);
  std::vector<T> out;
  using limits = std::numeric_limits<T>;
  for (const T x : {T(0), limits::denorm_min(), limits::min() / 2, limits::min(), limits::epsilon(), T(0.5), T(1),
                    T(std::numbers::pi), T(88), T(89), T(104), T(709), T(710), T(745), limits::max() / 2, limits::max(),
                    limits::infinity()})
    for (const T s : {T(1), T(-1)}) out.push_back(s * x);
  out.push_back(limits::quiet_NaN());
  for (int e = limits::min_exponent - limits::digits; e < limits::max_exponent; ++e)
    for (int i = 0; i < 8; ++i)
      out.push_back(std::ldexp(static_cast<T>(random.uniform(1, 2)), e) * (i % 2 ? T(1) : T(-1)));
  for (int i = 0; i < 40000; ++i)
    out.push_back(static_cast<T>(random.uniform(-1, 1) * std::exp(random.uniform(-3, 5))));
  for (int i = 0; i < 10000; ++i) out.push_back(static_cast<T>(random.uniform(-750, 750)));
  return out;
}

// The distance of neighbors of type T around y.
template <class T>
long double ulp(long double y) {
  using limits = std::numeric_limits<T>;
  const long double size = std::max<long double>(std::abs(y), limits::min());
  return std::ldexp(static_cast<long double>(limits::epsilon()), std::ilogb(size));
}

struct Setting {
  Function function;
  double parameter;
  double allowed;  // error in ulp
};

const std::vector<Setting> settings = {
    {Function::exp, 0, 2},       {Function::log, 0, 1},      {Function::sqrt, 0, 0.5},
    {Function::sin, 0, 8},       {Function::cos, 0, 8},      {Function::tanh, 0, 2},
    {Function::sigmoid, 0, 2.5}, {Function::relu, 0, 0},     {Function::leaky_relu, 0.25, 0.5},
    {Function::gelu, 0, 3},      {Function::silu, 0, 3.5},   {Function::softplus, 0, 2},
    {Function::elu, 0.5, 2.5},   {Function::elu, 1, 2.5},    {Function::erf, 0, 3},
    {Function::erfc, 0, 3.5},    {Function::abs, 0, 0},      {Function::sign, 0, 0},
    {Function::step, 0, 0},      {Function::square, 0, 0.5}, {Function::reciprocal, 0, 0.5},
    {Function::expm1, 0, 2},     {Function::log1p, 0, 2},
};

std::string name_of(const Setting& s) {
  return with_function(s.function, s.parameter, [](const auto& f) { return std::string(f.name); });
}

// The error in ulp that intermediate rounding adds: exp(-x^2) loses x^2 ulp, or twice as many where x is rounded; and
// where the sigmoid in silu is subnormal, x multiplies its rounding steps.
template <class T>
long double allowed_error(const Setting& s, T x, long double y) {
  long double ulps = s.allowed;
  if (s.function == Function::erfc && x > 0) ulps += x * x;
  if (s.function == Function::gelu && x < 0) ulps += 2 * x * x;
  const long double steps = s.function == Function::silu ? std::abs(static_cast<long double>(x)) : 0;
  return ulps * ulp<T>(y) + steps * std::numeric_limits<T>::denorm_min();
}

template <class T>
bool accurate(const Setting& s, T x, T y) {
  const long double e = exact(s.function, s.parameter, x);
  if (std::isnan(e)) return std::isnan(y);
  if (std::abs(e) > std::numeric_limits<T>::max())
    return y == std::copysign(std::numeric_limits<T>::infinity(), static_cast<T>(e));
  return std::abs(y - e) <= allowed_error(s, x, e);
}

template <class T>
void check_values() {
  const std::vector<T> x = arguments<T>();
  for (const Setting& s : settings)
    for (const Loops<T>* table : usable_tables<Loops<T>>()) {
      std::vector<T> y(x.size());
      table->unary(s.function, s.parameter, x.size(), x.data(), y.data());
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (accurate(s, x[i], y[i]) || ++wrong > 3) continue;
        const long double e = exact(s.function, s.parameter, x[i]);
        BOOST_ERROR(name_of(s) << ", " << table->instruction_set << ": f(" << x[i] << ") = " << y[i] << ", not " << e
                               << ", off by " << (y[i] - e) / ulp<T>(e) << " ulp");
      }
      BOOST_CHECK_MESSAGE(wrong == 0, name_of(s) << ", " << table->instruction_set << ": " << wrong << " wrong values");
    }
}

// Compares slopes with the same formula in long double.
template <class T>
void check_slopes() {
  testing::Random random(9);
  std::vector<T> x, t;
  for (int i = 0; i < 5000; ++i) {
    x.push_back(static_cast<T>(random.uniform(-20, 20)));
    t.push_back(static_cast<T>(random.uniform()));
  }
  for (const Setting& s : settings)
    for (const Loops<T>* table : usable_tables<Loops<T>>()) {
      std::vector<T> y(x.size()), out(x.size());
      table->unary(s.function, s.parameter, x.size(), x.data(), y.data());
      table->slope_product(s.function, s.parameter, x.size(), x.data(), y.data(), t.data(), out.data());
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const long double xi = x[i], yi = exact(s.function, s.parameter, xi);
        const long double slope =
            with_function(s.function, s.parameter, [&](const auto& f) -> long double { return f.slope(xi, yi); });
        const long double scale = std::max({1.0L, std::abs(slope), std::abs(yi)});
        const bool fine = std::isnan(slope) ? std::isnan(out[i]) : std::abs(out[i] - t[i] * slope) <= 8 * ulp<T>(scale);
        wrong += fine ? 0 : 1;
      }
      BOOST_CHECK_MESSAGE(wrong == 0, name_of(s) << ", " << table->instruction_set << ": " << wrong << " wrong slopes");
    }
}

// An element gives the same bits at each place in arrays of every short length, and nothing is written behind the
// arrays.
template <class T>
void check_places() {
  testing::Random random(11);
  std::vector<T> x;
  for (int i = 0; i < 67; ++i) x.push_back(static_cast<T>(random.uniform(0.1, 3)));
  for (const Setting& s : settings)
    for (const Loops<T>* table : usable_tables<Loops<T>>()) {
      std::vector<T> whole(x.size());
      table->unary(s.function, s.parameter, x.size(), x.data(), whole.data());
      for (const std::size_t first : {0, 1, 5})
        for (std::size_t n = 0; n <= 35; ++n) {
          std::vector<T> part(n + 1, T(-77));
          table->unary(s.function, s.parameter, n, x.data() + first, part.data());
          BOOST_REQUIRE(std::memcmp(part.data(), whole.data() + first, n * sizeof(T)) == 0);
          BOOST_REQUIRE(part[n] == T(-77));
        }
    }
}

template <class T>
void check_binary(const Loops<T>& table, std::size_t n, const std::vector<T>& a, const std::vector<T>& b) {
  const std::pair<Binary, T (*)(T, T)> all[] = {
      {Binary::add, [](T p, T q) { return p + q; }},
      {Binary::subtract, [](T p, T q) { return p - q; }},
      {Binary::multiply, [](T p, T q) { return p * q; }},
      {Binary::divide, [](T p, T q) { return p / q; }},
      {Binary::maximum, [](T p, T q) { return std::max(p, q); }},
      {Binary::minimum, [](T p, T q) { return std::min(p, q); }},
  };
  std::vector<T> out(n);
  for (const auto& [op, f] : all)
    for (const std::size_t step_a : {0, 1})
      for (const std::size_t step_b : {0, 1}) {
        table.binary(op, n, a.data(), step_a, b.data(), step_b, out.data());
        for (std::size_t i = 0; i < n; ++i) BOOST_REQUIRE(out[i] == f(a[i * step_a], b[i * step_b]));
      }
}

template <class T>
void check_plain_loops() {
  testing::Random random(13);
  std::vector<T> a, b;
  for (int i = 0; i < 100; ++i) {
    a.push_back(static_cast<T>(random.uniform(-3, 3)));
    b.push_back(static_cast<T>(random.uniform(1, 3)));
  }
  const auto tolerance = static_cast<T>(4 * ulp<T>(8));
  for (const Loops<T>* table : usable_tables<Loops<T>>())
    for (const std::size_t n : {0, 1, 7, 16, 37, 100}) {
      check_binary(*table, n, a, b);
      double total = 0.0;
      for (std::size_t i = 0; i < n; ++i) total += static_cast<double>(a[i]);
      BOOST_TEST(std::abs(table->sum(n, a.data()) - total) < 1e-13);
      if (n) BOOST_TEST(table->maximum(n, a.data()) == *std::max_element(a.begin(), a.begin() + static_cast<long>(n)));
      std::vector<T> out(n);
      table->affine(n, T(2), T(0.5), a.data(), out.data());
      for (std::size_t i = 0; i < n; ++i) BOOST_REQUIRE(std::abs(out[i] - (T(2) * a[i] + T(0.5))) <= tolerance);
      table->axpy(n, T(2), b.data(), out.data());
      for (std::size_t i = 0; i < n; ++i)
        BOOST_REQUIRE(std::abs(out[i] - (T(2) * (a[i] + b[i]) + T(0.5))) <= tolerance);
    }
}

// Matrices of all shapes around the number of elements of a vector, in rows that are further apart.
template <class T>
void check_rearranging() {
  constexpr std::size_t from = 71, to = 75;
  std::vector<T> x;
  for (std::size_t i = 0; i < from * from; ++i) x.push_back(static_cast<T>(i));
  for (const Loops<T>* table : usable_tables<Loops<T>>())
    for (const std::size_t rows : {0, 1, 3, 8, 16, 35, 70})
      for (std::size_t columns = 0; columns <= 70; ++columns) {
        std::vector<T> turned(to * to, T(-1)), copied(to * to, T(-1));
        table->transpose(rows, columns, x.data(), from, turned.data(), to);
        table->copy_rows(rows, columns, x.data(), from, copied.data(), to);
        for (std::size_t i = 0; i < to; ++i)
          for (std::size_t j = 0; j < to; ++j) {
            const T expected = i < rows && j < columns ? x[i * from + j] : T(-1);
            BOOST_REQUIRE(turned[j * to + i] == expected);
            BOOST_REQUIRE(copied[i * to + j] == expected);
          }
      }
}

using Scalars = std::tuple<float, double>;

}  // namespace

BOOST_AUTO_TEST_SUITE(functions)

BOOST_AUTO_TEST_CASE_TEMPLATE(values, T, Scalars) { check_values<T>(); }
BOOST_AUTO_TEST_CASE_TEMPLATE(slopes, T, Scalars) { check_slopes<T>(); }
BOOST_AUTO_TEST_CASE_TEMPLATE(places, T, Scalars) { check_places<T>(); }
BOOST_AUTO_TEST_CASE_TEMPLATE(plain_loops, T, Scalars) { check_plain_loops<T>(); }
BOOST_AUTO_TEST_CASE_TEMPLATE(rearranging, T, Scalars) { check_rearranging<T>(); }

BOOST_AUTO_TEST_CASE_TEMPLATE(nan_and_limits, T, Scalars) {
  constexpr T inf = std::numeric_limits<T>::infinity();
  const T x[] = {std::numeric_limits<T>::quiet_NaN(), -inf};
  for (const Setting& s : settings)
    for (const Loops<T>* table : usable_tables<Loops<T>>()) {
      T y[2];
      table->unary(s.function, s.parameter, 2, x, y);
      const bool compares = s.function == Function::step;  // step compares with 0, and NaN is not larger than 0
      BOOST_CHECK_MESSAGE(compares ? y[0] == 0 : std::isnan(y[0]), name_of(s) << ": f(NaN) = " << y[0]);
      if (s.function == Function::relu || s.function == Function::softplus || s.function == Function::sigmoid)
        BOOST_CHECK_MESSAGE(y[1] == 0, name_of(s) << ": f(-inf) = " << y[1]);
    }
}

BOOST_AUTO_TEST_SUITE_END()
