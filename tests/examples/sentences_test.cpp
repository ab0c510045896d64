// The sentences of the quickstart's report against numbers made up for them: they say what the numbers show, and no
// more.
#include "examples/quickstart/sentences.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::examples;
using xtangent::testing::has;

namespace {

// Networks of one kind and growing width with these differences and ratios of the diagonal, before and after training.
Experiment with(const std::vector<double>& init, const std::vector<double>& trained,
                const std::vector<double>& diagonal_init = {}, const std::vector<double>& diagonal_trained = {}) {
  Experiment e;
  e.outputs = 10;
  e.kernel_train = 200;
  e.settings.widths.clear();
  for (std::size_t i = 0; i < init.size(); ++i) {
    NetworkResult n;
    n.name = "convolutional";
    n.width = std::size_t(64) << i;
    n.init.relative_frobenius = init[i];
    n.trained.relative_frobenius = trained[i];
    if (!diagonal_init.empty()) {
      n.init.diagonality = diagonal_init[i];
      n.trained.diagonality = diagonal_trained[i];
    }
    e.settings.widths.push_back(n.width);
    e.networks.push_back(n);
  }
  return e;
}

std::string first_sentence(const std::string& text) { return text.substr(0, text.find(". ")); }

}  // namespace

BOOST_AUTO_TEST_SUITE(sentences)

BOOST_AUTO_TEST_CASE(each_exponent_is_judged_by_its_own_interval) {
  const auto judged = [](double low, double high) {
    Fit fit;
    fit.slope = (low + high) / 2;
    fit.error = (high - low) / 4;
    fit.low = low;
    fit.high = high;
    return verdict(fit);
  };
  BOOST_TEST(judged(-0.79, -0.67) == "steeper");
  BOOST_TEST(judged(-0.45, -0.19) == "shallower");
  BOOST_TEST(judged(-0.6, -0.4) == "agrees");
  BOOST_TEST(judged(-0.9, 0.1) == "agrees, as does not falling at all");
  BOOST_TEST(judged(-0.2, 0.3) == "shallower");
  BOOST_TEST(judged(0.1, 0.3) == "not falling");
  Fit two;
  two.slope = two.low = two.high = -0.7;
  two.error = std::numeric_limits<double>::quiet_NaN();
  BOOST_TEST(verdict(two) == "no error to judge it by");
}

BOOST_AUTO_TEST_CASE(blocks_are_less_diagonal_only_where_they_are) {
  const std::vector<double> some = {3, 3, 3}, more = {4, 5, 3};
  const auto said = [&](const std::vector<double>& before, const std::vector<double>& after) {
    return say_blocks(with(some, some, before, after));
  };
  BOOST_TEST(has(said(more, {1, 1, 1}), "less diagonal in all 3 networks."), said(more, {1, 1, 1}));
  BOOST_TEST(has(said(more, {1, 6, 1}), "less diagonal in 2 of 3 networks."), said(more, {1, 6, 1}));
  BOOST_TEST(has(said(more, more), "less diagonal in none of 3 networks."), said(more, more));
}

BOOST_AUTO_TEST_CASE(differences_fall_only_where_they_do) {
  const std::vector<double> falling = {0.4, 0.3, 0.2}, rising = {0.2, 0.3, 0.4}, mixed = {0.4, 0.2, 0.3},
                            back = {0.3, 0.2, 0.4};
  const auto at_first = [&](const std::vector<double>& init) {
    return first_sentence(say_frobenius(with(init, rising)));
  };
  BOOST_TEST(has(at_first(falling), "falls at every step"), at_first(falling));
  BOOST_TEST(has(at_first(rising), "falls at no step"), at_first(rising));
  BOOST_TEST(has(at_first(mixed), "ends lower, falling at 1 of 2 steps"), at_first(mixed));
  BOOST_TEST(has(at_first(back), "does not end lower, falling at 1 of 2 steps"), at_first(back));
  const std::string both = say_frobenius(with(falling, rising));
  BOOST_TEST(has(both, "larger in 1 of 3 networks."), both);
  BOOST_TEST(!has(both, "exponent"), both);
  // One width is no course.
  const std::string one = say_frobenius(with({0.4}, {0.3}));
  BOOST_TEST(!has(one, "fall"), one);
  BOOST_TEST(has(one, "larger in none of 1 network."), one);
}

BOOST_AUTO_TEST_SUITE_END()
