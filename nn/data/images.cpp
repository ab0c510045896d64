#include "nn/data/images.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "autodiff/error.hpp"
#include "autodiff/kernels/pixels.hpp"

namespace xtangent::nn {
namespace {

// splitmix64 (Steele, Lea, Flood 2014): a stream that is the same on every machine.
class Stream {
 public:
  explicit Stream(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // A uniform number below `bound`, without bias.
  std::uint64_t below(std::uint64_t bound) {
    const std::uint64_t excess = (0 - bound) % bound;
    while (true) {
      const std::uint64_t draw = next();
      if (draw >= excess) return draw % bound;
    }
  }

 private:
  std::uint64_t state_;
};

void check_indices(const LabeledImages& images, std::span<const std::size_t> indices, const char* who) {
  for (std::size_t index : indices)
    if (index >= images.count())
      throw data_error(std::string("[") + who + "] image " + std::to_string(index) + " of " +
                       std::to_string(images.count()) + ".");
}

std::vector<std::size_t> all_indices(std::size_t count) {
  std::vector<std::size_t> indices(count);
  std::iota(indices.begin(), indices.end(), std::size_t(0));
  return indices;
}

std::vector<std::vector<std::size_t>> shuffled_by_class(const LabeledImages& images, std::uint64_t seed) {
  std::vector<std::vector<std::size_t>> members(images.classes);
  for (std::size_t index : shuffled_indices(images.count(), seed)) members[images.labels[index]].push_back(index);
  return members;
}

kernels::ImageExtents extents(const LabeledImages& images) { return {images.channels, images.height, images.width}; }

PixelScaling standardization(const kernels::ByteSums& sums, double full) {
  const auto count = static_cast<double>(sums.count), mean = static_cast<double>(sums.sum) / count;
  const double variance = static_cast<double>(sums.squares) / count - mean * mean;
  if (!(variance > 0)) throw data_error("[standardization] no images, or all pixels are equal.");
  return {mean / full, std::sqrt(variance) / full};
}

}  // namespace

LabeledImages LabeledImages::subset(std::span<const std::size_t> indices) const {
  check_indices(*this, indices, "subset");
  LabeledImages out{{}, {}, channels, height, width, classes, full, name, source, license};
  out.bytes.reserve(indices.size() * image_size());
  out.labels.reserve(indices.size());
  for (std::size_t index : indices) {
    const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(index * image_size());
    out.bytes.insert(out.bytes.end(), first, first + static_cast<std::ptrdiff_t>(image_size()));
    out.labels.push_back(labels[index]);
  }
  return out;
}

void check(const LabeledImages& images) {
  if (images.bytes.size() != images.count() * images.image_size())
    throw data_error("[images] " + std::to_string(images.bytes.size()) + " bytes for " +
                     std::to_string(images.count()) + " labels of images of " + std::to_string(images.image_size()) +
                     " pixels.");
  for (std::size_t i = 0; i < images.count(); ++i)
    if (images.labels[i] >= images.classes)
      throw data_error("[images] image " + std::to_string(i) + " has label " + std::to_string(images.labels[i]) +
                       " of " + std::to_string(images.classes) + " classes.");
  const auto large = std::find_if(images.bytes.begin(), images.bytes.end(), [&](auto b) { return b > images.full; });
  if (images.full == 0 || large != images.bytes.end())
    throw data_error("[images] a pixel exceeds the full intensity, " + std::to_string(images.full) + ".");
}

PixelScaling standardization(const LabeledImages& images) {
  check(images);
  kernels::ByteSums all;
  for (const kernels::ByteSums& channel : kernels::byte_sums(extents(images), images.count(), images.bytes.data())) {
    all.count += channel.count;
    all.sum += channel.sum;
    all.squares += channel.squares;
  }
  return standardization(all, images.full);
}

std::vector<PixelScaling> channel_standardization(const LabeledImages& images) {
  check(images);
  std::vector<PixelScaling> out;
  for (const kernels::ByteSums& channel : kernels::byte_sums(extents(images), images.count(), images.bytes.data()))
    out.push_back(standardization(channel, images.full));
  return out;
}

template <class T>
std::vector<T> byte_values(std::uint8_t full, std::span<const PixelScaling> scaling) {
  std::vector<T> out;
  for (const PixelScaling& s : scaling)
    for (int byte = 0; byte < 256; ++byte)
      out.push_back(static_cast<T>((static_cast<double>(byte) / full - s.mean) / s.deviation));
  return out;
}

Shape shape_of(const LabeledImages& images, std::size_t count, ImageLayout layout) {
  if (layout == ImageLayout::flat) return {count, images.image_size()};
  return {count, images.channels, images.height, images.width};
}

template <class T>
Array<T> pixels(const LabeledImages& images, std::span<const std::size_t> indices, ImageLayout layout,
                PixelScaling scaling) {
  check_indices(images, indices, "pixels");
  if (!(scaling.deviation > 0) || images.full == 0)
    throw data_error("[pixels] the deviation and full intensity must be positive.");
  const std::vector<T> values = byte_values<T>(images.full, std::vector(images.channels, scaling));
  Array<T> out(shape_of(images, indices.size(), layout));
  kernels::image_numbers(extents(images), images.bytes.data(), indices, values.data(), {}, out.mutable_data());
  return out;
}

template <class T>
Array<T> pixels(const LabeledImages& images, ImageLayout layout, PixelScaling scaling) {
  return pixels<T>(images, all_indices(images.count()), layout, scaling);
}

template <class T>
Array<T> one_hot(std::span<const std::size_t> labels, std::size_t classes) {
  Array<T> out = Array<T>::zeros({labels.size(), classes});
  T* row = out.mutable_data();
  for (std::size_t label : labels) {
    if (label >= classes)
      throw data_error("[one_hot] label " + std::to_string(label) + " of " + std::to_string(classes) + " classes.");
    row[label] = T(1);
    row += classes;
  }
  return out;
}

std::vector<std::size_t> shuffled_indices(std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> order = all_indices(count);
  Stream stream(seed);
  for (std::size_t left = count; left > 1; --left) std::swap(order[left - 1], order[stream.below(left)]);
  return order;
}

TrainAndTest split(const LabeledImages& images, std::size_t n_test, std::uint64_t seed) {
  check(images);
  if (n_test == 0 || n_test >= images.count())
    throw data_error("[split] " + std::to_string(n_test) + " test images of " + std::to_string(images.count()) +
                     ". Both parts must have at least one image.");
  // Members of a class stand next to each other; every (count / n_test)-th position is a test image.
  std::vector<bool> chosen(images.count());
  std::size_t position = 0;
  for (const auto& members : shuffled_by_class(images, seed))
    for (std::size_t index : members) {
      chosen[index] = (position + 1) * n_test / images.count() > position * n_test / images.count();
      ++position;
    }
  std::vector<std::size_t> train, test;
  for (std::size_t index : shuffled_indices(images.count(), seed)) (chosen[index] ? test : train).push_back(index);
  return {images.subset(train), images.subset(test)};
}

std::vector<std::size_t> balanced_indices(const LabeledImages& images, std::size_t count, std::uint64_t seed) {
  check(images);
  if (count == 0 || count > images.count())
    throw data_error("[balanced_indices] " + std::to_string(count) + " of " + std::to_string(images.count()) +
                     " images. Ask for at least 1 and at most all.");
  const auto members = shuffled_by_class(images, seed);
  std::vector<std::size_t> chosen;
  for (std::size_t turn = 0; chosen.size() < count; ++turn)
    for (const auto& of_class : members)
      if (turn < of_class.size() && chosen.size() < count) chosen.push_back(of_class[turn]);
  return chosen;
}

#define XTANGENT_INSTANTIATE(T)                                                                            \
  template std::vector<T> byte_values(std::uint8_t, std::span<const PixelScaling>);                        \
  template Array<T> pixels(const LabeledImages&, std::span<const std::size_t>, ImageLayout, PixelScaling); \
  template Array<T> pixels(const LabeledImages&, ImageLayout, PixelScaling);                               \
  template Array<T> one_hot(std::span<const std::size_t>, std::size_t);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
