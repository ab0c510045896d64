#include "examples/study/predictions.hpp"

#include <algorithm>
#include <sstream>

#include "autodiff/error.hpp"
#include "nn/training/evaluate.hpp"
#include "ntk/regression.hpp"

namespace xtangent::examples {
namespace {

// What both kernels get where one of them is not positive definite to rounding: the least power of ten that helps.
constexpr double least_rescue = 1e-6, greatest_rescue = 1e-3;

}  // namespace

PredictionKernels prediction_kernels(Workplace& place, const StudyCase& one, const nn::AnyModule& net,
                                     const nn::Parameters<float>& params, std::size_t n, std::size_t tests,
                                     Start start) {
  const nn::TrainAndTest& images = place.images(one.data);
  const std::vector<std::size_t> train = place.train_indices(one.data, n), test = place.test_indices(one.data, tests);
  const Array<float> x = place.pixels(one.data, train, one.network->layout),
                     x_new = place.pixels(one.data, test, one.network->layout, true);
  const auto outputs = [&](const Array<float>& at) -> ntk::Doubles {
    const std::size_t classes = images.train.classes;
    if (start == Start::network) return nn::predict(*net, params, at);
    return Array<double>::full({at.shape()[0], classes}, 1 / static_cast<double>(classes));
  };
  return {.train = kernel_pair(net, params, x),
          .cross = kernel_pair(net, params, x_new, x),
          .f0 = outputs(x),
          .f0_new = outputs(x_new),
          .targets = nn::one_hot<double>(labels_at(images.train, train), images.train.classes),
          .labels = labels_at(images.test, test)};
}

// The kernel between test and training images is not symmetric and has two entries for each of a symmetric one.
double prediction_cost(std::size_t n, std::size_t tests) {
  return 1 + 2 * static_cast<double>(tests) / static_cast<double>(n);
}

std::string name_of_ridge(double ridge) {
  std::ostringstream out;
  out << ridge;
  return out.str();
}

BothPredictions predict(const PredictionKernels& k, double ridge) {
  const double unit = mean_diagonal(k.train.entk);
  const auto by = [&](const Array<double>& kernel, const Array<double>& kernel_new, double with) {
    return ntk::Regression(kernel, {.ridge = with * unit, .relative = false})
        .predict(kernel_new, k.targets, k.f0, k.f0_new);
  };
  for (double with = ridge;; with = std::max(least_rescue, 10 * with)) try {
      return {by(k.train.entk, k.cross.entk, with), by(k.train.pntk, k.cross.pntk, with), with};
    } catch (const numerical_error&) {
      if (with > greatest_rescue / 2) throw;
    }
}

}  // namespace xtangent::examples
