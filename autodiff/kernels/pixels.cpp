#include "autodiff/kernels/pixels.hpp"

#include <algorithm>

#include "autodiff/kernels/parallel.hpp"

namespace xtangent::kernels {
namespace {

template <class T>
void plane_numbers(ImageExtents extents, const std::uint8_t* plane, const T* values, Window window, T* out) {
  const auto height = static_cast<std::ptrdiff_t>(extents.height), width = static_cast<std::ptrdiff_t>(extents.width);
  // Columns [first, last) of the window lie inside the image.
  const std::ptrdiff_t first = std::clamp<std::ptrdiff_t>(-window.right, 0, width);
  const std::ptrdiff_t last = std::clamp<std::ptrdiff_t>(width - window.right, first, width);
  for (std::ptrdiff_t y = 0; y < height; ++y, out += width) {
    const std::ptrdiff_t row = y + window.down;
    if (row < 0 || row >= height) {
      std::fill_n(out, width, values[0]);
      continue;
    }
    const std::uint8_t* from = plane + row * width;
    std::fill(out, out + first, values[0]);
    for (std::ptrdiff_t x = first; x < last; ++x) out[x] = values[from[x + window.right]];
    std::fill(out + last, out + width, values[0]);
    if (window.mirrored) std::reverse(out, out + width);
  }
}

}  // namespace

template <class T>
void image_numbers(ImageExtents extents, const std::uint8_t* images, std::span<const std::size_t> chosen,
                   const T* values, std::span<const Window> windows, T* out) {
  const std::size_t plane = extents.height * extents.width, grain = 1 + (1 << 14) / std::max<std::size_t>(1, plane);
  parallel_for(chosen.size(), grain, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i)
      for (std::size_t channel = 0; channel < extents.channels; ++channel)
        plane_numbers(extents, images + chosen[i] * extents.size() + channel * plane, values + channel * 256,
                      windows.empty() ? Window{} : windows[i], out + i * extents.size() + channel * plane);
  });
}

std::vector<ByteSums> byte_sums(ImageExtents extents, std::size_t count, const std::uint8_t* images) {
  const std::size_t plane = extents.height * extents.width;
  std::vector<ByteSums> out(extents.channels);
  for (std::size_t i = 0; i < count * extents.channels; ++i, images += plane) {
    ByteSums& sums = out[i % extents.channels];
    sums.count += plane;
    for (std::size_t p = 0; p < plane; ++p) {
      sums.sum += images[p];
      sums.squares += std::uint32_t(images[p]) * images[p];
    }
  }
  return out;
}

#define XTANGENT_INSTANTIATE(T)                                                                          \
  template void image_numbers(ImageExtents, const std::uint8_t*, std::span<const std::size_t>, const T*, \
                              std::span<const Window>, T*);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
