#include "autodiff/ops/linear.hpp"

#include <boost/test/unit_test.hpp>
#include <optional>

#include "autodiff/ops/indexing.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Arrays = std::vector<Array<double>>;

constexpr Examples none = Examples::none, axis0 = Examples::axis0;

// Entry (i, j) of the matrix at an index of the broadcast batch axes, transposed if asked for.
double entry(const Array<double>& x, bool transposed, const Shape& batch, std::size_t index, std::size_t i,
             std::size_t j) {
  const Shape lead = x.shape().slice(0, x.rank() - 2);
  std::size_t at = 0, stride = 1;
  for (std::size_t back = 1; back <= lead.rank(); ++back) {
    const std::size_t place = index % batch.from_right(back);
    index /= batch.from_right(back);
    at += lead.from_right(back) == 1 ? 0 : place * stride;
    stride *= lead.from_right(back);
  }
  const std::size_t rows = x.shape().from_right(2), columns = x.shape().from_right(1);
  return x[at * rows * columns + (transposed ? j * columns + i : i * columns + j)];
}

Array<double> plain_matmul(const Array<double>& a, const Array<double>& b, MatmulOptions o) {
  const Shape batch = broadcast_shapes(a.shape().slice(0, a.rank() - 2), b.shape().slice(0, b.rank() - 2), "test");
  const std::size_t m = a.shape().from_right(o.transpose_a ? 1 : 2), k = a.shape().from_right(o.transpose_a ? 2 : 1);
  const std::size_t n = b.shape().from_right(o.transpose_b ? 2 : 1);
  Array<double> y = Array<double>::zeros(batch.joined({m, n}));
  double* out = y.mutable_data();
  for (std::size_t q = 0; q < batch.size(); ++q)
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t j = 0; j < n; ++j)
        for (std::size_t p = 0; p < k; ++p)
          out[(q * m + i) * n + j] += entry(a, o.transpose_a, batch, q, i, p) * entry(b, o.transpose_b, batch, q, p, j);
  return y;
}

struct Product {
  Shape lead_a, lead_b;
  std::size_t m, n, k;
  Examples a = none, b = none;
  bool mixes = false;
};

const std::vector<Product> products = {
    {{}, {}, 2, 3, 4},
    {{}, {}, 1, 1, 1},
    {{}, {}, 0, 3, 2},
    {{}, {}, 2, 3, 0},
    {{5}, {5}, 2, 3, 2},
    {{5}, {}, 2, 3, 2},
    {{}, {5}, 2, 3, 2},
    {{2, 1}, {3}, 2, 2, 3},
    {{1}, {4}, 3, 2, 1},
    {{2, 3}, {2, 1}, 1, 2, 2},
    {{3}, {3}, 2, 2, 3, axis0, axis0},
    {{3}, {}, 2, 2, 3, axis0, none},
    {{}, {3}, 2, 2, 3, none, axis0},
    {{3}, {3}, 2, 2, 2, axis0, none, true},
};

std::vector<OpRow> matmul_rows(MatmulOptions o) {
  std::vector<OpRow> rows;
  for (const Product& p : products) {
    const Shape a = p.lead_a.joined(o.transpose_a ? Shape{p.k, p.m} : Shape{p.m, p.k});
    const Shape b = p.lead_b.joined(o.transpose_b ? Shape{p.n, p.k} : Shape{p.k, p.n});
    rows.push_back(
        row("matmul " + to_string(a) + (o.transpose_a ? "^T " : " ") + to_string(b) + (o.transpose_b ? "^T" : ""),
            [o](auto x) { return matmul(x[0], x[1], o); }, {{a, p.a}, {b, p.b}},
            {.wrong = {{{3}, {3, 3}}, {{3, 3}, {3}}, {{2, 3}, {4, 5}}, {{2, 3, 3}, {3, 3, 3}}},
             .reference = [o](const Arrays& x) { return plain_matmul(x[0], x[1], o); },
             .mixes = p.mixes}));
  }
  return rows;
}

