#include "ntk/operator.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/precision.hpp"
#include "nn/shards.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/algebra/converted.hpp"
#include "ntk/algebra/transposed.hpp"
#include "ntk/computation/cotangents.hpp"
#include "ntk/distributed/cost.hpp"
#include "ntk/planning/budget.hpp"
#include "ntk/planning/planner.hpp"
#include "ntk/planning/profile.hpp"

namespace xtangent::ntk {

template <class T>
class Operator<T>::State {
 public:
  State(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1, const Array<T>& x2,
        bool same_examples, const Readout& readout, const OperatorOptions& options)
      : params_(params),
        model_(model_of(net, params_, options.parameters, options.metric)),
        same_examples_(same_examples),
        symmetric_(same_examples && readout.same_sides()) {
    check_examples("operator", x1, same_examples ? "x" : "x1", 0);
    if (!same_examples) {
      check_examples("operator", x2, "x2", 0);
      check_same_shape("operator", x1, x2);
    }
    check_parameters("operator", params);
    readout.check_examples(x1.shape()[0], x2.shape()[0], !same_examples);
    profile_ = profile("operator", model_, x1, readout);
    // A recording keeps its examples, too.
    recording_bytes_ =
        profile_.activation_bytes + static_cast<double>(x1.shape().slice(1, x1.rank()).size() * sizeof(T));
    using Of = typename Cotangents<T>::Of;
    of_rows_.emplace(readout, profile_.outputs, Of::rows);
    of_columns_.emplace(readout, profile_.outputs, Of::columns);
    if (readout.reduction == Readout::Reduction::diagonal)
      throw option_error("[operator] the readout " + readout.name() +
                         " has no operator. Use one with the reduction none or trace.");
    const bool trace = readout.reduction == Readout::Reduction::trace;
    probes_ = trace ? of_rows_->count() : 1;
    row_width_ = trace ? 1 : of_rows_->count();
    column_width_ = trace ? 1 : of_columns_->count();
    if (options.ranks && options.ranks->size() > 1) ranks_ = options.ranks;
    if (ranks_ && x2.shape()[0] == 0)
      throw option_error("[operator] rank " + std::to_string(ranks_->rank()) + " of " + std::to_string(ranks_->size()) +
                         " has no example. Use fewer ranks than examples.");
    plan(std::max({x1.shape()[0], x2.shape()[0], std::size_t{1}}), options);
    const double each = shard_bytes();
    double room = budget_ - working_bytes(1, wave_) - 2 * column_bytes(x1.shape()[0], x2.shape()[0]);
    columns_ = side(x2, each, room);
    if (!same_examples) rows_ = side(x1, each, room);
    n1_ = x1.shape()[0];
    n2_ = x2.shape()[0];
  }

  std::size_t rows() const { return n1_ * row_width_; }
  std::size_t columns() const { return n2_ * column_width_; }
  bool symmetric() const { return symmetric_; }
  double kept_bytes() const { return kept_; }
  double flop() const { return profile_.product_flop * 0.5 * static_cast<double>((n1_ + n2_) * probes_); }

  Array<double> apply(const Array<double>& u) const {
    if (u.rank() != 2 || u.shape()[0] != columns())
      throw shape_error("[operator] columns " + to_string(u.shape()) + " for a kernel " +
                        to_string(Shape{rows(), columns()}) + ": they must be (" + std::to_string(columns()) + ", m).");
    if (!all_finite(u)) throw numerical_error("[operator] the columns hold NaN or infinity.");
    const std::size_t m = u.shape()[1];
    if (u.size() == 0 || (rows() == 0 && !ranks_)) return Array<double>::zeros({rows(), m});
    const Array<double> from = transposed(u);
    Array<double> to = Array<double>::zeros({m, rows()});
    const std::size_t step = chunk(m), wave = wave_here(m, step);
    for (std::size_t first = 0; first < m * probes_; first += step) {
      const Probes probes{first, std::min(m * probes_, first + step)};
      push(pulled(from, probes, wave), probes, wave, to);
    }
    if (!all_finite(to))
      throw numerical_error(
          "[operator] the product holds NaN or infinity although inputs and parameters are finite: the "
          "network overflows. Scale its inputs, or use double.");
    return transposed(to);
  }

