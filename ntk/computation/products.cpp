// The strategy of NTK-vector products. It computes J(x) (J(x')^T r) for each example x' of the columns and each column
// r of the readout, by a pullback through x' and pushforwards through the recorded rows.
#include <algorithm>

#include "nn/shards.hpp"
#include "ntk/computation/sides.hpp"
#include "ntk/computation/tiled.hpp"

namespace xtangent::ntk {
namespace {

template <class T>
class ProductsPanel : public PanelWorker<T> {
 public:
  ProductsPanel(const Work<T>& work, Range panel)
      : work_(work),
        panel_(panel),
        cut_{panel.size(), work.plan.partition.shard},
        shards_(cut_.count()),
        combinations_(cut_.count()) {
    nn::for_each_shard(cut_, [&](std::size_t s) {
      const Range rows = range(s);
      shards_[s].recording = work.model.record(shards_[s].tape, work.rows.x.rows(rows.first, rows.last));
      combinations_[s] = combinations(rows.first, shards_[s].recording.output);
    });
    work_.meter.add(sweep_flop(work.plan, panel.size(), Readout::Of::rows));
  }

  void add(Range rows, Range columns, bool, std::vector<Block>& blocks) override {
    for (std::size_t m = columns.first; m < columns.last; ++m) {
      add_column(rows, m, m - columns.first, blocks.front());
      work_.meter.add(product_flop(work_.plan, rows.size()));
    }
  }

 private:
  Range range(std::size_t s) const { return {panel_.first + cut_[s].first, panel_.first + cut_[s].last}; }

  // What the readout takes of the outputs of the rows of a shard: (K, n, O), or (K, 1, O) if it is common to all.
  Array<T> combinations(std::size_t first, const Var<T>& outputs) const {
    const bool common = work_.rows.cotangents.common().defined();
    return work_.rows.cotangents.at(first, common ? Var<T>(outputs.value().rows(0, 1)) : outputs);
  }

  // Column m of the block, for all columns of the readout at example `number` of the columns. They are taken a few at a
  // time, so that their cotangents of all parameters fit into the room.
  void add_column(Range rows, std::size_t number, std::size_t m, Block& block) {
    Tape<T> tape;
    const Recording<T> column = work_.model.record(tape, work_.columns.x.rows(number, number + 1));
    const Array<T> seeds = work_.columns.cotangents.at(number, column.output);
    const std::size_t c = work_.plan.column_probes;
    const std::size_t step = std::clamp<std::size_t>(work_.plan.room / (work_.plan.parameters * sizeof(T)), 1, c);
    for (std::size_t first = 0; first < c; first += step) {
      const std::size_t last = std::min(c, first + step);
      std::vector<Var<T>> u = pullback<T>(column.output, Var<T>(seeds.rows(first, last)), column.parameters);
      for (std::size_t i = 0; i < work_.model.metric.size(); ++i)
        if (u[i].defined()) u[i] = Var<T>(times_metric(u[i].value(), work_.model.metric[i]));
      const auto push = [&](std::size_t s) {
        const Range own = range(s);
        if (own.first >= rows.last || own.last <= rows.first) return;
        const Recording<T>& r = shards_[s].recording;
        const std::vector<Var<T>> dy = pushforward<T>(std::vector<Var<T>>{r.output}, r.parameters, u);
        if (!dy[0].defined()) return;
        for (std::size_t n = std::max(own.first, rows.first); n < std::min(own.last, rows.last); ++n)
          for (std::size_t j = first; j < last; ++j)
            add_entries(dy[0].value().data() + ((j - first) * own.size() + n - own.first) * work_.plan.outputs, j,
                        combinations_[s], n - own.first, n - rows.first, m, block);
      };
      nn::in_waves(cut_, work_.plan.shards_at_once, push, [](std::size_t) {});
    }
  }

  // Adds to row n of the block what the readout takes of a tangent (O,) of the outputs, for column j of the readout and
  // column m of the block. The row is example i of its shard.
  void add_entries(const T* tangent, std::size_t j, const Array<T>& taken, std::size_t i, std::size_t n, std::size_t m,
                   Block& block) const {
    const std::size_t c = work_.plan.probes, o = work_.plan.outputs, each = taken.shape()[1];
    const bool cross = work_.plan.mode == ProbeMode::cross;
    for (std::size_t k = cross ? 0 : j; k < (cross ? c : j + 1); ++k) {
      const T* row = taken.data() + (k * each + (each == 1 ? 0 : i)) * o;
      double sum = 0;
      for (std::size_t p = 0; p < o; ++p) sum += static_cast<double>(row[p]) * static_cast<double>(tangent[p]);
      block.at(k, n, j, m) += sum;
    }
  }

  const Work<T>& work_;
  Range panel_;
  nn::Shards cut_;  // the shards of the panel
  std::vector<nn::Recorded<T>> shards_;
  std::vector<Array<T>> combinations_;  // one for each shard
};

}  // namespace

template <class T>
std::unique_ptr<PanelWorker<T>> products_panel(const Work<T>& work, Range rows) {
  return std::make_unique<ProductsPanel<T>>(work, rows);
}

template std::unique_ptr<PanelWorker<float>> products_panel(const Work<float>&, Range);
template std::unique_ptr<PanelWorker<double>> products_panel(const Work<double>&, Range);

}  // namespace xtangent::ntk
