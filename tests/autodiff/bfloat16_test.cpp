// Rounds every upper half of a float in all cases, and compares products in bfloat16 with sums in double.
#include "autodiff/kernels/bfloat16.hpp"

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "autodiff/array.hpp"
#include "autodiff/kernels/simd/bfloat16.hpp"
#include "autodiff/kernels/simd/instruction_sets.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Halves = std::vector<std::uint16_t>;

float widened(std::uint16_t x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16); }

// The magnitude of a half, where the one behind the largest finite number counts as 2^128.
double magnitude(std::uint32_t half) {
  half &= 0x7fffU;
  return half == 0x7f80U ? std::ldexp(1.0, 128) : static_cast<double>(widened(static_cast<std::uint16_t>(half)));
}

// The nearest of the two neighbours of x, or of two that are as near the one with an even last bit.
std::uint16_t nearest(std::uint32_t bits) {
  const std::uint32_t low = bits >> 16, high = low + 1;
  if ((bits & 0x7fffffffU) == 0x7f800000U) return static_cast<std::uint16_t>(low);
  const double x = std::abs(static_cast<double>(std::bit_cast<float>(bits)));
  const double down = x - magnitude(low), up = magnitude(high) - x;
  return static_cast<std::uint16_t>(down < up || (down == up && low % 2 == 0) ? low : high);
}

Halves random_halves(Random& random, std::size_t count) {
  Halves out(count);
  for (std::uint16_t& x : out)
    x = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(random.uniform())) >> 16);
  return out;
}

struct Shape3 {
  std::size_t rows, columns, length;
};

std::vector<Shape3> shapes() {
  std::vector<Shape3> out = {{256, 256, 96}, {33, 65, 1100}, {64, 32, 2048}, {70, 47, 513}};
  for (std::size_t rows = 1; rows <= 17; ++rows)
    for (const std::size_t length : {1, 2, 31, 32, 33, 100}) out.push_back({rows, 18 - rows, length});
  return out;
}

// The largest error of c = begin + a b^T, in float's roundings of the sum of the products' magnitudes, or infinity if
// something beside c was written.
template <class Product>
double error_of(const Shape3& s, float begin, const Product& product) {
  Random random("bfloat16");
  const std::size_t lda = s.length + 5, ldb = s.length + 2, ldc = s.columns + 3;
  const Halves a = random_halves(random, s.rows * lda), b = random_halves(random, s.columns * ldb);
  std::vector<float> c(s.rows * ldc, 0.5F);
  product(a.data(), lda, b.data(), ldb, c.data(), ldc);
  double worst = 0;
  for (std::size_t i = 0; i < s.rows; ++i) {
    for (std::size_t j = 0; j < s.columns; ++j) {
      double sum = static_cast<double>(begin), size = sum;
      for (std::size_t k = 0; k < s.length; ++k) {
        const double term = static_cast<double>(widened(a[i * lda + k])) * static_cast<double>(widened(b[j * ldb + k]));
        sum += term;
        size += std::abs(term);
      }
      worst = std::max(worst, std::abs(static_cast<double>(c[i * ldc + j]) - sum) / std::ldexp(size, -24));
    }
    for (std::size_t j = s.columns; j < ldc; ++j)
      if (c[i * ldc + j] != 0.5F) return std::numeric_limits<double>::infinity();
  }
  return worst;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bfloat16)

BOOST_AUTO_TEST_CASE(every_upper_half_is_rounded_to_nearest_even) {
  std::vector<float> x;
  for (std::uint32_t half = 0; half < 0x10000U; ++half)
    for (const std::uint32_t rest : {0x0U, 0x1U, 0x7fffU, 0x8000U, 0x8001U, 0xffffU})
      x.push_back(std::bit_cast<float>(half << 16 | rest));
  for (const kernels::Bfloat16Loops* loops : kernels::usable_tables<kernels::Bfloat16Loops>()) {
    Halves y(x.size());
    loops->round(x.size(), x.data(), y.data());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      wrong += std::isnan(x[i]) ? !std::isnan(widened(y[i])) : y[i] != nearest(std::bit_cast<std::uint32_t>(x[i]));
    BOOST_TEST(wrong == 0u);
    std::vector<float> back(y.size());
    loops->widen(y.size(), y.data(), back.data());
    for (std::size_t i = 0; i < y.size(); ++i)
      wrong += std::bit_cast<std::uint32_t>(back[i]) != static_cast<std::uint32_t>(y[i]) << 16;
    BOOST_TEST(wrong == 0u);
  }
}

