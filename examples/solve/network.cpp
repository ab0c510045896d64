#include "examples/solve/network.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "examples/common/format.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/progress.hpp"
#include "examples/common/sizes.hpp"
#include "examples/common/stopwatch.hpp"
#include "examples/kernel/work.hpp"
#include "examples/solve/ranks.hpp"
#include "examples/solve/targets.hpp"
#include "nn/data/file.hpp"
#include "nn/data/npy.hpp"
#include "nn/training/evaluate.hpp"
#include "ntk/distributed/communicator.hpp"

namespace xtangent::examples {
namespace {

// Targets of examples from files may be numbers, of which the reader of the examples knows nothing.
bool are_labels(const std::filesystem::path& file) {
  const nn::NpyFile read = nn::read_npy_file(file);
  return read.shape().rank() == 1 && read.type() < kernels::ElementType::f16;
}

struct Problem {
  Work<double> work;
  Targets targets, test_targets;
};

Targets first_of(const Targets& all, std::size_t n) {
  Targets out{all.values.rows(0, n), all.labels};
  if (!out.labels.empty()) out.labels.resize(n);
  return out;
}

std::size_t rows_in(const std::filesystem::path& file) {
  const nn::NpyFile read = nn::read_npy_file(file);
  const Shape& shape = read.shape();
  return shape.rank() == 0 ? 0 : shape[0];
}

Problem prepare_network(const SolveSettings& s) {
  Settings settings = s.work;
  if (!settings.files.given()) {
    const nn::TrainAndTest images = images_of(settings);
    Problem out{prepare<double>(settings, images), {}, {}};
    out.targets = of_labels(out.work.train_labels, images.train.classes);
    if (out.work.tests() > 0) out.test_targets = of_labels(out.work.test_labels, images.train.classes);
    return out;
  }
  const InputFiles files = settings.files;
  if (files.labels.empty()) throw option_error("[solve] what is to be fitted? Name it with --labels FILE.");
  if (!are_labels(files.labels)) settings.files.labels = settings.files.test_labels = "";
  Problem out{prepare_inputs<double>(settings), {}, {}};
  const std::size_t n = out.work.train.shape()[0];
  const Array<double> one = nn::predict(*out.work.net, out.work.params, out.work.train.rows(0, 1));
  out.targets = first_of(read_targets(files.labels, "--labels", rows_in(files.labels), one.size()), n);
  if (out.work.tests() > 0 && !files.test_labels.empty())
    out.test_targets = first_of(
        read_targets(files.test_labels, "--test-labels", rows_in(files.test_labels), one.size()), out.work.tests());
  require_columns(out.test_targets, out.targets, files.test_labels);
  return out;
}

// The mean of the diagonal of the eNTK, over up to 64 examples.
double mean_of_diagonal(const Work<double>& work, std::size_t memory) {
  const std::size_t n = work.train.shape()[0], sample = std::min<std::size_t>(64, n);
  double sum = 0;
  for (std::size_t i = 0; i < sample; ++i) {
    const std::size_t at = i * n / sample;
    sum += ntk::kernel(*work.net, work.params, work.train.rows(at, at + 1), ntk::readout::trace(),
                       ntk::Options{.memory = memory})
               .item();
  }
  return sum / static_cast<double>(sample);
}

struct Found {
  double ridge = 0, seconds = 0;
  ntk::Solution solution = {};
  Score score = {};  // of the test examples
};

class Solver {
 public:
  Solver(const SolveSettings& s, const std::shared_ptr<ntk::Communicator>& ranks)
      : s_(s), ranks_(ranks), problem_(prepare_network(s)), memory_(memory_of(s, *ranks)) {
    mean_ = mean_of_diagonal(problem_.work, memory_);
  }

  std::size_t examples() const { return problem_.work.train.shape()[0]; }
  std::size_t outputs() const { return problem_.targets.values.shape()[1]; }
  double mean() const { return mean_; }