 private:
  // The probes of a sweep: the columns of u, each repeated for every column of R that the trace runs over.
  struct Probes {
    std::size_t first, last;
    std::size_t count() const { return last - first; }
  };
  struct Shard {
    Range examples;
    Array<T> x;
    std::unique_ptr<nn::Recorded<T>> kept;
  };
  struct Side {
    nn::Shards cut;
    std::vector<Shard> shards;
  };
  using Sums = std::vector<Array<double>>;  // (K, parameter shape)

  double shard_bytes() const { return profile_.fixed_bytes + static_cast<double>(shard_) * recording_bytes_; }
  // Bytes of a product with k probes, in waves of `wave` shards, that keeps no recordings.
  double working_bytes(std::size_t k, std::size_t wave) const {
    const double p = static_cast<double>(profile_.parameters), scalar = sizeof(T);
    const double probes = static_cast<double>(k), shards = static_cast<double>(wave);
    const double sweep = static_cast<double>(shard_) * profile_.tangent_bytes * probes;
    const double summed = ranks_ ? 2 * 8 * static_cast<double>(summed_at_a_time) + p * 8 * probes : 0;
    return shards * (shard_bytes() + sweep + p * scalar * probes) + p * (8 + scalar) * probes + summed;
  }
  // Bytes of one column of u and of the result, with their transposes.
  double column_bytes(std::size_t n1, std::size_t n2) const {
    return 16.0 * static_cast<double>(n1 * row_width_ + n2 * column_width_);
  }

  void plan(std::size_t examples, const OperatorOptions& options) {
    budget_ = memory_budget(options.memory);
    const double parameter_bytes = static_cast<double>(profile_.parameters * sizeof(T));
    const double target = ((2 << 20) + 4 * parameter_bytes) / std::max(1.0, recording_bytes_);
    shard_ = static_cast<std::size_t>(std::clamp(target, 1.0, static_cast<double>(examples)));
    if (options.shard) shard_ = std::min(options.shard, examples);
    const std::size_t shards = (examples + shard_ - 1) / shard_;
    shard_ = (examples + shards - 1) / shards;  // shards of equal size
    wave_ = std::min(planned_tasks, shards);
    const double vectors = 2 * column_bytes(examples, examples);
    while (vectors + working_bytes(1, wave_) > budget_ && (wave_ > 1 || shard_ > 1)) {
      if (wave_ > 1)
        wave_ /= 2;
      else
        shard_ = (shard_ + 1) / 2;
    }
    if (vectors + working_bytes(1, wave_) > budget_)
      throw memory_error("[operator] a product needs " + readable_bytes_up(vectors + working_bytes(1, wave_)) +
                         " for " + std::to_string(examples) + " examples, one recorded at a time; the budget is " +
                         readable_bytes(budget_) + ". Raise options.memory to that, or use fewer examples.");
  }

  Side side(const Array<T>& x, double each, double& room) {
    Side out{{x.shape()[0], shard_}, {}};
    std::size_t kept = 0;
    for (std::size_t s = 0; s < out.cut.count(); ++s) {
      const Range examples = out.cut[s];
      out.shards.push_back({examples, x.rows(examples.first, examples.last), nullptr});
      if (kept == s && room >= each) {
        room -= each;
        ++kept;
      }
    }
    kept_ += static_cast<double>(kept) * each;
    nn::for_each_shard({kept, 1}, [&](std::size_t s) { out.shards[s].kept = record(out.shards[s]); });
    return out;
  }
  std::unique_ptr<nn::Recorded<T>> record(const Shard& shard) const {
    auto out = std::make_unique<nn::Recorded<T>>();
    out->recording = model_.record(out->tape, shard.x);
    return out;
  }

  // What the readout takes of the outputs of each example of a shard: (n, K, O).
  Array<double> combinations(const Cotangents<T>& side, const Shard& shard, const Var<T>& outputs) const {
    const Array<double> found = converted<double>(side.at(shard.examples.first, outputs));
    const Shape& shape = found.shape();
    Array<double> out({shape[1], shape[0], shape[2]});
    kernels::transpose(shape, {1, 0, 2}, found.data(), out.mutable_data());
    return out;
  }

