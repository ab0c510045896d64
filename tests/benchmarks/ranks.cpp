// What processes take together, beside what ntk/distributed/cost.hpp says of them:
//
//   mpirun -n 2 --bind-to none build/tests/benchmarks/ranks [EXAMPLES [ORDER]]
//
// A product with the eNTK of a fully connected network, and the factorization of a matrix. Each process has one thread.
// Rank 0 first does each of them alone, with the whole bandwidth of the memory, while the others sleep; that gives the
// speed of a process. Sums of many and of few numbers give the speed of messages. Every time is the shortest of three
// or more, each that of the slowest rank.
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/lapack.hpp"
#include "examples/common/threads.hpp"
#include "nn/models/mlp.hpp"
#include "ntk/distributed/cost.hpp"
#include "ntk/distributed/distributed_cholesky.hpp"
#include "ntk/distributed/mpi.hpp"
#include "ntk/operator.hpp"
#include "tests/benchmarks/measured.hpp"

namespace {

using namespace xtangent;
using benchmarks::Clock;
using Ranks = std::shared_ptr<ntk::Communicator>;
constexpr std::size_t pixels = 784, hidden = 512, outputs = 10;

double entry(std::size_t i, std::size_t j) {
  const double apart = i > j ? static_cast<double>(i - j) : static_cast<double>(j - i);
  return std::exp(-apart / 50) + (i == j ? 1.0 : 0.0);
}

using Work = std::function<void()>;

// The seconds of f, which all ranks call after `prepare`.
double together(
    const Ranks& ranks, int times, const Work& f, const Work& prepare = [] {}) {
  double best = INFINITY;
  for (int i = 0; i < times; ++i) {
    prepare();
    ranks->barrier();
    const Clock clock;
    f();
    best = std::min(best, -ranks->least(-clock.seconds()));
  }
  return best;
}

// The seconds of f on rank 0. The others look now and then whether it is done, since a rank that waits for a message
// takes all of a core.
double alone(
    const Ranks& ranks, int times, const Work& f, const Work& prepare = [] {}) {
  double best = INFINITY;
  for (int i = 0; i < times && ranks->rank() == 0; ++i) {
    prepare();
    const Clock clock;
    f();
    best = std::min(best, clock.seconds());
  }
  MPI_Request all_here;
  MPI_Ibarrier(MPI_COMM_WORLD, &all_here);
  for (int done = 0; MPI_Test(&all_here, &done, MPI_STATUS_IGNORE), !done;)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return ranks->least(best);
}

struct Network {
  nn::AnyModule net = nn::mlp({pixels, hidden, hidden, outputs});
  nn::Parameters<double> params = net->init<double>(1);
  Array<double> x;

  explicit Network(std::size_t examples) : x({examples, pixels}) {
    for (std::size_t i = 0; i < x.size(); ++i) x.mutable_data()[i] = std::sin(static_cast<double>(i));
  }
};

Array<double> part(const ntk::BlockCyclic& layout, std::size_t rank) {
  const std::vector<std::size_t> rows = ntk::numbers(layout.rows(rank)), columns = ntk::numbers(layout.columns(rank));
  Array<double> out({rows.size(), columns.size()});
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < columns.size(); ++j)
      out.mutable_data()[i * columns.size() + j] = entry(rows[i], columns[j]);
  return out;
}

void show(const Ranks& ranks, const char* what, double one, double measured, const ntk::RankCost& cost,
          const ntk::RankMachine& machine) {
  if (ranks->rank() > 0) return;
  const double modelled = cost.seconds(machine), messages = modelled - cost.flop / machine.flop_per_second;
  std::printf("%s: %.3f s by one process, %.3f s by %zu, modelled %.3f s, of which messages %.3f s (%.1f MB in %.0f)\n",
              what, one, measured, ranks->size(), modelled, messages, cost.bytes / 1e6, cost.messages);
}

// The speed of messages.
ntk::RankMachine machine_of(const Ranks& ranks) {
  Array<double> numbers = Array<double>::zeros({std::size_t{1} << 22});
  const auto seconds_of_sums = [&](std::size_t count, int sums) {
    const Work f = [&] {
      for (int i = 0; i < sums; ++i) ranks->all_reduce({numbers.mutable_data(), count});
    };
    return together(ranks, 10, f) / sums;
  };
  const double one = seconds_of_sums(1, 100), all = seconds_of_sums(numbers.size(), 1);
  ntk::RankMachine out;
  if (ranks->size() == 1) return out;
  out.message_seconds = one / ntk::all_reduce_cost(1, ranks->size()).messages;
  out.bytes_per_second = ntk::all_reduce_cost(numbers.size(), ranks->size()).bytes / all;
  if (ranks->rank() == 0)
    std::printf("a message %.1f us, then %.2f GB/s\n", out.message_seconds * 1e6, out.bytes_per_second / 1e9);
  return out;
}

void product(const Ranks& ranks, std::size_t examples, ntk::RankMachine machine) {
  const Network p(examples);
  const Range own = ntk::slices(examples, ranks->size())[ranks->rank()];
  using Theta = ntk::Operator<double>;
  const Theta whole(*p.net, p.params, p.x),
      shared(*p.net, p.params, p.x.rows(own.first, own.last), ntk::readout::full(), {.ranks = ranks});
  const auto times_ones = [](const Theta& theta) -> Work {
    return [&theta, v = Array<double>::ones({theta.rows(), 1})] { theta(v); };
  };
  const double one = alone(ranks, 3, times_ones(whole)), several = together(ranks, 3, times_ones(shared)),
               flop = whole.flop();
  machine.flop_per_second = flop / one;
  ntk::RankCost cost = ntk::all_reduce_cost(p.params.size(), ranks->size());
  cost.flop += flop / static_cast<double>(ranks->size());
  show(ranks, "a product with the eNTK", one, several, cost, machine);
}

void factorization(const Ranks& ranks, std::size_t order, ntk::RankMachine machine) {
  const ntk::BlockCyclic layout{order, ntk::block_rows(order, ranks->size()), ntk::process_grid(ranks->size())};
  Array<double> matrix;
  const double one = alone(
      ranks, 3,
      [&] {
        const kernels::BlasThreads threads;
        kernels::cholesky(order, matrix.mutable_data(), order);
      },
      [&] {
        matrix = part({order, order, {}}, 0);
      });
  const double several = together(
      ranks, 3, [&] { ntk::DistributedCholesky<double>(ranks, layout, std::move(matrix)); },
      [&] { matrix = part(layout, ranks->rank()); });
  machine.flop_per_second = std::pow(static_cast<double>(order), 3) / 3 / one;
  show(ranks, "a factorization", one, several, ntk::factorization_cost(order, layout.block, ranks->size()), machine);
}

}  // namespace

int main(int argc, char** argv) {
  const Ranks ranks = ntk::mpi_ranks();
  const examples::ThreadLimit limit(1);
  const ntk::RankMachine machine = machine_of(ranks);
  product(ranks, argc > 1 ? std::stoul(argv[1]) : 2000, machine);
  factorization(ranks, argc > 2 ? std::stoul(argv[2]) : 4000, machine);
}
