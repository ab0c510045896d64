#include "ntk/planning/panels.hpp"

namespace xtangent::ntk {

std::vector<Panel> panels_of(const Grid& grid, std::size_t panel) {
  std::vector<Panel> out;
  for (std::size_t first = 0; first < grid.rows; first += panel) {
    Panel p{{first, std::min(grid.rows, first + panel)}, {}};
    for (std::size_t j = grid.symmetric ? first / grid.edge : 0; j < grid.tile_columns(); ++j) {
      const Range own = grid.column(j);
      const bool diagonal = grid.symmetric && own.first < p.rows.last;
      p.columns.push_back({j, own, {first, diagonal ? own.last : p.rows.last}, diagonal});
    }
    out.push_back(std::move(p));
  }
  return out;
}

}  // namespace xtangent::ntk
