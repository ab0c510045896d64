// What several processes compute together, as lines "NAME NUMBER ..." from rank 0. mpi_test.py starts it by mpirun and
// compares what different numbers of processes find.
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

#include "nn/models/lenet.hpp"
#include "nn/models/mlp.hpp"
#include "ntk/distributed/cost.hpp"
#include "ntk/distributed/distributed_cholesky.hpp"
#include "ntk/distributed/mpi.hpp"
#include "ntk/distributed/solve.hpp"
#include "ntk/kernel.hpp"

namespace {

using namespace xtangent;
using Ranks = std::shared_ptr<ntk::Communicator>;

// Numbers in [-1, 1) that each rank makes for itself.
Array<double> numbers(const Shape& shape, std::uint64_t seed) {
  Array<double> out(shape);
  double* to = out.mutable_data();
  std::uint64_t state = seed * 0x9e3779b97f4a7c15 + 1;
  for (std::size_t i = 0; i < out.size(); ++i) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    to[i] = static_cast<double>(state >> 11) * 0x1p-52 - 1;
  }
  return out;
}

void show(const Ranks& ranks, const std::string& name, const Array<double>& values) {
  if (ranks->rank() > 0) return;
  std::printf("%s", name.c_str());
  for (std::size_t i = 0; i < values.size(); ++i) std::printf(" %.17g", values[i]);
  std::printf("\n");
}

void show(const Ranks& ranks, const std::string& name, double value) {
  show(ranks, name, Array<double>::scalar(value));
}

// Whether f refuses the shape of an array, on this rank.
template <class F>
double refused(const F& f) {
  try {
    f();
  } catch (const shape_error&) {
    return 1;
  }
  return 0;
}

struct Problem {
  nn::AnyModule net = nn::lenet(3, {}, 0.2);
  nn::Parameters<double> params = net->init<double>(1);
  Array<double> x = numbers({26, 1, 28, 28}, 2), x_new = numbers({5, 1, 28, 28}, 3), y = numbers({26, 3}, 4);
};

void solve(const Ranks& ranks) {
  const Problem p;
  using Kind = ntk::SolvePreconditioner;
  for (const Kind kind : {Kind::none, Kind::pseudo, Kind::trace})
    for (const bool in_float : {false, true}) {
      const ntk::Solution found = ntk::solve_over_ranks(
          *p.net, p.params, p.x, p.y,
          {.ridge = 0.5, .tolerance = 1e-14, .preconditioner = kind, .float_factor = in_float, .ranks = ranks});
      const std::string name = std::string(ntk::name(kind)) + (in_float ? "-float" : "");
      show(ranks, "weights-" + name, found.weights);
      show(ranks, "predictions-" + name,
           ntk::predict_over_ranks(*p.net, p.params, p.x_new, p.x, found.weights, {.ranks = ranks}));
    }
  // Arrays of a few examples in place of all of them. With one rank that is solve() itself.
  show(ranks, "refused-start",
       refused([&] { ntk::solve_over_ranks(*p.net, p.params, p.x, p.y, {.start = p.y.rows(0, 13), .ranks = ranks}); }));
  show(ranks, "refused-weights",
       refused([&] { ntk::predict_over_ranks(*p.net, p.params, p.x_new, p.x, p.y.rows(0, 13), {.ranks = ranks}); }));
}

// From a store that rank 0 computes.
template <class T>
void dense(const Ranks& ranks, const std::filesystem::path& folder, const std::string& name) {
  const Problem p;
  if (ranks->rank() == 0) ntk::stored_kernel(*p.net, p.params, p.x, ntk::readout::full(), {.tile = 7, .store = folder});
  ranks->barrier();
  const ntk::StoredKernel kernel(folder);
  const ntk::DistributedCholesky<T> factor(ranks, kernel, {.ridge = 0.01});
  const Array<double> y = numbers({factor.size(), 2}, 5), x = factor.solve(y);
  show(ranks, "tiles", static_cast<double>(kernel.tiles()));
  show(ranks, "solution" + name, x);
  show(ranks, "unrefined" + name, factor.solve_unrefined(y));
  const Array<double> rest = factor.residual(x, y);
  double worst = 0;
  for (std::size_t i = 0; i < rest.size(); ++i) worst = std::max(worst, std::abs(rest[i]));
  show(ranks, "residual" + name, worst);
  show(ranks, "evidence" + name, factor.log_evidence(y, x));
  show(ranks, "evidence-alone" + name, factor.log_evidence(y));
  show(ranks, "refused" + name, refused([&] { factor.log_evidence(y, numbers({factor.size(), 1}, 5)); }));
  show(ranks, "ridge" + name, factor.ridge());
}