BOOST_AUTO_TEST_CASE(rows_of_any_length_are_rounded_and_nothing_else) {
  Random random("lengths");
  for (const kernels::Bfloat16Loops* loops : kernels::usable_tables<kernels::Bfloat16Loops>())
    for (std::size_t n = 0; n < 70; ++n) {
      std::vector<float> x(n), back(n + 1, 3.0F);
      for (float& value : x) value = static_cast<float>(random.uniform());
      Halves y(n + 1, 7);
      loops->round(n, x.data(), y.data());
      loops->widen(n, y.data(), back.data());
      BOOST_TEST(y[n] == 7u);
      BOOST_TEST(back[n] == 3.0F);
      for (std::size_t i = 0; i < n; ++i) BOOST_TEST(y[i] == nearest(std::bit_cast<std::uint32_t>(x[i])));
    }
}

BOOST_AUTO_TEST_CASE(rounding_errors_are_summed) {
  Random random("sums");
  for (const kernels::Bfloat16Loops* loops : kernels::usable_tables<kernels::Bfloat16Loops>())
    for (const std::size_t n : {0, 1, 15, 16, 17, 100, 4095, 4096, 4097, 20000}) {
      std::vector<float> x(n);
      for (float& value : x) value = static_cast<float>(random.uniform());
      Halves y(n);
      loops->round(n, x.data(), y.data());
      double squares = 0, errors = 0, size = 0;
      for (std::size_t i = 0; i < n; ++i) {
        const double value = static_cast<double>(x[i]), error = static_cast<double>(widened(y[i])) - value;
        squares += value * value;
        errors += value * error;
        size += std::abs(value * error);
      }
      const kernels::RoundingSums sums = loops->sums(n, x.data(), y.data());
      BOOST_TEST(std::abs(sums.squares - squares) <= 1e-5 * squares);
      BOOST_TEST(std::abs(sums.errors - errors) <= 1e-5 * size);
    }
}

BOOST_AUTO_TEST_CASE(products_are_sums_in_float) {
  for (const Shape3& s : shapes()) BOOST_TEST_CONTEXT(s.rows << " x " << s.columns << " x " << s.length) {
      const auto product = [&](auto... operands) {
        kernels::bfloat16_product(s.rows, s.columns, s.length, operands...);
      };
      // Also where this processor has instructions, as another has none.
      const auto widened_product = [&](auto... operands) {
        kernels::widened_bfloat16_product(s.rows, s.columns, s.length, operands...);
      };
      BOOST_TEST(error_of(s, 0, product) < 16);
      BOOST_TEST(error_of(s, 0, widened_product) < 16);
    }
}

BOOST_AUTO_TEST_CASE(a_gram_is_the_product_of_rows_with_themselves) {
  Random random("gram");
  constexpr std::size_t n = 40, length = 600;
  const Halves a = random_halves(random, n * length), b = a;
  for (const auto product : {&kernels::bfloat16_product, &kernels::widened_bfloat16_product}) {
    std::vector<float> one(n * n), two(n * n);
    product(n, n, length, a.data(), length, a.data(), length, one.data(), n);
    product(n, n, length, a.data(), length, b.data(), length, two.data(), n);
    BOOST_TEST((one == two));
  }
}

// Those of the instructions that this processor has; tests/benchmarks/bfloat16.cpp checks more shapes.
BOOST_AUTO_TEST_CASE(each_kind_of_instructions_adds_the_same_products) {
  for (const kernels::Bfloat16Product* one : kernels::bfloat16_products())
    for (const Shape3& s : shapes())
      for (const std::size_t depth : {std::size_t{32}, std::size_t{96}, one->depth})
        BOOST_TEST_CONTEXT(one->instruction_set << ", " << s.rows << " x " << s.columns << " x " << s.length) {
          const std::size_t bytes = one->room(s.rows, s.columns, depth);
          Array<float> scratch({bytes / sizeof(float) + 1});
          float* room = scratch.mutable_data();
          const auto product = [&](auto... operands) {
            one->add(s.rows, s.columns, s.length, operands..., depth, room);
          };
          BOOST_TEST(error_of(s, 0.5F, product) < 16);
          BOOST_TEST(one->room(s.rows, s.columns, one->depth) <= kernels::bfloat16_product_bytes(s.rows, s.columns));
        }
}

BOOST_AUTO_TEST_SUITE_END()
