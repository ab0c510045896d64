#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// Images of bytes, (count, channels, height, width), and the numbers that stand for them.
namespace xtangent::kernels {

struct ImageExtents {
  std::size_t channels = 0, height = 0, width = 0;
  std::size_t size() const { return channels * height * width; }
};

/// What is seen of an image: a part as large as the image, moved down and right by so many pixels, then mirrored left
/// to right. Outside of the image bytes are 0.
struct Window {
  std::ptrdiff_t down = 0, right = 0;
  bool mirrored = false;
};

/// The chosen images, one after the other: out = values[channel][byte], where `values` is (channels, 256). `windows`
/// are as many as images, or none for the images as they are.
template <class T>
void image_numbers(ImageExtents extents, const std::uint8_t* images, std::span<const std::size_t> chosen,
                   const T* values, std::span<const Window> windows, T* out);

struct ByteSums {
  std::uint64_t count = 0, sum = 0, squares = 0;
};
/// Of each channel, over all images.
std::vector<ByteSums> byte_sums(ImageExtents extents, std::size_t count, const std::uint8_t* images);

}  // namespace xtangent::kernels
