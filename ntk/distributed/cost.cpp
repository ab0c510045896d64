#include "ntk/distributed/cost.hpp"

#include <algorithm>

#include "ntk/distributed/block_cyclic.hpp"

namespace xtangent::ntk {
namespace {

double number(std::size_t n) { return static_cast<double>(n); }

}  // namespace

RankCost& RankCost::operator+=(const RankCost& other) {
  messages += other.messages;
  bytes += other.bytes;
  flop += other.flop;
  return *this;
}

RankCost operator+(RankCost a, const RankCost& b) { return a += b; }

double RankCost::seconds(const RankMachine& m) const {
  return flop / m.flop_per_second + bytes / m.bytes_per_second + messages * m.message_seconds;
}

RankCost all_reduce_cost(std::size_t numbers, std::size_t ranks, std::size_t scalar) {
  RankCost out;
  const double others = number(ranks - 1);
  if (ranks == 1) return out;
  if (numbers <= few_numbers) return {others, others * number(numbers * scalar), others * number(numbers)};
  for (std::size_t first = 0; first < numbers; first += summed_at_a_time) {
    const std::size_t piece = std::min(summed_at_a_time, numbers - first), part = (piece + ranks - 1) / ranks;
    out += {2 * others, 2 * others * number(part * scalar), others * number(part)};
  }
  return out;
}

RankCost iteration_cost(const SolveWork& w) {
  const std::size_t order = w.examples * w.outputs, r = w.ranks;
  RankCost out = all_reduce_cost(w.parameters, r);
  out += all_reduce_cost(2, r);  // p^T A p and r^T p
  out += all_reduce_cost(1, r);  // r^T r
  out += all_reduce_cost(2, r);  // r^T z and z^T A p
  out.flop += w.product_flop / number(r);
  if (!w.preconditioner) return out;
  const double others = number(r - 1);
  out += {others, others * number(order) / number(r) * 8, 0};
  out += all_reduce_cost(order, r);
  out.flop += 2 * number(w.examples) * number(order) / number(r);
  return out;
}

RankCost factorization_cost(std::size_t n, std::size_t block, std::size_t ranks, std::size_t scalar) {
  const ProcessGrid grid = process_grid(ranks);
  const double rows = number(grid.rows), columns = number(grid.columns), order = number(n),
               steps = number((n + block - 1) / block), share = 1 / number(ranks);
  // Each process of a column of the grid sends its panel to the others in its row, and the transpose down the columns;
  // the factor of the block on the diagonal goes along one column. PBLAS sends each of these in about two pieces. On a
  // grid of one row it sends the transpose block by block, in pieces of 64 rows.
  const double pieces = number((block + 63) / 64),
               messages = grid.rows > 1 ? 2 * (steps - 1) * (rows * (columns - 1) + columns * (rows - 1) + rows - 1)
                                        : pieces * (columns - 1) * (steps - 1) * (steps - 1);
  return {messages * share, (rows + columns - 2) * order * order / 2 * share * number(scalar),
          order * order * order / 3 * share};
}

}  // namespace xtangent::ntk
