// One reverse sweep over each shard of examples, all shards in step: at each use of a parameter the factors of all
// examples are contracted into the kernel and freed.
#include <algorithm>
#include <memory>

#include "autodiff/kernels/parallel.hpp"
#include "ntk/strategies/strategies.hpp"

namespace xtangent::ntk {
namespace {

template <class T>
struct Use {
  Rule rule = Rule::materialize;
  Pieces<T> pieces;
};

// The examples of one side, recorded in shards.
template <class T>
class Sweeps {
 public:
  Sweeps(const Model<T>& model, const Array<T>& x, std::size_t shard, const Array<double>& weights) {
    const std::size_t n = x.shape()[0];
    shards_.resize((n + shard - 1) / shard);
    kernels::parallel_for(shards_.size(), 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t s = first; s < last; ++s) {
        const Array<T> part = x.rows(s * shard, std::min(n, (s + 1) * shard));
        shards_[s] = std::make_unique<Shard>();
        const Recording<T> r = model.record(shards_[s]->tape, part);
        Array<T> seeds = readout_cotangents<T>(weights, part.shape()[0]);
        if (!(seeds.shape().slice(1, 3) == r.output.shape()))
          throw shape_error("[ntk] the network's output is " + to_string(r.output.shape()) + " for " +
                            std::to_string(part.shape()[0]) + " examples, expected " +
                            to_string(seeds.shape().slice(1, 3)) + ". Axis 0 must run over examples.");
        shards_[s]->sweep = std::make_unique<FactorSweep<T>>(r.output, std::move(seeds), r.parameters, true);
      }
    });
  }

  /// The next use of a parameter in all shards; the plan says which it must be.
  Use<T> next(const UsePlan& expected) {
    std::vector<std::optional<ParameterUse<T>>> found(shards_.size());
    kernels::parallel_for(shards_.size(), 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t s = first; s < last; ++s) found[s] = shards_[s]->sweep->next();
    });
    Use<T> use{expected.rule, {}};
    for (auto& f : found) {
      if (!f || f->parameter != expected.index || f->factor.kind != expected.shape.kind)
        throw rule_error("[ntk] the network records other operations for other examples (at parameter " +
                         expected.parameter + "). Use the jacobian strategy for networks whose control flow depends on "
                         "the data.");
      use.pieces.push_back(std::move(f->factor));
    }
    return use;
  }

 private:
  struct Shard {
    Tape<T> tape;
    std::unique_ptr<FactorSweep<T>> sweep;
  };
  std::vector<std::unique_ptr<Shard>> shards_;
};

template <class T>
bool same_left(const Use<T>& a, const Use<T>& b) {
  return a.pieces.front().left.data() == b.pieces.front().left.data();
}

template <class T>
class PairOfBlocks {
 public:
  PairOfBlocks(const Plan& plan, bool symmetric, Sweeps<T>& rows, Sweeps<T>* columns, Block& block, ProgressMeter& meter)
      : plan_(plan), rows_(rows), columns_(columns), block_(block), meter_(meter), symmetric_(symmetric) {}

  void run() {
    std::size_t parameters = 0;
    for (const UsePlan& use : plan_.uses) parameters = std::max(parameters, use.index + 1);
    std::vector<std::size_t> count(parameters, 0), seen(parameters, 0);
    for (const UsePlan& use : plan_.uses) ++count[use.index];
    std::vector<std::vector<Use<T>>> held_rows(parameters), held_columns(parameters);
    for (std::size_t i = 0; i < plan_.uses.size(); ++i) {
      const UsePlan& use = plan_.uses[i];
      Use<T> a = rows_.next(use);
      std::optional<Use<T>> b;
      if (!symmetric_) b = columns_->next(use);
      if (count[use.index] > 1) {  // a shared parameter waits for its last use: all pairs of uses, cross terms included
        held_rows[use.index].push_back(std::move(a));
        if (b) held_columns[use.index].push_back(std::move(*b));
        if (++seen[use.index] == count[use.index]) {
          contract_shared(held_rows[use.index], symmetric_ ? held_rows[use.index] : held_columns[use.index]);
          held_rows[use.index].clear();
          held_columns[use.index].clear();
        }
        continue;
      }
      bool fused = false;
      if (use.with_bias) {  // the sweep yields the bias right after its weight
        Use<T> bias = rows_.next(plan_.uses[i + 1]);
        std::optional<Use<T>> bias_columns;
        if (!symmetric_) bias_columns = columns_->next(plan_.uses[i + 1]);
        fused = same_left(a, bias) && (!b || same_left(*b, *bias_columns));
        if (!fused) contract_pair(bias.rule, bias, bias_columns ? *bias_columns : bias, false);
        ++i;
      }
      contract_pair(use.rule, a, b ? *b : a, fused);
    }
  }

 private:
  void contract_pair(Rule rule, const Use<T>& a, const Use<T>& b, bool fused) {
    contract(rule, a.pieces, b.pieces, fused, static_cast<std::size_t>(materialization_room), block_);
    const UseShape shape = shape_of(a.pieces.front());
    meter_.add(cost(rule, shape, block_.rows, block_.columns, block_.probes, block_.symmetric, block_.mode, sizeof(T)).flop);
  }
  void contract_shared(const std::vector<Use<T>>& a, const std::vector<Use<T>>& b) {
    for (const Use<T>& one : a)
      for (const Use<T>& other : b)
        contract_pair(one.rule == other.rule ? one.rule : Rule::materialize, one, other, false);
  }

  const Plan& plan_;
  Sweeps<T>& rows_;
  Sweeps<T>* columns_;
  Block& block_;
  ProgressMeter& meter_;
  bool symmetric_;
};

}  // namespace

template <class T>
Array<double> structured_kernel(const Model<T>& model, const Plan& plan, const Array<T>& x1, const Array<T>& x2,
                                const Readout& readout, const Options& options) {
  const Array<double> weights = readout.weights(plan.outputs);
  const std::size_t c = plan.mode == ProbeMode::cross ? plan.probes : 1;
  const double scale = plan.mode == ProbeMode::summed ? 1.0 / static_cast<double>(plan.probes) : 1.0;
  Array<double> kernel({plan.rows * c, plan.columns * c});
  double* values = kernel.mutable_data();
  ProgressMeter meter(options, plan.flop());
  const double sweep_each = plan.sweep_flop / static_cast<double>(plan.pairs);
  for (std::size_t i = 0; i < plan.rows; i += plan.block)
    for (std::size_t j = plan.symmetric ? i : 0; j < plan.columns; j += plan.block) {
      const bool diagonal = plan.symmetric && i == j;
      const Array<T> a = x1.rows(i, std::min(plan.rows, i + plan.block));
      const Array<T> b = x2.rows(j, std::min(plan.columns, j + plan.block));
      Block block(a.shape()[0], b.shape()[0], plan.probes, plan.mode, diagonal);
      Sweeps<T> rows(model, a, plan.shard, weights);
      std::optional<Sweeps<T>> columns;
      if (!diagonal) columns.emplace(model, b, plan.shard, weights);
      PairOfBlocks<T>(plan, diagonal, rows, columns ? &*columns : nullptr, block, meter).run();
      finish_block(block, scale, values, plan.columns * c, i, j, plan.symmetric && !diagonal);
      meter.add(sweep_each);
    }
  return kernel;
}

template Array<double> structured_kernel(const Model<float>&, const Plan&, const Array<float>&, const Array<float>&, const Readout&, const Options&);
template Array<double> structured_kernel(const Model<double>&, const Plan&, const Array<double>&, const Array<double>&, const Readout&, const Options&);

}  // namespace xtangent::ntk
