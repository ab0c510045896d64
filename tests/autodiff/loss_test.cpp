#include "autodiff/ops/loss.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/ops/reduction.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Arrays = std::vector<Array<double>>;
using Values = std::vector<double>;

const Reduction reductions[] = {Reduction::none, Reduction::sum, Reduction::mean};
const char* name(Reduction r) { return r == Reduction::none ? "none" : r == Reduction::sum ? "sum" : "mean"; }

Array<double> reduced(const Values& losses, const Shape& shape, Reduction reduction) {
  if (reduction == Reduction::none) return Array<double>::from(shape, losses);
  double total = 0;
  for (const double l : losses) total += l;
  return Array<double>::scalar(reduction == Reduction::sum ? total : total / static_cast<double>(losses.size()));
}

// -sum_o p[o] log(exp(x[o]) / sum exp(x)) of each row.
Values cross_entropies(const Array<double>& x, const Array<double>& p) {
  const std::size_t classes = x.shape().back();
  Values out;
  for (std::size_t r = 0; r < x.size() / classes; ++r) {
    double total = 0, loss = 0;
    for (std::size_t o = 0; o < classes; ++o) total += std::exp(x[r * classes + o]);
    for (std::size_t o = 0; o < classes; ++o)
      loss -= p[r * classes + o] * std::log(std::exp(x[r * classes + o]) / total);
    out.push_back(loss);
  }
  return out;
}

Array<double> one_hot(const Shape& shape, const std::vector<std::size_t>& labels) {
  Array<double> out = Array<double>::zeros(shape);
  for (std::size_t r = 0; r < labels.size(); ++r) out.mutable_data()[r * shape.back() + labels[r]] = 1.0;
  return out;
}

