#pragma once

#include <memory>
#include <span>
#include <vector>

#include "nn/data/images.hpp"
#include "nn/scope.hpp"

/// Data sets of images that stay bytes until their batch is made.
namespace xtangent::nn {

/// Random changes of training images that keep their meaning: a window of the size of the image, taken from the image
/// with a frame of black pixels around it, and a mirror image half of the time.
struct Augmentation {
  std::size_t padding = 0;  ///< width of the frame, on all sides
  bool mirror = false;      ///< whether images are mirrored left to right
};

struct DatasetOptions {
  ImageLayout layout = ImageLayout::planes;
  std::vector<PixelScaling> scaling = {};  ///< one for all channels or one for each; none: to [0, 1]
  Augmentation augmentation = {};
};

/// Images for a network or a trainer. They are kept as bytes, and a batch is converted to numbers when it is asked for.
/// Copies and subsets share the bytes. Immutable, so any number of threads may read it.
class Dataset {
 public:
  /// Throws data_error for images that are inconsistent (see `check` in images.hpp), shape_error unless there is one
  /// scaling or one for each channel, and option_error for a deviation that is not positive.
  explicit Dataset(LabeledImages images, DatasetOptions options = {});
  Dataset(std::shared_ptr<const LabeledImages> images, DatasetOptions options = {});

  std::size_t count() const { return indices_.size(); }
  std::size_t classes() const { return images_->classes; }
  const LabeledImages& images() const { return *images_; }
  const DatasetOptions& options() const { return options_; }
  /// The chosen examples, in this order. Throws data_error for an index out of range.
  Dataset subset(std::span<const std::size_t> examples) const;
  /// The same images with other options. Throws as the constructor does.
  Dataset with(DatasetOptions options) const;

  /// The chosen examples as numbers without random changes, (N, channels, height, width) or (N, channels * height *
  /// width). Throws data_error for an index out of range. Cost: one pass over their bytes.
  template <class T>
  Array<T> batch(std::span<const std::size_t> examples) const;
  template <class T>
  Array<T> batch(std::initializer_list<std::size_t> examples) const {
    return batch<T>(std::span(examples.begin(), examples.size()));
  }
  /// The same with random changes. Those of an example depend on the stream and the example alone.
  template <class T>
  Array<T> augmented_batch(std::span<const std::size_t> examples, RandomStream random) const;

  std::vector<std::size_t> labels(std::span<const std::size_t> examples) const;
  /// The labels of all examples.
  std::vector<std::size_t> labels() const;

 private:
  template <class T>
  Array<T> numbers(std::span<const std::size_t> examples, const RandomStream* random) const;
  void check_indices(std::span<const std::size_t> examples) const;

  std::shared_ptr<const LabeledImages> images_;
  std::vector<std::size_t> indices_;  // indices of the examples into images_
  DatasetOptions options_;
};

}  // namespace xtangent::nn
