#include "autodiff/kernels/convolution.hpp"

#include <algorithm>

#include "autodiff/array.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/direct_convolution.hpp"
#include "autodiff/kernels/im2col.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "autodiff/kernels/winograd.hpp"

namespace xtangent::kernels {
namespace {

// The number of images in a task: enough work to be worth one, and independent of the number of threads.
std::size_t grain(const ConvShape& s, std::size_t out_channels) {
  const std::size_t work = out_channels * s.positions() * s.patch_size() / s.groups;
  return std::max<std::size_t>(1, (std::size_t(1) << 20) / std::max<std::size_t>(work, 1));
}

// What one product covers: some rows of one large image, so that the patches stay in the cache, or several small images
// side by side, so that the product has enough columns.
struct Blocks {
  std::size_t rows = 1;    // output rows
  std::size_t images = 1;  // more than one only if they are whole images

  template <class T>
  static Blocks of(const ConvShape& s) {
    constexpr std::size_t cache = 192 << 10, columns = 128;
    Blocks b;
    if (s.is_pointwise()) {  // the image is its own patch matrix
      b.rows = s.out_rows();
      return b;
    }
    const std::size_t row_bytes = std::max<std::size_t>(1, s.patch_size() * s.out_width() * sizeof(T));
    const std::size_t least = (64 + s.out_width() - 1) / s.out_width();
    b.rows = std::clamp<std::size_t>(std::max(cache / row_bytes, least), 1, s.out_rows());
    if (b.rows == s.out_rows()) b.images = std::clamp<std::size_t>(columns / s.positions(), 1, 16);
    return b;
  }
  std::size_t columns(const ConvShape& s) const { return images * rows * s.out_width(); }
};

// The patches (patch_size, columns) of a block, which is rows [first, last) of one image, or `count` whole images.
template <class T>
class Patches {
 public:
  explicit Patches(const ConvShape& s) : shape_(s), blocks_(Blocks::of<T>(s)) {
    if (!s.is_pointwise()) room_ = Array<T>({s.patch_size(), blocks_.columns(s)});
  }
  const Blocks& blocks() const { return blocks_; }
  T* room() { return room_.mutable_data(); }

  const T* of_rows(const T* image, std::size_t first, std::size_t last) {
    if (shape_.is_pointwise()) return image;
    im2col(shape_, first, last, image, room(), (last - first) * shape_.out_width());
    return room();
  }
  const T* of_images(const T* images, std::size_t count) {
    const std::size_t d = shape_.positions();
    for (std::size_t i = 0; i < count; ++i)
      im2col(shape_, 0, shape_.out_rows(), images + i * shape_.input_size(), room() + i * d, count * d);
    return room();
  }

