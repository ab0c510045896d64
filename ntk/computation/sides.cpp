#include "ntk/computation/sides.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "nn/shards.hpp"
#include "ntk/computation/shard_sweep.hpp"
#include "ntk/contraction/rule.hpp"

namespace xtangent::ntk {
namespace {

using nn::Shards;

// Whether a term has no side, because it is a bias that is contracted with its weight.
template <class T>
std::optional<Side<T>> empty_side(const Model<T>& model, const Plan& plan, const TermPlan& term,
                                  const OneSide<T>& side) {
  if (term.fused) return std::nullopt;
  Side<T> out(*term.rule, term.term, side.size(), side.cotangents.count(), plan.mode);
  const Array<T> all = plan.strategy == Strategy::jacobian ? model.scales : Array<T>();
  out.set_metric(term.elementwise ? scales_of(model, term.index) : all, static_cast<T>(std::sqrt(term.metric)));
  return out;
}

template <class T>
class SweptSides : public Sides<T> {
 public:
  SweptSides(const Model<T>& model, const Plan& plan, const OneSide<T>& side)
      : model_(model), plan_(plan), side_(side), cut_{side.size(), plan.partition.shard}, sweeps_(cut_.count()) {
    nn::for_each_shard(
        cut_, [&](std::size_t s) { sweeps_[s] = std::make_unique<ShardSweep<T>>(model, plan, side.part(cut_[s])); });
  }

  Side<T> side(std::size_t term) override {
    while (true) {
      std::optional<Side<T>> out;
      if (next_ == term) out = empty_side(model_, plan_, plan_.terms[term], side_);
      nn::for_each_shard(cut_, [&](std::size_t s) {
        std::vector<Factor<T>> factors = sweeps_[s]->next();
        if (out) out->fill(cut_[s].first, std::move(factors));
      });
      ++next_;
      if (out) return std::move(*out);
    }
  }

 private:
  const Model<T>& model_;
  const Plan& plan_;
  OneSide<T> side_;
  Shards cut_;
  std::vector<std::unique_ptr<ShardSweep<T>>> sweeps_;
  std::size_t next_ = 0;
};

template <class T>
class HeldSides : public Sides<T> {
 public:
  HeldSides(const Model<T>& model, const Plan& plan, const OneSide<T>& side) {
    for (const TermPlan& term : plan.terms) sides_.push_back(empty_side(model, plan, term, side));
  }
  Side<T> side(std::size_t term) override { return *sides_[term]; }

  std::vector<std::optional<Side<T>>> sides_;
};

}  // namespace

template <class T>
std::unique_ptr<Sides<T>> swept_sides(const Model<T>& model, const Plan& plan, const OneSide<T>& side) {
  return std::make_unique<SweptSides<T>>(model, plan, side);
}

template <class T>
std::unique_ptr<Sides<T>> held_sides(const Model<T>& model, const Plan& plan, const OneSide<T>& side) {
  auto out = std::make_unique<HeldSides<T>>(model, plan, side);
  const Shards cut{side.size(), plan.partition.shard};
  const auto sweep = [&](std::size_t s) {
    ShardSweep<T> shard(model, plan, side.part(cut[s]));
    for (std::optional<Side<T>>& term : out->sides_) {
      std::vector<Factor<T>> factors = shard.next();
      if (term) term->fill(cut[s].first, std::move(factors));
    }
  };
  nn::in_waves(cut, plan.shards_at_once, sweep, [](std::size_t) {});
  return out;
}

template <class T>
std::unique_ptr<Sides<T>> jacobian_sides(const Model<T>& model, const Plan& plan, const OneSide<T>& side) {
  const std::size_t n = side.size(), c = side.cotangents.count();
  auto out = std::make_unique<HeldSides<T>>(model, plan, side);
  const auto sweep = [&](std::size_t i) {
    Tape<T> tape;
    const Recording<T> r = model.record(tape, side.x.rows(i, i + 1));
    const Array<T> seeds = side.cotangents.at(side.first + i, r.output);
    const std::vector<Var<T>> bars = pullback<T>(r.output, Var<T>(seeds), r.parameters);
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

#define XTANGENT_INSTANTIATE(T)                                                                    \
  template std::unique_ptr<Sides<T>> swept_sides(const Model<T>&, const Plan&, const OneSide<T>&); \
  template std::unique_ptr<Sides<T>> held_sides(const Model<T>&, const Plan&, const OneSide<T>&);  \
  template std::unique_ptr<Sides<T>> jacobian_sides(const Model<T>&, const Plan&, const OneSide<T>&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
