#include "ntk/computation/projector.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/projection.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "nn/initialize.hpp"
#include "nn/shards.hpp"
#include "ntk/computation/shard_sweep.hpp"
#include "ntk/contraction/gradients.hpp"
#include "ntk/planning/budget.hpp"

namespace xtangent::ntk {
namespace {

using kernels::loops;
using kernels::parallel_for;

// Bytes of the gradients that a shard forms at a time. A constant, since the shape of a product decides how it rounds.
constexpr double usual_room = 64.0 * (1 << 20);
constexpr std::size_t places_at_a_time = 1 << 14;

// Rows of one length that a task takes.
std::size_t grain_of(std::size_t length) { return 1 + 100000 / (length + 1); }

// The signs of a parameter do not depend on which other parameters there are.
std::uint64_t stream_of(const std::string& parameter, std::size_t probe) {
  return nn::stream_of(probe == 0 ? parameter : parameter + " " + std::to_string(probe));
}

double weight_of(const FeatureShare& share, FeatureSplit split) {
  if (split == FeatureSplit::size) return static_cast<double>(share.elements);
  return split == FeatureSplit::trace ? share.weight : 1;
}

}  // namespace

std::vector<FeaturePlace> divided(std::size_t k, FeatureSplit split, const std::vector<FeatureShare>& shares) {
  const std::size_t count = shares.size();
  std::vector<double> weight(count);
  for (std::size_t i = 0; i < count; ++i) weight[i] = std::max(weight_of(shares[i], split), 1e-300);
  // Those that need the least of their share come first, and leave more for the rest.
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto need = [&](std::size_t i) { return static_cast<double>(shares[i].elements) / weight[i]; };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return need(a) < need(b); });
  double sum = std::accumulate(weight.begin(), weight.end(), 0.0);
  std::size_t left = k, arrays = count;
  std::vector<bool> exact(count, false);
  for (const std::size_t i : order) {
    const bool last = arrays == 1 && shares[i].elements <= left;  // whatever rounding did to the sum of the weights
    if (!last && !(static_cast<double>(shares[i].elements) * sum <= static_cast<double>(left) * weight[i])) break;
    exact[i] = true;
    left -= shares[i].elements;
    sum -= weight[i];
    --arrays;
  }
  const bool pooled = split == FeatureSplit::pooled;
  if (arrays > 0 && left < (pooled ? 1 : arrays))
    throw option_error("[features] k = " + std::to_string(k) + " numbers for " + std::to_string(count) +
                       " arrays of parameters that have places of their own. Raise k, or use the split pooled.");
  std::vector<FeaturePlace> out;
  std::size_t next = 0;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back({shares[i].parameter, shares[i].elements, next, exact[i] ? shares[i].elements : 0, exact[i]});
    next += out.back().count;
  }
  double before = 0, total = 0;
  for (std::size_t i = 0; i < count; ++i) total += exact[i] ? 0 : weight[i];
  std::size_t done = 0, taken = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (exact[i]) continue;
    if (pooled) {
      out[i].first = next;
      out[i].count = left;
      continue;
    }
    before += weight[i];
    const double part = ++done == arrays ? 1 : before / total;
    const std::size_t end = done + static_cast<std::size_t>(part * static_cast<double>(left - arrays));
    out[i].first = next + taken;
    out[i].count = end - taken;
    taken = end;
  }
  return out;
}

template <class T>
GradientSweep<T>::GradientSweep(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                                const Readout& readout, const FeatureOptions& options, double result_bytes)
    : model_(model_of(net, params, options.parameters, options.metric)) {
  if (readout.reduction == Readout::Reduction::diagonal)
    throw option_error(
        "[features] the reduction diagonal has a kernel for each column of the readout. Use the "
        "reduction none, and of its rows n K + c those of one c.");
  profile_ = ntk::profile("features", model_, x, readout);
  plan_ = sweep_plan(profile_, x.shape()[0], sizeof(T), readout, memory_budget(options.memory));
  plan_memory(result_bytes);
}

template <class T>
void GradientSweep<T>::plan_memory(double result_bytes) {
  room_ = static_cast<std::size_t>(std::min(usual_room, plan_.budget_bytes / 16));
  const std::size_t n = plan_.partition.shard;
  double pieces = 0;
  for (const TermPlan& term : plan_.terms) {
    const std::size_t length = step(term);
    std::size_t forming = 0;
    for (const UseShape& part : term.term.parts)
      forming = std::max(forming, forming_bytes(part, n, plan_.probes, length, {sizeof(T), room_, planned_tasks}));
    const std::size_t formed = n * plan_.probes * length * sizeof(T) * (term.term.parts.size() > 1 ? 2 : 1);
    pieces = std::max(pieces, static_cast<double>(formed + forming + length * sizeof(std::uint32_t)));
  }
  const double each = static_cast<double>(n) * sweep_bytes(plan_, profile_, Readout::Of::rows) + pieces +
                      profile_.fixed_bytes + 2 * profile_.largest_parameter_bytes;
  const auto needed = [&](std::size_t shards) {
    return result_bytes + profile_.metric_bytes + static_cast<double>(shards) * each;
  };
  shards_at_once_ = planned_tasks;
  while (shards_at_once_ > 1 && needed(shards_at_once_) > plan_.budget_bytes) shards_at_once_ /= 2;
  if (needed(shards_at_once_) > plan_.budget_bytes)
    throw memory_error("[features] " + readable_bytes_up(needed(1)) + " are needed (" + readable_bytes(result_bytes) +
                       " for the features), the budget is " + readable_bytes(plan_.budget_bytes) +
                       ". Raise options.memory, lower k, or write them into a folder by stored_features.");
}

