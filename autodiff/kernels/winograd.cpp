#include "autodiff/kernels/winograd.hpp"

#include <algorithm>

#include "autodiff/array.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/direct_convolution.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/winograd_transforms.hpp"

namespace xtangent::kernels {
namespace {

constexpr std::size_t frequencies = 16;  // numbers of a transformed Winograd tile

std::size_t tiles_high(const ConvShape& s) { return (s.out_height() + 1) / 2; }
std::size_t tiles_wide(const ConvShape& s) { return (s.out_width() + 1) / 2; }

WinogradPlane input_plane(const ConvShape& s) {
  return {s.height, s.width, s.padding_height, s.padding_width, tiles_wide(s)};
}
WinogradPlane output_plane(const ConvShape& s) { return {s.out_height(), s.out_width(), 0, 0, tiles_wide(s)}; }

// Visits rows of tiles [first, last) of several images, one image after the other: calls f(image, first row, last row,
// number of tiles before).
template <class F>
void for_each_image(const ConvShape& s, std::size_t first, std::size_t last, F f) {
  const std::size_t high = tiles_high(s), begin = first;
  while (first < last) {
    const std::size_t image = first / high, end = std::min(last, (image + 1) * high);
    f(image, first - image * high, end - image * high, (first - begin) * tiles_wide(s));
    first = end;
  }
}

// The number of elements between the 16 matrices of tiles or weights. Entries of the same place in all 16 are read and
// written together, and would compete for one set of the cache if they lay a whole number of memory pages apart.
template <class T>
std::size_t apart(std::size_t matrix) {
  return matrix + 5 * 64 / sizeof(T);
}

// Transformed tiles: 16 matrices (channels, tiles). Behind the rows there is room for whole vectors.
template <class T>
struct Spectrum {
  std::size_t stride, step;  // distances between rows and between matrices
  Array<T> values;
  T* begin;

  Spectrum(std::size_t channels, std::size_t tiles_now)
      : stride((tiles_now + winograd_transforms<T>().lanes - 1) / winograd_transforms<T>().lanes *
                   winograd_transforms<T>().lanes +
               winograd_transforms<T>().lanes),
        step(apart<T>(channels * stride)),
        values({frequencies, step}),
        begin(values.mutable_data()) {}
  T* row(std::size_t channel) const { return begin + channel * stride; }
  T* matrix(std::size_t frequency) const { return begin + frequency * step; }
};

// The weights of one group as 16 packed matrices (out, in). The steps have the meaning they have in `weight` of
// winograd_transforms.hpp.
template <class T>
struct TransformedWeights {
  std::size_t step;
  Array<T> values;

  TransformedWeights(std::size_t out, std::size_t in, const T* w, std::ptrdiff_t step_out, std::ptrdiff_t step_in,
                     std::ptrdiff_t step_tap) {
    const std::size_t block = winograd_transforms<T>().out_block, blocks = (out + block - 1) / block;
    step = apart<T>(blocks * block * in);
    values = Array<T>({frequencies, step});
    T* to = values.mutable_data();
    parallel_for(blocks, std::max<std::size_t>(1, (std::size_t{1} << 12) / (block * in)),
                 [&](std::size_t first, std::size_t last) {
                   for (std::size_t b = first; b < last; ++b)
                     winograd_transforms<T>().weight(std::min(block, out - b * block), in,
                                                     w + static_cast<std::ptrdiff_t>(b * block) * step_out, step_out,
                                                     step_in, step_tap, to + b * block * in, step);
                 });
  }
  const T* matrix(std::size_t frequency) const { return values.data() + frequency * step; }
};

// Computes out (count, groups out, ...) from images (count, groups in, ...) for one group. `s` describes the
// correlation; its kernels are already transformed.
template <class T>
struct Correlation {
  ConvShape s;
  std::size_t out, in;  // channels of a group

