#include "examples/solve/targets.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "autodiff/error.hpp"
#include "examples/common/inputs.hpp"
#include "nn/data/images.hpp"
#include "nn/data/npy.hpp"
#include "nn/training/evaluate.hpp"

namespace xtangent::examples {

namespace fs = std::filesystem;

Targets of_labels(std::vector<std::size_t> labels, std::size_t classes) {
  return {nn::one_hot<double>(labels, classes), std::move(labels)};
}

Targets read_targets(const fs::path& file, const std::string& option, std::size_t n, std::size_t classes) {
  const nn::NpyFile read = nn::read_npy_file(file);
  const Shape& shape = read.shape();
  const auto wrong = [&](const std::string& what) {
    return shape_error("[solve] " + option + " " + file.string() + " " + to_string(shape) + ": " + what);
  };
  if (shape.rank() == 1 && read.type() < kernels::ElementType::f16) {
    std::vector<std::size_t> labels = read_labels("solve", option, file, n);
    const std::size_t largest = *std::max_element(labels.begin(), labels.end());
    constexpr std::size_t most = 100000;
    if (largest >= (classes == 0 ? most : classes))
      throw wrong("a label is " + std::to_string(largest) + ", and there are " +
                  std::to_string(classes == 0 ? most : classes) + " classes at most.");
    return of_labels(std::move(labels), classes == 0 ? largest + 1 : classes);
  }
  if (shape.rank() == 0 || shape.rank() > 2 || shape.size() == 0)
    throw wrong("give labels (N,), or numbers (N,) or (N, outputs).");
  const Array<double> values = read.get<double>();
  return {values.reshaped({shape[0], values.size() / shape[0]}), {}};
}

void require_columns(const Targets& tests, const Targets& fitted, const fs::path& file) {
  const std::size_t columns = fitted.values.shape()[1];
  if (!tests.values.defined() || tests.values.shape()[1] == columns) return;
  throw shape_error("[solve] --test-labels " + file.string() + ": targets " + to_string(tests.values.shape()) +
                    ", and those that are fitted are " + to_string(fitted.values.shape()) + ". " +
                    (fitted.labels.empty() ? "Give as many columns." : "Give labels, as whole numbers (M,), too."));
}

Score score_of(const Array<double>& predicted, const Targets& targets) {
  Score out;
  if (!targets.labels.empty()) out.accuracy = nn::accuracy(predicted, targets.labels);
  if (targets.values.defined()) {
    double sum = 0;
    for (std::size_t i = 0; i < predicted.size(); ++i) sum += std::pow(predicted[i] - targets.values[i], 2);
    out.error = sum / static_cast<double>(predicted.size());
  }
  return out;
}

std::string ridge_name(double ridge) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", ridge);
  if (std::strtod(text, nullptr) != ridge) std::snprintf(text, sizeof text, "%.17g", ridge);
  return text;
}

}  // namespace xtangent::examples
