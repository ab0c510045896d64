// Stored kernels of features: compared with kernels in memory, cut by other budgets, interrupted, and refused.
#include "ntk/feature_kernel.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <set>
#include <string>

#include "nn/layers/activation.hpp"
#include "nn/layers/linear.hpp"
#include "nn/sequential.hpp"
#include "ntk/algebra/cholesky.hpp"
#include "ntk/stored_cholesky.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/kernels.hpp"
#include "tests/ntk/running.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace fs = std::filesystem;

namespace {

struct Case {
  TemporaryFolder folder;
  Random random{"feature kernel"};
  Array<float> phi = cast<float>(random_array(random, {50, 9000})),
               other = cast<float>(random_array(random, {21, 9000}));

  fs::path kernel() const { return folder.path() / "kernel"; }
  ntk::FeatureKernelOptions options(bool single = true) const {
    return {.store = kernel(), .single = single, .tile = 8};
  }
};

// The names of all files, which hold the checksums of the tiles.
std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> out;
  for (const auto& entry : fs::directory_iterator(folder)) out.insert(entry.path().filename().string());
  return out;
}

template <class E, class F>
void refused(const F& f, const std::string& why) {
  const std::string message = message_of<E>(f);
  BOOST_TEST(message.find(why) != std::string::npos, message);
}

// Errors of sums of 8,192 products in float, in units of the norms' product. Products in bfloat16 add one pair after
// the other to a sum, 128 times before it is stored: squares, all positive, are off by 6e-7 by AVX512-BF16.
constexpr double in_float = 3e-7, in_pairs = 1e-6;

// What f makes of the first so many numbers of each row.
template <class F>
Array<double> first_numbers(const Array<float>& phi, std::size_t columns, const F& f) {
  Array<double> out({phi.shape()[0], columns});
  for (std::size_t i = 0; i < out.size(); ++i)
    out.mutable_data()[i] = f(phi[i / columns * phi.shape()[1] + i % columns]);
  return out;
}

// To eight binary digits, ties to even.
float to_bfloat16(float x) {
  const float unit = std::ldexp(1.0F, std::ilogb(x) - 7);
  return std::nearbyint(x / unit) * unit;
}

// The largest error of an entry of phi1 phi2^T, in units of the product of its rows' lengths.
double error_in_norms(const Array<double>& found, const ntk::FeatureMatrix& phi1, const ntk::FeatureMatrix& phi2) {
  const Array<double> expected = ntk::feature_kernel(phi1, phi2), of_rows = ntk::feature_kernel(phi1),
                      of_columns = ntk::feature_kernel(phi2);
  const std::size_t n = expected.shape()[0], m = expected.shape()[1];
  double worst = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j)
      worst = std::max(worst, std::abs(found[i * m + j] - expected[i * m + j]) /
                                  std::sqrt(of_rows[i * (n + 1)] * of_columns[j * (m + 1)]));
  return worst;
}

