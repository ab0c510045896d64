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

// Bytes of the gradients of one example that are formed at a time. A constant, since the shape of a product decides how
// it rounds. Smaller pieces stay nearer to the core, but each piece of a convolution lays out the patches of its image
// anew.
constexpr double usual_room = 4 << 20;
// Gradients are projected while they are in the cache, so no more examples are formed at a time than fit there.
constexpr std::size_t cached = std::size_t{1} << 20;
constexpr std::size_t places_at_a_time = 1 << 14;

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
  // The weights of each array and those behind it. Sums, since differences of weights of other sizes would be rounding.
  std::vector<double> rest(count);
  for (std::size_t at = count; at-- > 0;) rest[at] = weight[order[at]] + (at + 1 < count ? rest[at + 1] : 0);
  std::size_t left = k, arrays = count;
  std::vector<bool> exact(count, false);
  for (const std::size_t i : order) {
    const double elements = static_cast<double>(shares[i].elements), numbers = static_cast<double>(left);
    if (!(elements * rest[count - arrays] <= numbers * weight[i])) break;
    exact[i] = true;
    left -= shares[i].elements;
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
  room_ = static_cast<std::size_t>(std::min(usual_room, plan_.budget_bytes / 64));
  const std::size_t n = plan_.partition.shard, tasks = std::max(planned_tasks, kernels::thread_count());
  double places = 0, formed = 0;
  for (const TermPlan& term : plan_.terms) {
    const std::size_t length = step(term), group = std::min(n, examples_at_a_time(length));
    std::size_t forming = 0;
    for (const UseShape& part : term.term.parts)
      forming = std::max(forming, forming_bytes(part, 1, plan_.probes, length, {sizeof(T), room_, 1}));
    const std::size_t copies = term.term.parts.size() > 1 ? 2 : 1;
    formed = std::max(formed, static_cast<double>(group * plan_.probes * length * sizeof(T) * copies + forming));
    places = std::max(places, static_cast<double>((summed() ? plan_.probes : 1) * length * sizeof(std::uint32_t)));
  }
  const double each = static_cast<double>(n) * sweep_bytes(plan_, profile_, Readout::Of::rows) + places +
                      profile_.fixed_bytes + 2 * profile_.largest_parameter_bytes;
  const auto needed = [&](std::size_t shards) {
    return result_bytes + profile_.metric_bytes + static_cast<double>(tasks) * formed +
           static_cast<double>(shards) * each;
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
  return step_of(term.term, plan_.probes * sizeof(T), room_);
}

template <class T>
std::size_t GradientSweep<T>::examples_at_a_time(std::size_t length) const {
  // A gradient may have no elements: of an empty array, or of a readout without columns.
  return std::max<std::size_t>(1, cached / std::max<std::size_t>(1, plan_.probes * length * sizeof(T)));
}

template <class T>
std::vector<Factor<T>> GradientSweep<T>::scaled(const TermPlan& term, std::vector<Factor<T>> parts) const {
  const double mean = summed() ? 1 / static_cast<double>(plan_.probes) : 1;
  const T scale = static_cast<T>(std::sqrt(mean * (term.elementwise ? 1 : term.metric)));
  if (scale == T(1)) return parts;
  for (Factor<T>& part : parts) {
    Array<T> left(part.left.shape());
    loops<T>().affine(left.size(), scale, T(0), part.left.data(), left.mutable_data());
    part.left = std::move(left);
  }
  return parts;
}

// For each piece of the gradients of a shard, in order: begin_piece(term, elements) returns f, and then f(examples,
// gradients (K, examples, elements of the piece)) is called for groups of examples in parallel.
template <class T>
template <class Begin>
void GradientSweep<T>::for_each_piece(const OneSide<T>& side, const Begin& begin_piece) const {
  ShardSweep<T> sweep(model_, plan_, side);
  const std::size_t n = side.size();
  for (std::size_t t = 0; t < plan_.terms.size(); ++t) {
    const TermPlan& term = plan_.terms[t];
    const std::vector<Factor<T>> parts = scaled(term, joined(sweep.next()));
    const Array<T> scales = term.elementwise ? scales_of(model_, term.index) : Array<T>();
    const std::size_t size = term.term.parameter_size(), longest = step(term);
    for (std::size_t begin = 0; begin < size; begin += longest) {
      const std::size_t length = std::min(size, begin + longest) - begin;
      const auto f = begin_piece(t, Range{begin, begin + length});
      parallel_for(n, examples_at_a_time(length), [&](std::size_t from, std::size_t to) {
        const std::size_t count = to - from;
        Array<T> gradients({plan_.probes * count * length});
        form_gradients(parts, scales, {from, to}, begin, begin + length, count * length, length,
                       gradients.mutable_data());
        f(Range{from, to}, gradients.data());
      });
    }
  }
}

namespace {

// A piece of the gradient of one parameter, which goes to the rows of features of a shard.
template <class T>
class Piece {
 public:
  // `places` is memory that pieces use one after the other.
  Piece(const FeaturePlace& place, std::size_t probes, bool summed, Range elements, std::uint64_t seed, T* rows,
        std::size_t stride, std::vector<std::uint32_t>& places)
      : place_(place),
        probes_(probes),
        summed_(summed),
        elements_(elements),
        rows_(rows),
        stride_(stride),
        places_(places) {
    if (place.exact) return;
    const std::size_t streams = summed ? probes : 1, length = elements.size();
    if (places_.size() < streams * length) places_.resize(streams * length);
    for (std::size_t c = 0; c < streams; ++c) {
      const std::uint64_t stream = stream_of(place.parameter, c);
      parallel_for(length, places_at_a_time, [&](std::size_t from, std::size_t to) {
        kernels::sign_places(seed, stream, place.elements / streams, elements.first + from, elements.first + to,
                             place.count, places_.data() + c * length + from);
      });
    }
  }

  // gradients (K, examples, length)
  void operator()(Range examples, const T* gradients) const {
    const std::size_t length = elements_.size(), size = place_.elements / (summed_ ? probes_ : 1);
    for (std::size_t c = 0; c < probes_; ++c)
      for (std::size_t i = examples.first; i < examples.last; ++i, gradients += length) {
        T* to = rows_ + (summed_ ? i : i * probes_ + c) * stride_ + place_.first;
        if (place_.exact)
          loops<T>().axpy(length, T(1), gradients, to + (summed_ ? c * size : 0) + elements_.first);
        else
          kernels::add_signed(length, places_.data() + (summed_ ? c * length : 0), gradients, to);
      }
  }

 private:
  const FeaturePlace& place_;
  std::size_t probes_;
  bool summed_;
  Range elements_;
  T* rows_;
  std::size_t stride_;
  std::vector<std::uint32_t>& places_;
};

}  // namespace

template <class T>
void GradientSweep<T>::project(const OneSide<T>& side, std::uint64_t seed, const std::vector<FeaturePlace>& places,
                               std::size_t stride, T* out, const std::function<void(std::size_t)>& done) const {
  const nn::Shards cut{side.size(), plan_.partition.shard};
  const auto shard = [&](std::size_t s) {
    T* rows = out + cut[s].first * rows_each() * stride;
    std::vector<std::uint32_t> memory;
    for_each_piece(side.part(cut[s]), [&](std::size_t t, Range elements) {
      return Piece<T>(places[t], plan_.probes, summed(), elements, seed, rows, stride, memory);
    });
  };
  nn::in_waves(cut, shards_at_once_, shard, [&](std::size_t s) { done(cut[s].size()); });
}

template <class T>
std::vector<double> GradientSweep<T>::squared_norms(const OneSide<T>& side) const {
  const nn::Shards cut{side.size(), plan_.partition.shard};
  const std::size_t terms = plan_.terms.size();
  Array<double> found = Array<double>::zeros({side.size(), terms});  // for each example, so that no order matters
  double* sums = found.mutable_data();
  const auto shard = [&](std::size_t s) {
    for_each_piece(side.part(cut[s]), [&](std::size_t t, Range elements) {
      return [&, t, elements](Range examples, const T* gradients) {
        for (std::size_t c = 0; c < plan_.probes; ++c)
          for (std::size_t i = examples.first; i < examples.last; ++i, gradients += elements.size())
            sums[(cut[s].first + i) * terms + t] += loops<T>().dot(elements.size(), gradients, gradients);
      };
    });
  };
  nn::in_waves(cut, shards_at_once_, shard, [](std::size_t) {});
  std::vector<double> out(terms, 0.0);
  for (std::size_t i = 0; i < found.size(); ++i) out[i % terms] += sums[i];
  return out;
}

template class GradientSweep<float>;
template class GradientSweep<double>;

}  // namespace xtangent::ntk
