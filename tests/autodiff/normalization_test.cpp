#include "autodiff/ops/normalization.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Arrays = std::vector<Array<double>>;

// Blocks of `size` elements normalized; x[1], x[2]: weight and bias, if they are there.
Array<double> normalize(const Arrays& x, std::size_t size, double epsilon) {
  std::vector<double> out;
  for (std::size_t first = 0; first < x[0].size(); first += size) {
    double mean = 0, variance = 0;
    const double n = static_cast<double>(size);
    for (std::size_t i = 0; i < size; ++i) mean += x[0][first + i] / n;
    for (std::size_t i = 0; i < size; ++i) variance += (x[0][first + i] - mean) * (x[0][first + i] - mean) / n;
    for (std::size_t i = 0; i < size; ++i) {
      const double y = (x[0][first + i] - mean) / std::sqrt(variance + epsilon);
      out.push_back(x.size() > 1 ? y * x[1][i] + x[2][i] : y);
    }
  }
  return Array<double>::from(x[0].shape(), out);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(normalization)

BOOST_AUTO_TEST_CASE(layer_norms) {
  for (const Shape& normalized : {Shape{4}, Shape{3, 4}})
    expect_op(row("layer_norm over " + to_string(normalized),
                  [normalized](auto x) { return layer_norm(x[0], normalized); }, {{{3, 3, 4}, Examples::axis0}},
                  {.wrong = {{{4, 3}}, {{3}}, {{}}},
                   .reference = [normalized](const Arrays& x) { return normalize(x, normalized.size(), 1e-5); }}));
  for (const Shape& normalized : {Shape{4}, Shape{3, 4}})
    expect_op(row("layer_norm with weight and bias " + to_string(normalized),
                  [normalized](auto x) { return layer_norm(x[0], normalized, x[1], x[2], 0.1); },
                  {{{2, 3, 4}, Examples::axis0}, {normalized}, {normalized}},
                  {.wrong = {{{2, 3, 4}, {3}, normalized}, {{2, 3, 4}, normalized, {}}},
                   .reference = [normalized](const Arrays& x) { return normalize(x, normalized.size(), 0.1); }}));
}

BOOST_AUTO_TEST_CASE(over_the_examples_it_mixes_them) {
  const Var<double> x = batched(Array<double>::from({3, 2}, {1, 2, 3, 5, 8, 13}));
  BOOST_TEST((layer_norm(x, {2}).examples() == Examples::axis0));
  BOOST_TEST((layer_norm(x, {3, 2}).examples() == Examples::mixed));
}

BOOST_AUTO_TEST_CASE(nothing_to_normalize_over) {
  BOOST_CHECK_THROW(layer_norm(Var<double>(Array<double>(Shape{2, 0})), {0}), shape_error);
  BOOST_CHECK_THROW(layer_norm(Var<double>(Array<double>::ones({2, 2})), {}), shape_error);
  BOOST_CHECK_THROW(layer_norm(Var<double>(Array<double>::ones({2, 2})), {2, 2, 2}), shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
