// What processes take together, beside what ntk/distributed/cost.hpp says of them:
//
//   mpirun -n 2 --bind-to none build/tests/benchmarks/ranks [EXAMPLES [ORDER]]
//
// A product with the eNTK of a fully connected network, and the factorization of a matrix. Each process has one thread.
// Rank 0 first does both alone, while the others sleep, which gives the speed of a process; so it has the memory's
// whole bandwidth to itself. Sums of many and of few numbers give the speed of messages. Every time is the shortest of
// three or more, each that of the slowest rank.
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

// The seconds of f, which all ranks call after `prepare`.
double together(const Ranks& ranks, int times, const std::function<void()>& prepare, const std::function<void()>& f) {
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

// The seconds of f on rank 0. The others look at times whether it is done, since a rank that waits for a message takes
// all of a core.
double alone(const Ranks& ranks, int times, const std::function<void()>& prepare, const std::function<void()>& f) {
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

void nothing() {}

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

}  // namespace

int main(int argc, char** argv) {
  const Ranks ranks = ntk::mpi_ranks();
  const examples::ThreadLimit limit(1);
  const std::size_t examples = argc > 1 ? std::stoul(argv[1]) : 2000, order = argc > 2 ? std::stoul(argv[2]) : 4000,
                    count = ranks->size();
  Array<double> many = Array<double>::zeros({std::size_t{1} << 22});
  ntk::RankMachine machine;
  const auto sum = [&](std::size_t numbers) { ranks->all_reduce({many.mutable_data(), numbers}); };
  const double of_one = together(ranks, 20, nothing,
                                 [&] {
                                   for (int i = 0; i < 100; ++i) sum(1);
                                 }) /
                        100;
  const double of_many = together(ranks, 5, nothing, [&] { sum(many.size()); });
  if (count > 1) {
    machine.message_seconds = of_one / ntk::all_reduce_cost(1, count).messages;
    machine.bytes_per_second = ntk::all_reduce_cost(many.size(), count).bytes / of_many;
  }
  if (ranks->rank() == 0)
    std::printf("a message %.1f us, then %.2f GB/s\n", machine.message_seconds * 1e6, machine.bytes_per_second / 1e9);

  const Network p(examples);
  double flop = 0, product_alone = 0, product_shared = 0;
  {
    const ntk::Operator<double> theta(*p.net, p.params, ranks->rank() == 0 ? p.x : p.x.rows(0, 1));
    const Array<double> v = Array<double>::ones({theta.rows(), 1});
    product_alone = alone(ranks, 3, nothing, [&] { theta(v); });
    flop = -ranks->least(-theta.flop());
  }
  {
    const Range own = ntk::slices(examples, count)[ranks->rank()];
    const ntk::Operator<double> theta(*p.net, p.params, p.x.rows(own.first, own.last), ntk::readout::full(),
                                      {.ranks = ranks});
    const Array<double> v = Array<double>::ones({theta.rows(), 1});
    product_shared = together(ranks, 3, nothing, [&] { theta(v); });
  }
  machine.flop_per_second = flop / product_alone;
  ntk::RankCost product = ntk::all_reduce_cost(p.params.size(), count);
  product.flop += flop / static_cast<double>(count);
  show(ranks, "a product with the eNTK", product_alone, product_shared, product, machine);

  const ntk::BlockCyclic layout{order, ntk::block_rows(order, count), ntk::process_grid(count)};
  Array<double> own_part, whole;
  if (ranks->rank() == 0) whole = part({order, order, {}}, 0);
  const double factor_alone = alone(
      ranks, 3, [&] { own_part = Array<double>::copy_of(whole.shape(), whole.data()); },
      [&] {
        const kernels::BlasThreads threads;
        kernels::cholesky(order, own_part.mutable_data(), order);
      });
  whole = {};
  const double factor_shared = together(
      ranks, 3, [&] { own_part = part(layout, ranks->rank()); },
      [&] { ntk::DistributedCholesky<double>(ranks, layout, std::move(own_part)); });
  machine.flop_per_second = std::pow(static_cast<double>(order), 3) / 3 / factor_alone;
  show(ranks, "a factorization", factor_alone, factor_shared, ntk::factorization_cost(order, layout.block, count),
       machine);
}