template <class F>
Values elementwise(const Arrays& x, F f) {
  Values out;
  for (std::size_t i = 0; i < x[0].size(); ++i) out.push_back(f(x[0][i], x[1][i]));
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(loss)

BOOST_AUTO_TEST_CASE(cross_entropy_of_labels) {
  const std::pair<Shape, std::vector<std::size_t>> settings[] = {
      {{3, 4}, {0, 3, 3}}, {{1, 10}, {7}}, {{3, 1}, {0, 0, 0}}, {{2, 3, 4}, {0, 1, 2, 3, 0, 1}}, {{5}, {2}}};
  for (const auto& [shape, labels] : settings)
    for (const Reduction reduction : reductions)
      expect_op(row("cross_entropy of labels " + to_string(shape) + " " + name(reduction),
                    [labels = labels, reduction](auto x) { return cross_entropy(x[0], labels, reduction); },
                    {{shape, shape.rank() > 1 ? Examples::axis0 : Examples::none, -3, 3}},
                    {.wrong = {{{}}, {{4, 4}}, {{labels.size(), 0}}},
                     .reference =
                         [labels = labels, reduction](const Arrays& x) {
                           const Shape rows = x[0].shape().slice(0, x[0].rank() - 1);
                           return reduced(cross_entropies(x[0], one_hot(x[0].shape(), labels)), rows, reduction);
                         },
                     .mixes = reduction != Reduction::none,
                     .fixed_examples = true}));
}

BOOST_AUTO_TEST_CASE(cross_entropy_of_probabilities) {
  for (const Reduction reduction : reductions)
    expect_op(row(std::string("cross_entropy of probabilities ") + name(reduction),
                  [reduction](auto x) { return cross_entropy(x[0], x[1], reduction); },
                  {{{3, 4}, Examples::axis0, -3, 3}, {{3, 4}, Examples::axis0, 0, 1}},
                  {.wrong = {{{3, 4}, {3}}, {{3, 4}, {1, 4}}, {{3, 0}, {3, 0}}, {{}, {}}},
                   .reference =
                       [reduction](const Arrays& x) {
                         return reduced(cross_entropies(x[0], x[1]), {x[0].shape().front()}, reduction);
                       },
                   .mixes = reduction != Reduction::none}));
}

BOOST_AUTO_TEST_CASE(squared_error) {
  for (const Reduction reduction : reductions)
    expect_op(row(std::string("mean_squared_error ") + name(reduction),
                  [reduction](auto x) { return mean_squared_error(x[0], x[1], reduction); },
                  {{{3, 2, 2}, Examples::axis0}, {{3, 2, 2}, Examples::axis0}},
                  {.wrong = {{{3, 2}, {3}}, {{3, 1}, {3, 2}}, {{3}, {3, 1}}},
                   .reference =
                       [reduction](const Arrays& x) {
                         const auto square = [](double a, double b) { return (a - b) * (a - b); };
                         return reduced(elementwise(x, square), x[0].shape(), reduction);
                       },
                   .mixes = reduction != Reduction::none}));
}

BOOST_AUTO_TEST_CASE(binary_cross_entropy) {
  for (const Reduction reduction : reductions)
    expect_op(row(std::string("binary_cross_entropy_with_logits ") + name(reduction),
                  [reduction](auto x) { return binary_cross_entropy_with_logits(x[0], x[1], reduction); },
                  {{{5, 2}, Examples::axis0, -4, 4}, {{5, 2}, Examples::axis0, 0, 1}},
                  {.wrong = {{{3, 2}, {3}}, {{3, 1}, {3, 2}}},
                   .reference =
                       [reduction](const Arrays& x) {
                         const auto entropy = [](double a, double t) {
                           const double p = 1 / (1 + std::exp(-a));
                           return -t * std::log(p) - (1 - t) * std::log(1 - p);
                         };
                         return reduced(elementwise(x, entropy), x[0].shape(), reduction);
                       },
                   .mixes = reduction != Reduction::none}));
}

BOOST_AUTO_TEST_CASE(gradient_of_cross_entropy_is_softmax_minus_one_hot) {
  Random random(9);
  const Shape shape{4, 6};
  const std::vector<std::size_t> labels{5, 0, 2, 2};
  Tape<double> tape;
  const Var<double> x[] = {tape.variable(random_array(random, shape, -5, 5))};
  const Array<double> g =
      pullback<double>(cross_entropy(x[0], labels), Var<double>(Array<double>::scalar(1)), x)[0].value();
  const Array<double> p = softmax(x[0].detached()).value(), hot = one_hot(shape, labels);
  for (std::size_t i = 0; i < g.size(); ++i) BOOST_TEST(std::abs(g[i] - (p[i] - hot[i]) / 4) < 1e-16);
}

BOOST_AUTO_TEST_CASE(extreme_logits_stay_finite) {
  const Var<double> x(Array<double>::from({2, 2}, {800, -800, -800, 800}));
  const Array<double> losses = cross_entropy(x, {1, 1}, Reduction::none).value();
  BOOST_TEST(losses[0] == 1600.0);
  BOOST_TEST(losses[1] == 0.0);
  const Var<double> targets(Array<double>::from({2, 2}, {0, 0, 1, 1}));
  const Array<double> binary = binary_cross_entropy_with_logits(x, targets, Reduction::none).value();
  BOOST_TEST(binary[0] == 800.0);
  BOOST_TEST(binary[1] == 0.0);
  BOOST_TEST(binary[2] == 800.0);
  BOOST_TEST(binary[3] == 0.0);
}

BOOST_AUTO_TEST_CASE(constant_targets_take_the_mark_of_the_prediction) {
  Random random(2);
  const Var<double> x = batched(random_array(random, {3, 2}));
  const Var<double> target(random_array(random, {3, 2}));
  BOOST_TEST((mean_squared_error(x, target, Reduction::none).examples() == Examples::axis0));
  BOOST_TEST((binary_cross_entropy_with_logits(x, target, Reduction::none).examples() == Examples::axis0));
  BOOST_TEST((cross_entropy(x, target, Reduction::none).examples() == Examples::axis0));
  BOOST_TEST((cross_entropy(x, {0, 1, 0}, Reduction::none).examples() == Examples::axis0));
  BOOST_TEST((mean_squared_error(x, target).examples() == Examples::mixed));
}

BOOST_AUTO_TEST_CASE(labels_out_of_range_are_named) {
  const Var<double> x(Array<double>::zeros({3, 10}));
  const auto names = [](const data_error& e) {
    const std::string text = e.what();
    return text.starts_with("[cross_entropy]") && text.find("label 10 of example 1") != std::string::npos;
  };
  BOOST_CHECK_EXCEPTION(cross_entropy(x, {9, 10, 11}), data_error, names);
  BOOST_CHECK_THROW(cross_entropy(Var<double>(Array<double>::zeros({1, 10})), {static_cast<std::size_t>(-1)}),
                    data_error);
}

BOOST_AUTO_TEST_CASE(no_examples) {
  const Var<double> x(Array<double>(Shape{0, 4}));
  const std::vector<std::size_t> none;
  BOOST_CHECK_THROW(cross_entropy(x, none), shape_error);
  BOOST_CHECK_THROW(mean_squared_error(x, x), shape_error);
  BOOST_TEST(cross_entropy(x, none, Reduction::sum).value().item() == 0.0);
  BOOST_TEST((cross_entropy(x, none, Reduction::none).shape() == Shape{0}));
}

BOOST_AUTO_TEST_SUITE_END()
