#include "examples/quickstart/comparison.hpp"

#include <algorithm>
#include <cmath>

#include "autodiff/xtensor.hpp"
#include "examples/common/stopwatch.hpp"
#include "nn/training/evaluate.hpp"
#include "ntk/compare.hpp"
#include "ntk/kernel.hpp"
#include "ntk/regression.hpp"
#include "ntk/spectrum.hpp"

namespace xtangent::examples {
namespace {

// A kernel and its cost.
struct Measured {
  Array<double> kernel;
  double seconds = 0, bytes = 0;
};

// Runs f up to three times while that is quick, and keeps the shortest time.
template <class F>
Measured measured(F&& compute) {
  reset_peak_memory();
  const std::size_t before = memory_statistics().live;
  const Stopwatch all;
  Measured out;
  for (int run = 0; run < 3 && (run == 0 || all.seconds() < 0.05); ++run) {
    out.kernel = {};
    const Stopwatch watch;
    out.kernel = compute();
    out.seconds = run == 0 ? watch.seconds() : std::min(out.seconds, watch.seconds());
  }
  out.bytes = static_cast<double>(memory_statistics().peak - before);
  return out;
}

// Both regressions with the same ridge; with a tiny one where a kernel is not positive definite to rounding.
struct Predictions {
  Array<double> entk, pntk;
  double ridge = 0;
};

Predictions regress(const Kernels& k, const KernelInputs& inputs, const Array<double>& f_train,
                    const Array<double>& f_test, double ridge) {
  const auto predict = [&](const Array<double>& kernel, const Array<double>& kernel_test) {
    return ntk::Regression(kernel, {.ridge = ridge}).predict(kernel_test, inputs.targets, f_train, f_test);
  };
  try {
    return {predict(k.entk, k.entk_test), predict(k.pntk, k.pntk_test), ridge};
  } catch (const numerical_error&) {
    if (ridge > 0) throw;
    return regress(k, inputs, f_train, f_test, 1e-6);
  }
}

Comparison compare(const Kernels& k, const KernelInputs& inputs, const Array<double>& f_train,
                   const Array<double>& f_test) {
  Comparison out = k.comparison;
  const std::vector<double> entk = ntk::eigenvalues(k.entk), pntk = ntk::eigenvalues(k.pntk);
  out.relative_frobenius = ntk::relative_frobenius(k.entk, k.pntk, f_train.shape()[1]);
  out.lambda_max_entk = entk.back();
  out.lambda_max_pntk = pntk.back();
  out.lambda_min_entk = entk.front();
  out.lambda_min_pntk = pntk.front();
  out.lambda_max_difference = std::abs(pntk.back() - entk.back()) / entk.back();
  out.condition_entk = ntk::condition_number(entk);
  out.condition_pntk = ntk::condition_number(pntk);
  out.diagonality = diagonality(k.entk, f_train.shape()[1]);
  const Predictions f = regress(k, inputs, f_train, f_test, 0);
  out.ridge = f.ridge;
  out.accuracy_network = nn::accuracy(f_test, inputs.test_labels);
  out.accuracy_entk = nn::accuracy(f.entk, inputs.test_labels);
  out.accuracy_pntk = nn::accuracy(f.pntk, inputs.test_labels);
  out.agreement = nn::accuracy(f.pntk, nn::argmax(f.entk));
  out.prediction_difference = ntk::relative_difference(f.pntk, f.entk);
  const Predictions smooth = regress(k, inputs, f_train, f_test, regression_ridge);
  out.accuracy_entk_ridge = nn::accuracy(smooth.entk, inputs.test_labels);
  out.accuracy_pntk_ridge = nn::accuracy(smooth.pntk, inputs.test_labels);
  return out;
}

}  // namespace

Kernels kernels_of(const nn::AnyModule& net, const nn::Parameters<float>& params, const KernelInputs& inputs,
                   Progress& progress) {
  Kernels out;
  Measured entk = measured([&] { return ntk::entk(*net, params, inputs.train); });
  progress.update(1);
  Measured pntk = measured([&] { return ntk::pntk(*net, params, inputs.train); });
  out.entk = std::move(entk.kernel);
  out.pntk = std::move(pntk.kernel);
  out.comparison.seconds_entk = entk.seconds;
  out.comparison.seconds_pntk = pntk.seconds;
  out.comparison.bytes_entk = entk.bytes;
  out.comparison.bytes_pntk = pntk.bytes;
  progress.update(2);
  out.entk_test = ntk::entk(*net, params, inputs.test, inputs.train);
  progress.update(3);
  out.pntk_test = ntk::pntk(*net, params, inputs.test, inputs.train);
  const auto outputs = [&](const Array<float>& x) { return Array<double>(nn::predict(*net, params, x).xt()); };
  out.comparison = compare(out, inputs, outputs(inputs.train), outputs(inputs.test));
  progress.update(4);
  return out;
}

double diagonality(const Array<double>& entk, std::size_t outputs) {
  const std::size_t n = entk.shape()[0];
  double on = 0, off = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t first = i / outputs * outputs, j = first; j < first + outputs; ++j)
      (i == j ? on : off) += std::abs(entk[i * n + j]);
  return on / (off / static_cast<double>(std::max<std::size_t>(1, outputs - 1)));
}

Array<double> first_pair(const Array<double>& entk, std::size_t outputs) {
  const std::size_t n = std::min(2 * outputs, entk.shape()[0]);
  Array<double> out({n, n});
  double* to = out.mutable_data();
  for (std::size_t i = 0; i < n; ++i) to = std::copy_n(entk.data() + i * entk.shape()[1], n, to);
  return out;
}

Array<double> block_traces(const Array<double>& entk, std::size_t outputs) {
  const std::size_t n = entk.shape()[0] / outputs;
  Array<double> out = Array<double>::zeros({n, n});
  double* to = out.mutable_data();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t o = 0; o < outputs; ++o)
      for (std::size_t j = 0; j < n; ++j)
        to[i * n + j] += entk[(i * outputs + o) * n * outputs + j * outputs + o] / static_cast<double>(outputs);
  return out;
}

Array<double> reordered(const Array<double>& kernel, const std::vector<std::size_t>& order) {
  const std::size_t n = order.size();
  Array<double> out({n, n});
  double* to = out.mutable_data();
  for (std::size_t i : order)
    for (std::size_t j : order) *to++ = kernel[i * n + j];
  return out;
}

}  // namespace xtangent::examples
