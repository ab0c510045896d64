#include "ntk/computation/tiled.hpp"

#include <algorithm>
#include <chrono>

#include "autodiff/pool.hpp"
#include "ntk/computation/division.hpp"

namespace xtangent::ntk {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// The tiles of a column beside a panel. Those above the diagonal are in one block, the one on the diagonal in another.
template <class T>
void compute_column(const Plan& plan, const KernelShape& shape, const Panel& panel, const ColumnOfTiles& column,
                    PanelWorker<T>& worker, const std::vector<TileSink*>& sinks) {
  const Grid& grid = plan.grid;
  const double scale = plan.mode == ProbeMode::summed ? 1.0 / static_cast<double>(plan.probes) : 1.0;
  const auto compute = [&](Range rows, bool diagonal) {
    if (rows.size() == 0) return;
    std::vector<Block> blocks;  // one for each kernel
    blocks.reserve(sinks.size());
    for (std::size_t k = 0; k < sinks.size(); ++k)
      blocks.emplace_back(block_shape(plan, rows.size(), column.examples.size(), diagonal));
    worker.add(rows, column.examples, panel.holds(column, grid.symmetric), blocks);
    for (std::size_t k = 0; k < sinks.size(); ++k) {
      if (!all_finite(blocks[k].storage))
        throw numerical_error(
            "[ntk] the kernel holds NaN or infinity although inputs and parameters are finite: the network "
            "overflows. Scale its inputs, or use double.");
      for (std::size_t i = rows.first / grid.edge; grid.row(i).first < rows.last; ++i) {
        const Range part{grid.row(i).first - rows.first, grid.row(i).last - rows.first};
        if (!sinks[k]->has(i, column.number)) sinks[k]->put({shape, i, column.number, blocks[k], part, scale});
      }
    }
  };
  compute(column.above(), false);
  if (column.diagonal) compute(column.examples, true);
}

// Goes through the pieces of a kernel and computes those that are not there and that this process may take.
template <class T>
class TileLoop {
 public:
  TileLoop(const Work<T>& work, const std::vector<TileSink*>& sinks, const Options& options)
      : work_(work),
        sinks_(sinks),
        panels_(panels_of(work.plan.grid, work.plan.partition.panel)),
        division_(division_of(options, panels_)),
        shape_(kernel_shape(work.plan)),
        sharing_(options.sharing),
        made_(panels_.size()) {
    for (const Panel& panel : panels_) counted_.emplace_back(panel.columns.size());
  }

  void run() {
    look();
    work_.meter.skip(found());
    compute_together(
        *division_, sharing_, [&] { look_and_count(); }, [&] { return all_finished(); },
        [&](bool join) {
          for (std::size_t p = 0; p < panels_.size(); ++p) compute(p, join);
        });
  }

 private:
  void look() {
    for (TileSink* sink : sinks_) sink->look();
  }

  void look_and_count() {
    look();
    work_.meter.add(found());
  }

  bool finished(std::size_t p, std::size_t c) const {
    const Grid& grid = work_.plan.grid;
    const ColumnOfTiles& column = panels_[p].columns[c];
    for (std::size_t i = column.rows.first / grid.edge; i < grid.tile_rows() && grid.row(i).first < column.rows.last;
         ++i)
      for (const TileSink* sink : sinks_)
        if (!sink->has(i, column.number)) return false;
    return true;
  }

  bool all_finished() const {
    for (std::size_t p = 0; p < panels_.size(); ++p)
      for (std::size_t c = 0; c < panels_[p].columns.size(); ++c)
        if (!finished(p, c)) return false;
    return true;
  }

  // What is there and was not counted yet, in FLOP: of an earlier run, or of other processes.
  double found() {
    double flop = 0;
    for (std::size_t p = 0; p < panels_.size(); ++p) {
      const Panel& panel = panels_[p];
      for (std::size_t c = 0; c < panel.columns.size(); ++c)
        if (!counted_[p][c] && finished(p, c)) {
          counted_[p][c] = true;
          flop += column_flop(work_.plan, panel, panel.columns[c]);
        }
      if (!made_[p] && std::find(counted_[p].begin(), counted_[p].end(), false) == counted_[p].end()) {
        made_[p] = true;
        flop += panel_flop(work_.plan, panel);
      }
    }
    return flop;
  }

  std::unique_ptr<PanelWorker<T>> worker_of(std::size_t p) {
    made_[p] = true;
    const Range rows = panels_[p].rows;
    return work_.plan.strategy == Strategy::vector_products ? products_panel(work_, rows) : factored_panel(work_, rows);
  }

  // Computes what this process can take of a panel. Everyone who works in a panel makes the factors of its rows, so a
  // process first looks for panels in which nobody works, and whose first piece it therefore gets, and then joins
  // others.
  void compute(std::size_t p, bool join) {
    std::unique_ptr<PanelWorker<T>> worker;
    for (std::size_t c = 0; c < panels_[p].columns.size(); ++c) {
      if (finished(p, c)) continue;
      if (!division_->take(p, c)) {
        if (!join && !worker) return;
        continue;
      }
      // Another process may have finished the piece and let it go just before.
      if (sharing_.with_others()) look_and_count();
      if (!finished(p, c)) {
        if (!worker) worker = worker_of(p);
        counted_[p][c] = true;
        compute_column(work_.plan, shape_, panels_[p], panels_[p].columns[c], *worker, sinks_);
      }
      division_->finish();
    }
  }

  const Work<T>& work_;
  const std::vector<TileSink*>& sinks_;
  std::vector<Panel> panels_;
  std::unique_ptr<Division> division_;
  KernelShape shape_;
  const Sharing& sharing_;
  std::vector<bool> made_;                  // panels whose work is counted
  std::vector<std::vector<bool>> counted_;  // and pieces
};

}  // namespace

KernelShape kernel_shape(const Plan& plan) {
  const bool cross = plan.mode == ProbeMode::cross;
  return {plan.grid, cross ? plan.probes : 1, cross ? plan.column_probes : 1,
          plan.mode == ProbeMode::equal ? plan.probes : 1};
}

ProgressMeter::ProgressMeter(const Options& options, double total_flop)
    : options_(options), total_(std::max(total_flop, 1.0)), start_(now()) {}

void ProgressMeter::add(double flop) {
  done_ += flop;
  if (!options_.progress) return;
  const double fraction = std::min(1.0, done_ / total_), seconds = now() - start_, worked = done_ - skipped_;
  options_.progress({fraction, seconds, worked > 0 ? seconds * std::max(0.0, total_ - done_) / worked : 0});
}

void ProgressMeter::skip(double flop) {
  skipped_ += flop;
  add(flop);
}

template <class T>
void compute_tiles(const Model<T>& model, const Plan& plan, const Array<T>& x1, const Array<T>& x2,
                   const Readout& readout, const Options& options, const std::vector<TileSink*>& sinks) {
  using Of = typename Cotangents<T>::Of;
  const Cotangents<T> of_rows(readout, plan.outputs, Of::rows), of_columns(readout, plan.outputs, Of::columns);
  ProgressMeter meter(options, plan.flop());
  const Work<T> work{model, plan, {x1, of_rows}, {x2, of_columns}, meter};
  TileLoop<T>(work, sinks, options).run();
}

template void compute_tiles(const Model<float>&, const Plan&, const Array<float>&, const Array<float>&, const Readout&,
                            const Options&, const std::vector<TileSink*>&);
template void compute_tiles(const Model<double>&, const Plan&, const Array<double>&, const Array<double>&,
                            const Readout&, const Options&, const std::vector<TileSink*>&);

}  // namespace xtangent::ntk
