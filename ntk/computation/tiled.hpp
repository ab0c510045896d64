#pragma once

#include <memory>

#include "ntk/contraction/block.hpp"
#include "ntk/planning/planner.hpp"
#include "ntk/sink.hpp"

/// A kernel tile by tile, as planned: the one loop of all strategies.
namespace xtangent::ntk {

/// The kernel of a plan as a matrix.
KernelShape kernel_shape(const Plan& plan);

/// Tells the callback of options how much of a plan is done.
class ProgressMeter {
 public:
  ProgressMeter(const Options& options, double total_flop);
  void add(double flop);
  /// Work that an earlier run has done: not counted for the time that is left.
  void skip(double flop);

 private:
  const Options& options_;
  double total_, done_ = 0, skipped_ = 0, start_;
};

/// Rows that are kept while columns pass.
template <class T>
class PanelWorker {
 public:
  virtual ~PanelWorker() = default;
  /// block += the kernel between examples `rows` (of the panel) and `columns`. block.symmetric: both are the same.
  /// `within`: the columns are examples of the panel.
  virtual void add(Range rows, Range columns, bool within, Block& block) = 0;
};

/// What all panels of a kernel share. x2 is x1 itself for a symmetric plan; `weights` is the readout's matrix.
template <class T>
struct Work {
  const Model<T>& model;
  const Plan& plan;
  const Array<T>&x1, &x2;
  const Array<double>& weights;
  ProgressMeter& meter;
};

/// What a strategy is made of: the worker for a panel of rows, which must not outlive the work.
template <class T>
std::unique_ptr<PanelWorker<T>> factored_panel(const Work<T>& work, Range rows);
template <class T>
std::unique_ptr<PanelWorker<T>> products_panel(const Work<T>& work, Range rows);

/// Computes all tiles that the sink does not have. Tiles of one column beside one panel are computed together, always,
/// so that their bits do not depend on which of them were there.
template <class T>
void compute_tiles(const Model<T>& model, const Plan& plan, const Array<T>& x1, const Array<T>& x2,
                   const Readout& readout, const Options& options, TileSink& sink);

}  // namespace xtangent::ntk
