// Schedules of the learning rate: closed forms, PyTorch's values, and wrong options.
#include "nn/training/schedule.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "nn/safetensors.hpp"
#include "tests/nn/files.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace rates = xtangent::nn::schedule;
namespace tt = boost::test_tools;

namespace {

Array<double> pytorch(const std::string& name) {
  const char* source = std::getenv("XTANGENT_SOURCE_ROOT");
  return nn::read_safetensors(std::filesystem::path(source ? source : ".") / "tests/fixtures/schedules.safetensors")
      .get<double>(name);
}

// Compares with PyTorch's rates; `done` gives the fraction for step t of n.
void follows(const std::string& name, const nn::Schedule& factor, double (*done)(double t, double n)) {
  const Array<double> expected = pytorch(name);
  const auto n = static_cast<double>(expected.size());
  BOOST_TEST(expected.size() == 40u);
  for (std::size_t t = 0; t < expected.size(); ++t)
    BOOST_TEST(std::abs(factor(done(static_cast<double>(t), n)) - expected[t]) < 1e-14, name << ", step " << t);
}

double part(double t, double n) { return t / n; }

}  // namespace

BOOST_AUTO_TEST_SUITE(schedule)

BOOST_AUTO_TEST_CASE(closed_forms) {
  for (double done : {0.0, 0.1, 0.3, 0.5, 0.77, 0.999}) {
    BOOST_TEST(rates::constant()(done) == 1.0);
    BOOST_TEST(rates::cosine()(done) == 0.5 * (1.0 + std::cos(std::numbers::pi * done)), tt::tolerance(1e-13));
    BOOST_TEST(rates::linear({.first = 2.0, .last = 0.5})(done) == 2.0 - 1.5 * done, tt::tolerance(1e-14));
    const double stepped = done < 0.3 ? 1.0 : done < 0.77 ? 0.2 : 0.04;
    BOOST_TEST(rates::step({.at = {0.3, 0.77}, .factor = 0.2})(done) == stepped, tt::tolerance(1e-14));
    const double warm = done < 0.2 ? 0.1 + 0.9 * done / 0.2 : 1.0 - (done - 0.2) / 0.8;
    BOOST_TEST(rates::warm_up(rates::linear(), {.part = 0.2, .first = 0.1})(done) == warm, tt::tolerance(1e-14));
  }
  const nn::Schedule cycle = rates::one_cycle({.part = 0.25, .first = 0.1, .last = 0.01});
  BOOST_TEST(cycle(0.0) == 0.1, tt::tolerance(1e-14));
  BOOST_TEST(cycle(0.125) == 0.55, tt::tolerance(1e-14));
  BOOST_TEST(cycle(0.25) == 1.0);
  BOOST_TEST(cycle(0.625) == 0.505, tt::tolerance(1e-14));
  BOOST_TEST(cycle(1.0) == 0.01, tt::tolerance(1e-13));
  // No warm-up, and nothing but warm-up.
  BOOST_TEST(rates::warm_up(rates::cosine(), {.part = 0.0})(0.0) == 1.0);
  BOOST_TEST(rates::warm_up(rates::cosine(), {.part = 1.0})(0.5) == 0.5);
  BOOST_TEST(rates::step({.at = {}})(0.9) == 1.0);
}

BOOST_AUTO_TEST_CASE(pytorch_has_the_same_rates) {
  follows("step", rates::step(), part);
  follows("cosine", rates::cosine({.last = 0.1}), part);
  follows("linear", rates::linear({.first = 0.5, .last = 0.125}), part);
  follows("warm_up", rates::warm_up(rates::cosine(), {.part = 0.2, .first = 0.25}), part);
  // PyTorch's cycle ends at its last step, and turns one step before the fraction it is given.
  follows("one_cycle", rates::one_cycle({.part = (0.3 * 40 - 1) / 39}), [](double t, double n) { return t / (n - 1); });
}

BOOST_AUTO_TEST_CASE(names) {
  const std::vector<std::pair<std::string, nn::Schedule>> all = {
      {"constant", rates::constant()},   {"step", rates::step()},         {"cosine", rates::cosine()},
      {"linear", rates::linear()},       {"warm_up", rates::warm_up()},   {"warmup", rates::warm_up()},
      {"one_cycle", rates::one_cycle()}, {"onecycle", rates::one_cycle()}};
  for (const auto& [name, expected] : all)
    for (double done : {0.0, 0.02, 0.2, 0.6, 0.9})
      BOOST_TEST(rates::parse(name)(done) == expected(done), name << " at " << done);
  expect_error<option_error>([] { rates::parse("zigzag"); }, {"no schedule 'zigzag'", "linear, warm_up, one_cycle"});
}

BOOST_AUTO_TEST_CASE(wrong_settings_are_refused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  BOOST_CHECK_THROW(rates::step({.at = {0.5, 0.4}}), option_error);
  BOOST_CHECK_THROW(rates::step({.at = {1.5}}), option_error);
  BOOST_CHECK_THROW(rates::step({.factor = -0.1}), option_error);
  BOOST_CHECK_THROW(rates::cosine({.last = -1.0}), option_error);
  BOOST_CHECK_THROW(rates::linear({.first = nan}), option_error);
  BOOST_CHECK_THROW(rates::linear({.last = INFINITY}), option_error);
  BOOST_CHECK_THROW(rates::warm_up(nullptr), option_error);
  BOOST_CHECK_THROW(rates::warm_up(rates::cosine(), {.part = 1.1}), option_error);
  BOOST_CHECK_THROW(rates::warm_up(rates::cosine(), {.first = -1.0}), option_error);
  BOOST_CHECK_THROW(rates::one_cycle({.part = nan}), option_error);
  BOOST_CHECK_THROW(rates::one_cycle({.first = -1.0}), option_error);
  BOOST_CHECK_THROW(rates::one_cycle({.last = nan}), option_error);
}

BOOST_AUTO_TEST_SUITE_END()
