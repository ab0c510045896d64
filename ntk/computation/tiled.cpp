#include "ntk/computation/tiled.hpp"

#include <algorithm>
#include <chrono>

#include "autodiff/pool.hpp"

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

bool finished(const Grid& grid, const ColumnOfTiles& column, const std::vector<TileSink*>& sinks) {
  for (std::size_t i = column.rows.first / grid.edge; i < grid.tile_rows() && grid.row(i).first < column.rows.last; ++i)
    for (const TileSink* sink : sinks)
      if (!sink->has(i, column.number)) return false;
  return true;
}

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
  const KernelShape shape = kernel_shape(plan);
  for (const Panel& panel : panels_of(plan.grid, plan.partition.panel)) {
    std::unique_ptr<PanelWorker<T>> worker;
    for (const ColumnOfTiles& column : panel.columns) {
      if (finished(plan.grid, column, sinks)) {
        meter.skip(column_flop(plan, panel, column));
        continue;
      }
      if (!worker) {
        worker = plan.strategy == Strategy::vector_products ? products_panel(work, panel.rows)
                                                            : factored_panel(work, panel.rows);
      }
      compute_column(plan, shape, panel, column, *worker, sinks);
    }
    if (!worker) meter.skip(panel_flop(plan, panel));
  }
}

template void compute_tiles(const Model<float>&, const Plan&, const Array<float>&, const Array<float>&, const Readout&,
                            const Options&, const std::vector<TileSink*>&);
template void compute_tiles(const Model<double>&, const Plan&, const Array<double>&, const Array<double>&,
                            const Readout&, const Options&, const std::vector<TileSink*>&);

}  // namespace xtangent::ntk
