// Laplace's approximation from kernels, against the precision of the parameters themselves.
#include "ntk/laplace.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "nn/layers/activation.hpp"
#include "nn/models/mlp.hpp"
#include "ntk/gram.hpp"
#include "ntk/kernel.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

// Any matrix J (N O, P) in the place of a Jacobian, and J_new of three points, so that kernels and the precision of P
// parameters can both be formed.
struct Problem {
  std::size_t n = 5, m = 3, o = 3, p = 7;
  double variance = 0.6;
  Array<double> j, j_new, outputs;
  Problem() {
    Random random("laplace");
    j = random_array(random, {n * o, p});
    j_new = random_array(random, {m * o, p});
    outputs = plus(Array<double>::zeros({n, o}), random_array(random, {n, o}), 2);
  }
  Array<double> blocks() const {
    const Array<double> all = product(j_new, transposed(j_new));
    Array<double> out({m, o, o});
    for (std::size_t i = 0; i < out.size(); ++i)
      out.mutable_data()[i] = all[(i / (o * o) * o + i / o % o) * m * o + i / (o * o) * o + i % o];
    return out;
  }
  double probability(std::size_t i, std::size_t c) const {
    double sum = 0;
    for (std::size_t k = 0; k < o; ++k) sum += std::exp(outputs(i, k));
    return std::exp(outputs(i, c)) / sum;
  }
  // I / v + J^T L J
  Array<double> precision() const {
    Array<double> l = Array<double>::zeros({n * o, n * o});
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t c = 0; c < o; ++c)
        for (std::size_t d = 0; d < o; ++d)
          l.mutable_data()[(i * o + c) * n * o + i * o + d] =
              (c == d ? probability(i, c) : 0) - probability(i, c) * probability(i, d);
    return plus(identity(p, 1 / variance), product(transposed(j), product(l, j)));
  }
};

double log_determinant(const Array<double>& a) {
  double out = 0;
  Array<double> work = a.clone();
  const std::size_t n = a.shape()[0];
  for (std::size_t k = 0; k < n; ++k) {
    out += std::log(work(k, k));
    for (std::size_t i = k + 1; i < n; ++i)
      for (std::size_t j = n; j-- > k;) work.mutable_data()[i * n + j] -= work(i, k) / work(k, k) * work(k, j);
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(laplace)

BOOST_AUTO_TEST_CASE(agrees_with_the_precision_of_the_parameters) {
  const Problem p;
  const Array<double> k = product(p.j, transposed(p.j)), k_new = product(p.j_new, transposed(p.j));
  const ntk::Laplace first(k, p.outputs, 17.0), laplace = first.with_variance(p.variance);
  const Array<double> precision = p.precision(),
                      expected = product(p.j_new, eliminated(precision, transposed(p.j_new)));
  const Array<double> found = laplace.covariances(k_new, p.blocks());
  for (std::size_t i = 0; i < p.m; ++i)
    for (std::size_t c = 0; c < p.o; ++c)
      for (std::size_t d = 0; d < p.o; ++d)
        BOOST_TEST(std::abs(found[(i * p.o + c) * p.o + d] - expected(i * p.o + c, i * p.o + d)) < 1e-12);
  const double determinant = log_determinant(precision) + static_cast<double>(p.p) * std::log(p.variance);
  BOOST_TEST(laplace.log_determinant() == determinant, boost::test_tools::tolerance(1e-12));
  double likelihood = 0;
  const std::vector<std::size_t> labels = {0, 2, 1, 1, 0};
  for (std::size_t i = 0; i < p.n; ++i) likelihood += std::log(p.probability(i, labels[i]));
  BOOST_TEST(laplace.log_evidence(labels, 3.0) == likelihood - 3.0 / (2 * p.variance) - determinant / 2,
             boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(the_last_layer_is_a_kernel_of_order_n) {
  const nn::AnyModule net = nn::mlp({4, 6, 3}, nn::Tanh());
  const auto params = net->init<double>(3);
  Random random("last layer");
  const Array<double> x = random_array(random, {5, 4}), x_new = random_array(random, {2, 4});
  const Array<double> f = (*net)(params, x);
  const ntk::Options last{.parameters = {"2.weight"}};
  const ntk::Laplace whole(ntk::entk(*net, params, x, last), f, 2.0),
      short_form(ntk::feature_gram(*net, params, x), f, 2.0);
  BOOST_TEST(whole.log_determinant() == short_form.log_determinant(), boost::test_tools::tolerance(1e-12));
  const Array<double> theta = ntk::entk(*net, params, x_new, last), gram = ntk::feature_gram(*net, params, x_new);
  Array<double> blocks({2, 3, 3}), diagonal({2});
  for (std::size_t i = 0; i < 18; ++i) blocks.mutable_data()[i] = theta(i / 9 * 3 + i / 3 % 3, i / 9 * 3 + i % 3);
  for (std::size_t i = 0; i < 2; ++i) diagonal.mutable_data()[i] = gram(i, i);
  const Array<double> a = whole.covariances(ntk::entk(*net, params, x_new, x, last), blocks),
                      b = short_form.covariances(ntk::feature_gram(*net, params, x_new, x), diagonal);
  BOOST_TEST(difference(a, b) < 1e-12);
}

BOOST_AUTO_TEST_CASE(no_variance_is_more_likely) {
  const Problem p;
  const Array<double> k = product(p.j, transposed(p.j));
  const std::vector<std::size_t> labels = {0, 2, 1, 1, 0};
  const ntk::Laplace any(k, p.outputs, 17.0);
  for (const double norm : {1e-3, 3.0, 1e5}) {
    const ntk::Laplace best = any.most_likely(norm);
    const double evidence = best.log_evidence(labels, norm);
    for (const double factor : {0.01, 0.5, 0.999, 1.001, 2.0, 100.0})
      BOOST_TEST(any.with_variance(factor * best.variance()).log_evidence(labels, norm) < evidence);
  }
  for (const double norm : {0.0, -1.0, 1 / 0.0}) BOOST_CHECK_THROW(any.most_likely(norm), option_error);
  BOOST_CHECK_THROW(ntk::Laplace(Array<double>::zeros({15, 15}), p.outputs, 1).most_likely(1), numerical_error);
}

BOOST_AUTO_TEST_CASE(errors) {
  const Array<double> k = positive_matrix(6), f = Array<double>::ones({3, 2});
  for (const double variance : {0.0, -1.0, 1 / 0.0}) BOOST_CHECK_THROW(ntk::Laplace(k, f, variance), option_error);
  BOOST_CHECK_THROW(ntk::Laplace(positive_matrix(5), f, 1), shape_error);
  BOOST_CHECK_THROW(ntk::Laplace(k, Array<double>::ones({6}), 1), shape_error);
  BOOST_CHECK_THROW(ntk::Laplace(k, Array<double>::full({3, 2}, 1 / 0.0), 1), numerical_error);
  const ntk::Laplace laplace(k, f, 1);
  BOOST_CHECK_THROW(laplace.covariances(Array<double>::ones({2, 5}), Array<double>::ones({2})), shape_error);
  BOOST_CHECK_THROW(laplace.covariances(Array<double>::ones({2, 3}), Array<double>::ones({2, 3, 3})), shape_error);
  BOOST_CHECK_THROW(laplace.log_evidence({0, 1}, 1), shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
