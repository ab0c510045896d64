#include "autodiff/kernels/direct_convolution.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "autodiff/array.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/direct.hpp"
#include "autodiff/kernels/simd/loops.hpp"

namespace xtangent::kernels {
namespace {

template <class T>
std::size_t rounded_up(std::size_t n) {
  const std::size_t lanes = direct<T>().lanes;
  return (n + lanes - 1) / lanes * lanes;
}

// A correlation with stride 1, from `in` channels of bordered images to `out` channels, in groups.
struct Correlation {
  std::size_t in, out, groups;              // channels of all groups
  std::size_t height, width;                // extents of the bordered images
  std::size_t border_height, border_width;  // rows of zeros above the image and below it, and columns beside it
  std::size_t out_height, out_width;
  std::size_t taps_height, taps_width, dilation_height;
  std::vector<std::size_t> offset;  // offset of each tap in the bordered image

  std::size_t length() const { return (out_height - 1) * width + out_width; }
  std::size_t image_height() const { return height - 2 * border_height; }
  std::size_t image_width() const { return width - 2 * border_width; }
  std::size_t image_size() const { return in * image_height() * image_width(); }
};

// Images with a border of zeros, as planes of height x width. Behind the last one there is room that vectors may reach
// into.
template <class T>
struct Bordered {
  const Correlation& k;
  Array<T> values;

