// The claims of the study's report against exponents made up for them, fits of power laws, and tables of measurements.
#include "examples/common/claims.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "autodiff/error.hpp"
#include "examples/common/measurements.hpp"
#include "tests/nn/files.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::examples;
using xtangent::testing::TemporaryFolder;

namespace {

PowerLaw law(double low, double high) {
  PowerLaw out;
  out.slope = (low + high) / 2;
  out.error = (high - low) / 4;
  out.low = low;
  out.high = high;
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(claims)

BOOST_AUTO_TEST_CASE(an_exponent_holds_where_its_interval_reaches_the_claim) {
  BOOST_TEST(name(falls_at_least_as(law(-0.6, -0.4), -0.5)) == "held");
  BOOST_TEST(name(falls_at_least_as(law(-0.9, -0.8), -0.5)) == "held");
  BOOST_TEST(name(falls_at_least_as(law(-0.49, -0.3), -0.5)) == "did not hold");
  BOOST_TEST(name(falls_at_least_as(law(0.1, 0.2), -0.5)) == "did not hold");
  BOOST_TEST(name(falls_at_least_as(law(-0.9, 0.1), -0.5)) == "undecided");
  PowerLaw two = law(-0.7, -0.7);
  two.error = std::numeric_limits<double>::quiet_NaN();
  BOOST_TEST(name(falls_at_least_as(two, -0.5)) == "undecided");
  BOOST_TEST(with_interval(two) == "−0.70 without an interval");
  BOOST_TEST(name(falls(law(-0.2, -0.1))) == "held");
  BOOST_TEST(name(falls(law(0.1, 0.2))) == "did not hold");
  BOOST_TEST(name(falls(law(-0.1, 0.2))) == "undecided");
  BOOST_TEST(name(grows(law(-0.2, -0.1))) == "did not hold");
  BOOST_TEST(name(grows(law(0.1, 0.2))) == "held");
}

BOOST_AUTO_TEST_CASE(an_interval_lies_between_bounds_or_not) {
  BOOST_TEST(name(lies_between(0.95, 1.05, 0.9, 1.1)) == "held");
  BOOST_TEST(name(lies_between(0.95, 1.15, 0.9, 1.1)) == "undecided");
  BOOST_TEST(name(lies_between(1.2, 1.3, 0.9, 1.1)) == "did not hold");
  BOOST_TEST(name(lies_between(0.4, 0.6, -INFINITY, 0.1)) == "did not hold");
  BOOST_TEST(name(lies_between(NAN, NAN, 0.9, 1.1)) == "undecided");
}

BOOST_AUTO_TEST_CASE(claims_of_the_same_words_are_one_sentence) {
  const std::vector<Claim> all = {{"It falls", "one", "−0.50", Outcome::held},
                                  {"It stays", "one", "0.40", Outcome::not_held},
                                  {"It falls", "two", "−0.10", Outcome::undecided}};
  const std::vector<std::string> said = sentences(all);
  BOOST_TEST_REQUIRE(said.size() == 2u);
  BOOST_TEST(said[0] == "<b>It falls.</b> Measured: one, −0.50: <b>held</b>; two, −0.10: <b>undecided</b>.");
  BOOST_TEST(said[1] == "<b>It stays.</b> Measured: one, 0.40: <b>did not hold</b>.");
  const std::vector<std::vector<std::string>> rows = summary_of(all).rows;
  BOOST_TEST_REQUIRE(rows.size() == 2u);
  const std::vector<std::string> falls = {"<div class=\"long\">It falls</div>", "one", "–", "two"},
                                 stays = {"<div class=\"long\">It stays</div>", "–", "one", "–"};
  BOOST_TEST(rows[0] == falls);
  BOOST_TEST(rows[1] == stays);
}

BOOST_AUTO_TEST_CASE(a_power_law_has_its_slope_error_and_interval) {
  std::vector<std::pair<double, double>> points;
  for (double x : {1, 2, 4, 8}) points.emplace_back(x, 3 / std::sqrt(x));
  const PowerLaw exact = fit_power_law({points});
  BOOST_TEST(exact.slope == -0.5, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(exact.error < 1e-12);
  // Logarithms of y off by +d, -d, -d, +d at equal steps keep the slope. Their squares are 4 d^2, with two points
  // spare.
  const double d = 0.1, step = std::log(2.0);
  const double signs[] = {1, -1, -1, 1};
  for (std::size_t i = 0; i < 4; ++i) points[i].second *= std::exp(signs[i] * d);
  const PowerLaw off = fit_power_law({points});
  const double error = std::sqrt(4 * d * d / 2 / (5 * step * step));
  BOOST_TEST(off.slope == -0.5, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(off.error == error, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(off.high - off.slope == 4.302653 * error, boost::test_tools::tolerance(1e-6));  // Student's t, two spare
  BOOST_TEST(std::isnan(fit_power_law({{{1, 2}, {2, 3}}}).error));
}

BOOST_AUTO_TEST_CASE(a_quadratic_has_its_terms_and_their_errors) {
  std::vector<std::pair<double, double>> points;
  for (double x : {10, 20, 50, 100, 200}) points.emplace_back(x, 0.016 + 0.0017 * x + 8.8e-5 * x * x);
  const Quadratic exact = fit_quadratic(points);
  BOOST_TEST(exact.coefficients[0] == 0.016, boost::test_tools::tolerance(1e-10));
  BOOST_TEST(exact.coefficients[1] == 0.0017, boost::test_tools::tolerance(1e-10));
  BOOST_TEST(exact.coefficients[2] == 8.8e-5, boost::test_tools::tolerance(1e-10));
  BOOST_TEST(exact.miss < 1e-12);
  const double y = points.back().second;
  BOOST_TEST(exact.share(1, 200).first == 0.34 / y, boost::test_tools::tolerance(1e-10));
  BOOST_TEST(exact.share(2, 200).first == 3.52 / y, boost::test_tools::tolerance(1e-10));
  // Where all y are 1 the errors are not relative. Off by d (1, -3, 3, -1) at equal steps, which no quadratic has a
  // part in: the squares are 20 d^2 with one point spare, and x^2 has the length 2 across the constant and the line.
  const double d = 1e-3, off[] = {1, -3, 3, -1};
  points.clear();
  for (std::size_t i = 0; i < 4; ++i) points.emplace_back(static_cast<double>(i), 1 + d * off[i]);
  const Quadratic rough = fit_quadratic(points);
  BOOST_TEST(std::abs(rough.coefficients[0] - 1) < 10 * d * d);
  BOOST_TEST(std::abs(rough.coefficients[2]) < 10 * d * d);
  BOOST_TEST(rough.errors[2] == std::sqrt(20) * d / 2, boost::test_tools::tolerance(10 * d));
  BOOST_TEST(rough.share(2, 3).second == 9 * rough.errors[2], boost::test_tools::tolerance(20 * d));
  points.pop_back();
  BOOST_TEST(std::isnan(fit_quadratic(points).miss));
}

BOOST_AUTO_TEST_CASE(measurements_are_read_as_they_were_written) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder / "m.csv";
  const MeasurementColumns columns = {{"network", "width"}, {"value", "other"}};
  Measurements table(file, columns);
  table.put({"mlp", "8"}, {{{"mlp", "8"}, {0.1, NAN}}});
  table.put({"mlp", "16"}, {{{"mlp", "16"}, {1e-30, 2}}});
  table.put({"mlp", "8"}, {{{"mlp", "8"}, {0.3, -1}}});  // in place of what was there
  BOOST_TEST(table.count({"mlp"}) == 2u);
  BOOST_TEST(table.count({"mlp", "8"}) == 1u);
  const Measurements again(file, columns);
  BOOST_TEST_REQUIRE(again.rows().size() == 2u);
  BOOST_TEST(again.key(again.rows()[1], "width") == "8");
  BOOST_TEST(again.value(again.rows()[1], "value") == 0.3);
  BOOST_TEST(again.value(again.rows()[0], "value") == 1e-30);
  BOOST_CHECK_THROW(again.value(again.rows()[0], "width"), shape_error);
  BOOST_CHECK_THROW(table.put({"mlp", "8"}, {{{"mlp", "9"}, {0, 0}}}), shape_error);
  BOOST_CHECK_THROW(table.put({"mlp"}, {{{"mlp", "9"}, {0}}}), shape_error);
  BOOST_CHECK_THROW(Measurements(file, {{"network"}, {"value"}}), data_error);
  std::ofstream(file, std::ios::app) << "mlp,4\n";
  BOOST_CHECK_THROW(Measurements(file, columns), data_error);
}

BOOST_AUTO_TEST_SUITE_END()
