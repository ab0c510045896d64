#include "ntk/computation/sides.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "nn/shards.hpp"
#include "ntk/contraction/rule.hpp"

namespace xtangent::ntk {
namespace {

using nn::Shards;

// A recording of a few examples and the sweep through it, term by term.
template <class T>
class ShardSweep {
 public:
  ShardSweep(const Model<T>& model, const Plan& plan, const Array<T>& x, const Array<double>& weights)
      : plan_(plan), waiting_(plan.terms.size()) {
    const Recording<T> r = model.record(tape_, x);
    const std::size_t n = x.shape()[0];
    Array<T> seeds = readout_cotangents<T>(weights, n);
    if (!(seeds.shape().slice(1, 3) == r.output.shape()))
      throw shape_error("[ntk] the network's output is " + to_string(r.output.shape()) + " for " + std::to_string(n) +
                        " examples, expected " + to_string(seeds.shape().slice(1, 3)) +
                        ". Axis 0 must run over examples.");
    sweep_.emplace(r.output, std::move(seeds), r.parameters, true);
  }

  /// The factors of all uses of the next term that is complete, in the order of the sweep.
  std::vector<Factor<T>> next() {
    while (true) {
      const UsePlan& expected = plan_.uses.at(use_++);
      const TermPlan& term = plan_.terms[expected.term];
      std::optional<ParameterUse<T>> found = sweep_->next();
      if (!found || found->parameter != term.index || found->factor.kind != expected.kind)
        throw rule_error("[ntk] the network records different operations for different examples (at parameter " +
                         term.parameter +
                         "). Use the jacobian strategy for networks whose control flow depends on the data.");
      waiting_[expected.term].push_back(std::move(found->factor));
      if (expected.last) return std::exchange(waiting_[expected.term], {});
    }
  }

 private:
  const Plan& plan_;
  Tape<T> tape_;
  std::optional<FactorSweep<T>> sweep_;
  std::size_t use_ = 0;
  std::vector<std::vector<Factor<T>>> waiting_;  // for each term that is not complete, its factors
};

// Whether a term has no side, because it is a bias that is contracted with its weight.
template <class T>
std::optional<Side<T>> empty_side(const Plan& plan, const TermPlan& term, std::size_t examples) {
  if (term.fused) return std::nullopt;
  return Side<T>(*term.rule, term.term, examples, plan.probes, plan.mode);
}

template <class T>
class SweptSides : public Sides<T> {
 public:
  SweptSides(const Model<T>& model, const Plan& plan, const Array<T>& x, const Array<double>& weights)
      : plan_(plan), cut_{x.shape()[0], plan.partition.shard}, sweeps_(cut_.count()) {
    nn::for_each_shard(cut_, [&](std::size_t s) {
      sweeps_[s] = std::make_unique<ShardSweep<T>>(model, plan, x.rows(cut_[s].first, cut_[s].last), weights);
    });
  }

  Side<T> side(std::size_t term) override {
    while (true) {
      std::optional<Side<T>> out;
      if (next_ == term) out = empty_side<T>(plan_, plan_.terms[term], cut_.examples);
      nn::for_each_shard(cut_, [&](std::size_t s) {
        std::vector<Factor<T>> factors = sweeps_[s]->next();
        if (out) out->fill(cut_[s].first, std::move(factors));
      });
      ++next_;
      if (out) return std::move(*out);
    }
  }

 private:
  const Plan& plan_;
  Shards cut_;
  std::vector<std::unique_ptr<ShardSweep<T>>> sweeps_;
  std::size_t next_ = 0;
};

template <class T>
class HeldSides : public Sides<T> {
 public:
  HeldSides(const Plan& plan, std::size_t examples) {
    for (const TermPlan& term : plan.terms) sides_.push_back(empty_side<T>(plan, term, examples));
  }
  Side<T> side(std::size_t term) override { return *sides_[term]; }

  std::vector<std::optional<Side<T>>> sides_;
};

}  // namespace

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
std::unique_ptr<Sides<T>> swept_sides(const Model<T>& model, const Plan& plan, const Array<T>& x,
                                      const Array<double>& weights) {
  return std::make_unique<SweptSides<T>>(model, plan, x, weights);
}

template <class T>
std::unique_ptr<Sides<T>> held_sides(const Model<T>& model, const Plan& plan, const Array<T>& x,
                                     const Array<double>& weights) {
  auto out = std::make_unique<HeldSides<T>>(plan, x.shape()[0]);
  const Shards cut{x.shape()[0], plan.partition.shard};
  const auto sweep = [&](std::size_t s) {
    ShardSweep<T> shard(model, plan, x.rows(cut[s].first, cut[s].last), weights);
    for (std::optional<Side<T>>& side : out->sides_) {
      std::vector<Factor<T>> factors = shard.next();
      if (side) side->fill(cut[s].first, std::move(factors));
    }
  };
  nn::in_waves(cut, plan.shards_at_once, sweep, [](std::size_t) {});
  return out;
}

template <class T>
std::unique_ptr<Sides<T>> jacobian_sides(const Model<T>& model, const Plan& plan, const Array<T>& x,
                                         const Array<double>& weights) {
  const std::size_t n = x.shape()[0], c = plan.probes;
  auto out = std::make_unique<HeldSides<T>>(plan, n);
  const auto sweep = [&](std::size_t i) {
    Tape<T> tape;
    const Recording<T> r = model.record(tape, x.rows(i, i + 1));
    const std::vector<Var<T>> bars = pullback<T>(r.output, Var<T>(readout_cotangents<T>(weights, 1)), r.parameters);
    Array<T> gradients = Array<T>::zeros({c, 1, plan.parameters});
    T* to = gradients.mutable_data();
    for (std::size_t p = 0; p < bars.size(); ++p) {
      const std::size_t count = r.parameters[p].size();
      for (std::size_t k = 0; bars[p].defined() && k < c; ++k)
        std::copy_n(bars[p].value().data() + k * count, count, to + k * plan.parameters);
      to += count;
    }
    out->sides_[0]->fill(i, {Factor<T>::from_dense(std::move(gradients), Shape{plan.parameters})});
  };
  nn::in_waves({n, 1}, plan.shards_at_once, sweep, [](std::size_t) {});
  return out;
}

#define XTANGENT_INSTANTIATE(T)                                                                                        \
  template Array<T> readout_cotangents(const Array<double>&, std::size_t);                                             \
  template std::unique_ptr<Sides<T>> swept_sides(const Model<T>&, const Plan&, const Array<T>&, const Array<double>&); \
  template std::unique_ptr<Sides<T>> held_sides(const Model<T>&, const Plan&, const Array<T>&, const Array<double>&);  \
  template std::unique_ptr<Sides<T>> jacobian_sides(const Model<T>&, const Plan&, const Array<T>&,                     \
                                                    const Array<double>&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