  explicit Bordered(const Correlation& correlation)
      : k(correlation), values(Array<T>::zeros({k.in * plane() + direct<T>().lanes})) {}
  std::size_t plane() const { return k.height * k.width; }
  /// Copies the inner part; the border stays zero.
  void fill(const T* image) {
    const std::size_t high = k.image_height(), wide = k.image_width();
    T* to = values.mutable_data() + k.border_height * k.width + k.border_width;
    for (std::size_t c = 0; c < k.in; ++c)
      loops<T>().copy_rows(high, wide, image + c * high * wide, wide, to + c * plane(), k.width);
  }
};

std::vector<std::size_t> offsets(const ConvShape& s, std::size_t width) {
  std::vector<std::size_t> out;
  for (std::size_t kh = 0; kh < s.kernel_height; ++kh)
    for (std::size_t kw = 0; kw < s.kernel_width; ++kw)
      out.push_back(kh * s.dilation_height * width + kw * s.dilation_width);
  return out;
}

Correlation forward(const ConvShape& s, std::size_t out_channels) {
  const std::size_t height = s.height + 2 * s.padding_height, width = s.width + 2 * s.padding_width;
  return {.in = s.channels,
          .out = out_channels,
          .groups = s.groups,
          .height = height,
          .width = width,
          .border_height = s.padding_height,
          .border_width = s.padding_width,
          .out_height = s.out_height(),
          .out_width = s.out_width(),
          .taps_height = s.kernel_height,
          .taps_width = s.kernel_width,
          .dilation_height = s.dilation_height,
          .offset = offsets(s, width)};
}

// The width of the border of zeros that cotangents need, so that their correlation with the reversed kernel gives the
// images.
std::size_t border(std::size_t kernel, std::size_t dilation, std::size_t padding) {
  return (kernel - 1) * dilation - padding;
}

Correlation backward(const ConvShape& s, std::size_t out_channels) {
  const std::size_t above = border(s.kernel_height, s.dilation_height, s.padding_height),
                    beside = border(s.kernel_width, s.dilation_width, s.padding_width),
                    width = s.out_width() + 2 * beside;
  return {.in = out_channels,
          .out = s.channels,
          .groups = s.groups,
          .height = s.out_height() + 2 * above,
          .width = width,
          .border_height = above,
          .border_width = beside,
          .out_height = s.height,
          .out_width = s.width,
          .taps_height = s.kernel_height,
          .taps_width = s.kernel_width,
          .dilation_height = s.dilation_height,
          .offset = offsets(s, width)};
}

// The vectors of positions that a correlation computes, and how far apart the rows of its results are.
struct Positions {
  std::vector<CorrelationTile> tiles;
  std::size_t row, length;
};

// Rows [first, last) of taps.
struct TapRows {
  std::size_t first, last;
};

// The rows of taps that see the image, and not only its border, from rows [first, last) of the results.
TapRows rows_of_taps(const Correlation& k, std::size_t first, std::size_t last) {
  TapRows seen{k.taps_height, 0};
  for (std::size_t f = 0; f < k.taps_height; ++f) {
    const std::size_t top = first + f * k.dilation_height, bottom = last - 1 + f * k.dilation_height;
    if (bottom < k.border_height || top >= k.height - k.border_height) continue;
    seen = {std::min(seen.first, f), f + 1};
  }
  return {std::min(seen.first, seen.last), seen.last};
}

// Positions run through whole rows of the bordered image, with results between the rows that have no meaning.
template <class T>
Positions through_rows(const Correlation& k) {
  return {successive_tiles(k.length(), direct<T>().lanes, k.offset.size()), k.width, rounded_up<T>(k.length())};
}

// Each row has vectors of its own, so rows of taps that see nothing but the border are left out. A tile has the vectors
// of so many rows together.
template <class T>
Positions row_by_row(const Correlation& k, std::size_t together) {
  const std::size_t lanes = direct<T>().lanes, row = rounded_up<T>(k.out_width);
  Positions out{{}, row, k.out_height * row};
  for (std::size_t h = 0; h < k.out_height; h += together) {
    const std::size_t last = std::min(k.out_height, h + together);
    const TapRows seen = rows_of_taps(k, h, last);
    for (std::size_t column = 0; column < row; column += lanes) {
      CorrelationTile& tile =
          out.tiles.emplace_back(CorrelationTile{0, {}, {}, seen.first * k.taps_width, seen.last * k.taps_width});
      for (std::size_t i = h; i < last; ++i, ++tile.vectors) {
        tile.x[tile.vectors] = i * k.width + column;
        tile.y[tile.vectors] = i * row + column;
      }
    }
  }
  return out;
}

// Vectors times rows of taps of row_by_row.
template <class T>
std::size_t work_row_by_row(const Correlation& k, std::size_t together) {
  std::size_t sum = 0;
  for (std::size_t h = 0; h < k.out_height; h += together) {
    const std::size_t last = std::min(k.out_height, h + together);
    const TapRows seen = rows_of_taps(k, h, last);
    sum += (last - h) * (seen.last - seen.first);
  }
  return sum * (rounded_up<T>(k.out_width) / direct<T>().lanes);
}

// The way with the least work. Two rows at a time see less of the border than three, but load the weights more often,
// so they must save a twentieth.
template <class T>
Positions positions(const Correlation& k) {
  const std::size_t whole = rounded_up<T>(k.length()) / direct<T>().lanes * k.taps_height,
                    of_three = work_row_by_row<T>(k, 3), of_two = work_row_by_row<T>(k, 2);
  if (std::min(of_three, of_two) >= whole) return through_rows<T>(k);
  return row_by_row<T>(k, 20 * of_two < 19 * of_three ? 2 : 3);
}

// The weights in the order that `correlate` reads. value(g, o, c, f) is the weight of tap f from channel c to output o,
// both counted within group g.
template <class T, class Value>
Array<T> pack(const Correlation& k, Value value) {
  const std::size_t block = direct<T>().out_block, out = k.out / k.groups, in = k.in / k.groups, taps = k.offset.size();
  const std::size_t padded = (out + block - 1) / block * block;
  Array<T> packed = Array<T>::zeros({k.groups, padded * in * taps});
  T* to = packed.mutable_data();
  for (std::size_t g = 0; g < k.groups; ++g)
    for (std::size_t o = 0; o < out; ++o)
      for (std::size_t c = 0; c < in; ++c)
        for (std::size_t f = 0; f < taps; ++f)
          to[g * padded * in * taps + (o / block * in * taps + c * taps + f) * block + o % block] = value(g, o, c, f);
  return packed;
}

// out (count, k.out, out_height, out_width) from images (count, k.in, ...) without their border.
template <class T>
void correlate_images(const Correlation& k, const Array<T>& packed, std::size_t count, const T* images, const T* bias,
                      std::size_t grain, T* out) {
  const Positions at = positions<T>(k);
  const std::size_t plane = k.out_height * k.out_width, ldy = at.length, taps = k.offset.size();
  const std::size_t in = k.in / k.groups, outputs = k.out / k.groups, packed_group = packed.size() / k.groups;
  parallel_for(count, grain, [&](std::size_t first, std::size_t last) {
    Bordered<T> x(k);
    Array<T> wide({outputs * ldy});
    T* y = wide.mutable_data();
    for (std::size_t n = first; n < last; ++n) {
      x.fill(images + n * k.image_size());
      for (std::size_t g = 0; g < k.groups; ++g) {
        direct<T>().correlate(outputs, in, taps, k.offset.data(), packed.data() + g * packed_group,
                              x.values.data() + g * in * x.plane(), x.plane(), at.tiles.data(), at.tiles.size(), y,
                              ldy);
        for (std::size_t o = 0; o < outputs; ++o) {
          const std::size_t channel = g * outputs + o;
          T* to = out + (n * k.out + channel) * plane;
          loops<T>().copy_rows(k.out_height, k.out_width, y + o * ldy, at.row, to, k.out_width);
          if (bias) loops<T>().affine(plane, T(1), bias[channel], to, to);
        }
      }
    }
  });
}

bool unit_stride(const ConvShape& s) {
  return s.is_flat() && s.stride_height == 1 && s.stride_width == 1 && !s.is_pointwise();
}

// The loops also compute positions beyond the ends of output rows, which are not used. This says whether they are few
// enough.
bool little_waste(std::size_t width, std::size_t out_width) { return 2 * width <= 3 * out_width; }

// Whether the weights of a block of outputs stay in the first-level cache.
template <class T>
bool block_fits(std::size_t columns) {
  constexpr std::size_t room = 24 << 10, outputs = 8;
  return columns * outputs * sizeof(T) <= room;
}

}  // namespace

std::vector<CorrelationTile> successive_tiles(std::size_t length, std::size_t lanes, std::size_t taps) {
  std::vector<CorrelationTile> out;
  for (std::size_t q = 0; q < length;) {
    CorrelationTile& tile = out.emplace_back(CorrelationTile{0, {}, {}, 0, taps});
    for (; tile.vectors < CorrelationTile::most && q < length; ++tile.vectors, q += lanes)
      tile.x[tile.vectors] = tile.y[tile.vectors] = q;
  }
  return out;
}

template <class T>
bool direct_fits(const ConvShape& s) {
  return unit_stride(s) && block_fits<T>(s.patch_size() / s.groups) &&
         little_waste(s.width + 2 * s.padding_width, s.out_width());
}

template <class T>
bool direct_input_fits(const ConvShape& s, std::size_t out_channels) {
  if (!unit_stride(s) || !block_fits<T>(out_channels / s.groups * s.taps())) return false;
  if (s.padding_height > (s.kernel_height - 1) * s.dilation_height ||
      s.padding_width > (s.kernel_width - 1) * s.dilation_width)
    return false;
  return little_waste(s.out_width() + 2 * border(s.kernel_width, s.dilation_width, s.padding_width), s.width);
}

template <class T>
bool direct_weight_fits(const ConvShape& s) {
  return unit_stride(s) && little_waste(s.width + 2 * s.padding_width, s.out_width()) &&
         s.positions() >= 400;  // with fewer, adding up the lanes of the accumulators costs too much
}

template <class T>
void direct_conv2d(const ConvShape& s, std::size_t count, std::size_t out_channels, const T* images, const T* weight,
                   const T* bias, std::size_t grain, T* out) {
  const Correlation k = forward(s, out_channels);
  const std::size_t outputs = k.out / k.groups, in = k.in / k.groups, taps = s.taps();
  const Array<T> packed = pack<T>(k, [&](std::size_t g, std::size_t o, std::size_t c, std::size_t f) {
    return weight[((g * outputs + o) * in + c) * taps + f];
  });
  correlate_images(k, packed, count, images, bias, grain, out);
}

template <class T>
void direct_conv2d_input(const ConvShape& s, std::size_t count, std::size_t out_channels, const T* cotangent,
                         const T* weight, std::size_t grain, T* images) {
  const Correlation k = backward(s, out_channels);
  const std::size_t channels = s.channels / s.groups, outputs = out_channels / s.groups, taps = s.taps();
  // Outputs and inputs exchange their roles, and the kernel is reversed.
  const Array<T> packed = pack<T>(k, [&](std::size_t g, std::size_t c, std::size_t o, std::size_t f) {
    return weight[((g * outputs + o) * channels + c) * taps + taps - 1 - f];
  });
  correlate_images(k, packed, count, cotangent, static_cast<const T*>(nullptr), grain, images);
}

template <class T>
struct DirectWeight<T>::Room {
  Correlation k;
  std::size_t ldy;
  Bordered<T> x;
  Array<T> y;  // cotangents in rows as wide as the bordered image, zeros between them
  std::vector<const T*> rows;

