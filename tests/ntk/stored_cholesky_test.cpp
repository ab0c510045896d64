// Factors of stored kernels in folders: compared with factors in memory, interrupted, damaged and refused.
#include "ntk/stored_cholesky.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "nn/data/npy.hpp"
#include "ntk/kernel.hpp"
#include "ntk/regression.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/ntk/networks.hpp"
#include "tests/ntk/running.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace fs = std::filesystem;

namespace {

// Stored kernels of a small network, whose tiles have 7 examples.
struct Case {
  nn::Sequential net = nn::sequential(nn::Linear(6, 40), nn::Tanh(), nn::Linear(40, 3));
  nn::Parameters<double> params = net.init<double>(2);
  Random random{"stored cholesky"};
  Array<double> x = random_array(random, {41, 6});
  TemporaryFolder folder;

  fs::path kernel() const { return folder.path() / "kernel"; }
  fs::path factor() const { return folder.path() / "factor"; }
  ntk::StoredKernel store(const ntk::Readout& readout) const {
    return ntk::stored_kernel(net, params, x, readout, {.tile = 7, .store = kernel()});
  }
};

// The names of all files, which hold the checksums of the tiles.
std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> out;
  for (const auto& entry : fs::directory_iterator(folder)) out.insert(entry.path().filename().string());
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(stored_cholesky)

BOOST_AUTO_TEST_CASE(is_the_factor_in_memory) {
  for (const ntk::Readout& readout : {ntk::readout::full(), ntk::readout::pseudo()}) {
    const Case c;
    const ntk::StoredKernel stored = c.store(readout);
    const Array<double> k = stored.matrix();
    const std::size_t n = k.shape()[0];
    const ntk::Cholesky<double> expected(k, {.ridge = 1e-3});
    Random random("right-hand sides");
    const Array<double> y = random_array(random, {n, 3}), other = random_array(random, {n, 3});
    // Tiles that do not divide the order, those of the kernel, a single one, and those that the memory allows.
    for (const std::size_t tile : {n / 8, std::size_t{21}, n, std::size_t{0}}) {
      const fs::path folder = c.folder.path() / ("factor" + std::to_string(tile));
      const ntk::StoredCholesky factor(stored, folder, {.ridge = 1e-3, .tile = tile});
      BOOST_TEST(factor.size() == n);
      BOOST_TEST(std::abs(factor.ridge() / expected.ridge() - 1) < 1e-14);
      BOOST_TEST((tile == 0 || factor.tile() == tile));
      BOOST_TEST(relative_error(factor.solve(y), expected.solve(y)) < 1e-11);
      BOOST_TEST(relative_error(factor.solve_unrefined(y), expected.solve_unrefined(y)) < 1e-9);
      const Array<double> one = y.flat_slice(0, {n});
      BOOST_TEST(relative_error(factor.solve(one), expected.solve(one)) < 1e-11);
      BOOST_TEST(relative_error(factor.residual(other, y), expected.residual(other, y)) < 1e-12);
      BOOST_TEST(relative_error(factor.log_determinants(), expected.log_determinants()) < 1e-11);
      BOOST_TEST(factor.log_determinant() == factor.log_determinants()[n - 1]);
      BOOST_TEST(relative_error(factor.log_evidence(y), expected.log_evidence(y)) < 1e-10);
    }
  }
}

BOOST_AUTO_TEST_CASE(determinants_and_evidence_by_elimination) {
  const Array<double> k = positive_matrix(30);
  const ntk::Cholesky<double> factor(k, {.ridge = 0.5, .relative = false});
  const Array<double> minors = factor.log_determinants();
  Array<double> left = plus(k, identity(30, 0.5));  // Schur complements, whose corners are the ratios of the minors
  double sum = 0;
  for (std::size_t i = 0; i < 30; ++i) {
    const std::size_t n = 30 - i;
    sum += std::log(left[0]);
    BOOST_TEST(std::abs(minors[i] - sum) < 1e-10 * std::abs(sum) + 1e-10);
    Array<double> next({n - 1, n - 1});
    for (std::size_t r = 1; r < n; ++r)
      for (std::size_t s = 1; s < n; ++s)
        next.mutable_data()[(r - 1) * (n - 1) + s - 1] = left[r * n + s] - left[r * n] * left[s] / left[0];
    left = next;
  }
  Random random("evidence");
  const Array<double> y = random_array(random, {30, 2}), x = eliminated(plus(k, identity(30, 0.5)), y);
  const Array<double> evidence = factor.log_evidence(y);
  for (std::size_t column : {0, 1}) {
    double dot = 0;
    for (std::size_t i = 0; i < 30; ++i) dot += y[2 * i + column] * x[2 * i + column];
    BOOST_TEST(std::abs(evidence[column] + 0.5 * (dot + sum + 30 * std::log(2 * std::acos(-1.0)))) < 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(refinement_makes_float_tiles_as_good_as_double) {
  const Case c;
  const ntk::StoredKernel stored = c.store(ntk::readout::full());
  const ntk::StoredCholesky factor(stored, c.factor(), {.ridge = 1e-3, .single = true, .tile = 30});
  const ntk::Cholesky<double> expected(stored.matrix(), {.ridge = 1e-3});
  Random random("refined");
  Array<double> y = random_array(random, {factor.size(), 2});
  for (std::size_t i = 0; i < factor.size(); ++i) y.mutable_data()[2 * i] *= 1e-160;  // columns of any size
  const Array<double> exact = expected.solve(y), plain = factor.solve_unrefined(y), refined = factor.solve(y);
  for (std::size_t column : {0, 1}) {
    const auto of = [&](const Array<double>& a) { return picked(a, range(0, factor.size()), {column}); };
    BOOST_TEST(relative_error(of(plain), of(exact)) > 1e-8);
    BOOST_TEST(relative_error(of(refined), of(exact)) < 1e-11);
  }
  BOOST_TEST(relative_error(factor.log_determinants(), expected.log_determinants()) < 1e-5);
  for (const auto& entry : fs::directory_iterator(c.factor()))
    if (entry.path().extension() == ".npy") nn::read_npy<float>(entry.path());  // throws for another type
}

// Rows that have most in common: what float loses in that direction is more than the least eigenvalue.
BOOST_AUTO_TEST_CASE(conjugate_gradients_refine_what_float_can_hardly_factor) {
  const nn::Sequential net = nn::sequential(nn::Linear(450, 1));  // the kernel is x x^T + 1
  const auto params = net.init<double>(1);
  Random random("common");
  Array<double> x = random_array(random, {400, 450});
  for (std::size_t i = 0; i < x.size(); ++i) x.mutable_data()[i] += 30;
  const TemporaryFolder folder;
  const ntk::StoredKernel stored =
      ntk::stored_kernel(net, params, x, ntk::readout::full(), {.tile = 100, .store = folder.path() / "kernel"});
  const ntk::StoredCholesky factor(stored, folder.path() / "factor", {.single = true});
  const Array<double> y = random_array(random, {factor.size(), 2}), solved = factor.solve(y);
  const auto left = [&](const Array<double>& a) { return relative_error(plus(y, factor.residual(a, y)), y); };
  Array<double> plain = factor.solve_unrefined(y);
  for (std::size_t step = 0; step < 10; ++step) plain = plus(plain, factor.solve_unrefined(factor.residual(plain, y)));
  BOOST_TEST(left(solved) < 1e-8);
  BOOST_TEST(left(solved) < 1e-2 * left(plain));
  const Array<double> k = stored.matrix(), expected = ntk::Cholesky(k).solve(y);
  BOOST_TEST(relative_error(solved, expected) < 1e-6);
  const Array<float> single = cast<float>(k);  // another system, since the kernel is rounded
  BOOST_TEST(relative_error(ntk::Cholesky(single).solve(y), ntk::Cholesky(to_double(single)).solve(y)) < 1e-6);
}

BOOST_AUTO_TEST_CASE(goes_on_to_the_same_bits) {
  const Case c;
  const ntk::StoredKernel stored = c.store(ntk::readout::full());
  const ntk::StoredCholesky whole(stored, c.factor(), {.ridge = 1e-3, .tile = 25});
  const std::set<std::string> expected = names_in(c.factor());
  std::size_t stopped = 0;
  for (std::size_t calls = 0;; calls += 6, ++stopped) {
    const fs::path folder = c.folder.path() / ("stopped" + std::to_string(calls));
    try {
      const ntk::StoredCholesky factor(stored, folder, {.ridge = 1e-3, .tile = 25, .progress = stop_after(calls)});
      break;
    } catch (const Stop&) {
    }
    if (calls > 0) BOOST_TEST(names_in(folder).size() < expected.size());
    double first = -1, last = 0;
    ntk::StoredCholeskyOptions options{.ridge = 1e-3, .memory = 0};  // the tiles are those of the folder
    options.progress = [&](const ntk::Progress& p) {
      if (first < 0) first = p.fraction;
      BOOST_TEST(p.fraction >= last);
      last = p.fraction;
    };
    const ntk::StoredCholesky factor(stored, folder, options);
    BOOST_TEST(std::abs(last - 1) < 1e-9);
    BOOST_TEST(names_in(folder) == expected, boost::test_tools::per_element());
    BOOST_TEST(same_bits(factor.log_determinants(), whole.log_determinants()));
  }
  BOOST_TEST(stopped > 5u);
}

BOOST_AUTO_TEST_CASE(damaged_tiles_are_computed_again) {
  const Case c;
  const ntk::StoredKernel stored = c.store(ntk::readout::full());
  const ntk::StoredCholesky whole(stored, c.factor(), {.ridge = 1e-3, .tile = 25});
  const std::set<std::string> expected = names_in(c.factor());
  for (const std::string& name : expected) {
    if (!name.starts_with("factor-")) continue;
    fs::resize_file(c.factor() / name, fs::file_size(c.factor() / name) - 1);
    std::ofstream(c.factor() / "factor-00000-00000-.npy.part") << "left";
    Random random("damaged");
    const Array<double> y = random_array(random, {whole.size(), 1});
    const std::string message = message_of([&] { whole.solve(y); });
    BOOST_TEST(message.find(name) != std::string::npos, message);
    const ntk::StoredCholesky again(stored, c.factor(), {.ridge = 1e-3});
    BOOST_TEST(names_in(c.factor()) == expected, boost::test_tools::per_element());
    BOOST_TEST(same_bits(again.solve(y), whole.solve(y)));
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_factored_is_refused) {
  const Case c;
  const ntk::StoredKernel stored = c.store(ntk::readout::full());
  const ntk::StoredCholesky whole(stored, c.factor(), {.ridge = 1e-3, .tile = 25});
  const auto refused = [&](const ntk::StoredKernel& kernel, const fs::path& folder,
                           const ntk::StoredCholeskyOptions& options, const std::string& words) {
    const std::string message = message_of([&] { ntk::StoredCholesky(kernel, folder, options); });
    BOOST_TEST(message.find(words) != std::string::npos, message);
  };
  const fs::path other = c.folder.path() / "other";
  refused(stored, c.factor(), {.ridge = 1e-2}, "was begun with other settings: ridge");
  refused(stored, c.factor(), {.ridge = 1e-3, .tile = 24}, "was begun with tiles of 25 rows of double");
  refused(stored, c.factor(), {.ridge = 1e-3, .single = true}, "tiles of 25 rows of float");
  refused(stored, c.kernel(), {}, "is not of a Cholesky factor");
  refused(stored, other, {.ridge = -1e-9}, "ridge -1e-09 must be finite and not negative");
  refused(stored, other, {.memory = 5000}, "Tiles of the kernel have 21 rows");
  refused(stored, other, {.memory = 20000, .tile = 60}, "and those of the factor 60");
  BOOST_TEST(!fs::exists(other));

  const Case d;
  const auto kernel_of = [&](const Array<double>& x, const fs::path& folder) {
    return ntk::stored_kernel(d.net, d.params, x, ntk::readout::pseudo(), {.tile = 7, .store = folder});
  };
  Random random("twice");
  Array<double> twice = random_array(random, {20, 6});
  std::copy_n(twice.data(), 6, twice.mutable_data() + 6 * 13);
  const ntk::StoredKernel singular = kernel_of(twice, d.folder.path() / "singular");
  refused(singular, d.folder.path() / "a", {.tile = 5}, "is not positive definite: row 13");
  refused(singular, d.folder.path() / "b", {.single = true}, "is not positive definite: row 13");
  const ntk::StoredKernel rows = ntk::stored_kernel(d.net, d.params, d.x, twice, ntk::readout::pseudo(),
                                                    {.tile = 7, .store = d.folder.path() / "rows"});
  refused(rows, d.folder.path() / "c", {}, "between two sets");
  const ntk::StoredKernel planes = ntk::stored_kernel(d.net, d.params, d.x, ntk::readout::diagonal(),
                                                      {.tile = 7, .store = d.folder.path() / "planes"});
  refused(planes, d.folder.path() / "c", {}, "of several planes");
  const ntk::StoredKernel another = kernel_of(d.x.rows(0, 20), d.folder.path() / "another");
  refused(another, c.factor(), {.ridge = 1e-3}, "was begun with other settings: kernel");
  fs::remove(fs::directory_iterator(d.folder.path() / "another")->path());
  refused(ntk::StoredKernel(kernel_of(d.x.rows(0, 20), d.folder.path() / "another")), c.factor(), {.ridge = 1e-3},
          "other settings");

  // While one process factors, no other does.
  ntk::StoredCholeskyOptions options{.ridge = 1e-3, .tile = 25};
  std::string message;
  options.progress = [&](const ntk::Progress&) {
    if (message.empty()) message = message_of([&] { ntk::StoredCholesky(stored, other, {.ridge = 1e-3}); });
  };
  ntk::StoredCholesky(stored, other, options);
  BOOST_TEST(message.find("another process") != std::string::npos, message);
}

BOOST_AUTO_TEST_CASE(memory_is_kept_to) {
  const Case c;
  Random random("many");
  const Array<double> x = random_array(random, {700, 6});
  const ntk::StoredKernel stored =
      ntk::stored_kernel(c.net, c.params, x, ntk::readout::pseudo(), {.tile = 64, .store = c.kernel()});
  for (const bool single : {false, true})
    for (const std::size_t kibibytes : {300, 600, 1200, 6000}) {
      const fs::path folder = c.folder.path() / (std::to_string(kibibytes) + (single ? "float" : "double"));
      const std::size_t before = memory_statistics().live;
      reset_peak_memory();
      const ntk::StoredCholesky factor(stored, folder, {.ridge = 1e-2, .memory = kibibytes << 10, .single = single});
      BOOST_TEST(memory_statistics().peak - before <= kibibytes << 10);
      const Array<double> y = random_array(random, {700});
      BOOST_TEST(relative_error(factor.solve(y), ntk::Cholesky(stored.matrix(), {.ridge = 1e-2}).solve(y)) < 1e-10);
    }
}

BOOST_AUTO_TEST_SUITE_END()
