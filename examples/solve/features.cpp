#include "examples/solve/features.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "autodiff/error.hpp"
#include "examples/common/format.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/progress.hpp"
#include "examples/common/sizes.hpp"
#include "examples/common/stopwatch.hpp"
#include "examples/kernel/sharing.hpp"
#include "examples/solve/computation.hpp"
#include "examples/solve/fitted.hpp"
#include "nn/data/file.hpp"
#include "nn/data/npy.hpp"
#include "ntk/computation/feature_products.hpp"
#include "ntk/feature_kernel.hpp"
#include "ntk/feature_regression.hpp"
#include "ntk/planning/budget.hpp"

namespace xtangent::examples {
namespace {

namespace fs = std::filesystem;

struct Problem {
  ntk::FeatureMatrix train;
  std::optional<ntk::FeatureMatrix> test;

  std::size_t tests() const { return test ? test->rows() : 0; }
};

Problem read_problem(const SolveSettings& s) {
  const fs::path train = fs::exists(s.features / "train") ? s.features / "train" : s.features,
                 test = s.features / "test";
  if (!fs::exists(train))
    throw data_error("[solve] no features are in " + s.features.string() + ". Compute them: ./run features --out " +
                     s.features.string());
  const ntk::StoredFeatures stored(train);
  for (const auto& [name, value] : stored.settings())
    if (name == "rows of an example")
      throw option_error("[solve] the features in " + train.string() + " have " + value +
                         " rows for each example, and are fitted with one: compute them with --readout pseudo. In C++, "
                         "ntk::FeatureRegression takes all rows, with a target for each.");
  Problem out{stored, std::nullopt};
  if (s.work.n.value_or(0) > out.train.rows())
    throw option_error("[solve] --n " + std::to_string(*s.work.n) + ": there are features of " +
                       plural(out.train.rows(), "example") + " in " + train.string() + ".");
  if (s.work.n.value_or(0) > 0) out.train = out.train.first(*s.work.n);
  if (fs::exists(test)) {
    out.test.emplace(ntk::StoredFeatures(test));
    ntk::check_same_basis(*out.test, out.train);
  }
  return out;
}

std::size_t budget(const SolveSettings& s) { return s.memory.empty() ? 0 : parse_bytes("--memory", s.memory); }

// Whether Phi^T Phi is smaller than the kernel and fits in memory, with two blocks of rows.
bool primal(const SolveSettings& s, const ntk::FeatureMatrix& phi) {
  const double k = static_cast<double>(phi.columns()), rows = static_cast<double>(phi.block_rows());
  return phi.columns() < phi.rows() && 8 * (k * k + 4 * k * rows) < ntk::memory_budget(budget(s));
}

void print_sizes(const SolveSettings& s, const Problem& p, const std::string& way) {
  std::printf("features  %s x %s in %s%s%s\n", grouped(static_cast<double>(p.train.rows())).c_str(),
              grouped(static_cast<double>(p.train.columns())).c_str(), s.features.c_str(), p.test ? ", and for " : "",
              p.test ? plural(p.tests(), "test example").c_str() : "");
  std::printf("%s\n", way.c_str());
  std::fflush(stdout);
}

// The residual r = y - Phi w is ridge (Phi Phi^T + ridge I)^-1 y if w is exact. So r + Phi Phi^T r / ridge is compared
// with y, and Phi Phi^T r with 0 where there is no ridge.
double residual_of(const ntk::FeatureMatrix& phi, const Array<double>& y, const Array<double>& w, double ridge) {
  Array<double> rest = ntk::feature_product(phi, w);
  for (std::size_t i = 0; i < rest.size(); ++i) rest.mutable_data()[i] = y[i] - rest[i];
  const ntk::LinearMap map = ntk::feature_map(phi);
  Array<double> missed = map(rest);
  if (ridge == 0) return relative_norm(missed, map(y));
  for (std::size_t i = 0; i < rest.size(); ++i) missed.mutable_data()[i] = y[i] - rest[i] - missed[i] / ridge;
  return relative_norm(missed, y);
}

Found solve_normal(const SolveSettings& s, const Problem& p, const Fitted& fitted, double ridge, Progress& bar) {
  const Stopwatch watch;
  const std::string name = ridge_name(ridge);
  bar.step("ridge " + name, 1, 3, "steps");
  const ntk::FeatureSystem system(p.train, {.ridge = ridge});
  end_if_interrupted();
  bar.update(1);
  const Array<double> wanted = fitted.wanted(), w = system.weights(wanted);
  bar.update(2);
  Found out{.ridge = ridge};
  out.residual = residual_of(p.train, wanted, w, system.ridge());
  if (system.ridge() > 0) {
    out.evidence = sum_of(system.log_evidence(wanted, w));
  }
  nn::write_npy(s.out / ("weights-" + name + ".npy"), w);
  if (p.test) {
    Array<double> predicted = ntk::feature_product(*p.test, w);
    for (std::size_t i = 0; i < predicted.size(); ++i) predicted.mutable_data()[i] += fitted.test_outputs[i];
    nn::write_npy(s.out / ("predictions-" + name + ".npy"), predicted);
    out.score = score_of(predicted, fitted.test_targets);
  }
  out.seconds = watch.seconds();
  return out;
}

void by_normal_equations(const SolveSettings& s, const Problem& p) {
  const Fitted fitted = read_fitted(s, {.name = s.features.string(), .examples = p.train.rows(), .tests = p.tests()});
  with_patience([&] { nn::require_writable_folder(s.out); });
  print_sizes(s, p,
              "by the normal equations of the features, in double and of order " +
                  grouped(static_cast<double>(p.train.columns())));
  const Patience patience;
  Progress bar(static_cast<double>(s.ridges.size()));
  print(found_for(s.ridges, bar, true, [&](double ridge) { return solve_normal(s, p, fitted, ridge, bar); }));
  std::printf("%s: weights of the features%s\n", s.out.c_str(), p.test ? ", predictions" : "");
}

// What processes that share the kernel have made of it, and what comes next.
void print_shared(const SolveSettings& s, const Problem& p, const fs::path& folder) {
  const ntk::Shard shard = sharing_of(s.work.sharing, s.work.program).shard;
  for (const char* what : {"train", "test"}) {
    if (!p.test && std::string(what) == "test") continue;
    const std::string missing =
        missing_parts(ntk::StoredKernel(folder / what), shard, "the command without --share or --shard solves");
    std::printf("%s: %s\n", (folder / what).c_str(),
                missing.empty() ? "the kernel is there. The command without --share or --shard solves with it."
                                : missing.c_str());
  }
}

void by_kernel(const SolveSettings& s, const Problem& p, ntk::Precision precision,
               const std::shared_ptr<ntk::Communicator>& ranks) {
  const fs::path folder = s.out / "kernel";
  with_patience([&] { nn::require_writable_folder(s.out); });
  print_sizes(s, p, "their kernel goes to " + folder.string());
  {
    const double n = static_cast<double>(p.train.rows()), m = static_cast<double>(p.tests()),
                 gflop = static_cast<double>(p.train.columns()) / 1e9;
    const Patience patience;
    Progress bar(n * n + 2 * n * m);
    ntk::FeatureKernelOptions options{.memory = budget(s),
                                      .single = s.single || precision == ntk::Precision::bfloat16,
                                      .precision = precision,
                                      .sharing = sharing_of(s.work.sharing, s.work.program)};
    const auto compute = [&](const char* what, double entries, const auto& f) {
      bar.resume(what, entries, entries * gflop, "GFLOP");
      options.store = folder / what;
      options.progress = [&bar, entries, gflop](const ntk::Progress& done) {
        bar.update(entries * gflop * done.fraction);
        end_if_interrupted();
      };
      const bool computes = !ntk::is_store(options.store) || !ntk::StoredKernel(options.store).complete();
      f();
      if (computes) options.sharing.take_over = false;  // what is claimed from now on, living processes claim
    };
    compute("train", n * n, [&] { ntk::stored_feature_kernel(p.train, options); });
    if (p.test) compute("test", 2 * n * m, [&] { ntk::stored_feature_kernel(*p.test, p.train, options); });
    bar.finish();
  }
  if (s.shares()) return print_shared(s, p, folder);
  solve_stored(s, folder, ranks, [&] {
    if (s.keep) return;
    for (const char* what : {"train", "test"}) fs::remove_all(folder / what);
    std::error_code others;  // files of somebody else, with which the folder stays
    fs::remove(folder, others);
  });
}

}  // namespace

void solve_features(const SolveSettings& s, const std::shared_ptr<ntk::Communicator>& ranks) {
  if (s.work.test || s.work.width || !s.work.weights.empty() || !s.work.files.inputs.empty())
    throw option_error(
        "[solve] --test, --width, --weights and --inputs are for a network. Name it with --network or --model.");
  if (ranks->size() > 1)
    throw option_error(
        "[solve] features are read by one process. Let it leave their kernel with --keep, and solve "
        "with mpirun -n R ./run solve --store " +
        (s.out / "kernel").string());
  const ntk::Precision precision = ntk::parse_precision(s.work.precision);
  const Problem p = read_problem(s);
  // A kernel that several processes form, or have formed, is what is solved with.
  if (s.shares() || ntk::is_store(s.out / "kernel" / "train") || !primal(s, p.train))
    by_kernel(s, p, precision, ranks);
  else
    by_normal_equations(s, p);
}

}  // namespace xtangent::examples
