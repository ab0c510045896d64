// The two strategies that know nothing of factors: per-example Jacobians, and NTK-vector products.
#include <algorithm>
#include <chrono>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "ntk/strategies/strategies.hpp"

namespace xtangent::ntk {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The Jacobian of R^T f at each example: rows n C + c of P, from one reverse sweep an example.
template <class T>
Array<T> jacobian_rows(const Model<T>& model, const Plan& plan, const Array<T>& x, const Array<double>& weights) {
  const std::size_t n = x.shape()[0], c = plan.probes, size = plan.parameters;
  Array<T> rows({n * c, size});
  T* to = rows.mutable_data();
  kernels::parallel_for(n, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      Tape<T> tape;
      const Recording<T> r = model.record(tape, x.rows(i, i + 1));
      const std::vector<Var<T>> bars = pullback<T>(r.output, Var<T>(readout_cotangents<T>(weights, 1)), r.parameters);
      std::size_t at = 0;
      for (std::size_t p = 0; p < bars.size(); ++p) {
        const std::size_t count = r.parameters[p].size();
        for (std::size_t k = 0; k < c; ++k) {
          T* row = to + (i * c + k) * size + at;
          if (bars[p].defined())
            std::copy_n(bars[p].value().data() + k * count, count, row);
          else
            std::fill_n(row, count, T(0));
        }
        at += count;
      }
    }
  });
  return rows;
}

}  // namespace

ProgressMeter::ProgressMeter(const Options& options, double total_flop)
    : options_(options), total_(std::max(total_flop, 1.0)), start_(now()) {}

void ProgressMeter::add(double flop) {
  if (!options_.progress) return;
  done_ += flop;
  const double fraction = std::min(1.0, done_ / total_), seconds = now() - start_;
  options_.progress({fraction, seconds, fraction > 0 ? seconds * (1 - fraction) / fraction : 0});
}

template <class T>
Array<T> readout_cotangents(const Array<double>& weights, std::size_t n) {
  const std::size_t outputs = weights.shape()[0], c = weights.shape()[1];
  Array<T> out({c, n, outputs});
  T* to = out.mutable_data();
  for (std::size_t k = 0; k < c; ++k)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t o = 0; o < outputs; ++o) to[(k * n + i) * outputs + o] = static_cast<T>(weights[o * c + k]);
  return out;
}

template <class T>
Array<double> jacobian_kernel(const Model<T>& model, const Plan& plan, const Array<T>& x1, const Array<T>& x2,
                              const Readout& readout, const Options& options) {
  const std::size_t c = plan.probes;
  const double held = static_cast<double>((plan.symmetric ? plan.rows : plan.rows + plan.columns) * c * plan.parameters) *
                      static_cast<double>(sizeof(T));
  if (held + plan.result_bytes > plan.budget_bytes)
    throw memory_error("[ntk] the jacobian strategy holds all per-example gradients, " +
                       std::to_string(static_cast<std::size_t>(held / (1 << 20)) + 1) + " MiB, beyond the budget of " +
                       std::to_string(static_cast<std::size_t>(plan.budget_bytes / (1 << 20))) +
                       " MiB. Use the structured strategy.");
  const Array<double> weights = readout.weights(plan.outputs);
  ProgressMeter meter(options, plan.flop());
  const Array<T> j1 = jacobian_rows(model, plan, x1, weights);
  const Array<T> j2 = plan.symmetric ? j1 : jacobian_rows(model, plan, x2, weights);
  meter.add(plan.sweep_flop);
  // Rows of all probes of an example side by side give the trace; rows by themselves all pairs.
  const bool summed = plan.mode == ProbeMode::summed;
  const auto side = [&](const Array<T>& rows, std::size_t n) {
    const std::size_t lines = summed ? n : n * c, length = summed ? c * plan.parameters : plan.parameters;
    const Factor<T> dense = Factor<T>::from_dense(rows.reshaped({1, lines, length}), Shape{length});
    Side<T> out(Rule::materialize, shape_of(dense), lines, 1, ProbeMode::cross);
    out.fill(0, dense);
    return out;
  };
  const Side<T> a = side(j1, plan.rows), b = plan.symmetric ? a : side(j2, plan.columns);
  Block block(a.examples(), b.examples(), 1, ProbeMode::cross, plan.symmetric);
  contract(a, b, false, static_cast<std::size_t>(materialization_room), block);
  Array<double> kernel({block.rows, block.columns});
  finish_block(block, summed ? 1.0 / static_cast<double>(c) : 1.0, kernel.mutable_data(), block.columns, 0, 0, false);
  meter.add(plan.contraction_flop);
  return kernel;
}

