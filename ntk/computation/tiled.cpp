#include "ntk/computation/tiled.hpp"

#include <algorithm>
#include <chrono>

#include "autodiff/pool.hpp"

namespace xtangent::ntk {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// The tiles of a column beside a panel: those above the diagonal in one block, the one on it in another.
template <class T>
void compute_column(const Plan& plan, const ColumnOfTiles& column, Range panel, PanelWorker<T>& worker,
                    TileSink& sink) {
  const Grid& grid = plan.grid;
  const Range own = grid.column(column.column);
  const double scale = plan.mode == ProbeMode::summed ? 1.0 / static_cast<double>(plan.probes) : 1.0;
  const auto compute = [&](Range rows, bool diagonal) {
    if (rows.size() == 0) return;
    Block block(rows.size(), own.size(), plan.probes, plan.mode, diagonal);
    worker.add(rows, own, grid.symmetric && own.first < panel.last, block);
    if (!all_finite(block.storage))
      throw numerical_error(
          "[ntk] the kernel holds NaN or infinity although inputs and parameters are finite: the network "
          "overflows. Scale its inputs, or use double.");
    for (std::size_t i = rows.first / grid.edge; grid.row(i).first < rows.last; ++i)
      if (!sink.has(i, column.column))
        sink.put(i, column.column, {block, {grid.row(i).first - rows.first, grid.row(i).last - rows.first}, scale});
  };
  compute({column.rows.first, column.diagonal ? own.first : column.rows.last}, false);
  if (column.diagonal) compute(own, true);
}

bool finished(const Grid& grid, const ColumnOfTiles& column, const TileSink& sink) {
  for (std::size_t i = column.rows.first / grid.edge; i < grid.tile_rows() && grid.row(i).first < column.rows.last; ++i)
    if (!sink.has(i, column.column)) return false;
  return true;
}

}  // namespace

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
                   const Readout& readout, const Options& options, TileSink& sink) {
  const Array<double> weights = readout.weights(plan.outputs);
  ProgressMeter meter(options, plan.flop());
  const Work<T> work{model, plan, x1, x2, weights, meter};
  for (const Panel& panel : panels_of(plan.grid, plan.partition.panel)) {
    std::unique_ptr<PanelWorker<T>> worker;
    for (const ColumnOfTiles& column : panel.columns) {
      if (finished(plan.grid, column, sink)) {
        meter.skip(plan.flop_of(panel, column));
        continue;
      }
      if (!worker) {
        worker = plan.strategy == Strategy::vector_products ? products_panel(work, panel.rows)
                                                            : factored_panel(work, panel.rows);
      }
      compute_column(plan, column, panel.rows, *worker, sink);
    }
    if (!worker) meter.skip(plan.flop_of(panel));
  }
}

template void compute_tiles(const Model<float>&, const Plan&, const Array<float>&, const Array<float>&, const Readout&,
                            const Options&, TileSink&);
template void compute_tiles(const Model<double>&, const Plan&, const Array<double>&, const Array<double>&,
                            const Readout&, const Options&, TileSink&);

}  // namespace xtangent::ntk