  void operator()(std::size_t count, std::size_t group, const T* images, const TransformedWeights<T>& weights,
                  const T* bias, T* result) const {
    // Tiles at a time: three vectors of AVX-512, few enough that their numbers stay in the cache.
    constexpr std::size_t together = 48;
    const std::size_t wide = tiles_wide(s), rows = std::max<std::size_t>(1, together / wide);
    parallel_for(count * tiles_high(s), rows, [&](std::size_t first, std::size_t last) {
      const std::size_t now = (last - first) * wide, none = 0;
      Spectrum<T> x(in, now), y(out, now);
      Array<T> room({winograd_room<T>(wide)});
      const std::size_t in_plane = s.height * s.width, out_plane = s.positions();
      for_each_image(s, first, last, [&](std::size_t n, std::size_t from, std::size_t to, std::size_t before) {
        for (std::size_t c = 0; c < in; ++c)
          winograd_transforms<T>().input(input_plane(s), images + ((n * s.groups + group) * in + c) * in_plane, from,
                                         to, room.mutable_data(), x.row(c) + before, x.step);
      });
      const std::vector<CorrelationTile> tiles = successive_tiles(now, direct<T>().lanes, 1);
      for (std::size_t f = 0; f < frequencies; ++f)
        direct<T>().correlate(out, in, 1, &none, weights.matrix(f), x.matrix(f), x.stride, tiles.data(), tiles.size(),
                              y.matrix(f), y.stride);
      for_each_image(s, first, last, [&](std::size_t n, std::size_t from, std::size_t to, std::size_t before) {
        for (std::size_t o = 0; o < out; ++o)
          winograd_transforms<T>().output(output_plane(s), y.row(o) + before, y.step, from, to,
                                          bias ? bias[group * out + o] : T(0), room.mutable_data(),
                                          result + ((n * s.groups + group) * out + o) * out_plane);
      });
    });
  }
};

}  // namespace

bool winograd_fits(const ConvShape& s, std::size_t count, std::size_t out_channels) {
  constexpr std::size_t channels = 16, images_tiles = 64;  // with fewer, transforms take longer than they save
  if (!s.is_flat() || s.kernel_height != 3 || s.kernel_width != 3 || s.stride_height != 1 || s.stride_width != 1 ||
      s.dilation_height != 1 || s.dilation_width != 1 || s.padding_height > 2 || s.padding_width > 2)
    return false;
  const std::size_t tiles = tiles_high(s) * tiles_wide(s);
  return s.channels / s.groups >= channels && out_channels / s.groups >= channels && count * tiles >= images_tiles &&
         5 * frequencies * tiles <= 4 * 9 * s.positions();
}

template <class T>
void winograd_conv2d(const ConvShape& s, std::size_t count, std::size_t out_channels, const T* images, const T* weight,
                     const T* bias, T* out) {
  const std::size_t o = out_channels / s.groups, c = s.channels / s.groups;
  for (std::size_t g = 0; g < s.groups; ++g)
    Correlation<T>{s, o, c}(
        count, g, images, TransformedWeights<T>(o, c, weight + g * o * c * 9, static_cast<std::ptrdiff_t>(9 * c), 9, 1),
        bias, out);
}

// Correlates the cotangents with the reversed kernels; outputs and inputs exchange their roles.
template <class T>
void winograd_conv2d_input(const ConvShape& s, std::size_t count, std::size_t out_channels, const T* cotangent,
                           const T* weight, T* images) {
  const std::size_t o = out_channels / s.groups, c = s.channels / s.groups;
  ConvShape back = s;
  back.channels = out_channels;
  back.height = s.out_height();
  back.width = s.out_width();
  back.padding_height = 2 - s.padding_height;
  back.padding_width = 2 - s.padding_width;
  for (std::size_t g = 0; g < s.groups; ++g)
    Correlation<T>{back, c, o}(
        count, g, cotangent,
        TransformedWeights<T>(c, o, weight + g * o * c * 9 + 8, 9, static_cast<std::ptrdiff_t>(9 * c), -1),
        static_cast<const T*>(nullptr), images);
}

// Takes some rows of tiles at a time: transforms all channels, then adds each of the 16 products of cotangents and
// inputs to its sum. Each sum belongs to one task, so it is added up in the order of the rows.
template <class T>
void winograd_conv2d_weight(const ConvShape& s, std::size_t count, std::size_t out_channels, const T* images,
                            const T* cotangent, T* weight) {
  constexpr std::size_t room_bytes = std::size_t{8} << 20, rows_at_once = 128;
  const std::size_t o = out_channels / s.groups, c = s.channels / s.groups;
  const std::size_t wide = tiles_wide(s), all_rows = count * tiles_high(s);
  // The number of tiles taken together: as many as the cache holds, and at least so many that adding to the sums costs
  // little beside the products.
  const std::size_t tiles_now = std::max(4 * o * c / (o + c), room_bytes / (frequencies * (o + c) * sizeof(T)));
  const std::size_t rows = std::min(std::max<std::size_t>(1, tiles_now / wide), all_rows);
  const std::size_t out_blocks = (o + rows_at_once - 1) / rows_at_once, step = apart<T>(o * c);
  const Spectrum<T> x(c, rows * wide), y(o, rows * wide);
  Array<T> sums({frequencies, step});
  T* u = sums.mutable_data();
  for (std::size_t g = 0; g < s.groups; ++g) {
    for (std::size_t row = 0; row < all_rows; row += rows) {
      const std::size_t end = std::min(all_rows, row + rows), now = (end - row) * wide;
      parallel_for(
          c + o, std::max<std::size_t>(1, (std::size_t{1} << 10) / now), [&](std::size_t first, std::size_t last) {
            Array<T> room({winograd_room<T>(wide)});
            for (std::size_t i = first; i < last; ++i)
              for_each_image(s, row, end, [&](std::size_t n, std::size_t from, std::size_t to, std::size_t before) {
                if (i < c)
                  winograd_transforms<T>().input(input_plane(s),
                                                 images + (n * s.channels + g * c + i) * s.height * s.width, from, to,
                                                 room.mutable_data(), x.row(i) + before, x.step);
                else
                  winograd_transforms<T>().cotangent(output_plane(s),
                                                     cotangent + (n * out_channels + g * o + i - c) * s.positions(),
                                                     from, to, room.mutable_data(), y.row(i - c) + before, y.step);
              });
          });
      parallel_for(frequencies * out_blocks, 1, [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) {
          const std::size_t f = i / out_blocks, at = i % out_blocks * rows_at_once;
          gemm_serial(false, true, std::min(rows_at_once, o - at), c, now, T(1), y.matrix(f) + at * y.stride, y.stride,
                      x.matrix(f), x.stride, row ? T(1) : T(0), u + f * step + at * c, c);
        }
      });
    }
    parallel_for(o, std::max<std::size_t>(1, (std::size_t{1} << 11) / c), [&](std::size_t first, std::size_t last) {
      winograd_transforms<T>().weight_gradient((last - first) * c, u + first * c, step,
                                               weight + (g * o + first) * c * 9);
    });
  }
}