  // The number of probes that are swept at a time for m columns.
  std::size_t chunk(std::size_t m) const {
    const double vectors = static_cast<double>(m) * column_bytes(n1_, n2_);
    const double one = working_bytes(1, wave_), more = working_bytes(2, wave_) - one;
    const double room = budget_ - kept_ - vectors - one;
    if (room < 0) {  // more memory would go to recordings first, which leave room for two columns
      const double most = std::max(2.0, std::floor((budget_ - kept_ - one) / column_bytes(n1_, n2_)));
      throw memory_error("[operator] a product with " + std::to_string(m) + " columns needs " +
                         readable_bytes_up(budget_ - room) + " with the recordings that it keeps, the budget is " +
                         readable_bytes(budget_) + ". Apply it to at most " +
                         std::to_string(static_cast<std::size_t>(most)) + " columns at a time.");
    }
    const std::size_t probes = static_cast<std::size_t>(std::min(1 + room / more, static_cast<double>(m * probes_)));
    if (!ranks_ || m * probes_ == 1) return probes;
    return static_cast<std::size_t>(ranks_->least(static_cast<double>(probes)));  // all sum the same arrays
  }

  // The number of shards that this machine sweeps at a time with `step` probes. It is wave_, or more where there are
  // more threads and the memory allows it. Unlike the number of probes it changes no bits.
  std::size_t wave_here(std::size_t m, std::size_t step) const {
    const double room = budget_ - kept_ - static_cast<double>(m) * column_bytes(n1_, n2_);
    std::size_t wave = wave_;
    while (wave < kernels::thread_count() && working_bytes(step, wave + 1) <= room) ++wave;
    return wave;
  }

  // f(shard, its recording) for waves of shards, then done(shard) for each shard of the wave in order.
  template <class F, class Done>
  void in_waves(const Side& side, std::size_t wave, const F& f, const Done& done) const {
    nn::in_waves(
        side.cut, wave,
        [&](std::size_t s) {
          const std::unique_ptr<nn::Recorded<T>>& kept = side.shards[s].kept;
          const std::unique_ptr<nn::Recorded<T>> fresh = kept ? nullptr : record(side.shards[s]);
          f(s, (kept ? kept : fresh)->recording);
        },
        done);
  }

  // R u for the probes at the examples of a shard: (K, n, O), or (n, O) for one probe.
  Var<T> seeds(const Array<double>& from, const Probes& probes, const Shard& shard, const Var<T>& outputs) const {
    const std::size_t o = profile_.outputs, n = shard.examples.size();
    const Array<double>& r = of_columns_->common();
    const Array<double> own = r.defined() ? r : combinations(*of_columns_, shard, outputs);
    Array<double> out({probes.count(), n, o});
    for (std::size_t p = probes.first; p < probes.last; ++p) {
      const double* u = from.data() + p / probes_ * columns() + shard.examples.first * column_width_;
      double* to = out.mutable_data() + (p - probes.first) * n * o;
      if (r.defined()) {
        kernels::gemm_serial(false, true, n, o, column_width_, 1.0, u, column_width_, r.data() + p % probes_,
                             r.shape()[1], 0.0, to, o);
        continue;
      }
      for (std::size_t i = 0; i < n; ++i)
        kernels::gemm_serial(false, false, 1, o, column_width_, 1.0, u + i * column_width_, column_width_,
                             own.data() + (i * own.shape()[1] + p % probes_) * o, o, 0.0, to + i * o, o);
    }
    const Array<T> values = converted<T>(out);
    return Var<T>(probes.count() == 1 ? values.reshaped({n, o}) : values);
  }

  // One sum for all parameters together. Every rank has recorded the same network, and so reached the same ones.
  void sum_over_ranks(Sums& sums) const {
    std::size_t size = 0, at = 0;
    for (const Array<double>& sum : sums) size += sum.defined() ? sum.size() : 0;
    Array<double> all({size});
    for (Array<double>& sum : sums) {
      if (!sum.defined()) continue;
      std::copy_n(sum.data(), sum.size(), all.mutable_data() + at);
      at += sum.size();
    }
    ranks_->all_reduce({all.mutable_data(), size});
    at = 0;
    for (Array<double>& sum : sums) {
      if (!sum.defined()) continue;
      sum = all.flat_slice(at, sum.shape());
      at += sum.size();
    }
  }

  // D J^T R u
  std::vector<Var<T>> pulled(const Array<double>& from, const Probes& probes, std::size_t wave) const {
    const std::size_t count = model_.names.size();
    std::vector<std::vector<Var<T>>> bars(columns_.shards.size());
    Sums sums(count);
    in_waves(
        columns_, wave,
        [&](std::size_t s, const Recording<T>& r) {
          bars[s] = pullback<T>(r.output, seeds(from, probes, columns_.shards[s], r.output), r.parameters);
        },
        [&](std::size_t s) {
          for (std::size_t i = 0; i < count; ++i) {
            if (!bars[s][i].defined()) continue;
            if (!sums[i].defined()) sums[i] = Array<double>::zeros(bars[s][i].shape());
            kernels::add_widened(sums[i].size(), bars[s][i].value().data(), sums[i].mutable_data());
          }
          bars[s].clear();
        });
    if (ranks_) sum_over_ranks(sums);
    std::vector<Var<T>> out(count);
    for (std::size_t i = 0; i < count; ++i)
      if (sums[i].defined() && !model_.metric.empty()) sums[i] = times_metric(sums[i], model_.metric[i]);
    for (std::size_t i = 0; i < count; ++i)
      if (sums[i].defined()) out[i] = Var<T>(converted<T>(std::exchange(sums[i], {})));
    return out;
  }

