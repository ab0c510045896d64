#include "examples/attribute/projection.hpp"

#include <algorithm>
#include <cmath>

#include "autodiff/factor.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/random.hpp"

namespace xtangent::examples {
namespace {

// (n, P): the gradients of the examples x (n, ...), whose numbers count from `first`.
Array<float> gradients(const nn::ModuleBase& net, const nn::Parameters<float>& params, const Array<float>& x,
                       const ntk::PerExample& readout, std::size_t first) {
  const std::size_t n = x.shape()[0], p = params.size();
  Array<float> out = Array<float>::zeros({n, p});
  float* to = out.mutable_data();
  Tape<float> tape;
  const nn::Recording<float> run = net.record(tape, params, x);
  readout.check(run.output.shape()[1]);
  FactorSweep<float> sweep(run.output, readout.cotangents(first, Var<float>(run.output.value())).value(),
                           run.parameters);
  while (const auto use = sweep.next()) {
    const nn::ParameterInfo& info = params.infos()[use->parameter];
    const Array<float> dense = use->factor.dense();
    const std::size_t size = info.shape.size();
    for (std::size_t i = 0; i < n; ++i)  // a parameter may be used more than once
      std::transform(dense.data() + i * size, dense.data() + (i + 1) * size, to + i * p + info.offset,
                     to + i * p + info.offset, std::plus<>());
  }
  return out;
}

// out (last - first, count): rows [first, last) of the signs, each one a function of the seed, its row and its column.
void fill_signs(std::uint64_t seed, std::size_t first, std::size_t last, std::size_t count, float* out) {
  const float size = 1 / std::sqrt(static_cast<float>(count));
  kernels::parallel_for(last - first, 16, [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row)
      for (std::size_t column = 0; column < count; column += 128) {
        const auto words = kernels::philox(seed, first + row, column / 128);
        const std::size_t here = std::min<std::size_t>(128, count - column);
        for (std::size_t i = 0; i < here; ++i)
          out[row * count + column + i] = (words[i / 32] >> (i % 32)) & 1 ? size : -size;
      }
  });
}

}  // namespace

Array<double> projected_gradients(const nn::ModuleBase& net, const nn::Parameters<float>& params, const Array<float>& x,
                                  const ntk::Readout& readout, std::size_t count, std::uint64_t seed) {
  const std::size_t n = x.shape()[0], p = params.size(), rows = 1024;
  const std::size_t shard = std::clamp<std::size_t>((std::size_t{1} << 28) / (sizeof(float) * p), 1, n);
  Array<float> signs({std::min(rows, p), count});
  Array<double> out({n, count});
  for (std::size_t first = 0; first < n; first += shard) {
    const std::size_t here = std::min(shard, n - first);
    const Array<float> g = gradients(net, params, x.rows(first, first + here), *readout.of_rows, first);
    Array<float> sum({here, count});
    for (std::size_t row = 0; row < p; row += rows) {
      const std::size_t k = std::min(rows, p - row);
      fill_signs(seed, row, row + k, count, signs.mutable_data());
      kernels::gemm<float>(false, false, here, count, k, 1, g.data() + row, p, signs.data(), count,
                           row > 0 ? 1.0f : 0.0f, sum.mutable_data(), count);
    }
    std::copy_n(sum.data(), sum.size(), out.mutable_data() + first * count);
  }
  return out;
}

}  // namespace xtangent::examples