bool winograd_weight_one_fits(const ConvShape& s, std::size_t out_channels) {
  constexpr std::size_t least = 64;  // with fewer, transforms take longer than they save
  return s.groups == 1 && s.channels >= least && out_channels >= least && s.positions() >= 4 * least &&
         winograd_fits(s, 1, out_channels);
}

template <class T>
std::size_t winograd_weight_one_room(const ConvShape& s, std::size_t out_channels) {
  const std::size_t lanes = winograd_transforms<T>().lanes, now = tiles_high(s) * tiles_wide(s);
  const std::size_t stride = (now + lanes - 1) / lanes * lanes + lanes;
  const auto matrices = [](std::size_t size) { return frequencies * apart<T>(size); };
  return matrices(s.channels * stride) + matrices(out_channels * stride) + matrices(out_channels * s.channels) +
         winograd_room<T>(tiles_wide(s));
}

template <class T>
void winograd_weight_one(const ConvShape& s, std::size_t probes, std::size_t out_channels, const T* image,
                         const T* cotangent, std::size_t cotangent_stride, T* gradients, std::size_t gradient_stride) {
  const std::size_t c = s.channels, o = out_channels, high = tiles_high(s), now = high * tiles_wide(s);
  const std::size_t step = apart<T>(o * c);
  const Spectrum<T> x(c, now), y(o, now);
  Array<T> sums({frequencies, step}), room({winograd_room<T>(tiles_wide(s))});
  T *u = sums.mutable_data(), *spare = room.mutable_data();
  for (std::size_t i = 0; i < c; ++i)
    winograd_transforms<T>().input(input_plane(s), image + i * s.height * s.width, 0, high, spare, x.row(i), x.step);
  for (std::size_t k = 0; k < probes; ++k) {
    for (std::size_t i = 0; i < o; ++i)
      winograd_transforms<T>().cotangent(output_plane(s), cotangent + k * cotangent_stride + i * s.positions(), 0, high,
                                         spare, y.row(i), y.step);
    for (std::size_t f = 0; f < frequencies; ++f)
      gemm_serial(false, true, o, c, now, T(1), y.matrix(f), y.stride, x.matrix(f), x.stride, T(0), u + f * step, c);
    winograd_transforms<T>().weight_gradient(o * c, u, step, gradients + k * gradient_stride);
  }
}

#define XTANGENT_INSTANTIATE(T)                                                                                      \
  template void winograd_conv2d(const ConvShape&, std::size_t, std::size_t, const T*, const T*, const T*, T*);       \
  template void winograd_conv2d_input(const ConvShape&, std::size_t, std::size_t, const T*, const T*, T*);           \
  template std::size_t winograd_weight_one_room<T>(const ConvShape&, std::size_t);                                   \
  template void winograd_weight_one(const ConvShape&, std::size_t, std::size_t, const T*, const T*, std::size_t, T*, \
                                    std::size_t);                                                                    \
  template void winograd_conv2d_weight(const ConvShape&, std::size_t, std::size_t, const T*, const T*, T*);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