  Room(const ConvShape& s, std::size_t out_channels)
      : k(forward(s, out_channels)), ldy(rounded_up<T>(k.length())), x(k), y(Array<T>::zeros({k.out * ldy})) {
    for (std::size_t c = 0; c < k.in; ++c)
      for (std::size_t offset : k.offset) rows.push_back(x.values.data() + c * x.plane() + offset);
  }
};

template <class T>
std::size_t direct_weight_room(const ConvShape& s, std::size_t out_channels) {
  const Correlation k = forward(s, out_channels);
  return k.in * k.height * k.width + direct<T>().lanes + k.out * rounded_up<T>(k.length());
}

template <class T>
DirectWeight<T>::DirectWeight(const ConvShape& s, std::size_t out_channels)
    : room_(std::make_unique<Room>(s, out_channels)) {}
template <class T>
DirectWeight<T>::~DirectWeight() = default;

template <class T>
void DirectWeight<T>::set_image(const T* image) {
  room_->x.fill(image);
}

template <class T>
void DirectWeight<T>::gradient(const T* cotangent, bool add, T* gradients) {
  const Correlation& k = room_->k;
  T* y = room_->y.mutable_data();
  for (std::size_t o = 0; o < k.out; ++o)
    loops<T>().copy_rows(k.out_height, k.out_width, cotangent + o * k.out_height * k.out_width, k.out_width,
                         y + o * room_->ldy, k.width);
  const std::size_t outputs = k.out / k.groups, rows = k.in / k.groups * k.offset.size();
  for (std::size_t g = 0; g < k.groups; ++g)
    direct<T>().gradient(outputs, rows, k.length(), y + g * outputs * room_->ldy, room_->ldy,
                         room_->rows.data() + g * rows, add, gradients + g * outputs * rows, rows);
}

#define XTANGENT_INSTANTIATE(T)                                                                                       \
  template bool direct_fits<T>(const ConvShape&);                                                                     \
  template bool direct_input_fits<T>(const ConvShape&, std::size_t);                                                  \
  template bool direct_weight_fits<T>(const ConvShape&);                                                              \
  template void direct_conv2d(const ConvShape&, std::size_t, std::size_t, const T*, const T*, const T*, std::size_t,  \
                              T*);                                                                                    \
  template void direct_conv2d_input(const ConvShape&, std::size_t, std::size_t, const T*, const T*, std::size_t, T*); \
  template std::size_t direct_weight_room<T>(const ConvShape&, std::size_t);                                          \
  template class DirectWeight<T>;
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