// Bytes for so many tiles of rows of Case::phi, which is an array and so counts as one file. Rows are held in `held`
// bytes a number, and reading takes `read`.
std::size_t memory_for(std::size_t tiles, std::size_t held = 4, std::size_t read = 12) {
  return 9000 * (read * 50 + (tiles + 1) * 8 * held) + 3 * 8 * 64;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(feature_kernel)

BOOST_AUTO_TEST_CASE(is_the_kernel_in_memory) {
  for (const bool single : {true, false}) {
    const Case c;
    const double limit = single ? in_float : 1e-14;
    const ntk::StoredKernel stored = ntk::stored_feature_kernel(c.phi, c.options(single));
    BOOST_TEST(stored.shape().grid.symmetric);
    BOOST_TEST(stored.tiles() == 28u);
    const Array<double> k = stored.matrix();
    BOOST_TEST(error_in_norms(k, c.phi, c.phi) < limit);
    BOOST_TEST(symmetric_to_the_bit(k));
    ntk::FeatureKernelOptions between = c.options(single);
    between.store = c.folder.path() / "between";
    const ntk::StoredKernel crossed = ntk::stored_feature_kernel(c.other, c.phi, between);
    BOOST_TEST(crossed.shape().shape() == (Shape{21, 50}));
    BOOST_TEST(error_in_norms(crossed.matrix(), c.other, c.phi) < limit);
  }
}

// The reference rounds each number by itself and multiplies in double. An odd number of columns leaves a place empty,
// and 8,197 of them are two runs of products.
BOOST_AUTO_TEST_CASE(rounded_to_bfloat16) {
  const Case c;
  for (const std::size_t columns : {9000, 8197}) {
    const auto as_it_is = [](float x) { return x; };
    const Array<double> phi = first_numbers(c.phi, columns, as_it_is),
                        other = first_numbers(c.other, columns, as_it_is),
                        rounded = first_numbers(c.phi, columns, to_bfloat16),
                        other_rounded = first_numbers(c.other, columns, to_bfloat16);
    const std::string name = std::to_string(columns);
    ntk::FeatureKernelOptions options{
        .store = c.folder.path() / name, .precision = ntk::Precision::bfloat16, .tile = 8};
    const Array<double> k = ntk::stored_feature_kernel(phi, options).matrix();
    BOOST_TEST(error_in_norms(k, rounded, rounded) < in_pairs);
    BOOST_TEST(symmetric_to_the_bit(k));
    // Entries of the kernel of independent rows change by 2.3e-3 / sqrt(columns) of the norms' product, and their
    // Frobenius norm is about that of its 50 diagonal elements.
    const double change = kernel_difference(k, ntk::feature_kernel(phi));
    BOOST_TEST(std::abs(change / std::sqrt(50.0 / static_cast<double>(columns)) - 2.3e-3) < 3e-4);
    options.store = c.folder.path() / (name + " between");
    const Array<double> between = ntk::stored_feature_kernel(other, phi, options).matrix();
    BOOST_TEST(error_in_norms(between, other_rounded, rounded) < in_float);
  }
}

BOOST_AUTO_TEST_CASE(has_the_same_bits_with_any_budget) {
  for (const ntk::Precision precision : {ntk::Precision::exact, ntk::Precision::bfloat16}) {
    std::set<std::string> expected;
    for (const std::size_t tiles : {1, 2, 3, 20}) {
      const Case c;
      ntk::FeatureKernelOptions options = c.options();
      options.precision = precision;
      options.memory = precision == ntk::Precision::exact ? memory_for(tiles) : memory_for(tiles, 2, 16);
      ntk::stored_feature_kernel(c.phi, options);
      if (expected.empty()) expected = names_in(c.kernel());
      BOOST_TEST(names_in(c.kernel()) == expected);
    }
  }
  // Where no tile is given, it follows from the memory, and a folder that is there decides.
  const Case c;
  ntk::FeatureKernelOptions options = c.options();
  options.tile = 0;
  options.memory = memory_for(6);
  BOOST_TEST(ntk::stored_feature_kernel(c.phi, options).shape().grid.edge == 25u);
  options.memory = 0;
  BOOST_TEST(ntk::stored_feature_kernel(c.phi, options).shape().grid.edge == 25u);
}

BOOST_AUTO_TEST_CASE(goes_on_to_the_same_bits) {
  const Case whole, c;
  ntk::stored_feature_kernel(whole.phi, whole.options());
  struct Stop {};
  for (const double share : {0.2, 0.5, 0.7, 0.99}) {
    ntk::FeatureKernelOptions options = c.options();
    options.progress = [&](const ntk::Progress& p) {
      BOOST_TEST(p.fraction <= 1 + 1e-12);
      if (p.fraction > share) throw Stop();
    };
    BOOST_CHECK_THROW(ntk::stored_feature_kernel(c.phi, options), Stop);
    BOOST_TEST(!ntk::StoredKernel(c.kernel()).complete());
  }
  ntk::stored_feature_kernel(c.phi, c.options());
  BOOST_TEST(names_in(c.kernel()) == names_in(whole.kernel()));
}

BOOST_AUTO_TEST_CASE(of_features_in_a_folder_for_a_factor_in_a_folder) {
  const nn::Sequential net = nn::sequential(nn::Linear(6, 40), nn::Tanh(), nn::Linear(40, 3));
  const nn::Parameters<double> params = net.init<double>(2);
  const TemporaryFolder folder;
  Random random("stored features");
  const Array<double> x = random_array(random, {41, 6}), y = random_array(random, {41, 2});
  const ntk::StoredFeatures phi = ntk::stored_features(net, params, x, ntk::readout::pseudo(),
                                                       {.k = 200, .store = folder.path() / "phi", .part = 6});
  const ntk::StoredKernel kernel = ntk::stored_feature_kernel(
      ntk::FeatureMatrix(phi).first(30), {.store = folder.path() / "kernel", .single = false, .tile = 7});
  const ntk::StoredCholesky factor(kernel, folder.path() / "factor", {.ridge = 1e-2});
  const Array<double> rows = phi.block(0, 30), few = y.rows(0, 30);
  const ntk::Cholesky<double> expected(ntk::feature_kernel(rows), {.ridge = 1e-2});
  BOOST_TEST(kernel_difference(factor.solve(few), expected.solve(few)) < 1e-10);
  BOOST_TEST(same_bits(cast<float>(rows), phi.block<float>(0, 30)));
}

BOOST_AUTO_TEST_CASE(folders_of_other_bases_are_refused) {
  const nn::Sequential net = nn::sequential(nn::Linear(6, 40), nn::Tanh(), nn::Linear(40, 3));
  const nn::Parameters<double> params = net.init<double>(2), others = net.init<double>(3);
  const TemporaryFolder folder;
  Random random("bases");
  const Array<double> x = random_array(random, {9, 6}), x_new = random_array(random, {4, 6});
  const auto features = [&](const char* name, const nn::Parameters<double>& p, const Array<double>& of,
                            std::uint64_t seed) {
    return ntk::FeatureMatrix(ntk::stored_features(net, p, of, ntk::readout::pseudo(),
                                                   {.k = 50, .seed = seed, .store = folder.path() / name}));
  };
  const ntk::FeatureMatrix phi = features("train", params, x, 1);
  const Array<double> kernel = ntk::feature_kernel(features("test", params, x_new, 1), phi);
  BOOST_TEST(kernel_difference(kernel, ntk::feature_kernel(phi).rows(0, 4)) > 0.01);
  refused<option_error>([&] { ntk::feature_kernel(features("seed", params, x_new, 2), phi); }, "differ in seed,");
  refused<option_error>([&] { ntk::feature_kernel(features("net", others, x_new, 1), phi); }, "differ in parameters,");
}

BOOST_AUTO_TEST_CASE(refusals) {
  const Case c;
  ntk::stored_feature_kernel(c.phi, c.options());
  refused<option_error>([&] { ntk::stored_feature_kernel(c.phi, {}); }, "options.store is empty");
  refused<option_error>([&] { ntk::stored_feature_kernel(c.phi, c.options(false)); }, "products");
  ntk::FeatureKernelOptions rounded = c.options();
  rounded.precision = ntk::Precision::bfloat16;
  refused<option_error>([&] { ntk::stored_feature_kernel(c.phi, rounded); }, "products");
  rounded.single = false;
  refused<option_error>([&] { ntk::stored_feature_kernel(c.phi, rounded); }, "choose one of them");
  Array<float> changed = c.phi;
  changed.mutable_data()[7] += 1;
  refused<option_error>([&] { ntk::stored_feature_kernel(changed, c.options()); }, "features of the rows");
  refused<option_error>([&] { ntk::stored_feature_kernel(ntk::FeatureMatrix(c.phi).first(48), c.options()); },
                        "features of the rows");
  const Array<float> narrow = cast<float>(Array<double>::zeros({2, 8}));
  refused<shape_error>([&] { ntk::stored_feature_kernel(c.phi, narrow, c.options()); }, "the same basis");
  ntk::FeatureKernelOptions options = c.options();
  options.memory = memory_for(1) - 1;
  refused<memory_error>([&] { ntk::stored_feature_kernel(c.phi, options); }, "Files of the features");
  options.precision = ntk::Precision::bfloat16;
  options.memory = memory_for(1, 2, 16) - 1;
  refused<memory_error>([&] { ntk::stored_feature_kernel(c.phi, options); }, "Files of the features");
  BOOST_CHECK_THROW(ntk::FeatureMatrix(c.phi).first(0), shape_error);
  BOOST_CHECK_THROW(ntk::FeatureMatrix(c.phi).first(51), shape_error);
  BOOST_TEST(ntk::FeatureMatrix(c.phi).identity() != ntk::FeatureMatrix(changed).identity());
}

BOOST_AUTO_TEST_CASE(tiles_have_at_most_all_rows) {
  const Case c;
  ntk::FeatureKernelOptions options = c.options();
  options.tile = 1000;
  const Array<double> kernel = ntk::stored_feature_kernel(c.phi, options).matrix();
  BOOST_TEST(error_in_norms(kernel, c.phi, c.phi) < in_float);
  BOOST_TEST(same_bits(ntk::stored_feature_kernel(c.phi, options).matrix(), kernel));  // from the folder
}

BOOST_AUTO_TEST_CASE(products_that_overflow_are_refused) {
  const Case c;
  Array<float> large = c.phi.clone();
  for (std::size_t i = 0; i < 9000; ++i) large.mutable_data()[30 * 9000 + i] *= 1e19F;
  ntk::FeatureKernelOptions options = c.options();
  refused<numerical_error>([&] { ntk::stored_feature_kernel(large, options); },
                           "of examples 24 to 31 and 24 to 31 are NaN or infinity");
  // What was computed before is whole, and in double there is room.
  const ntk::StoredKernel rest(c.kernel());
  BOOST_TEST(!rest.complete());
  BOOST_TEST(rest.finished() > 0u);
  options.store = c.folder.path() / "double";
  options.single = false;
  BOOST_TEST(ntk::stored_feature_kernel(large, options).complete());
}

BOOST_AUTO_TEST_SUITE_END()
