// Compares the loops of direct convolution, in every instruction set of this processor, with plain sums.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/kernels/direct_convolution.hpp"
#include "autodiff/kernels/simd/instruction_sets.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

template <class T>
void check() {
  Random random("direct");
  const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-13;
  for (const kernels::Direct<T>* d : kernels::usable_tables<kernels::Direct<T>>())
    for (std::size_t outputs : {1, 2, 3, 5, 7, 8, 9, 17})
      for (std::size_t length : {1, 7, 16, 33, 64, 131}) {
        const std::size_t channels = 3, plane = length + 40, block = d->out_block;
        const std::vector<std::size_t> offset{0, 1, 5, 17};
        const std::size_t taps = offset.size(), rounded = (length + d->lanes - 1) / d->lanes * d->lanes;
        const Array<T> x = cast<T>(random_array(random, {channels * plane + d->lanes}));
        const Array<T> w = cast<T>(random_array(random, {outputs, channels * taps}));
        Array<T> packed = Array<T>::zeros({(outputs + block - 1) / block * block * channels * taps});
        for (std::size_t o = 0; o < outputs; ++o)
          for (std::size_t i = 0; i < channels * taps; ++i)
            packed.mutable_data()[(o / block * channels * taps + i) * block + o % block] = w[o * channels * taps + i];
        Array<T> y = Array<T>::zeros({outputs, rounded});
        const std::vector<kernels::CorrelationTile> tiles = kernels::successive_tiles(length, d->lanes, taps);
        d->correlate(outputs, channels, taps, offset.data(), packed.data(), x.data(), plane, tiles.data(), tiles.size(),
                     y.mutable_data(), rounded);
        double worst = 0;
        for (std::size_t o = 0; o < outputs; ++o)
          for (std::size_t q = 0; q < length; ++q) {
            double sum = 0;
            for (std::size_t c = 0; c < channels; ++c)
              for (std::size_t f = 0; f < taps; ++f)
                sum += static_cast<double>(w[(o * channels + c) * taps + f]) *
                       static_cast<double>(x[c * plane + q + offset[f]]);
            worst = std::max(worst, std::abs(sum - static_cast<double>(y[o * rounded + q])));
          }
        BOOST_TEST(worst < tolerance);

        for (std::size_t o = 0; o < outputs; ++o)
          for (std::size_t q = length; q < rounded; ++q) y.mutable_data()[o * rounded + q] = T(0);
        std::vector<const T*> rows;
        for (std::size_t c = 0; c < channels; ++c)
          for (std::size_t at : offset) rows.push_back(x.data() + c * plane + at);
        Array<T> gradient = Array<T>::ones({outputs, rows.size()});
        for (bool add : {false, true}) {
          d->gradient(outputs, rows.size(), length, y.data(), rounded, rows.data(), add, gradient.mutable_data(),
                      rows.size());
          worst = 0;
          for (std::size_t o = 0; o < outputs; ++o)
            for (std::size_t r = 0; r < rows.size(); ++r) {
              double sum = 0;
              for (std::size_t q = 0; q < length; ++q)
                sum += static_cast<double>(y[o * rounded + q]) * static_cast<double>(rows[r][q]);
              worst =
                  std::max(worst, std::abs((add ? 2 : 1) * sum - static_cast<double>(gradient[o * rows.size() + r])));
            }
          BOOST_TEST(worst < 100 * tolerance);
        }
      }
}

// Tiles whose vectors lie anywhere and do not see all taps.
template <class T>
void check_tiles() {
  Random random("tiles");
  const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-13;
  for (const kernels::Direct<T>* d : kernels::usable_tables<kernels::Direct<T>>()) {
    const std::size_t outputs = d->out_block + 1, channels = 2, plane = 200, block = d->out_block, lanes = d->lanes;
    const std::vector<std::size_t> offset{0, 3, 4, 19};
    const std::size_t taps = offset.size(), ldy = 6 * lanes;
    const std::vector<kernels::CorrelationTile> tiles = {{3, {40, 7, 90}, {5 * lanes, 0, 2 * lanes}, 1, 3},
                                                         {2, {60, 3}, {lanes, 4 * lanes}, 0, 4},
                                                         {1, {11}, {3 * lanes}, 2, 2}};
    const Array<T> x = cast<T>(random_array(random, {channels * plane + lanes}));
    const Array<T> packed = cast<T>(random_array(random, {2, channels * taps, block}));
    Array<T> y = Array<T>::full({outputs, ldy}, T(-77));
    d->correlate(outputs, channels, taps, offset.data(), packed.data(), x.data(), plane, tiles.data(), tiles.size(),
                 y.mutable_data(), ldy);
    double worst = 0;
    for (const kernels::CorrelationTile& tile : tiles)
      for (std::size_t v = 0; v < tile.vectors; ++v)
        for (std::size_t o = 0; o < outputs; ++o)
          for (std::size_t l = 0; l < lanes; ++l) {
            double sum = 0;
            for (std::size_t c = 0; c < channels; ++c)
              for (std::size_t f = tile.first; f < tile.last; ++f)
                sum += static_cast<double>(packed[(o / block * channels * taps + c * taps + f) * block + o % block]) *
                       static_cast<double>(x[c * plane + tile.x[v] + l + offset[f]]);
            worst = std::max(worst, std::abs(sum - static_cast<double>(y[o * ldy + tile.y[v] + l])));
          }
    BOOST_TEST(worst < tolerance);
  }
}

