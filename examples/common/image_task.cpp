#include "examples/common/image_task.hpp"

#include <algorithm>
#include <numeric>

#include "autodiff/ops/linear.hpp"
#include "examples/common/format.hpp"
#include "nn/data/dataset.hpp"

namespace xtangent::examples {

ImageTask make_image_task(const ImageSet& set, const nn::TrainAndTest& images, nn::ImageLayout layout,
                          std::size_t train, std::size_t test, std::uint64_t seed) {
  const nn::DatasetOptions options{.layout = layout, .scaling = nn::channel_standardization(images.train)};
  const Numbers rows = nn::balanced_indices(images.train, std::min(train, images.train.count()), seed);
  Numbers others(std::min(test, images.test.count()));
  std::iota(others.begin(), others.end(), std::size_t{0});
  return {.title = set.title,
          .source = images.train.source,
          .license = images.train.license,
          .images = images.train.subset(rows),
          .x = nn::Dataset(images.train, options).batch<float>(rows),
          .x_test = nn::Dataset(images.test, options).batch<float>(others),
          .y = images.train.subset(rows).labels,
          .y_test = images.test.subset(others).labels,
          .classes = images.train.classes};
}

Array<double> same_class(const Numbers& labels, std::size_t classes) {
  const Var<double> y(nn::one_hot<double>(labels, classes));
  return matmul(y, y, {.transpose_b = true}).value();
}

std::string said_of_data(const ImageTask& task) {
  return escaped(task.title) + ". Source: " + escaped(task.source) + ". License: " + escaped(task.license);
}

}  // namespace xtangent::examples