template <class T>
Array<double> vector_product_kernel(const Model<T>& model, const Plan& plan, const Array<T>& x1, const Array<T>& x2,
                                    const Readout& readout, const Options& options) {
  const Array<double> weights = readout.weights(plan.outputs);
  const std::size_t c = plan.probes, o = plan.outputs, n = plan.rows;
  const std::size_t edge = plan.mode == ProbeMode::cross ? c : 1;
  Array<double> kernel = Array<double>::zeros({plan.rows * edge, plan.columns * edge});
  double* values = kernel.mutable_data();
  Tape<T> tape;
  const Recording<T> rows = model.record(tape, x1);
  const Array<T> seeds = readout_cotangents<T>(weights, 1);
  // Seeds at a time: their parameter tangents (and those of the sweep) stay within the room.
  const std::size_t step = std::clamp<std::size_t>(
      static_cast<std::size_t>(materialization_room) / (plan.parameters * sizeof(T)), 1, c);
  ProgressMeter meter(options, static_cast<double>(plan.columns));
  for (std::size_t m = 0; m < plan.columns; ++m) {
    Tape<T> one;
    const Recording<T> column = model.record(one, x2.rows(m, m + 1));
    for (std::size_t first = 0; first < c; first += step) {
      const std::size_t last = std::min(c, first + step);
      const std::vector<Var<T>> u = pullback<T>(column.output, Var<T>(seeds.rows(first, last)), column.parameters);
      const std::vector<Var<T>> dy = pushforward<T>(std::vector<Var<T>>{rows.output}, rows.parameters, u);
      if (!dy[0].defined()) continue;
      const T* tangent = dy[0].value().data();  // (last - first, N, O)
      for (std::size_t j = first; j < last; ++j)
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t k = 0; k < c; ++k) {
            if (plan.mode == ProbeMode::summed && k != j) continue;
            double sum = 0;
            for (std::size_t out = 0; out < o; ++out)
              sum += weights[out * c + k] * static_cast<double>(tangent[((j - first) * n + i) * o + out]);
            if (plan.mode == ProbeMode::summed)
              values[i * plan.columns + m] += sum / static_cast<double>(c);
            else
              values[(i * c + k) * plan.columns * c + m * c + j] = sum;
          }
    }
    meter.add(1.0);
  }
  if (plan.symmetric)  // both triangles were computed; one of them counts, so that the result is symmetric to the bit
    for (std::size_t i = 0; i < plan.rows * edge; ++i)
      for (std::size_t j = 0; j < i; ++j) values[i * plan.columns * edge + j] = values[j * plan.columns * edge + i];
  return kernel;
}

#define XTANGENT_INSTANTIATE(T)                                                                                     \
  template Array<T> readout_cotangents(const Array<double>&, std::size_t);                                          \
  template Array<double> jacobian_kernel(const Model<T>&, const Plan&, const Array<T>&, const Array<T>&,            \
                                         const Readout&, const Options&);                                           \
  template Array<double> vector_product_kernel(const Model<T>&, const Plan&, const Array<T>&, const Array<T>&,      \
                                               const Readout&, const Options&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
