// Compares Grams of patches, made from Grams of pixels, with inner products of the patches themselves.
#include <boost/test/unit_test.hpp>

#include "autodiff/array.hpp"
#include "autodiff/kernels/im2col.hpp"
#include "autodiff/kernels/simd/shifts.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

kernels::ConvShape shape(std::size_t height, std::size_t width, std::size_t kernel_height, std::size_t kernel_width,
                         std::size_t padding_height, std::size_t padding_width, std::size_t dilation_height = 1,
                         std::size_t dilation_width = 1) {
  return {2, height,         width,         kernel_height,   kernel_width,  1,
          1, padding_height, padding_width, dilation_height, dilation_width};
}

// The patches (positions, channels * taps) of an image.
template <class T>
Array<T> patches(const kernels::ConvShape& s, const Array<T>& image) {
  const std::size_t d = s.positions(), r = s.patch_size();
  Array<T> columns({r, d}), rows({d, r});
  kernels::im2col(s, 0, s.out_height(), image.data(), columns.mutable_data(), d);
  for (std::size_t p = 0; p < d; ++p)
    for (std::size_t i = 0; i < r; ++i) rows.mutable_data()[p * r + i] = columns[i * d + p];
  return rows;
}

template <class T>
double error_of(const kernels::ConvShape& a, const kernels::ConvShape& b) {
  Random random("shifts");
  const std::size_t ua = a.height * a.width, ub = b.height * b.width, da = a.positions(), db = b.positions(), gap = 3;
  const Array<T> x = cast<T>(random_array(random, {2, ua})), y = cast<T>(random_array(random, {2, ub}));
  Array<T> pixels = Array<T>::full({ua, ub + gap}, T(1e6)), out = Array<T>::full({da, db + gap}, T(7));
  for (std::size_t u = 0; u < ua; ++u)
    for (std::size_t v = 0; v < ub; ++v)
      pixels.mutable_data()[u * (ub + gap) + v] = x[u] * y[v] + x[ua + u] * y[ub + v];
  const kernels::ShiftedSums<T> sums(a, b);
  Array<T> room({sums.shape().room()});
  sums(pixels.data(), ub + gap, room.mutable_data(), out.mutable_data(), db + gap);
  const Array<T> pa = patches(a, x), pb = patches(b, y);
  double worst = 0;
  for (std::size_t p = 0; p < da; ++p) {
    for (std::size_t q = 0; q < db; ++q) {
      double expected = 0;
      for (std::size_t i = 0; i < a.patch_size(); ++i)
        expected += static_cast<double>(pa[p * a.patch_size() + i]) * static_cast<double>(pb[q * b.patch_size() + i]);
      worst = std::max(worst, std::abs(static_cast<double>(out[p * (db + gap) + q]) - expected));
    }
    for (std::size_t q = db; q < db + gap; ++q)
      if (out[p * (db + gap) + q] != T(7)) return 1e30;  // nothing is written beside the result
  }
  return worst;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(shifts)

BOOST_AUTO_TEST_CASE(sums_over_taps_are_products_of_patches) {
  const std::vector<std::pair<kernels::ConvShape, kernels::ConvShape>> table = {
      {shape(4, 4, 3, 3, 1, 1), shape(4, 4, 3, 3, 1, 1)},
      {shape(7, 5, 3, 3, 1, 1), shape(7, 5, 3, 3, 1, 1)},
      {shape(7, 5, 3, 3, 0, 0), shape(7, 5, 3, 3, 0, 0)},
      {shape(8, 33, 3, 5, 1, 2), shape(8, 33, 3, 5, 1, 2)},
      {shape(6, 6, 2, 4, 0, 3), shape(6, 6, 2, 4, 0, 3)},
      {shape(9, 8, 3, 3, 2, 2, 2, 2), shape(9, 8, 3, 3, 2, 2, 2, 2)},
      {shape(9, 8, 3, 2, 0, 1, 3, 2), shape(9, 8, 3, 2, 0, 1, 3, 2)},
      {shape(1, 12, 1, 3, 0, 1), shape(1, 12, 1, 3, 0, 1)},
      {shape(1, 1, 3, 3, 1, 1), shape(1, 1, 3, 3, 1, 1)},
      {shape(2, 2, 3, 3, 4, 4), shape(2, 2, 3, 3, 4, 4)},
      {shape(3, 3, 3, 3, 0, 0), shape(5, 6, 3, 3, 1, 1)},
      {shape(5, 6, 3, 3, 1, 1), shape(3, 3, 3, 3, 0, 0)},
      {shape(4, 7, 2, 3, 1, 0, 1, 2), shape(6, 5, 2, 3, 0, 2, 1, 2)},
  };
  for (std::size_t i = 0; i < table.size(); ++i) {
    BOOST_TEST_CONTEXT("row " << i) {
      BOOST_TEST(error_of<double>(table[i].first, table[i].second) < 1e-13);
      BOOST_TEST(error_of<float>(table[i].first, table[i].second) < 1e-4);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
