#include "autodiff/ops/solve.hpp"

#include <boost/test/unit_test.hpp>

#include "autodiff/ops/arithmetic.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

constexpr Examples axis0 = Examples::axis0;

// x + 2 n I, which is positive definite for entries below 2, and not symmetric.
template <class T>
Var<T> shifted(const Var<T>& x) {
  const std::size_t n = x.shape().back();
  return x + Var<T>(cast<T>(identity(n, 2.0 * static_cast<double>(n) + 1)));
}

// The solution with the symmetric part of the matrix, by elimination.
Array<double> reference(const std::vector<Array<double>>& x) {
  const std::size_t n = x[0].shape()[0], m = x[1].shape().back();
  Array<double> a = plus(x[0], transposed(x[0]));
  for (std::size_t i = 0; i < a.size(); ++i) a.mutable_data()[i] *= 0.5;
  a = plus(a, identity(n, 2.0 * static_cast<double>(n) + 1));
  Array<double> y(x[1].shape());
  for (std::size_t at = 0; at < y.size(); at += n * m) {
    const Array<double> one = eliminated(a, x[1].flat_slice(at, {n, m}));
    std::copy_n(one.data(), n * m, y.mutable_data() + at);
  }
  return y;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(solve)

BOOST_AUTO_TEST_CASE(properties) {
  const auto f = [](auto x) { return solve_positive_definite(shifted(x[0]), x[1]); };
  const RowOptions rectangular{.wrong = {{{3, 4}, {3, 2}}, {{3, 3}, {4, 2}}, {{3, 3}, {3}}}, .reference = reference};
  expect_ops({
      row("one column", f, {{{4, 4}}, {{4, 1}}}, rectangular),
      row("columns", f, {{{5, 5}}, {{5, 3}}}, rectangular),
      row("order 1", f, {{{1, 1}}, {{1, 2}}}, {.reference = reference}),
      row("right-hand sides of examples", f, {{{3, 3}}, {{4, 3, 2}, axis0}}, {.reference = reference}),
      row("more leading axes", f, {{{3, 3}}, {{4, 2, 3, 2}, axis0}}, {.reference = reference}),
      row("examples as rows", f, {{{3, 3}}, {{3, 2}, axis0}},
          {.reference = reference, .mixes = true, .fixed_examples = true}),
  });
}

// The solution of each system by elimination; leading axes of the matrices are those of the sides, or none.
Array<double> by_elimination(const std::vector<Array<double>>& x, bool transpose) {
  const std::size_t n = x[0].shape().back(), m = x[1].shape().back(), systems = x[1].size() / (n * m);
  Array<double> y(x[1].shape());
  for (std::size_t s = 0; s < systems; ++s) {
    const std::size_t at = x[0].size() == n * n ? 0 : s * n * n;
    Array<double> a = plus(x[0].flat_slice(at, {n, n}), identity(n, 2.0 * static_cast<double>(n) + 1));
    if (transpose) a = transposed(a);
    const Array<double> one = eliminated(a, x[1].flat_slice(s * n * m, {n, m}));
    std::copy_n(one.data(), n * m, y.mutable_data() + s * n * m);
  }
  return y;
}

BOOST_AUTO_TEST_CASE(any_square_matrix) {
  for (const bool transpose : {false, true}) {
    const auto f = [=](auto x) { return ::xtangent::solve(shifted(x[0]), x[1], transpose); };
    const RowOptions options{.wrong = {{{3, 4}, {3, 2}}, {{3, 3}, {4, 2}}, {{3, 3}, {3}}, {{2, 3, 3}, {4, 3, 1}}},
                             .reference = [=](const auto& x) { return by_elimination(x, transpose); }};
    expect_ops({
        row("solve", f, {{{4, 4}}, {{4, 2}}}, options),
        row("solve, a matrix for each example", f, {{{3, 2, 2}, axis0}, {{3, 2, 3}, axis0}}, options),
        row("solve, one matrix for all examples", f, {{{3, 3}}, {{4, 3, 1}, axis0}}, options),
        row("solve, one side for all examples", f, {{{3, 2, 2}, axis0}, {{2, 1}}}),
        row("solve, examples as rows", f, {{{3, 3}}, {{3, 2}, axis0}}, {.mixes = true, .fixed_examples = true}),
    });
  }
  // A zero on the diagonal needs a pivot.
  const Var<double> swap(Array<double>::from({2, 2}, {0, 1, 1, 0})), b(Array<double>::from({2, 1}, {3, 4}));
  BOOST_TEST(::xtangent::solve(swap, b).value()[0] == 4.0);
  const Array<double> second = Array<double>::from({2, 2, 2}, {1, 0, 0, 1, 1, 2, 2, 4});
  BOOST_TEST(has(message_of<numerical_error>([&] { ::xtangent::solve(Var<double>(second), b); }),
                 "[solve] matrix 1 of (2, 2, 2)"));
}

BOOST_AUTO_TEST_CASE(refuses_what_is_not_positive_definite) {
  Array<double> a = identity(3);
  a.mutable_data()[4] = -1;
  const auto attempt = [&] { solve_positive_definite(Var<double>(a), Var<double>(Array<double>::ones({3, 1}))); };
  BOOST_CHECK_EXCEPTION(attempt(), numerical_error, [](const numerical_error& e) {
    return std::string(e.what()).find("leading minor of order 2") != std::string::npos;
  });
}

BOOST_AUTO_TEST_SUITE_END()
