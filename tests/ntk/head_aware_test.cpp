// Compares the head-aware pair with its dense form, and with the eNTK that it approximates.
#include "ntk/head_aware.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "autodiff/ops/linear.hpp"
#include "nn/data/dataset.hpp"
#include "nn/data/digits.hpp"
#include "nn/layers/activation.hpp"
#include "nn/layers/linear.hpp"
#include "nn/models/lenet.hpp"
#include "nn/models/mlp.hpp"
#include "nn/sequential.hpp"
#include "nn/training/fit.hpp"
#include "ntk/compare.hpp"
#include "ntk/spectrum.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/testing.hpp"

namespace utf = boost::unit_test;
using namespace xtangent;
using namespace xtangent::testing;

namespace {

Array<double> matrix(const std::string& seed, const Shape& shape) {
  Random random(seed);
  return random_array(random, shape);
}

// Phi (x) I + Psi (x) S
Array<double> dense(const ntk::HeadAwareKernel& k) {
  const std::size_t n = k.head.shape()[0], m = k.head.shape()[1], o = k.outputs.shape()[0];
  Array<double> out({n * o, m * o});
  for (std::size_t i = 0; i < n * o; ++i)
    for (std::size_t j = 0; j < m * o; ++j)
      out.mutable_data()[i * m * o + j] =
          k.rest[i / o * m + j / o] * k.outputs[i % o * o + j % o] + (i % o == j % o ? k.head[i / o * m + j / o] : 0.0);
  return out;
}

struct Problem {
  nn::Sequential net = nn::mlp({5, 24, 24, 3});
  nn::Parameters<double> params = net.init<double>(2);
  Array<double> x = matrix("x", {9, 5}), x_new = matrix("new", {4, 5});
  ntk::HeadAwareKernel k = ntk::head_aware_kernel(net, params, x);
};

}  // namespace

BOOST_AUTO_TEST_SUITE(head_aware)

