// The strategies that contract factors: structured and, with one dense term, jacobian.
#include <optional>

#include "ntk/computation/sides.hpp"
#include "ntk/computation/tiled.hpp"
#include "ntk/contraction/rule.hpp"

namespace xtangent::ntk {
namespace {

using Of = Readout::Of;

template <class T>
std::unique_ptr<Sides<T>> sides_of(const Work<T>& work, const OneSide<T>& side, bool held) {
  if (work.plan.strategy == Strategy::jacobian) return jacobian_sides(work.model, work.plan, side);
  return held ? held_sides(work.model, work.plan, side) : swept_sides(work.model, work.plan, side);
}

template <class T>
class FactoredPanel : public PanelWorker<T> {
 public:
  FactoredPanel(const Work<T>& work, Range panel)
      : work_(work), panel_(panel), rows_(sides_of(work, work.rows.part(panel), work.plan.partition.rows_held)) {
    work_.meter.add(sweep_flop(work.plan, panel.size(), Of::rows));
  }

  void add(Range rows, Range columns, bool within, std::vector<Block>& blocks) override {
    std::unique_ptr<Sides<T>> fresh;
    if (!within) {
      fresh = sides_of(work_, work_.columns.part(columns), work_.plan.partition.columns_held);
      work_.meter.add(sweep_flop(work_.plan, columns.size(), Of::columns));
    }
    for (std::size_t i = 0; i < work_.plan.terms.size(); ++i) {
      const TermPlan& term = work_.plan.terms[i];
      if (term.fused) continue;
      const Side<T> all = rows_->side(i), a = all.range(rows.first - panel_.first, rows.last - panel_.first);
      const Side<T> b = !within ? fresh->side(i) : all.range(columns.first - panel_.first, columns.last - panel_.first);
      Block& block = blocks[term.group];
      contract(a, b, {term.with_bias, work_.plan.room}, block);
      work_.meter.add(contraction_flop(work_.plan, term, rows.size(), columns.size(), block.symmetric));
    }
  }

 private:
  const Work<T>& work_;
  Range panel_;
  std::unique_ptr<Sides<T>> rows_;
};

}  // namespace

template <class T>
std::unique_ptr<PanelWorker<T>> factored_panel(const Work<T>& work, Range rows) {
  return std::make_unique<FactoredPanel<T>>(work, rows);
}

template std::unique_ptr<PanelWorker<float>> factored_panel(const Work<float>&, Range);
template std::unique_ptr<PanelWorker<double>> factored_panel(const Work<double>&, Range);

}  // namespace xtangent::ntk