template <class T>
std::size_t GradientSweep<T>::elements(std::size_t term) const {
  return plan_.terms[term].term.parameter_size() * (summed() ? plan_.probes : 1);
}

template <class T>
std::size_t GradientSweep<T>::step(const TermPlan& term) const {
  return step_of(term.term, plan_.partition.shard * plan_.probes * sizeof(T), room_);
}

// f(begin, end, gradients) for pieces of the gradients of a term, in order. Gradients are (K, n, end - begin).
template <class T>
template <class F>
void GradientSweep<T>::pieces_of(const TermPlan& term, std::vector<Factor<T>> uses, const F& f) const {
  std::vector<Factor<T>> parts = joined(std::move(uses));
  const std::size_t n = parts[0].examples, k = plan_.probes, size = term.term.parameter_size();
  const double mean = summed() ? 1 / static_cast<double>(k) : 1;
  const T scale = static_cast<T>(std::sqrt(mean * (term.elementwise ? 1 : term.metric)));
  if (scale != T(1))
    for (Factor<T>& part : parts) {
      Array<T> scaled(part.left.shape());
      loops<T>().affine(scaled.size(), scale, T(0), part.left.data(), scaled.mutable_data());
      part.left = std::move(scaled);
    }
  const Array<T> scales = term.elementwise ? scales_of(model_, term.index) : Array<T>();
  const std::size_t longest = step(term);
  Array<T> gradients({k * n * longest});
  T* at = gradients.mutable_data();
  for (std::size_t begin = 0; begin < size; begin += longest) {
    const std::size_t end = std::min(size, begin + longest), length = end - begin;
    form_gradients(parts, scales, {0, n}, begin, end, n * length, length, at);
    f(begin, end, static_cast<const T*>(at));
  }
}

template <class T>
template <class F>
void GradientSweep<T>::for_each_piece(const OneSide<T>& side, const F& f) const {
  ShardSweep<T> sweep(model_, plan_, side);
  for (std::size_t t = 0; t < plan_.terms.size(); ++t)
    pieces_of(plan_.terms[t], sweep.next(),
              [&](std::size_t begin, std::size_t end, const T* gradients) { f(t, begin, end, gradients); });
}

namespace {

// One piece of the gradients (K, n, length) of a parameter, which goes to the rows of n examples.
template <class T>
struct Piece {
  const FeaturePlace& place;
  std::size_t probes, examples, begin, length;
  bool summed;
  const T* gradients;
  T* out;
  std::size_t stride;

  // f(gradient, row of the features) for the examples of probe c
  template <class F>
  void each_row(std::size_t c, const F& f) const {
    parallel_for(examples, grain_of(length), [&](std::size_t from, std::size_t to) {
      for (std::size_t i = from; i < to; ++i) {
        const std::size_t row = summed ? i : i * probes + c;
        f(gradients + (c * examples + i) * length, out + row * stride + place.first);
      }
    });
  }

  void copy() const {
    const std::size_t size = place.elements / (summed ? probes : 1);
    for (std::size_t c = 0; c < probes; ++c)
      each_row(
          c, [&](const T* from, T* to) { loops<T>().axpy(length, T(1), from, to + (summed ? c * size : 0) + begin); });
  }

  void project(std::uint64_t seed) const {
    std::vector<std::uint32_t> places(length);
    for (std::size_t c = 0; c < probes; ++c) {
      if (c == 0 || summed) {
        const std::uint64_t stream = stream_of(place.parameter, summed ? c : 0);
        parallel_for(length, places_at_a_time, [&](std::size_t from, std::size_t to) {
          kernels::sign_places(seed, stream, begin + from, begin + to, place.count, places.data() + from);
        });
      }
      each_row(c, [&](const T* from, T* to) { kernels::add_signed(length, places.data(), from, to); });
    }
  }
};

}  // namespace

template <class T>
void GradientSweep<T>::project(const OneSide<T>& side, std::uint64_t seed, const std::vector<FeaturePlace>& places,
                               std::size_t stride, T* out, const std::function<void(std::size_t)>& done) const {
  const nn::Shards cut{side.size(), plan_.partition.shard};
  const auto shard = [&](std::size_t s) {
    T* rows = out + cut[s].first * rows_each() * stride;
    for_each_piece(side.part(cut[s]), [&](std::size_t t, std::size_t begin, std::size_t end, const T* gradients) {
      const Piece<T> piece{places[t], plan_.probes, cut[s].size(), begin, end - begin,
                           summed(),  gradients,    rows,          stride};
      places[t].exact ? piece.copy() : piece.project(seed);
    });
  };
  nn::in_waves(cut, shards_at_once_, shard, [&](std::size_t s) { done(cut[s].size()); });
}

template <class T>
std::vector<double> GradientSweep<T>::squared_norms(const OneSide<T>& side) const {
  const nn::Shards cut{side.size(), plan_.partition.shard};
  std::vector<std::vector<double>> found(cut.count(), std::vector<double>(plan_.terms.size(), 0.0));
  nn::in_waves(
      cut, shards_at_once_,
      [&](std::size_t s) {
        const std::size_t rows = cut[s].size() * plan_.probes;
        for_each_piece(side.part(cut[s]), [&](std::size_t t, std::size_t begin, std::size_t end, const T* gradients) {
          for (std::size_t i = 0; i < rows; ++i) {
            const T* row = gradients + i * (end - begin);
            found[s][t] += loops<T>().dot(end - begin, row, row);
          }
        });
      },
      [](std::size_t) {});
  std::vector<double> out(plan_.terms.size(), 0.0);
  for (const std::vector<double>& shard : found)
    for (std::size_t t = 0; t < out.size(); ++t) out[t] += shard[t];
  return out;
}

template class GradientSweep<float>;
template class GradientSweep<double>;

}  // namespace xtangent::ntk
