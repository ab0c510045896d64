#pragma once

#include <cstddef>

/// What work over several ranks costs each of them, by arithmetic alone.
namespace xtangent::ntk {

/// A sum of at most so many numbers goes from each rank to each other in one piece.
inline constexpr std::size_t few_numbers = 1024;
/// Numbers of a sum that are under way at a time, which bounds what a sum of millions holds beside them.
inline constexpr std::size_t summed_at_a_time = std::size_t{1} << 22;

/// The machine of one rank and its network, as far as the model knows them.
struct RankMachine {
  double flop_per_second = 1e11;
  double bytes_per_second = 1.25e9;  ///< of the network, each way
  double message_seconds = 2e-5;     ///< before the first byte of a message arrives
};

/// What one rank does: the mean over the ranks.
struct RankCost {
  double messages = 0;  ///< sent
  double bytes = 0;     ///< sent
  double flop = 0;

  RankCost& operator+=(const RankCost& other);
  /// Without overlap of messages and arithmetic.
  double seconds(const RankMachine& machine) const;
};
RankCost operator+(RankCost a, const RankCost& b);

/// A sum of so many numbers of `scalar` bytes over the ranks, as Communicator::all_reduce makes it.
RankCost all_reduce_cost(std::size_t numbers, std::size_t ranks, std::size_t scalar = 8);

/// A regression over ranks whose kernel is applied and never formed.
struct SolveWork {
  std::size_t examples = 0, outputs = 1, parameters = 0;  ///< N, O and P of the chosen parameters
  std::size_t ranks = 1;
  double product_flop = 0;     ///< Operator::flop() for all examples
  bool preconditioner = true;  ///< a factor of order N over the ranks
};

/// One iteration of conjugate gradients for one right-hand side: one sum of P numbers, three of a few scalars, and for
/// the preconditioner a sum of N O numbers and one exchange of N O numbers. What ScaLAPACK sends to solve with the
/// factor is not among the messages; it is about N O (r + c - 2) / R numbers in each of two sweeps on a grid of r x c
/// ranks, in 2 N / block steps.
RankCost iteration_cost(const SolveWork& work);

/// The factorization of a matrix of order n by pdpotrf, n^3 / 3 FLOP over R = r c ranks in a grid. In each of n / block
/// steps a panel goes along the rows of the grid and its transpose along the columns, so a rank sends (r + c - 2) n^2 /
/// (2 R) numbers. Blackford et al., ScaLAPACK Users' Guide, section 5.2. The number of messages is that of Debian's
/// ScaLAPACK 2.2 within a third.
RankCost factorization_cost(std::size_t n, std::size_t block, std::size_t ranks, std::size_t scalar = 8);

}  // namespace xtangent::ntk
