#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "autodiff/array.hpp"

namespace xtangent::nn {

/// Images with one label each, as they were published. They stay bytes until they are asked for as numbers.
struct LabeledImages {
  std::vector<std::uint8_t> bytes;  ///< (count, channels, height, width), row-major
  std::vector<std::size_t> labels;  ///< (count,), below `classes`
  std::size_t channels = 0, height = 0, width = 0;
  std::size_t classes = 0;
  std::uint8_t full = 255;  ///< the byte for full intensity (16 for the UCI digits)
  std::string name, source, license;

  std::size_t count() const { return labels.size(); }
  /// The number of pixels of one image over all channels: channels * height * width.
  std::size_t image_size() const { return channels * height * width; }
  /// The chosen images, in this order. Throws data_error for an index out of range.
  LabeledImages subset(std::span<const std::size_t> indices) const;
};

/// Throws data_error unless sizes agree, labels are below `classes` and no byte exceeds `full`.
void check(const LabeledImages& images);

struct TrainAndTest {
  LabeledImages train, test;
};

/// The conversion of bytes to numbers, (byte / full - mean) / deviation. The default maps to [0, 1].
struct PixelScaling {
  double mean = 0.0;
  double deviation = 1.0;
};

/// The scaling that gives these images mean 0 and variance 1 over all their pixels. Throws data_error when there are
/// none, all are equal, or the images are inconsistent.
PixelScaling standardization(const LabeledImages& images);

/// The same for each channel by itself.
std::vector<PixelScaling> channel_standardization(const LabeledImages& images);

/// The number for each byte under each scaling, (scalings, 256).
template <class T>
std::vector<T> byte_values(std::uint8_t full, std::span<const PixelScaling> scaling);

enum class ImageLayout {
  planes,  ///< (N, channels, height, width), for convolutions
  flat     ///< (N, channels * height * width), for fully connected networks
};

/// The shape of `count` images as numbers.
Shape shape_of(const LabeledImages& images, std::size_t count, ImageLayout layout);

/// The images `indices` as numbers, in this order. Throws data_error for an index out of range or a deviation that is
/// not positive. Cost: one pass over their bytes.
template <class T>
Array<T> pixels(const LabeledImages& images, std::span<const std::size_t> indices, ImageLayout layout,
                PixelScaling scaling = {});
/// All images as numbers.
template <class T>
Array<T> pixels(const LabeledImages& images, ImageLayout layout, PixelScaling scaling = {});

/// (N, classes) with a one at each label. Throws data_error for a label that is not below `classes`.
template <class T>
Array<T> one_hot(std::span<const std::size_t> labels, std::size_t classes);

/// The numbers 0, 1, ..., count - 1 in an order that depends only on count and seed.
std::vector<std::size_t> shuffled_indices(std::size_t count, std::uint64_t seed);

/// Splits off `n_test` random images for testing, in proportion to the sizes of the classes (to within one image). The
/// others are the training set. Both parts are in random order, so that the first images of each are of all classes.
/// The result depends on the labels and the seed only. Throws data_error unless 0 < n_test < count.
TrainAndTest split(const LabeledImages& images, std::size_t n_test, std::uint64_t seed);

/// `count` indices of images, with all classes equally often as far as their sizes allow: the classes take turns, and
/// each gives its first images in shuffled order. Throws data_error when there are fewer images, and for a count of
/// zero.
std::vector<std::size_t> balanced_indices(const LabeledImages& images, std::size_t count, std::uint64_t seed);

}  // namespace xtangent::nn