BOOST_AUTO_TEST_CASE(agrees_with_the_readout_that_it_is_made_of) {
  const Problem p;
  const Array<double> entk = ntk::entk(p.net, p.params, p.x);
  for (const ntk::Readout& readout :
       {ntk::readout::pseudo(), ntk::readout::random_signs(3), ntk::readout::single(1),
        ntk::readout::random_signs(3, 4), ntk::readout::trace(), ntk::readout::custom(matrix("v", {3, 1}))}) {
    const auto k = ntk::head_aware_kernel(p.net, p.params, p.x, readout);
    // The approximation agrees with the kernel of the readout from which it was made.
    const Array<double> whole = dense(k), expected = ntk::kernel(p.net, p.params, p.x, readout);
    const Array<double> v = readout.weights(3);
    const std::size_t c = v.shape()[1];  // the mean over the columns, if there is more than one
    Array<double> seen = Array<double>::zeros({9, 9});
    for (std::size_t i = 0; i < 27; ++i)
      for (std::size_t j = 0; j < 27; ++j)
        for (std::size_t l = 0; l < c; ++l)
          seen.mutable_data()[i / 3 * 9 + j / 3] +=
              v[i % 3 * c + l] * whole[i * 27 + j] * v[j % 3 * c + l] / static_cast<double>(c);
    BOOST_TEST_CONTEXT(readout.name())
    BOOST_TEST(relative_error(seen, expected) < 1e-12);
    for (std::size_t i = 0; i < 9; ++i)
      for (std::size_t j = 0; j < 9; ++j) {
        BOOST_TEST(k.head[i * 9 + j] == k.head[j * 9 + i]);
        BOOST_TEST(k.rest[i * 9 + j] == k.rest[j * 9 + i]);
      }
  }
  // A linear model has nothing but its head; with one output the pair is the kernel itself.
  const nn::Sequential line = nn::sequential(nn::Linear(5, 3));
  const auto weights = line.init<double>(1);
  const auto of_line = ntk::head_aware_kernel(line, weights, p.x);
  BOOST_TEST(ntk::relative_frobenius(ntk::entk(line, weights, p.x), of_line) < 1e-12);
  const nn::Sequential single = nn::mlp({5, 8, 1});
  const auto of_single = ntk::head_aware_kernel(single, single.init<double>(1), p.x, p.x_new);
  BOOST_TEST(relative_error(dense(of_single), ntk::entk(single, single.init<double>(1), p.x, p.x_new)) < 1e-12);
  // Numbers that multiply the result of the head, and biases that are added by an op of their own.
  const nn::WeightOptions options{.parameterization = nn::Parameterization::ntk, .sigma_w = 1.2, .sigma_b = 0.3};
  for (const nn::Sequential& net : {nn::mlp({5, 8, 1}, nn::Relu(), options), nn::sequential(nn::Linear(5, 3, options)),
                                    nn::sequential(nn::TransposedLinear(5, 3, options)),
                                    nn::sequential(nn::Linear(5, 8), nn::Tanh(), nn::TransposedLinear(8, 1))}) {
    const auto drawn = net.init<double>(1);
    BOOST_TEST(relative_error(dense(ntk::head_aware_kernel(net, drawn, p.x)), ntk::entk(net, drawn, p.x)) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(everything_equals_the_dense_form) {
  const Problem p;
  const Array<double> whole = dense(p.k), entk = ntk::entk(p.net, p.params, p.x), r = matrix("r", {9, 3});
  BOOST_TEST(std::abs(ntk::relative_frobenius(entk, p.k) / ntk::relative_difference(whole, entk) - 1) < 1e-12);
  const auto all = ntk::eigenvalues(p.k), expected = ntk::eigenvalues(whole);
  BOOST_TEST(all.size() == 27u);
  for (std::size_t i = 0; i < all.size(); ++i) BOOST_TEST(std::abs(all[i] - expected[i]) < 1e-11 * expected.back());
  const Array<double> u = matrix("u", {27, 4});
  BOOST_TEST(relative_error(ntk::linear_map(p.k)(u), product(whole, u)) < 1e-12);
  double mean = 0;
  for (std::size_t i = 0; i < 27; ++i) mean += whole[i * 28] / 27;
  for (const auto& [ridge, absolute] : {std::pair{0.0, 0.0}, {0.2, 0.2 * mean}}) {
    const Array<double> w = ntk::head_aware_solve(p.k, r, {.ridge = ridge});
    BOOST_TEST(relative_error(w.reshaped({27, 1}),
                              eliminated(plus(whole, identity(27, absolute)), r.reshaped({27, 1}))) < 1e-8);
    const auto k_new = ntk::head_aware_kernel(p.net, p.params, p.x_new, p.x);
    const Array<double> f0 = matrix("f0", {4, 3});
    const Array<double> change = product(dense(k_new), w.reshaped({27, 1})).reshaped({4, 3});
    BOOST_TEST(relative_error(ntk::predict(k_new, w, f0), plus(f0, change)) < 1e-11);
  }
}

BOOST_AUTO_TEST_CASE(finds_the_head_of_other_networks) {
  const nn::Sequential lenet = nn::lenet();
  const auto params = lenet.init<float>(1);
  const Array<float> x = cast<float>(matrix("x", {3, 1, 28, 28}));
  const auto k = ntk::head_aware_kernel(lenet, params, x);
  BOOST_TEST((k.outputs.shape() == Shape{10, 10}));
  BOOST_TEST(ntk::relative_frobenius(ntk::entk(lenet, params, x), k) < 0.5);
  const nn::WeightOptions ntk_weights{.parameterization = nn::Parameterization::ntk, .sigma_b = 0};
  const nn::Sequential scaled = nn::mlp({5, 2048, 3}, nn::Relu(), ntk_weights);
  const auto p = scaled.init<double>(1);
  const Array<double> points = matrix("points", {4, 5});
  const Array<double> entk = ntk::entk(scaled, p, points);
  BOOST_TEST(ntk::relative_frobenius(entk, ntk::head_aware_kernel(scaled, p, points)) < 0.1);
  // A head whose weight is stored as (I, O): the same kernel as that of the transposed weight.
  const nn::Sequential usual = nn::sequential(nn::Linear(5, 8), nn::Tanh(), nn::Linear(8, 3, {.bias = false})),
                       turned =
                           nn::sequential(nn::Linear(5, 8), nn::Tanh(), nn::TransposedLinear(8, 3, {.bias = false}));
  auto of_usual = usual.init<double>(3), of_turned = turned.init<double>(4);
  for (const char* name : {"0.weight", "0.bias"}) of_turned.set(name, of_usual[name]);
  of_turned.set("2.weight", transposed(of_usual["2.weight"]));
  const auto expected = ntk::head_aware_kernel(usual, of_usual, points),
             found = ntk::head_aware_kernel(turned, of_turned, points);
  BOOST_TEST((found.outputs.shape() == Shape{3, 3}));
  BOOST_TEST(relative_error(dense(found), dense(expected)) < 1e-12);
}

BOOST_AUTO_TEST_CASE(bad_arguments) {
  const Problem p;
  const auto attempt = [&](const nn::ModuleBase& net) { return ntk::head_aware_kernel(net, net.init<double>(1), p.x); };
  BOOST_CHECK_THROW(attempt(nn::sequential(nn::Linear(5, 3), nn::Tanh())), rule_error);
  BOOST_CHECK_THROW(attempt(nn::tied(nn::sequential(nn::Linear(5, 5), nn::Tanh(), nn::Linear(5, 5)), {{"2", "0"}})),
                    rule_error);
  BOOST_CHECK_THROW(ntk::head_aware_kernel(p.net, p.params, p.x, ntk::readout::full()), option_error);
  BOOST_CHECK_THROW(ntk::head_aware_kernel(p.net, p.params, p.x, ntk::readout::diagonal()), option_error);
  BOOST_CHECK_THROW(ntk::head_aware_kernel(p.net, p.params, matrix("x", {9, 4})), shape_error);
  const ntk::Metric fours{.arrays = Array<double>::full({p.params.count()}, 4)};
  BOOST_CHECK_THROW(ntk::head_aware_kernel(p.net, p.params, p.x, ntk::readout::trace(), {.metric = fours}),
                    option_error);
  BOOST_CHECK_THROW(ntk::head_aware_kernel(p.net, p.params, p.x, ntk::readout::trace(), {.memory = 100}), memory_error);
  auto zero = p.params;
  zero.set("4.weight", Array<double>::zeros({3, 24}));
  BOOST_CHECK_THROW(ntk::head_aware_kernel(p.net, zero, p.x), numerical_error);
  BOOST_CHECK_THROW(ntk::head_aware_solve(p.k, matrix("r", {9, 2})), shape_error);
  const auto cross = ntk::head_aware_kernel(p.net, p.params, p.x_new, p.x);
  BOOST_CHECK_THROW(ntk::head_aware_solve(cross, matrix("r", {4, 3})), shape_error);
  BOOST_CHECK_THROW(ntk::eigenvalues(cross), shape_error);
  BOOST_CHECK_THROW(ntk::linear_map(cross), shape_error);
  BOOST_CHECK_THROW(ntk::predict(cross, matrix("w", {9, 2}), matrix("f", {4, 3})), shape_error);
  BOOST_CHECK_THROW(ntk::predict(cross, matrix("w", {9, 3}), matrix("f", {3, 3})), shape_error);
  BOOST_CHECK_THROW(ntk::relative_frobenius(identity(26), p.k), shape_error);
  BOOST_CHECK_THROW(ntk::relative_frobenius(Array<double>::zeros({27, 27}), p.k), numerical_error);
  ntk::HeadAwareKernel odd = p.k;
  odd.rest = identity(8);
  BOOST_CHECK_THROW(ntk::eigenvalues(odd), shape_error);
}

// The errors for a trained network: width 256, cross-entropy, 30 epochs with weight decay.
BOOST_AUTO_TEST_CASE(nearer_than_the_pseudo_kernel_after_training, *utf::precondition(Digits{})) {
  std::vector<std::size_t> first(1000);
  std::iota(first.begin(), first.end(), std::size_t(0));
  const nn::Dataset images =
      nn::Dataset(nn::load_digits(digits_file()), {.layout = nn::ImageLayout::flat}).subset(first);
  const nn::Sequential net = nn::mlp({64, 256, 256, 10});
  const auto trained =
      nn::fit(net, net.init<float>(1), images, {.epochs = 30, .optimizer = nn::adamw({.weight_decay = 0.1})});
  first.resize(150);
  const Array<float> x = images.batch<float>(first);
  const Array<double> entk = ntk::entk(net, trained.params, x);
  const auto plain = [&](const ntk::Readout& readout) {
    return ntk::relative_frobenius(entk, ntk::kernel(net, trained.params, x, readout), 10);
  };
  const double pseudo = plain(ntk::readout::pseudo()), trace = plain(ntk::readout::trace());
  const auto k = ntk::head_aware_kernel(net, trained.params, x);
  const double aware = ntk::relative_frobenius(entk, k);
  BOOST_TEST_MESSAGE("relative Frobenius difference: pseudo " << pseudo << ", trace " << trace << ", head-aware "
                                                              << aware);
  BOOST_TEST(aware < trace);
  BOOST_TEST(aware < 0.8 * pseudo);
  const double exact = ntk::eigenvalues(entk).back();
  BOOST_TEST(std::abs(ntk::eigenvalues(k).back() / exact - 1) <
             std::abs(ntk::eigenvalues(ntk::pntk(net, trained.params, x)).back() / exact - 1));
}

BOOST_AUTO_TEST_SUITE_END()
