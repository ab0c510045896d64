#include "examples/solve/computation.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>

#include "examples/common/format.hpp"
#include "examples/common/images.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/progress.hpp"
#include "examples/common/sizes.hpp"
#include "examples/common/stopwatch.hpp"
#include "examples/solve/network.hpp"
#include "examples/solve/ranks.hpp"
#include "examples/solve/targets.hpp"
#include "nn/data/file.hpp"
#include "nn/data/npy.hpp"
#include "ntk/regression.hpp"
#include "ntk/stored_cholesky.hpp"
#include "xtangent.hpp"

namespace xtangent::examples {
namespace {

namespace fs = std::filesystem;

struct Problem {
  ntk::StoredKernel train;
  std::optional<ntk::StoredKernel> test;
  Targets targets, test_targets;
  Array<double> outputs, test_outputs;  // (N, O) and (M, O)
};

// An eNTK has a row for each output of an example.
std::size_t examples_of(const ntk::StoredKernel& kernel) { return kernel.shape().grid.rows; }

void require_rows(const Array<double>& values, std::size_t rows, const std::string& what) {
  if (values.defined() && values.shape()[0] != rows)
    throw shape_error("[solve] " + what + " " + to_string(values.shape()) + " for a kernel of " + std::to_string(rows) +
                      " examples.");
}

Array<double> read_outputs(const fs::path& file, const Shape& shape, const char* option) {
  if (file.empty()) return Array<double>::zeros(shape);
  const Array<double> read = nn::read_npy_file(file).get<double>();
  if (read.size() != shape.size() || read.rank() == 0 || read.shape()[0] != shape[0])
    throw shape_error("[solve] " + std::string(option) + " " + file.string() + " " + to_string(read.shape()) +
                      ", expected " + to_string(shape) + ".");
  return read.reshaped(shape);
}

Problem prepare(const SolveSettings& s) {
  const bool both = ntk::is_store(s.store / "train");
  if (!both && !ntk::is_store(s.store))
    throw data_error("[solve] no kernel is in " + s.store.string() + ". Compute one: ./run kernel --store " +
                     s.store.string());
  Problem out{ntk::StoredKernel(both ? s.store / "train" : s.store), std::nullopt, {}, {}, {}, {}};
  if (both && ntk::is_store(s.store / "test")) out.test.emplace(s.store / "test");
  const std::size_t n = examples_of(out.train), m = out.test ? examples_of(*out.test) : 0;
  if (!s.work.data.empty()) {
    const nn::TrainAndTest images = load(s.work.data);
    const auto first = [](const nn::LabeledImages& from, std::size_t count) {
      if (count > from.count())
        throw shape_error("[solve] the kernel has " + std::to_string(count) + " examples, and " + from.name + " " +
                          std::to_string(from.count()) + " images. Name the labels with --labels FILE.");
      std::vector<std::size_t> labels;
      for (std::size_t i = 0; i < count; ++i) labels.push_back(from.labels[i]);
      return labels;
    };
    out.targets = of_labels(first(images.train, n), images.train.classes);
    if (m > 0) out.test_targets = of_labels(first(images.test, m), images.train.classes);
  } else {
    if (s.work.files.labels.empty())
      throw option_error("[solve] what is to be fitted? Name labels with --labels FILE, or a data set with --data.");
    out.targets =
        read_targets(s.work.files.labels, "--labels", n, out.train.shape().block > 1 ? out.train.shape().block : 0);
    if (!s.work.files.test_labels.empty()) {
      if (m == 0)
        throw option_error("[solve] --test-labels: " + s.store.string() +
                           " has no test kernel. Compute one: ./run kernel --store DIR --test N");
      out.test_targets = read_targets(s.work.files.test_labels, "--test-labels", m, out.targets.values.shape()[1]);
    }
  }
  require_rows(out.targets.values, n, "targets");
  require_rows(out.test_targets.values, m, "test targets");
  const std::size_t outputs = out.targets.values.shape()[1];
  if (out.train.shape().block != 1 && out.train.shape().block != outputs)
    throw shape_error("[solve] targets " + to_string(out.targets.values.shape()) + " for a kernel of " +
                      std::to_string(out.train.shape().block) + " outputs.");
  out.outputs = read_outputs(s.outputs, {n, outputs}, "--outputs");
  if (m > 0) out.test_outputs = read_outputs(s.test_outputs, {m, outputs}, "--test-outputs");
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
        ntk::predict(kernel.rows(first * block, last * block), weights, p.test_outputs.rows(first, last));
    std::copy_n(part.data(), part.size(), out.mutable_data() + first * outputs);
  }
  for (Range& part : parts) part = {part.first * outputs, part.last * outputs};
  ranks.all_gather({out.mutable_data(), out.size()}, parts);
  return out;
}

struct Found {
  double ridge = 0, evidence = 0, residual = 0, seconds = 0;
  Score score;  // of the test examples
};

// What the factor on the disk gives.
DenseSolution solve_stored(const SolveSettings& s, const Problem& p, const Array<double>& right, double ridge,
                           Progress& bar) {
  const std::string name = ridge_name(ridge);
  const fs::path folder = s.out / ("factor-" + name);
  const double gflop = std::pow(static_cast<double>(p.train.shape().height()), 3) / 3e9;  // to factor the kernel
  bar.step("ridge " + name, 1, gflop, "GFLOP");
  ntk::StoredCholeskyOptions options{
      .ridge = ridge, .memory = s.memory.empty() ? 0 : parse_bytes("--memory", s.memory), .single = s.single};
  options.progress = [&](const ntk::Progress& done) {
    bar.update(gflop * done.fraction);
    end_if_interrupted();
  };
  DenseSolution out;
  {
    const ntk::StoredCholesky factor(p.train, folder, options);
    bar.note("solving");
    out.x = factor.solve(right);
    out.residual = factor.residual(out.x, right);
    out.evidence = factor.log_evidence(right, out.x);
  }
  if (!s.keep) fs::remove_all(folder);
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
  Array<double> y(p.targets.values.shape());
  for (std::size_t i = 0; i < y.size(); ++i) y.mutable_data()[i] = p.targets.values[i] - p.outputs[i];
  const Array<double> right = y.reshaped({n, y.size() / n});
  const DenseSolution solved =
      ranks->size() > 1 ? solve_over_ranks(s, p, right, ridge, ranks, bar) : solve_stored(s, p, right, ridge, bar);
  Found out;
  out.ridge = ridge;
  for (std::size_t i = 0; i < solved.evidence.size(); ++i) out.evidence += solved.evidence[i];
  double size = 0, rest = 0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    size += right[i] * right[i];
    rest += solved.residual[i] * solved.residual[i];
  }
  out.residual = size > 0 ? std::sqrt(rest / size) : 0;
  const Array<double> weights = solved.x.reshaped(y.shape());
  const bool writes = ranks->rank() == 0;
  if (writes) nn::write_npy(s.out / ("weights-" + name + ".npy"), weights);
  if (p.test) {
    const Array<double> predicted = predictions(p, weights, *ranks);
    if (writes) nn::write_npy(s.out / ("predictions-" + name + ".npy"), predicted);
    out.score = score_of(predicted, p.test_targets);
  }
  out.seconds = watch.seconds();
  return out;
}

