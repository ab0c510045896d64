// Conversions between elements of files and floating types.
#include "autodiff/kernels/convert.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

using namespace xtangent::kernels;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class E>
std::vector<std::uint8_t> bytes(const std::vector<E>& elements) {
  std::vector<std::uint8_t> out(1 +
                                elements.size() * sizeof(E));  // after one byte, so that elements lie at odd addresses
  std::memcpy(out.data() + 1, elements.data(), elements.size() * sizeof(E));
  return out;
}

template <class T, class E>
std::vector<T> decoded(ElementType type, const std::vector<E>& elements) {
  std::vector<T> out(elements.size());
  BOOST_TEST(decode(type, bytes(elements).data() + 1, elements.size(), out.data()) == elements.size());
  return out;
}

template <class T>
std::uint16_t encoded16(ElementType type, T x) {
  std::uint8_t out[2] = {};
  BOOST_TEST(encode(type, &x, 1, out) == 1u);
  return static_cast<std::uint16_t>(out[0] | out[1] << 8);
}

template <class T, class E>
std::size_t refused_at(ElementType type, const std::vector<E>& elements) {
  std::vector<T> out(elements.size());
  return decode(type, bytes(elements).data() + 1, elements.size(), out.data());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(convert)

BOOST_AUTO_TEST_CASE(sizes) {
  const std::vector<std::size_t> expected = {1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 2, 4, 8};
  for (std::size_t i = 0; i < expected.size(); ++i) BOOST_TEST(bytes_of(static_cast<ElementType>(i)) == expected[i]);
  BOOST_TEST(!is_floating(ElementType::i64));
  BOOST_TEST(is_floating(ElementType::f16));
}

BOOST_AUTO_TEST_CASE(known_bit_patterns) {
  const std::vector<std::pair<std::uint16_t, double>> halves = {
      {0x0000, 0.0},      {0x3c00, 1.0},      {0xc000, -2.0},      {0x3555, 0.333251953125},
      {0x7bff, 65504.0},  {0x0400, 0x1p-14},  {0x03ff, 0x3ffp-24}, {0x0001, 0x1p-24},
      {0x8001, -0x1p-24}, {0x7c00, infinity}, {0xfc00, -infinity}};
  for (const auto& [bits, value] : halves) {
    BOOST_TEST(decoded<double>(ElementType::f16, std::vector{bits})[0] == value);
    BOOST_TEST(encoded16(ElementType::f16, value) == bits);
  }
  const std::vector<std::pair<std::uint16_t, double>> brains = {
      {0x3f80, 1.0}, {0xc040, -3.0}, {0x0080, 0x1p-126}, {0x0001, 0x1p-133}, {0x7f7f, 0x1.fep127}, {0x7f80, infinity}};
  for (const auto& [bits, value] : brains) {
    BOOST_TEST(decoded<double>(ElementType::bf16, std::vector{bits})[0] == value);
    BOOST_TEST(encoded16(ElementType::bf16, value) == bits);
  }
  BOOST_TEST(encoded16(ElementType::f16, -0.0) == 0x8000u);
  BOOST_TEST(std::signbit(decoded<float>(ElementType::f16, std::vector<std::uint16_t>{0x8000})[0]));
  BOOST_TEST(std::isnan(decoded<float>(ElementType::f16, std::vector<std::uint16_t>{0x7e00})[0]));
  BOOST_TEST(std::isnan(decoded<float>(ElementType::bf16, std::vector{encoded16(ElementType::bf16, std::nan(""))})[0]));
}

BOOST_AUTO_TEST_CASE(every_sixteen_bit_number_survives) {
  for (ElementType type : {ElementType::f16, ElementType::bf16})
    for (std::uint32_t bits = 0; bits < 1u << 16; ++bits) {
      const double value = decoded<double>(type, std::vector{static_cast<std::uint16_t>(bits)})[0];
      if (std::isnan(value)) continue;
      if (encoded16(type, value) != bits) BOOST_ERROR("bits " << bits << " of " << value);
    }
}

BOOST_AUTO_TEST_CASE(rounding_is_to_nearest_even_and_once) {
  // Halves around 1 are 2^-10 apart.
  BOOST_TEST(encoded16(ElementType::f16, 1 + 0x1p-11) == 0x3c00u);
  BOOST_TEST(encoded16(ElementType::f16, 1 + 0x3p-11) == 0x3c02u);
  BOOST_TEST(encoded16(ElementType::f16, 1 + 0x1p-11 + 0x1p-40) ==
             0x3c01u);  // this would become a tie if it were rounded to float first
  BOOST_TEST(encoded16(ElementType::f16, 2 - 0x1p-12) == 0x4000u);
  BOOST_TEST(encoded16(ElementType::f16, 0x1p-25) == 0u);
  BOOST_TEST(encoded16(ElementType::f16, 0x1.8p-25) == 1u);
  BOOST_TEST(encoded16(ElementType::f16, 0x1p-14 - 0x1p-26) == 0x0400u);
  BOOST_TEST(encoded16(ElementType::bf16, 1 + 0x1p-8) == 0x3f80u);
  BOOST_TEST(encoded16(ElementType::bf16, 1.0f + 0x3p-8f) == 0x3f82u);
}

BOOST_AUTO_TEST_CASE(whole_numbers_and_truth_values) {
  BOOST_TEST(decoded<double>(ElementType::i8, std::vector<std::int8_t>{-128, 5})[0] == -128.0);
  BOOST_TEST(decoded<double>(ElementType::u16, std::vector<std::uint16_t>{65535})[0] == 65535.0);
  BOOST_TEST(decoded<float>(ElementType::boolean, std::vector<std::uint8_t>{1, 0})[0] == 1.0f);
  BOOST_TEST(decoded<float>(ElementType::i32, std::vector<std::int32_t>{-(1 << 24)})[0] == -16777216.0f);
  BOOST_TEST(decoded<double>(ElementType::u64, std::vector<std::uint64_t>{std::uint64_t{1} << 53})[0] == 0x1p53);
  std::int64_t out[2] = {};
  BOOST_TEST(decode_integers(ElementType::u8, bytes(std::vector<std::uint8_t>{7, 255}).data() + 1, 2, out) == 2u);
  BOOST_TEST(out[1] == 255);
  BOOST_TEST(decode_integers(ElementType::u64, bytes(std::vector{~std::uint64_t{0}}).data() + 1, 1, out) == 0u);
  BOOST_TEST(decode_integers(ElementType::f32, bytes(std::vector{1.0f}).data() + 1, 1, out) == 0u);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_found) {
  BOOST_TEST(refused_at<float>(ElementType::f64, std::vector{1.0, infinity, 1e39, 0.0}) == 2u);
  BOOST_TEST(refused_at<double>(ElementType::f64, std::vector{1.0, infinity, 1e39}) == 3u);
  BOOST_TEST(refused_at<float>(ElementType::i32, std::vector<std::int32_t>{0, (1 << 24) + 1}) == 1u);
  BOOST_TEST(refused_at<double>(ElementType::i64, std::vector{std::numeric_limits<std::int64_t>::min()}) == 0u);
  BOOST_TEST(refused_at<double>(ElementType::u64, std::vector{~std::uint64_t{0}}) == 0u);
  const double values[] = {1.0, infinity, 65519.0, 65520.0};
  std::uint8_t out[8];
  BOOST_TEST(encode(ElementType::f16, values, 4, out) == 3u);
  const double whole[] = {-128, 127, 3, 128}, half = 0.5, nan = std::nan(""), edge = 0x1p63;
  BOOST_TEST(encode(ElementType::i8, whole, 4, out) == 3u);
  BOOST_TEST(static_cast<std::int8_t>(out[0]) == -128);
  BOOST_TEST(encode(ElementType::u8, whole, 4, out) == 0u);
  BOOST_TEST(encode(ElementType::i64, &half, 1, out) == 0u);
  BOOST_TEST(encode(ElementType::i64, &nan, 1, out) == 0u);
  BOOST_TEST(encode(ElementType::i64, &edge, 1, out) == 0u);
  BOOST_TEST(encode(ElementType::u64, &edge, 1, out) == 1u);
  const double large = 1e300;
  BOOST_TEST(encode(ElementType::f32, &large, 1, out) == 0u);
  BOOST_TEST(encode(ElementType::bf16, &large, 1, out) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
