#include "ntk/features.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/random.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "autodiff/pool.hpp"
#include "nn/initialize.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/algebra/transposed.hpp"
#include "ntk/computation/chosen_examples.hpp"
#include "ntk/computation/feature_parts.hpp"
#include "ntk/computation/tiled.hpp"
#include "ntk/contraction/rule.hpp"
#include "ntk/kernel.hpp"
#include "ntk/names.hpp"
#include "ntk/planning/budget.hpp"
#include "ntk/spectrum.hpp"

namespace xtangent::ntk {
namespace {

constexpr std::size_t trace_examples = 32;

constexpr std::pair<FeatureSplit, const char*> splits[] = {{FeatureSplit::pooled, "pooled"},
                                                           {FeatureSplit::equal, "equal"},
                                                           {FeatureSplit::size, "size"},
                                                           {FeatureSplit::trace, "trace"}};

void check(const FeatureOptions& options) {
  if (options.k == 0) throw option_error("[features] k = 0, expected at least 1.");
}

// Rows of features are rows of products, whose lengths have 31 bits.
void check_columns(std::size_t k, std::size_t anchor_rows) {
  constexpr std::size_t most = (std::size_t{1} << 31) - 1;
  if (k > most || anchor_rows > most - k)
    throw option_error("[features] rows of " + std::to_string(k) + " numbers and " + std::to_string(anchor_rows) +
                       " of anchors; at most 2^31 - 1 are possible. Lower k or the number of anchors.");
}

// m of n examples, in rising order.
std::vector<std::size_t> drawn(std::size_t m, std::size_t n, std::uint64_t seed) {
  if (m > n)
    throw option_error("[features] " + std::to_string(m) + " anchors of " + std::to_string(n) +
                       " examples. Take at most as many anchors as examples.");
  std::vector<std::size_t> out = kernels::permutation(seed, nn::stream_of("anchors"), n);
  out.resize(m);
  std::sort(out.begin(), out.end());
  return out;
}

// W^(+/2): the eigenvectors of W (n, n) in columns, each divided by the root of its eigenvalue. Directions whose
// eigenvalues are lost in the rounding of T become 0, and are left to the projection.
template <class T>
Array<double> whitening_of(Array<double> w) {
  const std::size_t n = w.shape()[0];
  Eigensystem found;
  // LAPACK cuts its work by the number of threads, which must not change bits.
  kernels::with_threads(1, [&] { found = eigensystem(std::move(w)); });
  const double least = found.values.back() * static_cast<double>(std::numeric_limits<T>::epsilon());
  Array<double> rows({n, n});
  double* to = rows.mutable_data();
  for (std::size_t i = n; i-- > 0; to += n) {  // the largest eigenvalue first
    const double value = found.values[i], factor = value > least ? 1 / std::sqrt(value) : 0;
    kernels::loops<double>().affine(n, factor, 0.0, found.vectors.data() + i * n, to);
  }
  return transposed(rows);
}

// Throws memory_error unless there is room for what belongs to m rows of anchors: their features and what W^(+/2)
// explains of them, and before that W with LAPACK's twice as large workspace.
void check_anchor_memory(std::size_t m, std::size_t k, double budget) {
  const double needed = static_cast<double>(m * std::max(2 * k + m, k + 3 * m) * sizeof(double));
  if (needed > budget)
    throw memory_error("[features] " + readable_bytes_up(needed) + " are needed for " + std::to_string(m) +
                       " rows of anchors, the budget is " + readable_bytes(budget) +
                       ". Raise options.memory, or lower the number of anchors or k.");
}

template <class T>
void add_anchors(FeatureBasis<T>& basis, const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                 const Readout& readout) {
  const FeatureOptions& o = basis.options;
  const std::vector<std::size_t> numbers = drawn(o.anchors, x.shape()[0], o.seed);
  basis.anchors = x.rows_at(numbers);
  basis.anchor_readout = of_examples(readout, numbers);
  const std::size_t m = numbers.size() * basis.rows_each;
  const double budget = memory_budget(o.memory) - static_cast<double>(basis.anchors.bytes());
  check_anchor_memory(m, o.k, budget);
  const Array<double> wide = Doubles(features(net, params, basis.anchors, basis.anchor_readout, basis));
  const Options options{.memory = at_least_a_byte(budget - static_cast<double>(wide.bytes())),
                        .parameters = o.parameters,
                        .metric = o.metric};
  basis.whitening = whitening_of<T>(kernel(net, params, basis.anchors, basis.anchor_readout, options));
  Array<double> explained({m, o.k});
  kernels::gemm(true, false, m, o.k, m, 1.0, basis.whitening.data(), m, wide.data(), o.k, 0.0, explained.mutable_data(),
                o.k);
  basis.explained = std::move(explained);
}

}  // namespace

const char* name(FeatureSplit split) {
  return std::find_if(std::begin(splits), std::end(splits), [&](const auto& one) { return one.first == split; })
      ->second;
}

FeatureSplit parse_feature_split(std::string_view text) {
  using S = FeatureSplit;
  return parse_name(text, {S::pooled, S::equal, S::size, S::trace}, "features", "split");
}

template <class T>
FeatureBasis<T> feature_basis(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                              const Readout& readout, const FeatureOptions& given) {
  FeatureOptions options = given;
  options.memory = shared_memory(given.memory, given.sharing);
  check(options);
  check_feature_request(params, x, readout);
  const pool::Ceiling ceiling(static_cast<std::size_t>(memory_budget(options.memory)));
  const std::size_t n = std::min(trace_examples, x.shape()[0]);
  const GradientSweep<T> sweep(net, params, x.rows(0, n), readout, options, 0);
  check_columns(options.k, options.anchors * sweep.rows_each());
  std::vector<FeatureShare> shares;
  for (std::size_t t = 0; t < sweep.plan().terms.size(); ++t)
    shares.push_back({sweep.plan().terms[t].parameter, sweep.elements(t), 1});
  if (options.split == FeatureSplit::trace) {
    const std::vector<std::size_t> numbers = drawn(n, x.shape()[0], options.seed);
    const Readout own = of_examples(readout, numbers);
    const Cotangents<T> cotangents(own, sweep.plan().outputs, Readout::Of::rows);
    const std::vector<double> norms = sweep.squared_norms({x.rows_at(numbers), cotangents, 0});
    for (std::size_t t = 0; t < shares.size(); ++t) {
      if (!std::isfinite(norms[t]))
        throw numerical_error("[features] the gradients of " + shares[t].parameter +
                              " overflow, from which the split trace is found. Scale the inputs, or use double.");
      shares[t].weight = norms[t];
    }
  }
  FeatureBasis<T> out;
  out.options = options;
  out.options.progress = {};
  out.rows_each = sweep.rows_each();
  out.places = divided(options.k, options.split, shares);
  if (options.anchors > 0) add_anchors(out, net, params, x, readout);
  return out;
}

template <class T>
Array<T> features(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x, const Readout& readout,
                  const FeatureBasis<T>& basis, const std::function<void(const Progress&)>& progress) {
  check_feature_request(params, x, readout);
  const FeatureOptions& o = basis.options;
  const pool::Ceiling ceiling(static_cast<std::size_t>(memory_budget(o.memory)));
  const FeatureParts<T> parts(net, params, x, readout, basis, o, true);
  const std::size_t n = x.shape()[0], stride = basis.columns();
  const Options told{.progress = progress};
  ProgressMeter meter(told, static_cast<double>(n));
  Array<T> out({n * parts.rows_each(), stride});
  for (std::size_t first = 0; first < n; first += parts.part())
    parts.make({first, std::min(n, first + parts.part())}, out, first * parts.rows_each(),
               [&](std::size_t done) { meter.add(static_cast<double>(done)); });
  return out;
}

template <class T>
std::vector<std::string> dense_parameters(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                                          std::size_t examples, const Readout& readout) {
  check_examples("dense_parameters", x, "x");
  std::vector<std::string> out;
  // Nothing is computed, and kernels of so many examples are not held in memory.
  const Plan planned =
      plan(net, params, x, examples, examples, readout, {.strategy = Strategy::structured}, Residence::stored);
  for (const TermPlan& term : planned.terms) {
    const UseShape* use = term.term.only();
    if (!use || use->kind != FactorKind::outer) continue;
    const double n = static_cast<double>(examples * planned.probes),
                 p = static_cast<double>(term.term.parameter_size()),
                 exact = n * n * static_cast<double>(use->left + use->right);
    if (exact < 2 * n * p) out.push_back(term.parameter);
  }
  return out;
}

#define XTANGENT_INSTANTIATE(T)                                                                                        \
  template FeatureBasis<T> feature_basis(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&,             \
                                         const Readout&, const FeatureOptions&);                                       \
  template Array<T> features(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, const Readout&,         \
                             const FeatureBasis<T>&, const std::function<void(const Progress&)>&);                     \
  template std::vector<std::string> dense_parameters(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, \
                                                     std::size_t, const Readout&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