void print(const std::vector<Found>& all) {
  const auto best =
      std::max_element(all.begin(), all.end(), [](const Found& a, const Found& b) { return a.evidence < b.evidence; });
  std::printf("\n%-10s %16s %10s %14s %10s %10s\n", "ridge", "log evidence", "residual", "test accuracy", "test error",
              "time");
  for (const Found& f : all)
    std::printf("%-10s %16s %10.1e %14s %10s %10s%s\n", ridge_name(f.ridge).c_str(), grouped(f.evidence).c_str(),
                f.residual, f.score.accuracy ? percent(*f.score.accuracy).c_str() : "-",
                f.score.error ? significant(*f.score.error).c_str() : "-", seconds(f.seconds).c_str(),
                all.size() > 1 && &f == &*best ? "  <- the most evidence" : "");
}

}  // namespace

void solve(const SolveSettings& s, const std::shared_ptr<ntk::Communicator>& ranks) {
  if (s.work.n || s.work.test || s.work.width || !s.work.weights.empty() || s.work.files.given())
    throw option_error(
        "[solve] --n, --test, --width, --weights and --inputs are for a network. Name it with --network or --model.");
  const Problem p = prepare(s);
  with_patience([&] {
    if (ranks->rank() == 0) nn::require_writable_folder(s.out);
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
  std::vector<Found> found;
  for (const double ridge : s.ridges) found.push_back(solve_with(s, p, ridge, ranks, bar));
  bar.finish();
  print(found);
  std::printf("%s: weights%s%s\n", s.out.c_str(), p.test ? ", predictions" : "",
              s.keep && ranks->size() == 1 ? ", factors" : "");
}

}  // namespace xtangent::examples
