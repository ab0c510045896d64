// Contraction of factors: the strategies structured and, with one dense use, jacobian.
#include <algorithm>
#include <optional>

#include "ntk/computation/sides.hpp"
#include "ntk/computation/tiled.hpp"

namespace xtangent::ntk {
namespace {

template <class T>
std::unique_ptr<Sides<T>> sides_of(const Work<T>& work, const Array<T>& x, bool held) {
  if (work.plan.strategy == Strategy::jacobian) return jacobian_sides(work.model, work.plan, x, work.weights);
  return held ? held_sides(work.model, work.plan, x, work.weights)
              : swept_sides(work.model, work.plan, x, work.weights);
}

template <class T>
class FactoredPanel : public PanelWorker<T> {
 public:
  FactoredPanel(const Work<T>& work, Range panel)
      : work_(work),
        panel_(panel),
        rows_(sides_of(work, work.x1.rows(panel.first, panel.last), work.plan.partition.rows_held)) {
    work_.meter.add(work.plan.sweep_flop_of(panel.size()));
    for (const UsePlan& use : work.plan.uses) {
      uses_of_.resize(std::max(uses_of_.size(), use.index + 1), 0);
      ++uses_of_[use.index];
    }
  }

  void add(Range rows, Range columns, bool within, Block& block) override {
    std::unique_ptr<Sides<T>> fresh;
    if (!within) {
      fresh = sides_of(work_, work_.x2.rows(columns.first, columns.last), work_.plan.partition.columns_held);
      work_.meter.add(work_.plan.sweep_flop_of(columns.size()));
    }
    // Of parameters with several uses: the sides wait for the last use.
    std::vector<std::vector<Side<T>>> rows_wait(uses_of_.size()), columns_wait(uses_of_.size());
    for (std::size_t u = 0; u < work_.plan.uses.size(); ++u) {
      const UsePlan& use = work_.plan.uses[u];
      if (use.fused) continue;
      const Side<T> all = rows_->side(u), a = all.range(rows.first - panel_.first, rows.last - panel_.first);
      const Side<T> b = !within ? fresh->side(u) : all.range(columns.first - panel_.first, columns.last - panel_.first);
      if (uses_of_[use.index] == 1) {
        contract(a, b, use.with_bias, work_.plan.room, block);
      } else {
        rows_wait[use.index].push_back(a);
        columns_wait[use.index].push_back(b);
        if (rows_wait[use.index].size() == uses_of_[use.index]) {
          for (const Side<T>& one : rows_wait[use.index])
            for (const Side<T>& other : columns_wait[use.index]) contract(one, other, false, work_.plan.room, block);
          rows_wait[use.index].clear();
          columns_wait[use.index].clear();
        }
      }
      work_.meter.add(work_.plan.contraction_flop_of(use, rows.size(), columns.size(), block.symmetric));
    }
  }

 private:
  const Work<T>& work_;
  Range panel_;
  std::unique_ptr<Sides<T>> rows_;
  std::vector<std::size_t> uses_of_;  // each parameter
};

}  // namespace

template <class T>
std::unique_ptr<PanelWorker<T>> factored_panel(const Work<T>& work, Range rows) {
  return std::make_unique<FactoredPanel<T>>(work, rows);
}

template std::unique_ptr<PanelWorker<float>> factored_panel(const Work<float>&, Range);
template std::unique_ptr<PanelWorker<double>> factored_panel(const Work<double>&, Range);

}  // namespace xtangent::ntk
