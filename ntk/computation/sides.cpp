#include "ntk/computation/sides.hpp"

#include <algorithm>
#include <optional>

#include "autodiff/kernels/parallel.hpp"

namespace xtangent::ntk {
namespace {

using kernels::parallel_for;

// One recording of a few examples and the sweep through it.
template <class T>
class Shard {
 public:
  Shard(const Model<T>& model, const Array<T>& x, const Array<double>& weights) {
    const Recording<T> r = model.record(tape_, x);
    const std::size_t n = x.shape()[0];
    Array<T> seeds = readout_cotangents<T>(weights, n);
    if (!(seeds.shape().slice(1, 3) == r.output.shape()))
      throw shape_error("[ntk] the network's output is " + to_string(r.output.shape()) + " for " + std::to_string(n) +
                        " examples, expected " + to_string(seeds.shape().slice(1, 3)) +
                        ". Axis 0 must run over examples.");
    sweep_.emplace(r.output, std::move(seeds), r.parameters, true);
  }

  /// The next use; the plan says which it must be.
  Factor<T> next(const UsePlan& expected) {
    std::optional<ParameterUse<T>> found = sweep_->next();
    if (!found || found->parameter != expected.index || found->factor.kind != expected.shape.kind ||
        (expected.rule == Rule::readout && !found->factor.same_left))
      throw rule_error("[ntk] the network records other operations for other examples (at parameter " +
                       expected.parameter +
                       "). Use the jacobian strategy for networks whose control flow depends on "
                       "the data.");
    return std::move(found->factor);
  }

 private:
  Tape<T> tape_;
  std::optional<FactorSweep<T>> sweep_;
};

template <class T>
Side<T> empty_side(const Plan& plan, const UsePlan& use, std::size_t examples) {
  return Side<T>(use.rule, use.shape, examples, plan.probes, plan.mode);
}

struct Cut {
  std::size_t count, edge, size;  // shards, examples in each, examples

  Cut(std::size_t n, std::size_t shard) : count((n + shard - 1) / shard), edge(shard), size(n) {}
  Range operator[](std::size_t s) const { return {s * edge, std::min(size, (s + 1) * edge)}; }
};

template <class T>
class SweptSides : public Sides<T> {
 public:
  SweptSides(const Model<T>& model, const Plan& plan, const Array<T>& x, const Array<double>& weights)
      : plan_(plan), cut_(x.shape()[0], plan.partition.shard), shards_(cut_.count) {
    parallel_for(cut_.count, 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t s = first; s < last; ++s)
        shards_[s] = std::make_unique<Shard<T>>(model, x.rows(cut_[s].first, cut_[s].last), weights);
    });
  }

  Side<T> side(std::size_t use) override {
    while (true) {
      const UsePlan& plan = plan_.uses[next_];
      std::optional<Side<T>> out;
      if (next_ == use) out = empty_side<T>(plan_, plan, cut_.size);
      parallel_for(cut_.count, 1, [&](std::size_t first, std::size_t last) {
        for (std::size_t s = first; s < last; ++s) {
          const Factor<T> factor = shards_[s]->next(plan);  // of a fused bias: passed over
          if (out) out->fill(cut_[s].first, factor);
        }
      });
      ++next_;
      if (out) return std::move(*out);
    }
  }

 private:
  const Plan& plan_;
  Cut cut_;
  std::vector<std::unique_ptr<Shard<T>>> shards_;
  std::size_t next_ = 0;
};

template <class T>
class HeldSides : public Sides<T> {
 public:
  HeldSides(const Plan& plan, std::size_t examples) {
    for (const UsePlan& use : plan.uses)
      sides_.push_back(use.fused ? std::nullopt : std::optional(empty_side<T>(plan, use, examples)));
  }
  Side<T> side(std::size_t use) override { return *sides_[use]; }

  std::vector<std::optional<Side<T>>> sides_;  // none of a fused bias
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
  const Cut cut(x.shape()[0], plan.partition.shard);
  for (std::size_t wave = 0; wave < cut.count; wave += plan.shards_at_once)
    parallel_for(std::min(plan.shards_at_once, cut.count - wave), 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t s = wave + first; s < wave + last; ++s) {
        Shard<T> shard(model, x.rows(cut[s].first, cut[s].last), weights);
        for (std::size_t u = 0; u < plan.uses.size(); ++u) {
          const Factor<T> factor = shard.next(plan.uses[u]);
          if (out->sides_[u]) out->sides_[u]->fill(cut[s].first, factor);
        }
      }
    });
  return out;
}

template <class T>
std::unique_ptr<Sides<T>> jacobian_sides(const Model<T>& model, const Plan& plan, const Array<T>& x,
                                         const Array<double>& weights) {
  const std::size_t n = x.shape()[0], c = plan.probes;
  auto out = std::make_unique<HeldSides<T>>(plan, n);
  parallel_for(n, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
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
      out->sides_[0]->fill(i, Factor<T>::from_dense(std::move(gradients), Shape{plan.parameters}));
    }
  });
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
