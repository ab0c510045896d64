#pragma once

#include <memory>
#include <vector>

#include "ntk/computation/cotangents.hpp"
#include "ntk/contraction/block.hpp"
#include "ntk/planning/planner.hpp"
#include "ntk/sink.hpp"

/// The loop that computes a kernel tile by tile, as planned, for all strategies.
namespace xtangent::ntk {

/// The shape of the kernel of a plan as a matrix.
KernelShape kernel_shape(const Plan& plan);

/// Tells the progress callback of options how much of a plan is done.
class ProgressMeter {
 public:
  ProgressMeter(const Options& options, double total_flop);
  void add(double flop);
  /// Adds work that an earlier run has done, which does not count in the estimate of the time that is left.
  void skip(double flop);

 private:
  const Options& options_;
  double total_, done_ = 0, skipped_ = 0, start_;
};

/// The part of a strategy that keeps a panel of rows while the columns are computed.
template <class T>
class PanelWorker {
 public:
  virtual ~PanelWorker() = default;
  /// Adds to the blocks the kernels of the plan between examples `rows`, which belong to the panel, and `columns`. If
  /// the blocks are symmetric, both are the same examples. `within` says that the columns are examples of the panel.
  virtual void add(Range rows, Range columns, bool within, std::vector<Block>& blocks) = 0;
};

/// All panels of a kernel share this. In a symmetric plan the columns are the rows themselves.
template <class T>
struct Work {
  const Model<T>& model;
  const Plan& plan;
  OneSide<T> rows, columns;
  ProgressMeter& meter;
};

/// Makes the worker of a strategy for a panel of rows. It must not outlive `work`.
template <class T>
std::unique_ptr<PanelWorker<T>> factored_panel(const Work<T>& work, Range rows);
template <class T>
std::unique_ptr<PanelWorker<T>> products_panel(const Work<T>& work, Range rows);

/// Computes all tiles that the sinks do not have; there is one sink for each kernel of the plan. The tiles of one
/// column beside one panel are always computed together, so that their bits do not depend on which of them a sink has
/// already.
template <class T>
void compute_tiles(const Model<T>& model, const Plan& plan, const Array<T>& x1, const Array<T>& x2,
                   const Readout& readout, const Options& options, const std::vector<TileSink*>& sinks);

}  // namespace xtangent::ntk
