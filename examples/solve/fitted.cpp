#include "examples/solve/fitted.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <numeric>

#include "autodiff/error.hpp"
#include "examples/common/format.hpp"
#include "examples/common/images.hpp"
#include "nn/data/npy.hpp"

namespace xtangent::examples {
namespace {

namespace fs = std::filesystem;

void require_rows(const Array<double>& values, std::size_t rows, const std::string& what) {
  if (values.defined() && values.shape()[0] != rows)
    throw shape_error("[solve] " + what + " " + to_string(values.shape()) + " for a kernel of " + std::to_string(rows) +
                      " examples.");
}

Array<double> read_outputs(const fs::path& file, const Shape& shape, const char* option) {
  if (file.empty()) return Array<double>::zeros(shape);
  const Array<double> read = nn::read_npy_file(file).get<double>();
  if (read.size() != shape.size() || read.rank() == 0 || read.shape()[0] != shape[0])
    throw shape_error("[solve] " + std::string(option) + " " + file.string() + " " + to_string(read.shape()) +
                      ", expected " + to_string(shape) + ".");
  return read.reshaped(shape);
}

}  // namespace

Array<double> Fitted::wanted() const {
  Array<double> out(targets.values.shape());
  for (std::size_t i = 0; i < out.size(); ++i) out.mutable_data()[i] = targets.values[i] - outputs[i];
  return out;
}

Fitted read_fitted(const SolveSettings& s, const FittedFrom& from) {
  const std::size_t n = from.examples, m = from.tests;
  Fitted out;
  if (!s.work.data.empty()) {
    const nn::TrainAndTest images = load(s.work.data);
    const auto first = [](const nn::LabeledImages& images_of, std::size_t count) {
      if (count > images_of.count())
        throw shape_error("[solve] the kernel has " + std::to_string(count) + " examples, and " + images_of.name + " " +
                          std::to_string(images_of.count()) + " images. Name the labels with --labels FILE.");
      std::vector<std::size_t> labels;
      for (std::size_t i = 0; i < count; ++i) labels.push_back(images_of.labels[i]);
      return labels;
    };
    out.targets = of_labels(first(images.train, n), images.train.classes);
    if (m > 0) out.test_targets = of_labels(first(images.test, m), images.train.classes);
  } else {
    if (s.work.files.labels.empty())
      throw option_error("[solve] what is to be fitted? Name labels with --labels FILE, or a data set with --data.");
    out.targets = read_targets(s.work.files.labels, "--labels", n, from.block > 1 ? from.block : 0);
    if (!s.work.files.test_labels.empty()) {
      if (m == 0)
        throw option_error("[solve] --test-labels: " + from.name +
                           (s.features.empty() ? " has no test kernel. Compute one: ./run kernel --store DIR --test N"
                                               : " has no features of test examples. Compute them: ./run features "
                                                 "--out DIR --test M"));
      out.test_targets = read_targets(s.work.files.test_labels, "--test-labels", m, out.targets.values.shape()[1]);
    }
  }
  require_rows(out.targets.values, n, "targets");
  require_rows(out.test_targets.values, m, "test targets");
  require_columns(out.test_targets, out.targets, s.work.files.test_labels);
  const std::size_t outputs = out.targets.values.shape()[1];
  if (from.block != 1 && from.block != outputs)
    throw shape_error("[solve] targets " + to_string(out.targets.values.shape()) + " for a kernel of " +
                      std::to_string(from.block) + " outputs.");
  out.outputs = read_outputs(s.outputs, {n, outputs}, "--outputs");
  if (m > 0) out.test_outputs = read_outputs(s.test_outputs, {m, outputs}, "--test-outputs");
  return out;
}

double sum_of(const Array<double>& x) { return std::accumulate(x.data(), x.data() + x.size(), 0.0); }

double relative_norm(const Array<double>& x, const Array<double>& scale) {
  double size = 0, all = 0;
  for (std::size_t i = 0; i < scale.size(); ++i) all += scale[i] * scale[i];
  for (std::size_t i = 0; i < x.size(); ++i) size += x[i] * x[i];
  return all > 0 ? std::sqrt(size / all) : 0;
}

void print(const std::vector<Found>& all) {
  const auto best =
      std::max_element(all.begin(), all.end(), [](const Found& a, const Found& b) { return a.evidence < b.evidence; });
  std::printf("\n%-10s %16s %10s %14s %10s %10s\n", "ridge", "log evidence", "residual", "test accuracy", "test error",
              "time");
  for (const Found& f : all)
    std::printf("%-10s %16s %10.1e %14s %10s %10s%s\n", ridge_name(f.ridge).c_str(),
                f.evidence ? grouped(*f.evidence).c_str() : "-", f.residual,
                f.score.accuracy ? percent(*f.score.accuracy).c_str() : "-",
                f.score.error ? significant(*f.score.error).c_str() : "-", seconds(f.seconds).c_str(),
                all.size() > 1 && f.evidence && &f == &*best ? "  <- the most evidence" : "");
}

std::vector<Found> found_for(const std::vector<double>& ridges, Progress& bar, bool alone,
                             const std::function<Found(double ridge)>& solve) {
  std::vector<Found> out;
  std::exception_ptr first;
  for (const double ridge : ridges) {
    try {
      out.push_back(solve(ridge));
    } catch (const numerical_error&) {
      if (!alone) throw;
      if (!first) first = std::current_exception();
    }
  }
  bar.finish();
  if (!first) return out;
  if (!out.empty()) print(out);
  std::fflush(stdout);
  std::rethrow_exception(first);
}

}  // namespace xtangent::examples
