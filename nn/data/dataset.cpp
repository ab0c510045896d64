#include "nn/data/dataset.hpp"

#include <numeric>

#include "autodiff/error.hpp"
#include "autodiff/kernels/pixels.hpp"
#include "autodiff/kernels/random.hpp"

namespace xtangent::nn {
namespace {

// A nearly uniform number below `bound`: the bias is below bound / 2^32.
std::size_t below(std::uint32_t bits, std::size_t bound) {
  return static_cast<std::size_t>(bits * std::uint64_t(bound) >> 32);
}

kernels::Window window_of(const Augmentation& augmentation, RandomStream random, std::size_t example) {
  const auto bits = kernels::philox(random.seed, random.stream, example);
  const auto padding = static_cast<std::ptrdiff_t>(augmentation.padding);
  const auto move = [&](std::uint32_t b) {
    return static_cast<std::ptrdiff_t>(below(b, 2 * augmentation.padding + 1)) - padding;
  };
  return {move(bits[0]), move(bits[1]), augmentation.mirror && (bits[2] & 1)};
}

}  // namespace

Dataset::Dataset(std::shared_ptr<const LabeledImages> images, DatasetOptions options)
    : images_(std::move(images)), indices_(images_->count()), options_(std::move(options)) {
  check(*images_);
  std::iota(indices_.begin(), indices_.end(), std::size_t(0));
  const std::size_t scalings = options_.scaling.size(), channels = images_->channels;
  if (scalings > 1 && scalings != channels)
    throw shape_error("[Dataset] " + std::to_string(scalings) + " scalings for " + std::to_string(channels) +
                      " channels. Give none, one, or one for each channel.");
  if (scalings == 0) options_.scaling.emplace_back();
  if (scalings < 2) options_.scaling.resize(channels, options_.scaling[0]);
  for (const PixelScaling& s : options_.scaling)
    if (!(s.deviation > 0))
      throw option_error("[Dataset] a scaling with deviation " + std::to_string(s.deviation) + ".");
}

Dataset::Dataset(LabeledImages images, DatasetOptions options)
    : Dataset(std::make_shared<const LabeledImages>(std::move(images)), std::move(options)) {}

Dataset Dataset::subset(std::span<const std::size_t> examples) const {
  check_indices(examples);
  Dataset out = *this;
  out.indices_.clear();
  for (std::size_t example : examples) out.indices_.push_back(indices_[example]);
  return out;
}

Dataset Dataset::with(DatasetOptions options) const {
  Dataset out(images_, std::move(options));
  out.indices_ = indices_;
  return out;
}

template <class T>
Array<T> Dataset::batch(std::span<const std::size_t> examples) const {
  return numbers<T>(examples, nullptr);
}

template <class T>
Array<T> Dataset::augmented_batch(std::span<const std::size_t> examples, RandomStream random) const {
  return numbers<T>(examples, &random);
}

template <class T>
Array<T> Dataset::numbers(std::span<const std::size_t> examples, const RandomStream* random) const {
  check_indices(examples);
  std::vector<std::size_t> chosen;
  std::vector<kernels::Window> windows;
  for (std::size_t example : examples) {
    chosen.push_back(indices_[example]);
    if (random) windows.push_back(window_of(options_.augmentation, *random, example));
  }
  const std::vector<T> values = byte_values<T>(images_->full, options_.scaling);
  Array<T> out(shape_of(*images_, examples.size(), options_.layout));
  kernels::image_numbers({images_->channels, images_->height, images_->width}, images_->bytes.data(), chosen,
                         values.data(), windows, out.mutable_data());
  return out;
}

void Dataset::check_indices(std::span<const std::size_t> examples) const {
  for (std::size_t example : examples)
    if (example >= count())
      throw data_error("[Dataset] example " + std::to_string(example) + " of " + std::to_string(count()) + ".");
}

std::vector<std::size_t> Dataset::labels(std::span<const std::size_t> examples) const {
  check_indices(examples);
  std::vector<std::size_t> out;
  out.reserve(examples.size());
  for (std::size_t example : examples) out.push_back(images_->labels[indices_[example]]);
  return out;
}

std::vector<std::size_t> Dataset::labels() const {
  std::vector<std::size_t> out;
  out.reserve(count());
  for (std::size_t index : indices_) out.push_back(images_->labels[index]);
  return out;
}

#define XTANGENT_INSTANTIATE(T)                                         \
  template Array<T> Dataset::batch(std::span<const std::size_t>) const; \
  template Array<T> Dataset::augmented_batch(std::span<const std::size_t>, RandomStream) const;
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
