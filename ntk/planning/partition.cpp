// How the work of a kernel is cut into tiles and panels that fit the budget.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "ntk/planning/planner.hpp"

namespace xtangent::ntk {
namespace {

void cut(Plan& p, const Profile& t, std::size_t tile, std::size_t panel, bool rows_held, bool columns_held) {
  p.grid = {p.rows, p.columns, tile, p.symmetric};
  p.partition.tile = tile;
  p.partition.panel = panel;
  p.partition.rows_held = rows_held;
  p.partition.columns_held = columns_held;
  p.working_bytes = working_bytes(p, t);
}

std::size_t rounded_up(std::size_t n, std::size_t step) { return (n + step - 1) / step * step; }

// The largest panel of whole tiles that fits, or 0 if not even one tile fits.
std::size_t largest_panel(Plan& p, const Profile& t, std::size_t tile, bool columns_held) {
  const auto fits = [&](std::size_t tiles) {
    cut(p, t, tile, tiles * tile, true, columns_held);
    return p.bytes() <= p.budget_bytes;
  };
  std::size_t low = 0, high = (p.rows + tile - 1) / tile;
  if (fits(high)) return high * tile;
  while (high - low > 1) {
    const std::size_t middle = (low + high) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return low * tile;
}

}  // namespace

bool keep_partition(Plan& p, const Profile& t, const Partition& given) {
  p.partition.shard = given.shard;
  cut(p, t, given.tile, given.panel, given.rows_held, given.columns_held);
  if (p.bytes() > p.budget_bytes) return false;
  count_work(p);
  return true;
}

// The score is the work, and more for narrow tiles, whose products are slow.
bool choose_partition(Plan& p, const Profile& t, const Options& options) {
  const std::size_t whole = std::max(p.rows, p.columns);
  Plan best;
  double best_score = std::numeric_limits<double>::infinity();
  const auto consider = [&](std::size_t tile, std::size_t panel, bool rows_held, bool columns_held) {
    if (panel == 0) return;
    cut(p, t, tile, panel, rows_held, columns_held);
    if (p.bytes() > p.budget_bytes) return;
    count_work(p);
    const double score = p.flop() * (1.0 + 16.0 / static_cast<double>(std::min(tile, whole)));
    if (score > best_score || (score == best_score && p.working_bytes >= best.working_bytes)) return;
    best_score = score;
    best = p;
  };
  const bool any_tile = options.tile == 0;
  if (p.strategy == Strategy::structured && (any_tile || options.tile >= whole) &&
      !(p.stored && any_tile && whole > 64))
    for (const bool held : {false, true}) consider(whole, rounded_up(p.rows, whole), held, false);
  const auto edge = static_cast<double>(p.mode == ProbeMode::cross ? std::max(p.probes, p.column_probes) : 1);
  std::size_t tile =
      any_tile ? std::min(whole, std::max<std::size_t>(16, std::bit_ceil(static_cast<std::size_t>(512 / edge))))
               : std::min(options.tile, whole);
  if (any_tile && p.stored) tile = std::min(tile, std::max<std::size_t>(16, (whole + 7) / 8));
  for (; best_score == std::numeric_limits<double>::infinity() || tile >= 64; tile = (tile + 1) / 2) {
    for (const bool columns_held : {false, true})
      if (p.strategy == Strategy::structured || columns_held)
        consider(tile, largest_panel(p, t, tile, columns_held), true, columns_held);
    if (tile == 1 || !any_tile) break;
  }
  if (best_score == std::numeric_limits<double>::infinity()) return false;
  p = std::move(best);
  return true;
}

}  // namespace xtangent::ntk
