#include "ntk/contraction/gradients.hpp"

#include <algorithm>
#include <numeric>

#include "autodiff/kernels/convolution.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/bfloat16.hpp"
#include "autodiff/kernels/simd/loops.hpp"

namespace xtangent::ntk {
namespace {

using kernels::loops;
using kernels::parallel_for;

// Elements of the parameter whose gradients can be formed without the rest.
std::size_t unit_of(const Term& term) {
  std::size_t unit = 1;
  for (const UseShape& part : term.parts) unit = std::lcm(unit, part.unit());
  return std::min(unit, term.parameter_size());
}

}  // namespace

std::size_t step_of(const Term& term, std::size_t element_bytes, std::size_t room) {
  const std::size_t unit = unit_of(term);
  const std::size_t units = std::max<std::size_t>(1, room / std::max<std::size_t>(1, element_bytes * unit));
  return std::min(term.parameter_size(), units * unit);
}

std::size_t forming_bytes(const UseShape& use, std::size_t n, std::size_t probes, std::size_t length,
                          const Workspace& w) {
  if (!use.patches || !use.is_product()) return 0;
  kernels::ConvShape s = *use.patches;
  if (use.grouped()) {
    const std::size_t groups = length / use.unit();
    s.channels = s.channels / s.groups * groups;
    s.groups = groups;
  }
  const std::size_t grain = gradient_grain(length, use.positions, probes), out = length / use.right;
  const std::size_t each = w.scalar_bytes == sizeof(float) ? kernels::conv2d_weight_one_room<float>(s, out)
                                                           : kernels::conv2d_weight_one_room<double>(s, out);
  return w.at_a_time((n + grain - 1) / grain) * each * w.scalar_bytes;
}

template <class T>
void form_gradients(const std::vector<Factor<T>>& parts, const Array<T>& scales, Range examples, std::size_t begin,
                    std::size_t end, std::size_t probe_stride, std::size_t example_stride, T* out) {
  parts[0].gradients(examples.first, examples.last, begin, end, out, probe_stride, example_stride);
  const std::size_t k = parts[0].probes, n = examples.size(), length = end - begin;
  const auto scale = [&] {
    if (!scales.defined()) return;
    parallel_for(k * n, 1 + 100000 / (length + 1), [&](std::size_t from, std::size_t to) {
      for (std::size_t at = from; at < to; ++at) {
        T* row = out + at / n * probe_stride + at % n * example_stride;
        loops<T>().binary(kernels::Binary::multiply, length, row, 1, scales.data() + begin, 1, row);
      }
    });
  };
  if (parts.size() == 1) return scale();
  Array<T> more({k, n, length});
  for (std::size_t i = 1; i < parts.size(); ++i) {
    parts[i].gradients(examples.first, examples.last, begin, end, more.mutable_data(), n * length, length);
    parallel_for(k * n, 1 + 100000 / (length + 1), [&](std::size_t from, std::size_t to) {
      for (std::size_t at = from; at < to; ++at)
        loops<T>().axpy(length, T(1), more.data() + at * length, out + at / n * probe_stride + at % n * example_stride);
    });
  }
  scale();
}

void form_rounded_gradients(const std::vector<Factor<float>>& parts, const Array<float>& scales, Range examples,
                            std::size_t begin, std::size_t end, const RoundedGradients& to) {
  const std::size_t k = parts[0].probes, length = end - begin;
  std::size_t positions = 0;
  for (const Factor<float>& part : parts) positions += part.positions;
  const auto correction = [](const kernels::RoundingSums& sums) {
    return sums.squares == 0 ? 1.0 : sums.squares / (sums.squares + sums.errors);
  };
  parallel_for(examples.size(), gradient_grain(length, positions, k), [&](std::size_t from, std::size_t last) {
    Array<float> formed({k, length});
    float* one = formed.mutable_data();
    for (std::size_t i = from; i < last; ++i) {
      const std::size_t n = examples.first + i;
      form_gradients(parts, scales, {n, n + 1}, begin, end, length, length, one);
      kernels::RoundingSums all;
      for (std::size_t p = 0; p < k; ++p) {
        std::uint16_t* row = to.out + p * to.probe_stride + i * to.example_stride;
        kernels::bfloat16_loops().round(length, one + p * length, row);
        if (length % 2 == 1) row[length] = 0;
        const kernels::RoundingSums sums = kernels::bfloat16_loops().sums(length, one + p * length, row);
        all.squares += sums.squares;
        all.errors += sums.errors;
        if (!to.together) to.corrections[p * to.correction_stride + i] = correction(sums);
      }
      if (to.together) to.corrections[i] = correction(all);
    }
  });
}

std::size_t rounding_bytes(const Term& term, std::size_t n, std::size_t probes, std::size_t length,
                           const Workspace& w) {
  const std::size_t grain = gradient_grain(length, term.positions(), probes), tasks = (n + grain - 1) / grain;
  return w.at_a_time(tasks) * (term.parts.size() > 1 ? 2 : 1) * probes * length * sizeof(float);
}

template void form_gradients(const std::vector<Factor<float>>&, const Array<float>&, Range, std::size_t, std::size_t,
                             std::size_t, std::size_t, float*);
template void form_gradients(const std::vector<Factor<double>>&, const Array<double>&, Range, std::size_t, std::size_t,
                             std::size_t, std::size_t, double*);

}  // namespace xtangent::ntk
