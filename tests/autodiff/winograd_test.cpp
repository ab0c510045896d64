// Compares minimal filtering on Winograd tiles with plain sums: its transforms in every instruction set of this
// processor, and whole convolutions.
#include <oneapi/tbb/global_control.h>

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/kernels/simd/instruction_sets.hpp"
#include "autodiff/kernels/simd/winograd_transforms.hpp"
#include "autodiff/kernels/winograd.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

// Visits all terms of a convolution with stride 1: calls f(offsets of x, w and y) for all images, pixels and taps.
template <class F>
void for_each_product(const kernels::ConvShape& s, std::size_t count, std::size_t out, F f) {
  const std::size_t in = s.channels / s.groups, outputs = out / s.groups;
  for (std::size_t n = 0; n < count; ++n)
    for (std::size_t o = 0; o < out; ++o)
      for (std::size_t c = 0; c < in; ++c)
        for (std::size_t t = 0; t < 9; ++t)
          for (std::size_t p = 0; p < s.positions(); ++p) {
            const std::size_t h = p / s.out_width() + t / 3, w = p % s.out_width() + t % 3;
            if (h < s.padding_height || w < s.padding_width || h - s.padding_height >= s.height ||
                w - s.padding_width >= s.width)
              continue;
            const std::size_t image = n * s.channels + o / outputs * in + c;
            f((image * s.height + h - s.padding_height) * s.width + w - s.padding_width, (o * in + c) * 9 + t,
              (n * out + o) * s.positions() + p);
          }
}

kernels::ConvShape shape(std::size_t channels, std::size_t height, std::size_t width, std::size_t padding,
                         std::size_t groups = 1) {
  kernels::ConvShape s;
  s.channels = channels;
  s.height = height;
  s.width = width;
  s.kernel_height = s.kernel_width = 3;
  s.padding_height = s.padding_width = padding;
  s.groups = groups;
  return s;
}

// Computes one channel by the transforms of one table: the output, or the gradient of the kernel.
template <class T>
void check_transforms(const kernels::WinogradTransforms<T>& table, const kernels::ConvShape& s, Random& random) {
  const std::size_t high = (s.out_height() + 1) / 2, wide = (s.out_width() + 1) / 2, block = table.out_block;
  const std::size_t stride = high * wide + table.lanes, padded = (wide + table.lanes - 1) / table.lanes * table.lanes;
  const Array<double> image = random_array(random, {s.height * s.width}), kernel = random_array(random, {9});
  const Array<double> seed = random_array(random, {s.positions()});
  const Array<T> x = cast<T>(image), w = cast<T>(kernel), y = cast<T>(seed);
  Array<T> room({20 * padded + table.lanes}), of_x({16, stride}), of_y({16, stride}), packed({16, block});
  const kernels::WinogradPlane in{s.height, s.width, s.padding_height, s.padding_width, wide};
  const kernels::WinogradPlane out{s.out_height(), s.out_width(), 0, 0, wide};
  const std::size_t middle = high / 2;  // the rows are computed in two calls
  for (auto [first, last] : {std::pair{std::size_t{0}, middle}, std::pair{middle, high}}) {
    T* to = of_x.mutable_data() + first * wide;
    table.input(in, x.data(), first, last, room.mutable_data(), to, stride);
    table.cotangent(out, y.data(), first, last, room.mutable_data(), of_y.mutable_data() + first * wide, stride);
  }
  table.weight(1, 1, w.data(), 9, 9, 1, packed.mutable_data(), block);

  Array<T> products({16, stride}), sums = Array<T>::zeros({16});
  for (std::size_t f = 0; f < 16; ++f)
    for (std::size_t p = 0; p < high * wide; ++p) {
      products.mutable_data()[f * stride + p] = packed[f * block] * of_x[f * stride + p];
      sums.mutable_data()[f] += of_y[f * stride + p] * of_x[f * stride + p];
    }
  Array<T> result({s.positions() + 1}), gradient({10});
  result.mutable_data()[s.positions()] = gradient.mutable_data()[9] = T(7);  // nothing is written behind the ends
  table.output(out, products.data(), stride, 0, high, T(0.25), room.mutable_data(), result.mutable_data());
  table.weight_gradient(1, sums.data(), 1, gradient.mutable_data());

  Array<double> expected = Array<double>::full({s.positions() + 1}, 0.25),
                expected_gradient = Array<double>::zeros({10});
  expected.mutable_data()[s.positions()] = expected_gradient.mutable_data()[9] = 7;
  for_each_product(s, 1, 1, [&](std::size_t i, std::size_t j, std::size_t k) {
    expected.mutable_data()[k] += image[i] * kernel[j];
    expected_gradient.mutable_data()[j] += image[i] * seed[k];
  });
  const double tolerance = sizeof(T) == 4 ? 3e-6 : 1e-14;
  BOOST_TEST(difference(to_double(result), expected) < tolerance);
  BOOST_TEST(difference(to_double(gradient), expected_gradient) < tolerance);
}