  Found solve(double ridge, Progress& bar) const {
    const Stopwatch watch;
    const std::string name = ridge_name(ridge);
    const double digits = -std::log10(s_.tolerance);
    bar.step("ridge " + name, 1, digits, "digits");
    ntk::SolveOptions options{.ridge = ridge * mean_,
                              .tolerance = s_.tolerance,
                              .max_iterations = s_.iterations,
                              .memory = memory_,
                              .preconditioner = ntk::parse_preconditioner(s_.preconditioner),
                              .float_factor = s_.single,
                              .float_products = s_.single,
                              .partial = true};
    double most = 0;  // digits that the residual has fallen
    options.progress = [&](const ntk::ConjugateGradientProgress& p) {
      end_if_interrupted();
      most = std::max(most, std::min(digits, p.residual > 0 ? -std::log10(p.residual) : digits));
      bar.note("iteration " + std::to_string(p.iteration) + ", residual " + significant(p.residual, 2));
      bar.update(most);
      return true;
    };
    if (ranks_->size() > 1) options.ranks = ranks_;
    const Work<double>& work = problem_.work;
    Found out{.ridge = ridge};
    out.solution = solve_together(*work.net, work.params, work.train, problem_.targets.values, options);
    out.seconds = watch.seconds();
    if (!out.solution.converged) return out;
    Array<double> predicted;
    if (work.tests() > 0) {
      bar.note("predicting");
      predicted = predict_together(*work.net, work.params, work.test, work.train, out.solution.weights,
                                   {.memory = memory_, .ranks = options.ranks});
      out.score = score_of(predicted, problem_.test_targets);
    }
    if (ranks_->rank() == 0) {
      nn::write_npy(s_.out / ("weights-" + name + ".npy"), out.solution.weights);
      if (predicted.defined()) nn::write_npy(s_.out / ("predictions-" + name + ".npy"), predicted);
    }
    out.seconds = watch.seconds();
    return out;
  }

  bool predicts() const { return problem_.work.tests() > 0; }

 private:
  const SolveSettings& s_;
  const std::shared_ptr<ntk::Communicator>& ranks_;
  Problem problem_;
  std::size_t memory_;
  double mean_ = 0;
};

void print(const std::vector<Found>& all) {
  std::printf("\n%-10s %12s %10s %14s %10s %10s\n", "ridge", "iterations", "residual", "test accuracy", "test error",
              "time");
  for (const Found& f : all)
    std::printf("%-10s %12zu %10.1e %14s %10s %10s\n", ridge_name(f.ridge).c_str(), f.solution.iterations,
                f.solution.residual, f.score.accuracy ? percent(*f.score.accuracy).c_str() : "-",
                f.score.error ? significant(*f.score.error).c_str() : "-", seconds(f.seconds).c_str());
}

void require_convergence(const SolveSettings& s, const std::vector<Found>& all) {
  std::string ridges;
  for (const Found& f : all)
    if (!f.solution.converged) ridges += (ridges.empty() ? "" : ", ") + ridge_name(f.ridge);
  if (ridges.empty()) return;
  throw numerical_error("[solve] with ridge " + ridges + " the residual is still above " + significant(s.tolerance, 2) +
                        ", so it has no weights. Raise --iterations or --tolerance, choose another " +
                        "--preconditioner" + (s.single ? ", leave --float out" : "") + ", or use a larger --ridge.");
}

}  // namespace

std::size_t memory_of(const SolveSettings& s, const ntk::Communicator& ranks) {
  return ntk::memory_of_rank(s.memory.empty() ? 0 : parse_bytes("--memory", s.memory), ranks);
}

void solve_network(const SolveSettings& s, const std::shared_ptr<ntk::Communicator>& ranks) {
  ntk::parse_preconditioner(s.preconditioner);
  if (!s.outputs.empty() || !s.test_outputs.empty() || s.keep)
    throw option_error("[solve] --outputs, --test-outputs and --keep are for a stored kernel or features. A network " +
                       std::string("learns from its own outputs."));
  if (!s.work.files.given() && s.work.data.empty())
    throw option_error("[solve] which examples? Name images with --data, or files with --inputs and --labels.");
  const Solver solver(s, ranks);
  with_patience([&] {
    if (ranks->rank() == 0) nn::require_writable_folder(s.out);
  });
  std::printf("eNTK      %s x %s, never formed; its diagonal is %s on average\n",
              grouped(static_cast<double>(solver.examples() * solver.outputs())).c_str(),
              grouped(static_cast<double>(solver.examples() * solver.outputs())).c_str(),
              significant(solver.mean()).c_str());
  std::fflush(stdout);
  const Patience patience;
  Progress bar(static_cast<double>(s.ridges.size()));
  std::vector<Found> found;
  for (const double ridge : s.ridges) found.push_back(solver.solve(ridge, bar));
  bar.finish();
  print(found);
  if (std::any_of(found.begin(), found.end(), [](const Found& f) { return f.solution.converged; }))
    std::printf("%s: weights%s\n", s.out.c_str(), solver.predicts() ? ", predictions" : "");
  std::fflush(stdout);
  require_convergence(s, found);
}

}  // namespace xtangent::examples
