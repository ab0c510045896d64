#include "ntk/distributed/communicator.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "autodiff/error.hpp"
#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "ntk/distributed/cost.hpp"
#include "ntk/planning/budget.hpp"

namespace xtangent::ntk {
namespace {

template <class T>
void add(std::size_t n, const T* x, T* to) {
  kernels::axpy(n, T(1), x, to);
}

}  // namespace

void Communicator::count(std::size_t messages, std::size_t bytes) {
  traffic_.messages += messages;
  traffic_.bytes += static_cast<double>(bytes);
}

// Each rank gets the numbers of all and adds them itself.
template <class T>
void Communicator::sum_few(std::span<T> x) {
  const std::size_t n = x.size(), ranks = size();
  std::vector<T> all(n * ranks);
  std::copy(x.begin(), x.end(), all.begin() + static_cast<std::ptrdiff_t>(rank() * n));
  gather(all.data(), slices(ranks, ranks, n));
  count(ranks - 1, (ranks - 1) * n * sizeof(T));
  std::copy_n(all.data(), n, x.data());
  for (std::size_t r = 1; r < ranks; ++r) add(n, all.data() + r * n, x.data());
}

// Rank r gets part r of all and adds it; then each gets the sums.
template <class T>
void Communicator::sum_many(std::span<T> x) {
  const std::size_t ranks = size(), part = (x.size() + ranks - 1) / ranks;
  std::vector<T> mine(part * ranks, T(0)), theirs(part * ranks);
  std::copy(x.begin(), x.end(), mine.begin());
  exchange(mine.data(), theirs.data(), part);
  T* sums = mine.data() + rank() * part;
  std::copy_n(theirs.data(), part, sums);
  for (std::size_t r = 1; r < ranks; ++r) add(part, theirs.data() + r * part, sums);
  gather(mine.data(), slices(ranks, ranks, part));
  count(2 * (ranks - 1), 2 * (ranks - 1) * part * sizeof(T));
  std::copy_n(mine.data(), x.size(), x.data());
}

template <class T>
void Communicator::sum(std::span<T> x) {
  ++traffic_.calls;
  if (size() == 1) return;
  if (x.size() <= few_numbers) return sum_few(x);
  for (std::size_t first = 0; first < x.size(); first += summed_at_a_time)
    sum_many(x.subspan(first, std::min(summed_at_a_time, x.size() - first)));
}

void Communicator::all_reduce(std::span<float> x) { sum(x); }
void Communicator::all_reduce(std::span<double> x) { sum(x); }

void Communicator::broadcast(std::span<double> x, std::size_t root) {
  if (root >= size())
    throw option_error("[broadcast] from rank " + std::to_string(root) + " of " + std::to_string(size()) + ".");
  ++traffic_.calls;
  if (size() == 1) return;
  send_from(root, x.data(), x.size());
  if (rank() == root) count(size() - 1, (size() - 1) * x.size_bytes());
}

void Communicator::all_gather(std::span<double> x, const std::vector<Range>& parts) {
  if (parts.size() != size() || parts.back().last != x.size())
    throw shape_error("[all_gather] " + std::to_string(parts.size()) + " parts of " + std::to_string(x.size()) +
                      " numbers for " + std::to_string(size()) + " ranks.");
  ++traffic_.calls;
  if (size() == 1) return;
  gather(x.data(), parts);
  count(size() - 1, (size() - 1) * parts[rank()].size() * sizeof(double));
}

void Communicator::barrier() {
  ++traffic_.calls;
  wait();
}

double Communicator::least(double x) {
  std::vector<double> all(size());
  all[rank()] = x;
  all_gather(all, slices(size(), size()));
  return size() == 1 ? x : *std::min_element(all.begin(), all.end());
}

std::size_t SingleRank::threads() const { return kernels::thread_count(); }

void SingleRank::abort(int status) { std::exit(status); }

std::vector<Range> slices(std::size_t n, std::size_t ranks) {
  std::vector<Range> out;
  for (std::size_t r = 0, first = 0; r < ranks; ++r) {
    const std::size_t count = n / ranks + (r < n % ranks);
    out.push_back({first, first + count});
    first += count;
  }
  return out;
}

std::vector<Range> slices(std::size_t n, std::size_t ranks, std::size_t width) {
  std::vector<Range> out = slices(n, ranks);
  for (Range& r : out) r = {r.first * width, r.last * width};
  return out;
}

std::size_t memory_of_rank(std::size_t bytes, const Communicator& ranks) {
  return static_cast<std::size_t>(memory_budget(bytes) / (bytes > 0 ? 1 : static_cast<double>(ranks.neighbors())));
}

}  // namespace xtangent::ntk