// A factor of a matrix with known entries, large enough that messages are mostly numbers.
void factor(const Ranks& ranks, std::size_t n, bool solving) {
  const ntk::BlockCyclic layout{n, ntk::block_rows(n, ranks->size()), ntk::process_grid(ranks->size())};
  const auto rows = ntk::numbers(layout.rows(ranks->rank())), columns = ntk::numbers(layout.columns(ranks->rank()));
  Array<double> part({rows.size(), columns.size()});
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < columns.size(); ++j) {
      const double apart = static_cast<double>(rows[i]) - static_cast<double>(columns[j]);
      part.mutable_data()[i * columns.size() + j] = std::exp(-std::abs(apart) / 5) + (apart == 0 ? 1 : 0);
    }
  const ntk::DistributedCholesky<double> made(ranks, layout, part);
  show(ranks, "log_determinant", made.log_determinant());
  const ntk::RankCost cost = ntk::factorization_cost(n, layout.block, ranks->size());
  show(ranks, "model_bytes", cost.bytes);
  show(ranks, "model_messages", cost.messages);
  if (solving) show(ranks, "solution", made.solve(numbers({n}, 6)));
}

// What iterations send, and what the model says of them.
void traffic(const Ranks& ranks) {
  const Problem p;
  const auto sent = [&](std::size_t iterations) {
    const ntk::Traffic before = ranks->traffic();
    ntk::solve_over_ranks(*p.net, p.params, p.x, p.y,
                          {.tolerance = 1e-300, .max_iterations = iterations, .partial = true, .ranks = ranks});
    return ntk::Traffic{0, ranks->traffic().messages - before.messages, ranks->traffic().bytes - before.bytes};
  };
  const ntk::Traffic few = sent(2), more = sent(6);
  const ntk::RankCost cost =
      ntk::iteration_cost({.examples = 26, .outputs = 3, .parameters = p.params.size(), .ranks = ranks->size()});
  show(ranks, "messages", static_cast<double>(more.messages - few.messages) / 4);
  show(ranks, "messages_of_model", cost.messages);
  // Slices differ in length by one, so the mean over the ranks is what the model says.
  std::vector<double> bytes = {(more.bytes - few.bytes) / 4 / static_cast<double>(ranks->size())};
  ranks->all_reduce(bytes);
  show(ranks, "bytes", bytes[0]);
  show(ranks, "bytes_of_model", cost.bytes);
}

// The most bytes that a rank holds while a preconditioner is made, and those of the largest part of the kernel.
void memory(const Ranks& ranks) {
  const nn::Sequential net = nn::mlp({20, 30, 3});
  const nn::Parameters<double> params = net.init<double>(1);
  constexpr std::size_t n = 2400;
  const Array<double> x = numbers({n, 20}, 7);
  const ntk::BlockCyclic layout{n, ntk::block_rows(n, ranks->size()), ntk::process_grid(ranks->size())};
  std::size_t part = 0;
  for (std::size_t r = 0; r < ranks->size(); ++r)
    part = std::max(part, ntk::numbers(layout.rows(r)).size() * ntk::numbers(layout.columns(r)).size());
  show(ranks, "part", static_cast<double>(part));
  for (const bool in_float : {false, true}) {
    reset_peak_memory();
    const std::size_t before = memory_statistics().live;
    ntk::distributed_preconditioner(ntk::SolvePreconditioner::pseudo, net, params, x, 3, ranks,
                                    {.ridge = 1, .memory = 8 * part + (4 << 20), .float_factor = in_float});
    std::vector<double> peaks(ranks->size(), 0.0);
    peaks[ranks->rank()] = static_cast<double>(memory_statistics().peak - before);
    ranks->all_reduce(peaks);
    show(ranks, in_float ? "peak-float" : "peak", *std::max_element(peaks.begin(), peaks.end()));
  }
}

// One rank is killed in the middle of the iterations.
void die(const Ranks& ranks) {
  const Problem p;
  ntk::SolveOptions options{.tolerance = 1e-14, .preconditioner = ntk::SolvePreconditioner::none, .ranks = ranks};
  options.progress = [&](const ntk::ConjugateGradientProgress& at) {
    if (at.iteration == 3 && ranks->rank() + 1 == ranks->size()) ::raise(SIGKILL);
    return true;
  };
  ntk::solve_over_ranks(*p.net, p.params, p.x, p.y, options);
}

}  // namespace

int main(int argc, char** argv) {
  const Ranks ranks = ntk::mpi_ranks();
  const std::string mode = argc > 1 ? argv[1] : "";
  try {
    if (mode == "solve") solve(ranks);
    if (mode == "dense") dense<double>(ranks, argv[2], "");
    if (mode == "dense-float") dense<float>(ranks, argv[2], "-float");
    if (mode == "factor") factor(ranks, std::stoul(argv[2]), true);
    if (mode == "factor-only") factor(ranks, std::stoul(argv[2]), false);
    if (mode == "traffic") traffic(ranks);
    if (mode == "memory") memory(ranks);
    if (mode == "die") die(ranks);
    if (mode == "again") ntk::mpi_ranks();
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "rank %zu: %s\n", ranks->rank(), failure.what());
    ranks->abort(3);
  }
}
