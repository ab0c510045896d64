#include "ntk/distributed/block_cyclic.hpp"

#include <algorithm>

namespace xtangent::ntk {

ProcessGrid process_grid(std::size_t ranks) {
  ProcessGrid out{1, ranks};
  for (std::size_t rows = 2; rows * rows <= ranks; ++rows)
    if (ranks % rows == 0) out = {rows, ranks / rows};
  return out;
}

std::vector<Range> BlockCyclic::dealt(std::size_t place, std::size_t places) const {
  std::vector<Range> out;
  for (std::size_t first = place * block; first < n; first += places * block)
    out.push_back({first, std::min(n, first + block)});
  return out;
}

std::size_t total(const std::vector<Range>& runs) {
  std::size_t out = 0;
  for (const Range& r : runs) out += r.size();
  return out;
}

std::vector<std::size_t> numbers(const std::vector<Range>& runs) {
  std::vector<std::size_t> out;
  for (const Range& r : runs)
    for (std::size_t i = r.first; i < r.last; ++i) out.push_back(i);
  return out;
}

std::size_t block_rows(std::size_t n, std::size_t ranks, std::size_t tile) {
  constexpr std::size_t usual = 128, largest = 512;
  const ProcessGrid grid = process_grid(ranks);
  const std::size_t several = std::max<std::size_t>(1, n / (3 * grid.columns));
  if (tile == 0) return std::min(usual, several);
  std::size_t block = tile;
  for (std::size_t parts = 1; block > std::min(largest, several) && block > 1; ++parts)
    block = (tile + parts - 1) / parts;
  return block;
}

}  // namespace xtangent::ntk