 private:
  const ConvShape& shape_;
  Blocks blocks_;
  Array<T> room_;
};

// From (count, channels, d) to (channels, count * d), and back.
template <class T>
void side_by_side(std::size_t count, std::size_t channels, std::size_t d, const T* x, T* out) {
  for (std::size_t i = 0; i < count; ++i) copy_runs(channels, d, x + i * channels * d, d, out + i * d, count * d);
}
template <class T>
void apart(std::size_t count, std::size_t channels, std::size_t d, const T* x, T* out) {
  for (std::size_t i = 0; i < count; ++i) copy_runs(channels, d, x + i * d, count * d, out + i * channels * d, d);
}

struct GroupExtents {
  std::size_t rows, columns;  // extents of the weight of one group
};
GroupExtents group_extents(const ConvShape& s, std::size_t out_channels) {
  return {out_channels / s.groups, s.patch_size() / s.groups};
}

// y (out_channels, width ldy) += or = weight * patches (patch_size, width)
template <class T>
void multiply(const ConvShape& s, std::size_t out_channels, const T* weight, const T* patches, std::size_t width,
              std::size_t ldp, T beta, T* y, std::size_t ldy) {
  const auto [rows, columns] = group_extents(s, out_channels);
  for (std::size_t g = 0; g < s.groups; ++g)
    gemm_serial(false, false, rows, width, columns, T(1), weight + g * rows * columns, columns,
                patches + g * columns * ldp, ldp, beta, y + g * rows * ldy, ldy);
}

// patches (patch_size, width) = weight^T * y (out_channels, width ldy)
template <class T>
void multiply_transposed(const ConvShape& s, std::size_t out_channels, const T* weight, const T* y, std::size_t width,
                         std::size_t ldy, T* patches) {
  const auto [rows, columns] = group_extents(s, out_channels);
  for (std::size_t g = 0; g < s.groups; ++g)
    gemm_serial(true, false, columns, width, rows, T(1), weight + g * rows * columns, columns, y + g * rows * ldy, ldy,
                T(0), patches + g * columns * width, width);
}

// weight += or = y (out_channels, width ldy) * patches^T for patches (patch_size, width), or (width, patch_size) if
// they are `turned`: small products of that kind are faster, since BLAS does not pack their operands.
template <class T>
void multiply_outer(const ConvShape& s, std::size_t out_channels, const T* y, std::size_t ldy, bool turned,
                    const T* patches, std::size_t width, T beta, T* weight) {
  const auto [rows, columns] = group_extents(s, out_channels);
  for (std::size_t g = 0; g < s.groups; ++g)
    gemm_serial(false, !turned, rows, columns, width, T(1), y + g * rows * ldy, ldy,
                patches + g * columns * (turned ? 1 : width), turned ? s.patch_size() : width, beta,
                weight + g * rows * columns, columns);
}

}  // namespace

template <class T>
void conv2d(const ConvShape& s, std::size_t count, std::size_t out_channels, const T* images, const T* weight,
            const T* bias, T* out) {
  if (winograd_fits(s, count, out_channels)) return winograd_conv2d(s, count, out_channels, images, weight, bias, out);
  if (direct_fits<T>(s))
    return direct_conv2d(s, count, out_channels, images, weight, bias, grain(s, out_channels), out);
  const std::size_t d = s.positions(), height = s.out_rows(), width = s.out_width();
  const Blocks blocks = Blocks::of<T>(s);
  parallel_for(count, std::max(grain(s, out_channels), blocks.images), [&](std::size_t first, std::size_t last) {
    Patches<T> patches(s);
    Array<T> together;
    if (blocks.images > 1) together = Array<T>({out_channels, blocks.images * d});
    for (std::size_t n = first; n < last; n += blocks.images) {
      const std::size_t images_now = std::min(blocks.images, last - n);
      T* y = out + n * out_channels * d;
      if (images_now > 1) {
        const T* p = patches.of_images(images + n * s.input_size(), images_now);
        multiply(s, out_channels, weight, p, images_now * d, images_now * d, T(0), together.mutable_data(),
                 images_now * d);
        apart(images_now, out_channels, d, together.data(), y);
      } else {
        for (std::size_t row = 0; row < height; row += blocks.rows) {
          const std::size_t end = std::min(height, row + blocks.rows), wide = (end - row) * width;
          const T* p = patches.of_rows(images + n * s.input_size(), row, end);
          multiply(s, out_channels, weight, p, wide, wide, T(0), y + row * width, d);
        }
      }
      if (!bias) continue;
      for (std::size_t i = 0; i < images_now * out_channels; ++i)
        loops<T>().affine(d, T(1), bias[i % out_channels], y + i * d, y + i * d);
    }
  });
}

template <class T>
void conv2d_input(const ConvShape& s, std::size_t count, std::size_t out_channels, const T* cotangent, const T* weight,
                  T* images) {
  if (winograd_fits(s, count, out_channels))
    return winograd_conv2d_input(s, count, out_channels, cotangent, weight, images);
  if (direct_input_fits<T>(s, out_channels))
    return direct_conv2d_input(s, count, out_channels, cotangent, weight, grain(s, out_channels), images);
  const std::size_t d = s.positions(), height = s.out_rows(), width = s.out_width();
  const Blocks blocks = Blocks::of<T>(s);
  parallel_for(count, std::max(grain(s, out_channels), blocks.images), [&](std::size_t first, std::size_t last) {
    Patches<T> patches(s);
    Array<T> together;
    if (blocks.images > 1) together = Array<T>({out_channels, blocks.images * d});
    for (std::size_t n = first; n < last; n += blocks.images) {
      const std::size_t images_now = std::min(blocks.images, last - n);
      const T* y = cotangent + n * out_channels * d;
      T* image = images + n * s.input_size();
      if (s.is_pointwise()) {
        multiply_transposed(s, out_channels, weight, y, d, d, image);
        continue;
      }
      std::fill_n(image, images_now * s.input_size(), T(0));
      if (images_now > 1) {
        side_by_side(images_now, out_channels, d, y, together.mutable_data());
        multiply_transposed(s, out_channels, weight, together.data(), images_now * d, images_now * d, patches.room());
        for (std::size_t i = 0; i < images_now; ++i)
          col2im_add(s, 0, height, patches.room() + i * d, images_now * d, image + i * s.input_size());
        continue;
      }
      for (std::size_t row = 0; row < height; row += blocks.rows) {
        const std::size_t end = std::min(height, row + blocks.rows), wide = (end - row) * width;
        multiply_transposed(s, out_channels, weight, y + row * width, wide, d, patches.room());
        col2im_add(s, row, end, patches.room(), wide, image);
      }
    }
  });
}

template <class T>
std::size_t conv2d_weight_one_room(const ConvShape& s, std::size_t out_channels) {
  if (winograd_weight_one_fits(s, out_channels)) return winograd_weight_one_room<T>(s, out_channels);
  if (direct_weight_fits<T>(s)) return direct_weight_room<T>(s, out_channels);
  const Blocks blocks = Blocks::of<T>(s);
  return s.patch_size() * ((s.is_pointwise() ? 0 : blocks.columns(s)) + blocks.rows * s.out_width());
}

template <class T>
void conv2d_weight_one(const ConvShape& s, std::size_t probes, std::size_t out_channels, const T* image,
                       const T* cotangent, std::size_t cotangent_stride, T* gradients, std::size_t gradient_stride) {
  if (winograd_weight_one_fits(s, out_channels))
    return winograd_weight_one(s, probes, out_channels, image, cotangent, cotangent_stride, gradients, gradient_stride);
  if (direct_weight_fits<T>(s)) {
    DirectWeight<T> direct(s, out_channels);
    direct.set_image(image);
    for (std::size_t k = 0; k < probes; ++k)
      direct.gradient(cotangent + k * cotangent_stride, false, gradients + k * gradient_stride);
    return;
  }
  const std::size_t d = s.positions(), height = s.out_rows(), width = s.out_width(), size = s.patch_size();
  Patches<T> patches(s);
  const std::size_t rows = patches.blocks().rows;
  Array<T> room({rows * width, size});
  T* turned = room.mutable_data();
  for (std::size_t row = 0; row < height; row += rows) {
    const std::size_t end = std::min(height, row + rows), wide = (end - row) * width;
    loops<T>().transpose(size, wide, patches.of_rows(image, row, end), wide, turned, size);
    for (std::size_t k = 0; k < probes; ++k)
      multiply_outer(s, out_channels, cotangent + k * cotangent_stride + row * width, d, true, turned, wide,
                     row ? T(1) : T(0), gradients + k * gradient_stride);
  }
}

template <class T>
void conv2d_weight(const ConvShape& s, std::size_t count, std::size_t out_channels, const T* images, const T* cotangent,
                   T* weight) {
  if (winograd_fits(s, count, out_channels))
    return winograd_conv2d_weight(s, count, out_channels, images, cotangent, weight);
  const std::size_t d = s.positions(), height = s.out_rows(), width = s.out_width();
  const std::size_t size = out_channels * s.patch_size() / s.groups;
  const Blocks blocks = Blocks::of<T>(s);
  // Partial sums over runs of images are added in order, so the result does not depend on the threads.
  const std::size_t run = std::max({grain(s, out_channels), blocks.images, (count + 15) / 16});
  const std::size_t runs = std::max<std::size_t>(1, (count + run - 1) / run);
  Array<T> partial = Array<T>::zeros({runs, size});
  T* sums = partial.mutable_data();
  parallel_for(count, run, [&](std::size_t first, std::size_t last) {
    T* sum = sums + first / run * size;
    if (direct_weight_fits<T>(s)) {
      DirectWeight<T> direct(s, out_channels);
      for (std::size_t n = first; n < last; ++n) {
        direct.set_image(images + n * s.input_size());
        direct.gradient(cotangent + n * out_channels * d, true, sum);
      }
      return;
    }
    Patches<T> patches(s);
    Array<T> together;
    if (blocks.images > 1) together = Array<T>({out_channels, blocks.images * d});
    for (std::size_t n = first; n < last; n += blocks.images) {
      const std::size_t images_now = std::min(blocks.images, last - n);
      const T* y = cotangent + n * out_channels * d;
      if (images_now > 1) {
        const T* p = patches.of_images(images + n * s.input_size(), images_now);
        side_by_side(images_now, out_channels, d, y, together.mutable_data());
        multiply_outer(s, out_channels, together.data(), images_now * d, false, p, images_now * d, T(1), sum);
        continue;
      }
      for (std::size_t row = 0; row < height; row += blocks.rows) {
        const std::size_t end = std::min(height, row + blocks.rows), wide = (end - row) * width;
        const T* p = patches.of_rows(images + n * s.input_size(), row, end);
        multiply_outer(s, out_channels, y + row * width, d, false, p, wide, T(1), sum);
      }
    }
  });
  std::copy_n(sums, size, weight);
  for (std::size_t r = 1; r < runs; ++r) loops<T>().axpy(size, T(1), sums + r * size, weight);
}

#define XTANGENT_INSTANTIATE(T)                                                                                    \
  template void conv2d(const ConvShape&, std::size_t, std::size_t, const T*, const T*, const T*, T*);              \
  template void conv2d_input(const ConvShape&, std::size_t, std::size_t, const T*, const T*, T*);                  \
  template void conv2d_weight(const ConvShape&, std::size_t, std::size_t, const T*, const T*, T*);                 \
  template std::size_t conv2d_weight_one_room<T>(const ConvShape&, std::size_t);                                   \
  template void conv2d_weight_one(const ConvShape&, std::size_t, std::size_t, const T*, const T*, std::size_t, T*, \
                                  std::size_t);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
