#include "autodiff/ops/embedding.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/factor.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Arrays = std::vector<Array<double>>;

const Array<double>& tokens() {
  static const Array<double> values = Array<double>::from({3, 4}, {0, 2, 2, 4, 1, 1, 1, 1, 4, 3, 2, 0});
  return values;
}

template <class T>
Var<T> tokens(Examples examples) {
  return Var<T>(cast<T>(tokens()), examples);
}

Array<double> rows_of(const Arrays& x) {
  std::vector<double> out;
  for (std::size_t i = 0; i < tokens().size(); ++i)
    for (std::size_t e = 0; e < 2; ++e) out.push_back(x[0][static_cast<std::size_t>(tokens()[i]) * 2 + e]);
  return Array<double>::from({3, 4, 2}, out);
}

template <class T>
Var<T> embedded(Vars<T> x, Examples examples) {
  return xtangent::embedding(tokens<T>(examples), x[0]);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(embedding)

BOOST_AUTO_TEST_CASE(rows_of_a_table) {
  expect_ops({
      row("embedding", [](auto x) { return embedded(x, Examples::none); }, {{{5, 2}}},
          {.wrong = {{{5}}, {{5, 2, 1}}}, .reference = rows_of}),
  });
}

BOOST_AUTO_TEST_CASE(per_example_gradients_are_sparse) {
  Random random("embedding");
  Tape<double> tape;
  const Var<double> weight[] = {tape.variable(random_array(random, {5, 2}))};
  const Var<double> y = xtangent::embedding(tokens<double>(Examples::axis0), weight[0]);
  BOOST_TEST((y.examples() == Examples::axis0));
  const Array<double> ybar = random_array(random, {2, 3, 4, 2});
  FactorSweep<double> sweep(y, ybar, weight);
  const auto use = sweep.next();
  BOOST_REQUIRE(use);
  BOOST_TEST((use->factor.kind == FactorKind::gather));
  const Array<double> dense = use->factor.dense();
  for (std::size_t k = 0; k < 2; ++k)
    for (std::size_t n = 0; n < 3; ++n) {
      std::vector<double> expected(10);
      for (std::size_t t = 0; t < 4; ++t)
        for (std::size_t e = 0; e < 2; ++e)
          expected[static_cast<std::size_t>(tokens()[n * 4 + t]) * 2 + e] += ybar[((k * 3 + n) * 4 + t) * 2 + e];
      for (std::size_t i = 0; i < 10; ++i) BOOST_TEST(std::abs(dense[(k * 3 + n) * 10 + i] - expected[i]) < 1e-15);
    }
}

BOOST_AUTO_TEST_CASE(indices_are_not_differentiated) {
  Tape<double> tape;
  const Var<double> x[] = {tape.variable(tokens()), tape.variable(Array<double>::ones({5, 2}))};
  const Var<double> y = xtangent::embedding(x[0], x[1]);
  const auto bars = pullback<double>(y, Var<double>(Array<double>::ones(y.shape())), x);
  BOOST_TEST(!bars[0].defined());
  BOOST_TEST(difference(bars[1].value(), Array<double>::from({5, 2}, {2, 2, 4, 4, 3, 3, 1, 1, 2, 2})) == 0.0);
  const Var<double> tangents[] = {Var<double>(Array<double>::ones({3, 4})), Var<double>()};
  const Var<double> outputs[] = {y};
  BOOST_TEST(!pushforward<double>(outputs, x, tangents)[0].defined());
}

BOOST_AUTO_TEST_CASE(wrong_indices_are_named) {
  const Var<double> weight(Array<double>::ones({5, 2}));
  const auto refused = [&](double index, const char* part) {
    BOOST_CHECK_EXCEPTION(xtangent::embedding(Var<double>(Array<double>::from({1, 2}, {1, index})), weight), data_error,
                          [&](const data_error& e) {
                            const std::string what = e.what();
                            return what.find("[embedding]") == 0 && what.find(part) != std::string::npos &&
                                   what.find("place 1") != std::string::npos;
                          });
  };
  refused(5, "index 5");
  refused(-1, "index -1");
  refused(1.5, "index 1.5");
  refused(std::nan(""), "index nan");
  refused(1e30, "index 1e+30");
}

BOOST_AUTO_TEST_SUITE_END()
