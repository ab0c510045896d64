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
        seeds_(readout_cotangents<T>(work.weights, 1)),
        cut_{panel.size(), work.plan.partition.shard},
        shards_(cut_.count()) {
    nn::for_each_shard(cut_, [&](std::size_t s) {
      const Range rows = range(s);
      shards_[s].recording = work.model.record(shards_[s].tape, work.x1.rows(rows.first, rows.last));
    });
    work_.meter.add(sweep_flop(work.plan, panel.size()));
  }

  void add(Range rows, Range columns, bool, Block& block) override {
    for (std::size_t m = columns.first; m < columns.last; ++m) {
      add_column(rows, work_.x2.rows(m, m + 1), m - columns.first, block);
      work_.meter.add(product_flop(work_.plan, rows.size()));
    }
  }

 private:
  Range range(std::size_t s) const { return {panel_.first + cut_[s].first, panel_.first + cut_[s].last}; }

  // Column m of the block, for all columns of the readout. They are taken a few at a time, so that their cotangents of
  // all parameters fit into the room.
  void add_column(Range rows, const Array<T>& x, std::size_t m, Block& block) {
    Tape<T> tape;
    const Recording<T> column = work_.model.record(tape, x);
    const std::size_t c = work_.plan.probes;
    const std::size_t step = std::clamp<std::size_t>(work_.plan.room / (work_.plan.parameters * sizeof(T)), 1, c);
    for (std::size_t first = 0; first < c; first += step) {
      const std::size_t last = std::min(c, first + step);
      const std::vector<Var<T>> u = pullback<T>(column.output, Var<T>(seeds_.rows(first, last)), column.parameters);
      const auto push = [&](std::size_t s) {
        const Range own = range(s);
        if (own.first >= rows.last || own.last <= rows.first) return;
        const Recording<T>& r = shards_[s].recording;
        const std::vector<Var<T>> dy = pushforward<T>(std::vector<Var<T>>{r.output}, r.parameters, u);
        if (!dy[0].defined()) return;
        for (std::size_t n = std::max(own.first, rows.first); n < std::min(own.last, rows.last); ++n)
          for (std::size_t j = first; j < last; ++j)
            add_entries(dy[0].value().data() + ((j - first) * own.size() + n - own.first) * work_.plan.outputs, j,
                        n - rows.first, m, block);
      };
      nn::in_waves(cut_, work_.plan.shards_at_once, push, [](std::size_t) {});
    }
  }

  // Adds R^T times a tangent (O,) of the outputs of row n, for column j of the readout and column m of the block.
  void add_entries(const T* tangent, std::size_t j, std::size_t n, std::size_t m, Block& block) const {
    const std::size_t c = work_.plan.probes, o = work_.plan.outputs;
    const bool cross = work_.plan.mode == ProbeMode::cross;
    for (std::size_t k = cross ? 0 : j; k < (cross ? c : j + 1); ++k) {
      double sum = 0;
      for (std::size_t i = 0; i < o; ++i) sum += work_.weights[i * c + k] * static_cast<double>(tangent[i]);
      block.at(k, n, j, m) += sum;
    }
  }

  const Work<T>& work_;
  Range panel_;
  Array<T> seeds_;
  nn::Shards cut_;  // the shards of the panel
  std::vector<nn::Recorded<T>> shards_;
};

}  // namespace

template <class T>
std::unique_ptr<PanelWorker<T>> products_panel(const Work<T>& work, Range rows) {
  return std::make_unique<ProductsPanel<T>>(work, rows);
}

template std::unique_ptr<PanelWorker<float>> products_panel(const Work<float>&, Range);
template std::unique_ptr<PanelWorker<double>> products_panel(const Work<double>&, Range);

}  // namespace xtangent::ntk
