#include "autodiff/kernels/convolution.hpp"

#include <algorithm>
#include <memory>

#include "autodiff/array.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/loops.hpp"
#include "autodiff/kernels/parallel.hpp"

namespace xtangent::kernels {
namespace {

// Images a task: enough work to be worth one, and the same whatever the number of threads.
std::size_t grain(const ConvShape& s, std::size_t out_channels) {
  const std::size_t work = out_channels * s.positions() * s.patch_size() / s.groups;
  return std::max<std::size_t>(1, (std::size_t(1) << 20) / std::max<std::size_t>(work, 1));
}

template <class T>
class Patches {
 public:
  explicit Patches(const ConvShape& s) : shape_(s) {
    if (!s.is_pointwise()) room_ = Array<T>({s.patch_size(), s.positions()});
  }
  /// The patches of an image; the image itself for a pointwise convolution.
  const T* of(const T* image) {
    if (shape_.is_pointwise()) return image;
    im2col(shape_, image, room_.mutable_data());
    return room_.data();
  }
  T* room() { return room_.mutable_data(); }

 private:
  const ConvShape& shape_;
  Array<T> room_;
};

}  // namespace

template <class T>
void conv2d(const ConvShape& s, std::size_t count, std::size_t out_channels, const T* images, const T* weight,
            const T* bias, T* out) {
  const std::size_t d = s.positions(), rows = out_channels / s.groups, columns = s.patch_size() / s.groups;
  parallel_for(count, grain(s, out_channels), [&](std::size_t first, std::size_t last) {
    Patches<T> patches(s);
    for (std::size_t n = first; n < last; ++n) {
      const T* p = patches.of(images + n * s.input_size());
      T* y = out + n * out_channels * d;
      if (bias)
        for (std::size_t o = 0; o < out_channels; ++o) std::fill_n(y + o * d, d, bias[o]);
      for (std::size_t g = 0; g < s.groups; ++g)
        gemm_serial(false, false, rows, d, columns, T(1), weight + g * rows * columns, columns, p + g * columns * d, d,
                    bias ? T(1) : T(0), y + g * rows * d, d);
    }
  });
}

template <class T>
void conv2d_input(const ConvShape& s, std::size_t count, std::size_t out_channels, const T* cotangent, const T* weight,
                  T* images) {
  const std::size_t d = s.positions(), rows = out_channels / s.groups, columns = s.patch_size() / s.groups;
  parallel_for(count, grain(s, out_channels), [&](std::size_t first, std::size_t last) {
    Patches<T> patches(s);
    for (std::size_t n = first; n < last; ++n) {
      T* image = images + n * s.input_size();
      T* p = s.is_pointwise() ? image : patches.room();
      for (std::size_t g = 0; g < s.groups; ++g)
        gemm_serial(true, false, columns, d, rows, T(1), weight + g * rows * columns, columns,
                    cotangent + (n * out_channels + g * rows) * d, d, T(0), p + g * columns * d, d);
      if (s.is_pointwise()) continue;
      std::fill_n(image, s.input_size(), T(0));
      col2im_add(s, p, image);
    }
  });
}

template <class T>
void conv2d_weight_one(const ConvShape& s, std::size_t probes, std::size_t out_channels, const T* image,
                       const T* cotangent, std::size_t cotangent_stride, T* gradients, std::size_t gradient_stride,
                       T* patches) {
  const std::size_t d = s.positions(), rows = out_channels / s.groups, columns = s.patch_size() / s.groups;
  const T* p = image;
  if (!s.is_pointwise()) {
    im2col(s, image, patches);
    p = patches;
  }
  for (std::size_t k = 0; k < probes; ++k)
    for (std::size_t g = 0; g < s.groups; ++g)
      gemm_serial(false, true, rows, columns, d, T(1), cotangent + k * cotangent_stride + g * rows * d, d,
                  p + g * columns * d, d, T(0), gradients + k * gradient_stride + g * rows * columns, columns);
}

template <class T>
void conv2d_weight(const ConvShape& s, std::size_t count, std::size_t out_channels, const T* images,
                   const T* cotangent, T* weight) {
  const std::size_t d = s.positions(), rows = out_channels / s.groups, columns = s.patch_size() / s.groups;
  const std::size_t size = out_channels * columns;
  // Partial sums over runs of images, added in order: the result does not depend on the threads.
  const std::size_t run = std::max<std::size_t>(grain(s, out_channels), (count + 15) / 16);
  const std::size_t runs = std::max<std::size_t>(1, (count + run - 1) / run);
  Array<T> partial({runs, size});
  T* sums = partial.mutable_data();
  std::fill_n(sums, runs * size, T(0));
  parallel_for(count, run, [&](std::size_t first, std::size_t last) {
    Patches<T> patches(s);
    T* sum = sums + first / run * size;
    for (std::size_t n = first; n < last; ++n) {
      const T* p = patches.of(images + n * s.input_size());
      for (std::size_t g = 0; g < s.groups; ++g)
        gemm_serial(false, true, rows, columns, d, T(1), cotangent + (n * out_channels + g * rows) * d, d,
                    p + g * columns * d, d, T(1), sum + g * rows * columns, columns);
    }
  });
  std::copy_n(sums, size, weight);
  for (std::size_t r = 1; r < runs; ++r) loops<T>().axpy(size, T(1), sums + r * size, weight);
}

#define XTANGENT_INSTANTIATE(T)                                                                                 \
  template void conv2d(const ConvShape&, std::size_t, std::size_t, const T*, const T*, const T*, T*);           \
  template void conv2d_input(const ConvShape&, std::size_t, std::size_t, const T*, const T*, T*);               \
  template void conv2d_weight(const ConvShape&, std::size_t, std::size_t, const T*, const T*, T*);              \
  template void conv2d_weight_one(const ConvShape&, std::size_t, std::size_t, const T*, const T*, std::size_t,  \
                                  T*, std::size_t, T*);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