  // to += R^T J applied to the tangents
  void push(const std::vector<Var<T>>& tangents, const Probes& probes, std::size_t wave, Array<double>& to) const {
    const std::size_t o = profile_.outputs, order = rows();
    double* out = to.mutable_data();
    const Side& side = same_examples_ ? columns_ : rows_;
    const Array<double>& taken = of_rows_->common();
    const auto shard = [&](std::size_t s, const Recording<T>& r) {
      const Var<T> dy = pushforward<T>(std::vector<Var<T>>{r.output}, r.parameters, tangents).front();
      if (!dy.defined()) return;
      const Range examples = side.shards[s].examples;
      const std::size_t n = examples.size();
      const Array<double> wide = converted<double>(dy.value());
      const Array<double> own = taken.defined() ? taken : combinations(*of_rows_, side.shards[s], r.output);
      const double scale = 1.0 / static_cast<double>(probes_);
      for (std::size_t p = probes.first; p < probes.last; ++p) {
        const double* tangent = wide.data() + (p - probes.first) * n * o;
        double* rows = out + p / probes_ * order + examples.first * row_width_;
        if (taken.defined()) {
          kernels::gemm_serial(false, false, n, row_width_, o, scale, tangent, o, taken.data() + p % probes_,
                               taken.shape()[1], 1.0, rows, row_width_);
          continue;
        }
        for (std::size_t i = 0; i < n; ++i)
          kernels::gemm_serial(false, true, 1, row_width_, o, scale, tangent + i * o, o,
                               own.data() + (i * own.shape()[1] + p % probes_) * o, o, 1.0, rows + i * row_width_,
                               row_width_);
      }
    };
    in_waves(side, wave, shard, [](std::size_t) {});
  }

  nn::Parameters<T> params_;
  Model<T> model_;  // looks at params_
  bool same_examples_, symmetric_;
  Profile profile_;
  double recording_bytes_ = 0;  // for each example
  std::optional<Cotangents<T>> of_rows_, of_columns_;
  std::size_t row_width_ = 1, column_width_ = 1;  // rows of the kernel for each example, and columns
  std::size_t probes_ = 1;                        // for each column of u
  std::size_t n1_ = 0, n2_ = 0, shard_ = 1;       // examples of the rows, of the columns, and of a shard
  std::size_t wave_ = 1;                          // shards at a time, as planned
  double budget_ = 0, kept_ = 0;
  std::shared_ptr<Communicator> ranks_;  // null for this process alone
  Side columns_, rows_;
};

template <class T>
Operator<T>::Operator(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                      const Readout& readout, const OperatorOptions& options)
    : state_(std::make_shared<const State>(net, params, x, x, true, readout, options)) {}

template <class T>
Operator<T>::Operator(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1,
                      const Array<T>& x2, const Readout& readout, const OperatorOptions& options)
    : state_(std::make_shared<const State>(net, params, x1, x2, false, readout, options)) {}

template <class T>
std::size_t Operator<T>::rows() const {
  return state_->rows();
}
template <class T>
std::size_t Operator<T>::columns() const {
  return state_->columns();
}
template <class T>
Array<double> Operator<T>::operator()(const Array<double>& u) const {
  return state_->apply(u);
}
template <class T>
double Operator<T>::flop() const {
  return state_->flop();
}
template <class T>
double Operator<T>::kept_bytes() const {
  return state_->kept_bytes();
}
template <class T>
LinearMap Operator<T>::map() const {
  if (!state_->symmetric())
    throw shape_error("[operator] a kernel between two sets of examples, " + to_string(Shape{rows(), columns()}) +
                      ", is not a symmetric map. Use an operator for one set of examples.");
  return {rows(), [state = state_](const Array<double>& u) { return state->apply(u); }};
}

template class Operator<float>;
template class Operator<double>;

}  // namespace xtangent::ntk
