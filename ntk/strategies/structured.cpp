// One reverse sweep over each shard of examples, all shards in step: at each use of a parameter the factors of all
// examples fill a side, which is contracted into the kernel and freed.
#include <algorithm>
#include <memory>

#include "autodiff/kernels/parallel.hpp"
#include "ntk/strategies/strategies.hpp"

namespace xtangent::ntk {
namespace {

// The examples of one side, recorded in shards.
template <class T>
class Sweeps {
 public:
  Sweeps(const Model<T>& model, const Array<T>& x, std::size_t shard, const Array<double>& weights)
      : examples_(x.shape()[0]), shard_(shard) {
    const std::size_t n = examples_;
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

  /// The next use of a parameter in all shards, for the rule of the plan.
  Side<T> next(const UsePlan& expected, std::size_t probes, ProbeMode mode) {
    Side<T> side(expected.rule, expected.shape, examples_, probes, mode);
    each_use(expected, [&](std::size_t s, const Factor<T>& factor) { side.fill(s * shard_, factor); });
    return side;
  }
  /// Goes over a use that needs no contraction of its own.
  void skip(const UsePlan& expected) {
    each_use(expected, [](std::size_t, const Factor<T>&) {});
  }

 private:
  struct Shard {
    Tape<T> tape;
    std::unique_ptr<FactorSweep<T>> sweep;
  };
  template <class Take>
  void each_use(const UsePlan& expected, const Take& take) {
    kernels::parallel_for(shards_.size(), 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t s = first; s < last; ++s) {
        const std::optional<ParameterUse<T>> found = shards_[s]->sweep->next();
        if (!found || found->parameter != expected.index || found->factor.kind != expected.shape.kind ||
            (expected.rule == Rule::readout && !found->factor.same_left))
          throw rule_error("[ntk] the network records other operations for other examples (at parameter " +
                           expected.parameter + "). Use the jacobian strategy for networks whose control flow depends "
                           "on the data.");
        take(s, found->factor);
      }
    });
  }

  std::size_t examples_, shard_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

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
    std::vector<std::vector<Side<T>>> held_rows(parameters), held_columns(parameters);
    for (const UsePlan& use : plan_.uses) {
      if (use.fused) {  // contracted with the weight before it
        rows_.skip(use);
        if (!symmetric_) columns_->skip(use);
        continue;
      }
      std::vector<Side<T>>&a = held_rows[use.index], &b = symmetric_ ? a : held_columns[use.index];
      a.push_back(rows_.next(use, plan_.probes, plan_.mode));
      if (!symmetric_) b.push_back(columns_->next(use, plan_.probes, plan_.mode));
      // A shared parameter waits for its last use: all pairs of uses, cross terms included.
      if (++seen[use.index] < count[use.index]) continue;
      for (const Side<T>& one : a)
        for (const Side<T>& other : b) contract_pair(one, other, use.with_bias);
      a.clear();
      b.clear();
    }
  }

 private:
  void contract_pair(const Side<T>& a, const Side<T>& b, bool with_bias) {
    const auto room = static_cast<std::size_t>(materialization_room);
    contract(a, b, with_bias, room, block_);
    meter_.add(cost(a.rule(), a.use(), block_.rows, block_.columns, block_.probes, block_.symmetric, block_.mode,
                    sizeof(T), room).flop);
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
