#include "examples/solve/computation.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>

#include "examples/common/format.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/progress.hpp"
#include "examples/common/sizes.hpp"
#include "examples/common/stopwatch.hpp"
#include "examples/solve/fitted.hpp"
#include "examples/solve/network.hpp"
#include "examples/solve/ranks.hpp"
#include "nn/data/file.hpp"
#include "nn/data/npy.hpp"
#include "ntk/computation/store_folder.hpp"
#include "ntk/regression.hpp"
#include "ntk/stored_cholesky.hpp"
#include "xtangent.hpp"

namespace xtangent::examples {
namespace {

namespace fs = std::filesystem;

struct Problem {
  ntk::StoredKernel train;
  std::optional<ntk::StoredKernel> test;
  Fitted fitted;
};

// An eNTK has a row for each output of an example.
std::size_t examples_of(const ntk::StoredKernel& kernel) { return kernel.shape().grid.rows; }

// Before hours of work: all tiles are there, and the test examples' kernel is of the same network and training
// examples.
void require_complete(const ntk::StoredKernel& kernel) {
  if (!kernel.complete())
    throw data_error("[solve] only " + std::to_string(kernel.finished()) + " of " + plural(kernel.tiles(), "tile") +
                     " of the kernel in " + kernel.folder().string() +
                     " are finished. The command that began it continues it.");
}

void require_pair(const ntk::StoredKernel& train, const ntk::StoredKernel& test) {
  const auto setting = [](const ntk::StoredKernel& kernel, const std::string& name) {
    for (const auto& [known, value] : kernel.settings())
      if (known == name) return value;
    return std::string();
  };
  for (const auto& [of_train, of_test] : {std::pair{"network", "network"},
                                          {"parameters", "parameters"},
                                          {"chosen parameters", "chosen parameters"},
                                          {"metric", "metric"},
                                          {"x1", "x2"},
                                          {"features of the rows", "features of the columns"}})
    if (setting(train, of_train) != setting(test, of_test))
      throw data_error("[solve] the kernel in " + test.folder().string() + " is not of the training examples in " +
                       train.folder().string() + ": " + of_test + " differ. Compute both by one command.");
  if (test.shape().width() != train.shape().height())
    throw shape_error("[solve] the kernel in " + test.folder().string() + " has " +
                      plural(test.shape().width(), "column") + ", and that of the training examples in " +
                      train.folder().string() + " " + plural(train.shape().height(), "row") + ".");
}

Problem prepare(const SolveSettings& s, const fs::path& store) {
  const bool both = ntk::is_store(store / "train");
  if (!both && !ntk::is_store(store))
    throw data_error("[solve] no kernel is in " + store.string() + ". Compute one: ./run kernel --store " +
                     store.string());
  Problem out{ntk::StoredKernel(both ? store / "train" : store), std::nullopt, {}};
  if (both && ntk::is_store(store / "test")) out.test.emplace(store / "test");
  require_complete(out.train);
  if (out.test) {
    require_complete(*out.test);
    require_pair(out.train, *out.test);
  }
  out.fitted = read_fitted(s, {.name = store.string(),
                               .examples = examples_of(out.train),
                               .tests = out.test ? examples_of(*out.test) : 0,
                               .block = out.train.shape().block});
  return out;
}

// The outputs (M, O) of the linearized network at the test examples, from some rows of the test kernel at a time. Each
// rank reads a part of the rows of tiles.
Array<double> predictions(const Problem& p, const Array<double>& weights, ntk::Communicator& ranks) {
  const ntk::StoredKernel& kernel = *p.test;
  const std::size_t outputs = weights.shape()[1], block = kernel.shape().block, m = examples_of(kernel),
                    step = kernel.shape().grid.edge;
  Array<double> out({m, outputs});
  std::vector<Range> parts = ntk::slices(kernel.shape().grid.tile_rows(), ranks.size(), step);
  for (Range& part : parts) part = {std::min(m, part.first), std::min(m, part.last)};
  const Range own = parts[ranks.rank()];
  for (std::size_t first = own.first; first < own.last; first += step) {
    end_if_interrupted();
    const std::size_t last = std::min(own.last, first + step);
    const Array<double> part =
        ntk::predict(kernel.rows(first * block, last * block), weights, p.fitted.test_outputs.rows(first, last));
    std::copy_n(part.data(), part.size(), out.mutable_data() + first * outputs);
  }
  for (Range& part : parts) part = {part.first * outputs, part.last * outputs};
  ranks.all_gather({out.mutable_data(), out.size()}, parts);
  return out;
}

fs::path factor_folder(const SolveSettings& s, double ridge) { return s.out / ("factor-" + ridge_name(ridge)); }

// What is finished of a factor that does not exist is of no use.
ntk::StoredCholesky factored(const ntk::StoredKernel& kernel, const fs::path& folder,
                             const ntk::StoredCholeskyOptions& options, bool keep) {
  try {
    return {kernel, folder, options};
  } catch (const numerical_error&) {
    if (!keep) fs::remove_all(folder);
    throw;
  }
}

// What the factor on the disk gives.
DenseSolution solve_on_disk(const SolveSettings& s, const Problem& p, const Array<double>& right, double ridge,
                            Progress& bar) {
  const std::string name = ridge_name(ridge);
  const fs::path folder = factor_folder(s, ridge);
  const double gflop = std::pow(static_cast<double>(p.train.shape().height()), 3) / 3e9;  // to factor the kernel
  bar.resume("ridge " + name, 1, gflop, "GFLOP");
  ntk::StoredCholeskyOptions options{
      .ridge = ridge, .memory = s.memory.empty() ? 0 : parse_bytes("--memory", s.memory), .single = s.single};
  options.progress = [&](const ntk::Progress& done) {
    bar.update(gflop * done.fraction);
    end_if_interrupted();
  };
  const ntk::StoredCholesky factor = factored(p.train, folder, options, s.keep);
  bar.note("solving");
  DenseSolution out;
  out.x = factor.solve(right);
  out.residual = factor.residual(out.x, right);
  out.evidence = factor.log_evidence(right, out.x);
  return out;
}

// The same over several ranks, each with its part of the kernel in memory. While ScaLAPACK works, the bar rests.
DenseSolution solve_over_ranks(const SolveSettings& s, const Problem& p, const Array<double>& right, double ridge,
                               const std::shared_ptr<ntk::Communicator>& ranks, Progress& bar) {
  bar.step("ridge " + ridge_name(ridge), 1, 2, "steps");
  bar.note("reading");
  return solve_dense(p.train, right, ranks,
                     {.ridge = ridge,
                      .single = s.single,
                      .memory = static_cast<double>(memory_of(s, *ranks)),
                      .progress = [&](double share) {
                        bar.update(share);
                        if (share == 1) bar.note("factoring and solving");
                        end_if_interrupted();
                      }});
}

Found solve_with(const SolveSettings& s, const Problem& p, double ridge,
                 const std::shared_ptr<ntk::Communicator>& ranks, Progress& bar) {
  const Stopwatch watch;
  const std::string name = ridge_name(ridge);
  // An eNTK takes all outputs as one right-hand side.
  const std::size_t n = p.train.shape().height();
  const Array<double> y = p.fitted.wanted(), right = y.reshaped({n, y.size() / n});
  const DenseSolution solved =
      ranks->size() > 1 ? solve_over_ranks(s, p, right, ridge, ranks, bar) : solve_on_disk(s, p, right, ridge, bar);
  Found out;
  out.ridge = ridge;
  out.evidence = sum_of(solved.evidence);
  out.residual = relative_norm(solved.residual, right);
  const Array<double> weights = solved.x.reshaped(y.shape());
  const bool writes = ranks->rank() == 0;
  if (writes) nn::write_npy(s.out / ("weights-" + name + ".npy"), weights);
  if (p.test) {
    const Array<double> predicted = predictions(p, weights, *ranks);
    if (writes) nn::write_npy(s.out / ("predictions-" + name + ".npy"), predicted);
    out.score = score_of(predicted, p.fitted.test_targets);
  }
  if (ranks->size() == 1 && !s.keep) fs::remove_all(factor_folder(s, ridge));
  out.seconds = watch.seconds();
  return out;
}

}  // namespace

void solve(const SolveSettings& s, const std::shared_ptr<ntk::Communicator>& ranks) {
  if (s.work.n || s.work.test || s.work.width || !s.work.weights.empty() || s.work.files.given())
    throw option_error(
        "[solve] --n, --test, --width, --weights and --inputs are for a network. Name it with --network or --model.");
  solve_stored(s, s.store, ranks, [] {});
}

void solve_stored(const SolveSettings& s, const fs::path& store, const std::shared_ptr<ntk::Communicator>& ranks,
                  const std::function<void()>& at_the_end) {
  const Problem p = prepare(s, store);
  // Another process of the same command would use the factor that this one removes at the end.
  std::optional<ntk::FolderLock> lock;
  with_patience([&] {
    if (ranks->rank() != 0) return;
    nn::require_writable_folder(s.out);
    lock.emplace(s.out);
  });
  const ntk::KernelShape& shape = p.train.shape();
  std::printf("kernel    %s x %s in %s, %s\n", grouped(static_cast<double>(shape.height())).c_str(),
              grouped(static_cast<double>(shape.width())).c_str(), p.train.folder().c_str(),
              bytes(shape.bytes()).c_str());
  if (p.test)
    std::printf("test      %s x %s in %s\n", grouped(static_cast<double>(p.test->shape().height())).c_str(),
                grouped(static_cast<double>(p.test->shape().width())).c_str(), p.test->folder().c_str());
  std::fflush(stdout);
  const Patience patience;
  Progress bar(static_cast<double>(s.ridges.size()));
  print(
      found_for(s.ridges, bar, ranks->size() == 1, [&](double ridge) { return solve_with(s, p, ridge, ranks, bar); }));
  std::printf("%s: weights%s%s\n", s.out.c_str(), p.test ? ", predictions" : "",
              s.keep && ranks->size() == 1 ? ", factors" : "");
  at_the_end();
}

}  // namespace xtangent::examples
