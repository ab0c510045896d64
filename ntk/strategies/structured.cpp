// Contraction of factors: the strategies structured and, with one dense use, jacobian.
#include <algorithm>
#include <optional>

#include "ntk/strategies/sides.hpp"
#include "ntk/strategies/tiled.hpp"

namespace xtangent::ntk {
namespace {

template <class T>
std::unique_ptr<Sides<T>> sides_of(const Model<T>& model, const Plan& plan, const Array<T>& x,
                                   const Array<double>& weights, bool held) {
  if (plan.strategy == Strategy::jacobian) return jacobian_sides(model, plan, x, weights);
  return held ? held_sides(model, plan, x, weights) : swept_sides(model, plan, x, weights);
}

template <class T>
class FactoredPanel : public PanelWorker<T> {
 public:
  FactoredPanel(const Model<T>& model, const Plan& plan, const Array<T>& x1, const Array<T>& x2,
                const Array<double>& weights, Range panel, ProgressMeter& meter)
      : model_(model),
        plan_(plan),
        x2_(x2),
        weights_(weights),
        panel_(panel),
        meter_(meter),
        rows_(sides_of(model, plan, x1.rows(panel.first, panel.last), weights, plan.partition.rows_held)) {
    meter_.add(plan.sweep_flop_of(panel.size()));
    for (const UsePlan& use : plan.uses) {
      uses_of_.resize(std::max(uses_of_.size(), use.index + 1), 0);
      ++uses_of_[use.index];
    }
  }

  void add(Range rows, Range columns, bool within, Block& block) override {
    std::unique_ptr<Sides<T>> fresh;
    if (!within) {
      fresh = sides_of(model_, plan_, x2_.rows(columns.first, columns.last), weights_, plan_.partition.columns_held);
      meter_.add(plan_.sweep_flop_of(columns.size()));
    }
    // Of parameters with several uses: the sides wait for the last use.
    std::vector<std::vector<Side<T>>> rows_wait(uses_of_.size()), columns_wait(uses_of_.size());
    for (std::size_t u = 0; u < plan_.uses.size(); ++u) {
      const UsePlan& use = plan_.uses[u];
      if (use.fused) continue;
      const Side<T> all = rows_->side(u), a = all.range(rows.first - panel_.first, rows.last - panel_.first);
      const Side<T> b = !within ? fresh->side(u) : all.range(columns.first - panel_.first, columns.last - panel_.first);
      if (uses_of_[use.index] == 1) {
        contract(a, b, use.with_bias, plan_.room, block);
      } else {
        rows_wait[use.index].push_back(a);
        columns_wait[use.index].push_back(b);
        if (rows_wait[use.index].size() == uses_of_[use.index]) {
          for (const Side<T>& one : rows_wait[use.index])
            for (const Side<T>& other : columns_wait[use.index]) contract(one, other, false, plan_.room, block);
          rows_wait[use.index].clear();
          columns_wait[use.index].clear();
        }
      }
      meter_.add(plan_.contraction_flop_of(use, rows.size(), columns.size(), block.symmetric));
    }
  }

 private:
  const Model<T>& model_;
  const Plan& plan_;
  const Array<T>& x2_;
  const Array<double>& weights_;
  Range panel_;
  ProgressMeter& meter_;
  std::unique_ptr<Sides<T>> rows_;
  std::vector<std::size_t> uses_of_;  // each parameter
};

}  // namespace

template <class T>
std::unique_ptr<PanelWorker<T>> factored_panel(const Model<T>& model, const Plan& plan, const Array<T>& x1,
                                               const Array<T>& x2, const Array<double>& weights, Range rows,
                                               ProgressMeter& meter) {
  return std::make_unique<FactoredPanel<T>>(model, plan, x1, x2, weights, rows, meter);
}

#define XTANGENT_INSTANTIATE(T)                            \
  template std::unique_ptr<PanelWorker<T>> factored_panel( \
      const Model<T>&, const Plan&, const Array<T>&, const Array<T>&, const Array<double>&, Range, ProgressMeter&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