template <class T>
void check_all_transforms() {
  Random random("tiles");
  for (const kernels::WinogradTransforms<T>* table : kernels::usable_tables<kernels::WinogradTransforms<T>>())
    for (std::size_t padding : {0, 1, 2})
      for (std::size_t height : {3, 4, 7})
        for (std::size_t width : {3, 4, 5, 8, 17, 32, 35, 67}) {
          BOOST_TEST_CONTEXT(table->lanes << " lanes, " << height << " x " << width << ", padding " << padding)
          check_transforms(*table, shape(1, height, width, padding), random);
        }
}

struct Case {
  kernels::ConvShape s;
  std::size_t count, out;
};

// Covers several images in a task and several tasks for an image, odd sizes, groups, and blocks of channels that are
// not full.
const std::vector<Case> cases = {{shape(16, 7, 5, 1), 6, 19},   {shape(17, 20, 33, 0), 2, 16},
                                 {shape(16, 4, 4, 2), 9, 16},   {shape(40, 9, 12, 1, 2), 3, 36},
                                 {shape(16, 4, 210, 1), 1, 16}, {shape(130, 6, 6, 1), 8, 140}};

template <class T>
void check_convolutions(double tolerance) {
  Random random("winograd");
  for (const auto& [s, count, out] : cases)
    BOOST_TEST_CONTEXT(s.channels << " x " << s.height << " x " << s.width << " to " << out) {
      BOOST_TEST(kernels::winograd_fits(s, count, out));
      const Array<double> x = random_array(random, {count * s.input_size()});
      const Array<double> w = random_array(random, {out * s.patch_size() / s.groups});
      const Array<double> seed = random_array(random, {count * out * s.positions()}), b = random_array(random, {out});
      Array<double> y = Array<double>::zeros(seed.shape()), dx = Array<double>::zeros(x.shape()),
                    dw = Array<double>::zeros(w.shape());
      double *py = y.mutable_data(), *px = dx.mutable_data(), *pw = dw.mutable_data();
      for (std::size_t i = 0; i < y.size(); ++i) py[i] = b[i / s.positions() % out];
      for_each_product(s, count, out, [&](std::size_t i, std::size_t j, std::size_t k) {
        py[k] += x[i] * w[j];
        px[i] += seed[k] * w[j];
        pw[j] += seed[k] * x[i];
      });
      const Array<T> xt = cast<T>(x), wt = cast<T>(w), st = cast<T>(seed), bt = cast<T>(b);
      std::vector<Array<T>> first;
      for (std::size_t threads : {1, 3}) {
        tbb::global_control control(tbb::global_control::max_allowed_parallelism, threads);
        std::vector<Array<T>> found = {Array<T>(y.shape()), Array<T>(x.shape()), Array<T>(w.shape())};
        kernels::winograd_conv2d(s, count, out, xt.data(), wt.data(), bt.data(), found[0].mutable_data());
        kernels::winograd_conv2d_input(s, count, out, st.data(), wt.data(), found[1].mutable_data());
        kernels::winograd_conv2d_weight(s, count, out, xt.data(), st.data(), found[2].mutable_data());
        BOOST_TEST(difference(to_double(found[0]), y) < tolerance);
        BOOST_TEST(difference(to_double(found[1]), dx) < tolerance);
        BOOST_TEST(difference(to_double(found[2]), dw) < tolerance);
        if (first.empty()) first = found;
        for (std::size_t i = 0; i < first.size(); ++i) BOOST_TEST(same_bits(first[i], found[i]));
      }
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(winograd)

BOOST_AUTO_TEST_CASE(transforms_of_float) { check_all_transforms<float>(); }
BOOST_AUTO_TEST_CASE(transforms_of_double) { check_all_transforms<double>(); }
BOOST_AUTO_TEST_CASE(convolutions_of_float) { check_convolutions<float>(3e-6); }
BOOST_AUTO_TEST_CASE(convolutions_of_double) { check_convolutions<double>(1e-14); }

// The bits of an image do not depend on the images beside it.
BOOST_AUTO_TEST_CASE(images_apart) {
  Random random("images apart");
  const kernels::ConvShape s = shape(16, 16, 18, 1);
  const std::size_t count = 3, out = 16;
  const Array<float> x = cast<float>(random_array(random, {count, s.input_size()}));
  const Array<float> w = cast<float>(random_array(random, {out * s.patch_size()}));
  Array<float> all({count, out * s.positions()}), one({1, out * s.positions()});
  kernels::winograd_conv2d<float>(s, count, out, x.data(), w.data(), nullptr, all.mutable_data());
  for (std::size_t n = 0; n < count; ++n) {
    kernels::winograd_conv2d<float>(s, 1, out, x.rows(n, n + 1).data(), w.data(), nullptr, one.mutable_data());
    BOOST_TEST(same_bits(one, all.rows(n, n + 1)));
  }
}

BOOST_AUTO_TEST_CASE(what_it_is_not_for) {
  const kernels::ConvShape good = shape(16, 16, 16, 1);
  BOOST_TEST(kernels::winograd_fits(good, 1, 16));
  BOOST_TEST(!kernels::winograd_fits(good, 1, 8));                   // few channels
  BOOST_TEST(!kernels::winograd_fits(shape(16, 8, 8, 1), 1, 16));    // few pixels for the transforms of weights
  BOOST_TEST(!kernels::winograd_fits(shape(16, 3, 3, 0), 100, 16));  // tiles with more outside than inside
  BOOST_TEST(!kernels::winograd_fits(shape(16, 16, 16, 3), 1, 16));  // its derivative would cut the border
  for (std::size_t kernels::ConvShape::*changed :
       {&kernels::ConvShape::stride_height, &kernels::ConvShape::dilation_width, &kernels::ConvShape::kernel_width}) {
    kernels::ConvShape s = good;
    s.*changed = 2;
    BOOST_TEST(!kernels::winograd_fits(s, 1, 16));
  }
}

BOOST_AUTO_TEST_CASE(weights_of_one_image) {
  Random random("one image");
  const auto with = [](std::size_t channels, std::size_t height, std::size_t width, std::size_t padding) {
    return shape(channels, height, width, padding);
  };
  for (const kernels::ConvShape& s : {with(64, 16, 16, 1), with(66, 19, 18, 0), with(64, 15, 17, 2)}) {
    constexpr std::size_t out = 65, probes = 2, gap = 5;
    BOOST_TEST(kernels::winograd_weight_one_fits(s, out));
    const std::size_t seed = out * s.positions() + gap, size = out * s.patch_size() + gap;
    const Array<double> image = random_array(random, {s.input_size()}), bars = random_array(random, {probes, seed});
    Array<double> expected = Array<double>::full({probes, size}, 7.0), w = expected.clone();
    for (std::size_t k = 0; k < probes; ++k) {
      std::fill_n(expected.mutable_data() + k * size, size - gap, 0.0);
      for_each_product(s, 1, out, [&](std::size_t i, std::size_t j, std::size_t o) {
        expected.mutable_data()[k * size + j] += image[i] * bars[k * seed + o];
      });
    }
    reset_peak_memory();
    const std::size_t before = memory_statistics().live;
    kernels::winograd_weight_one(s, probes, out, image.data(), bars.data(), seed, w.mutable_data(), size);
    BOOST_TEST(memory_statistics().peak - before == 8 * kernels::winograd_weight_one_room<double>(s, out));
    BOOST_TEST(difference(w, expected) < 1e-13);
    const Array<float> x = cast<float>(image), y = cast<float>(bars);
    Array<float> single = Array<float>::full({probes, size}, 7.0F);
    kernels::winograd_weight_one(s, probes, out, x.data(), y.data(), seed, single.mutable_data(), size);
    BOOST_TEST(difference(to_double(single), expected) < 2e-5);
  }
  kernels::ConvShape few = with(63, 16, 16, 1), small = with(64, 15, 15, 1), grouped = with(128, 16, 16, 1);
  grouped.groups = 2;
  for (const kernels::ConvShape& s : {few, small, grouped}) BOOST_TEST(!kernels::winograd_weight_one_fits(s, 128));
  BOOST_TEST(!kernels::winograd_weight_one_fits(with(64, 16, 16, 1), 63));
}

BOOST_AUTO_TEST_SUITE_END()