Array<double> plain_linear(const Arrays& x) {
  const std::size_t in = x[1].shape()[1], out = x[1].shape()[0];
  const std::size_t rows = x[0].shape().slice(0, x[0].rank() - 1).size();
  Array<double> y(x[0].shape().slice(0, x[0].rank() - 1).joined({out}));
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t o = 0; o < out; ++o) {
      double sum = x.size() == 3 ? x[2][o] : 0.0;
      for (std::size_t i = 0; i < in; ++i) sum += x[0][r * in + i] * x[1][o * in + i];
      y.mutable_data()[r * out + o] = sum;
    }
  return y;
}

OpRow linear_row(Shape x, std::size_t out, bool bias, Examples examples = axis0, bool mixes = false) {
  const std::vector<std::vector<Shape>> wrong = {{{2, 3}, {4, 2}}, {{2, 3}, {3}}, {{}, {4, 3}}};
  const std::vector<std::vector<Shape>> wrong_bias = {
      {{2, 3}, {4, 3}, {3}}, {{2, 3}, {4, 3}, {}}, {{2, 3}, {4, 3}, {1, 4}}};
  std::vector<Input> inputs = {{x, examples}, {{out, x.back()}}};
  if (bias) inputs.push_back({{out}});
  return row("linear " + to_string(x) + (bias ? " with bias" : ""),
             [](auto v) { return v.size() == 3 ? linear(v[0], v[1], v[2]) : linear(v[0], v[1]); }, inputs,
             {.wrong = bias ? wrong_bias : wrong, .reference = plain_linear, .mixes = mixes});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(linear)

BOOST_AUTO_TEST_CASE(products_of_matrices) {
  for (const bool ta : {false, true})
    for (const bool tb : {false, true}) expect_ops(matmul_rows({.transpose_a = ta, .transpose_b = tb}));
}

BOOST_AUTO_TEST_CASE(examples_as_rows_and_columns) {
  expect_ops({
      row("rows", [](auto x) { return matmul(x[0], x[1]); }, {{{3, 2}, axis0}, {{2, 4}}}),
      row("rows, transposed weight", [](auto x) { return matmul(x[0], x[1], {.transpose_b = true}); },
          {{{3, 2}, axis0}, {{4, 2}}}),
      row("contracted", [](auto x) { return matmul(x[0], x[1], {.transpose_a = true}); }, {{{3, 2}, axis0}, {{3, 4}}},
          {.mixes = true}),
      row("columns", [](auto x) { return matmul(x[0], x[1], {.transpose_b = true}); }, {{{4, 2}}, {{3, 2}, axis0}},
          {.mixes = true}),
      row("Gram matrix", [](auto x) { return matmul(x[0], x[0], {.transpose_b = true}); }, {{{3, 2}, axis0}},
          {.mixes = true}),
  });
}

BOOST_AUTO_TEST_CASE(linear_layers) {
  for (const bool bias : {false, true})
    expect_ops({
        linear_row({3, 4}, 2, bias),
        linear_row({3, 4}, 1, bias),
        linear_row({3, 1}, 2, bias),
        linear_row({1, 4}, 2, bias),
        linear_row({3, 2, 4}, 2, bias),
        linear_row({3, 2, 2, 3}, 2, bias),
        linear_row({4}, 3, bias, none),
        linear_row({2, 4}, 3, bias, none),
        linear_row({0, 4}, 3, bias, none),
        linear_row({2, 0}, 3, bias, none),
        linear_row({3}, 2, bias, axis0, true),
    });
}

BOOST_AUTO_TEST_CASE(shared_and_transformed_weights) {
  // One weight is used twice, and another one is the result of other ops.
  expect_ops({
      row("the same weight twice",
          [](auto v) { return xtangent::linear(xtangent::linear(v[0], v[1], v[2]), v[1], v[2]); },
          {{{3, 2}, axis0}, {{2, 2}}, {{2}}}),
      row("a weight and its transpose",
          [](auto v) { return xtangent::linear(xtangent::linear(v[0], v[1]), transpose(v[1])); },
          {{{3, 2}, axis0}, {{4, 2}}}),
  });
}

BOOST_AUTO_TEST_SUITE_END()
