#include "examples/study/comparison.hpp"

#include <cmath>

#include "examples/common/stopwatch.hpp"
#include "ntk/compare.hpp"
#include "ntk/kernel.hpp"
#include "ntk/spectrum.hpp"

namespace xtangent::examples {
namespace {

// A kernel, its seconds, and the bytes that were held for it at most.
struct Timed {
  Array<double> kernel;
  double seconds = 0, bytes = 0;
};

// The kernel of a readout, which `kernel_of` computes.
template <class F>
Timed timed(F kernel_of, const ntk::Readout& readout) {
  reset_peak_memory();
  const std::size_t before = memory_statistics().live;
  const Stopwatch watch;
  Timed out{.kernel = kernel_of(readout)};
  out.seconds = watch.seconds();
  out.bytes = static_cast<double>(memory_statistics().peak - before);
  return out;
}

// Mean absolute entries on and off the diagonal of the blocks of examples with themselves.
std::pair<double, double> block_entries(const Array<double>& entk, std::size_t outputs) {
  const std::size_t order = entk.shape()[0];
  double on = 0, off = 0;
  for (std::size_t i = 0; i < order; ++i)
    for (std::size_t first = i / outputs * outputs, j = first; j < first + outputs; ++j)
      (i == j ? on : off) += std::abs(entk[i * order + j]);
  const double rows = static_cast<double>(order);
  return {on / rows, outputs > 1 ? off / (rows * static_cast<double>(outputs - 1)) : 0};
}

template <class F>
KernelPair both_kernels(F kernel_of) {
  Timed entk = timed(kernel_of, ntk::readout::full()), pntk = timed(kernel_of, ntk::readout::pseudo());
  KernelPair out{.entk = std::move(entk.kernel), .pntk = std::move(pntk.kernel)};
  out.outputs = out.entk.shape()[0] / out.pntk.shape()[0];
  out.seconds_entk = entk.seconds;
  out.seconds_pntk = pntk.seconds;
  out.bytes_entk = entk.bytes;
  out.bytes_pntk = pntk.bytes;
  return out;
}

}  // namespace

KernelPair kernel_pair(const nn::AnyModule& net, const nn::Parameters<float>& params, const Array<float>& x) {
  return both_kernels([&](const ntk::Readout& readout) { return ntk::kernel(*net, params, x, readout); });
}

KernelPair kernel_pair(const nn::AnyModule& net, const nn::Parameters<float>& params, const Array<float>& x_new,
                       const Array<float>& x) {
  return both_kernels([&](const ntk::Readout& readout) { return ntk::kernel(*net, params, x_new, x, readout); });
}

double mean_diagonal(const Array<double>& kernel) {
  const std::size_t order = kernel.shape()[0];
  double sum = 0;
  for (std::size_t i = 0; i < order; ++i) sum += kernel[i * order + i];
  return sum / static_cast<double>(order);
}

const std::vector<std::string>& quantity_names() {
  static const std::vector<std::string> names = {"frobenius",       "lambda_max_entk", "lambda_max_pntk",
                                                 "lambda_min_entk", "lambda_min_pntk", "diagonal",
                                                 "off_diagonal",    "seconds_entk",    "seconds_pntk"};
  return names;
}

std::vector<double> quantities(const KernelPair& k) {
  const std::vector<double> entk = ntk::eigenvalues(k.entk), pntk = ntk::eigenvalues(k.pntk);
  const auto [on, off] = block_entries(k.entk, k.outputs);
  return {ntk::relative_frobenius(k.entk, k.pntk, k.outputs),
          entk.back(),
          pntk.back(),
          entk.front(),
          pntk.front(),
          on,
          off,
          k.seconds_entk,
          k.seconds_pntk};
}

}  // namespace xtangent::examples
