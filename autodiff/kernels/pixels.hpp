#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// Images of bytes (count, channels, height, width), and their conversion to numbers.
namespace xtangent::kernels {

struct ImageExtents {
  std::size_t channels = 0, height = 0, width = 0;
  std::size_t size() const { return channels * height * width; }
};

/// Which part of an image is taken: a window as large as the image, moved by `down` and `right` pixels, then mirrored
/// left to right if `mirrored`. Outside of the image bytes count as 0.
struct Window {
  std::ptrdiff_t down = 0, right = 0;
  bool mirrored = false;
};

/// The chosen images, one after the other: out = values[channel][byte] for a table `values` (channels, 256). There is
/// one window for each chosen image, or none to take the images as they are.
template <class T>
void image_numbers(ImageExtents extents, const std::uint8_t* images, std::span<const std::size_t> chosen,
                   const T* values, std::span<const Window> windows, T* out);

struct ByteSums {
  std::uint64_t count = 0, sum = 0, squares = 0;
};
/// The sums for each channel, over all images.
std::vector<ByteSums> byte_sums(ImageExtents extents, std::size_t count, const std::uint8_t* images);

}  // namespace xtangent::kernels