// Whole convolutions and their gradients along the images, in rows that fit vectors well and badly.
template <class T>
void check_convolutions() {
  struct Layer {
    std::size_t in, out, groups, height, width, kernel_height, kernel_width, padding_height, padding_width, dilation;
  };
  const Layer layers[] = {{6, 16, 1, 14, 14, 5, 5, 0, 0, 1}, {3, 9, 1, 12, 16, 3, 3, 1, 1, 1},
                          {4, 6, 2, 11, 15, 3, 5, 2, 4, 1},  {2, 3, 1, 9, 31, 4, 2, 3, 1, 1},
                          {2, 2, 1, 13, 8, 3, 3, 2, 1, 2},   {1, 1, 1, 2, 2, 2, 2, 1, 1, 1},
                          {2, 5, 1, 3, 16, 5, 1, 4, 0, 1},   {2, 2, 1, 5, 40, 3, 3, 0, 2, 1}};
  Random random("convolutions");
  const double tolerance = sizeof(T) == 4 ? 1e-4 : 1e-12;
  const std::size_t count = 3;
  for (const Layer& l : layers) {
    kernels::ConvShape s;
    s.channels = l.in;
    s.height = l.height;
    s.width = l.width;
    s.kernel_height = l.kernel_height;
    s.kernel_width = l.kernel_width;
    s.padding_height = l.padding_height;
    s.padding_width = l.padding_width;
    s.dilation_height = s.dilation_width = l.dilation;
    s.groups = l.groups;
    const std::size_t high = s.out_height(), wide = s.out_width(), in = l.in / l.groups, out = l.out / l.groups;
    const Array<T> x = cast<T>(random_array(random, {count, l.in, l.height, l.width})),
                   w = cast<T>(random_array(random, {l.out, in, l.kernel_height, l.kernel_width})),
                   b = cast<T>(random_array(random, {l.out})),
                   t = cast<T>(random_array(random, {count, l.out, high, wide}));
    Array<T> y({count, l.out, high, wide}), images(x.shape());
    kernels::direct_conv2d(s, count, l.out, x.data(), w.data(), b.data(), 1, y.mutable_data());
    kernels::direct_conv2d_input(s, count, l.out, t.data(), w.data(), 1, images.mutable_data());
    std::vector<double> sums(y.size()), gradients(x.size());
    for (std::size_t n = 0; n < count; ++n)
      for (std::size_t o = 0; o < l.out; ++o)
        for (std::size_t i = 0; i < high * wide; ++i) {
          const std::size_t at = (n * l.out + o) * high * wide + i;
          sums[at] = static_cast<double>(b[o]);
          for (std::size_t c = 0; c < in; ++c)
            for (std::size_t f = 0; f < s.taps(); ++f) {
              const std::size_t row = i / wide + f / l.kernel_width * l.dilation - l.padding_height,
                                column = i % wide + f % l.kernel_width * l.dilation - l.padding_width;
              if (row >= l.height || column >= l.width) continue;  // negative numbers are large ones here
              const std::size_t pixel = ((n * l.in + o / out * in + c) * l.height + row) * l.width + column;
              const auto weight = static_cast<double>(w[(o * in + c) * s.taps() + f]);
              sums[at] += weight * static_cast<double>(x[pixel]);
              gradients[pixel] += weight * static_cast<double>(t[at]);
            }
        }
    double worst = 0;
    for (std::size_t i = 0; i < sums.size(); ++i)
      worst = std::max(worst, std::abs(sums[i] - static_cast<double>(y[i])));
    for (std::size_t i = 0; i < gradients.size(); ++i)
      worst = std::max(worst, std::abs(gradients[i] - static_cast<double>(images[i])));
    BOOST_TEST(worst < tolerance);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(direct)

BOOST_AUTO_TEST_CASE(of_float) { check<float>(); }
BOOST_AUTO_TEST_CASE(of_double) { check<double>(); }
BOOST_AUTO_TEST_CASE(tiles_of_float) { check_tiles<float>(); }
BOOST_AUTO_TEST_CASE(tiles_of_double) { check_tiles<double>(); }
BOOST_AUTO_TEST_CASE(convolutions_of_float) { check_convolutions<float>(); }
BOOST_AUTO_TEST_CASE(convolutions_of_double) { check_convolutions<double>(); }

BOOST_AUTO_TEST_SUITE_END()
