// Scores of training examples by kernels, beside the formula of the paper with explicit gradients of margins.
#include "ntk/attribution.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "ntk/kernel.hpp"
#include "tests/ntk/kernels.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

// 9 training examples and 4 others. With 3 hidden units there are 30 parameters, and with 1 hidden unit 12.
struct Problem {
  nn::Sequential net;
  nn::Parameters<double> params;
  Array<double> x, x_new;
  ntk::Labels y = {0, 1, 2, 1, 0, 2, 2, 1, 0}, y_new = {2, 0, 1, 1};

  explicit Problem(std::size_t hidden)
      : net(nn::sequential(nn::Linear(5, hidden), nn::Tanh(), nn::Linear(hidden, 3))), params(net.init<double>(2)) {
    Random random("attribution");
    x = random_array(random, {9, 5});
    x_new = random_array(random, {4, 5});
  }

  Array<double> kernel() const { return ntk::kernel(net, params, x, ntk::readout::margin(y)); }
  Array<double> kernel_new() const {
    return ntk::kernel(net, params, x_new, x,
                       ntk::readout::between(ntk::readout::margin(y_new), ntk::readout::margin(y)));
  }
  // (N, P), by differentiation of log p / (1 - p) as it is written
  Array<double> gradients(const Array<double>& examples, const ntk::Labels& labels) const {
    const auto f = [&](const Var<double>& flat) {
      std::vector<Var<double>> arrays;
      for (const nn::ParameterInfo& info : params.infos())
        arrays.push_back(reshape(slice(flat, 0, info.offset, info.offset + info.shape.size()), info.shape));
      const Var<double> p = exp(-cross_entropy(net.apply(params, arrays, batched(examples)), labels, Reduction::none));
      return log(p / (1.0 - p));
    };
    return jacobian_reverse(f, params.flat());
  }
};

// phi_new (Phi^T Phi + ridge I)^-1 Phi^T diag(1 - p)
Array<double> primal(const Array<double>& phi_new, const Array<double>& phi, double ridge,
                     const Array<double>& misses) {
  const std::size_t p = phi.shape()[1], n = phi.shape()[0];
  const Array<double> gram = plus(product(transposed(phi), phi), identity(p, ridge));
  Array<double> out = product(phi_new, eliminated(gram, transposed(phi)));
  for (std::size_t i = 0; i < out.size(); ++i) out.mutable_data()[i] *= misses[i % n];
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(attribution)

BOOST_AUTO_TEST_CASE(margins_and_misses) {
  const Array<double> f = Array<double>::from({3, 3}, {0.3, 1.1, -0.7, 800, 1, 3, 800, 1, 3});
  const double p = std::exp(1.1) / (std::exp(0.3) + std::exp(1.1) + std::exp(-0.7));
  const Array<double> m = ntk::margins(f, {1, 0, 1}), q = ntk::misses(f, {1, 0, 1});
  BOOST_TEST(std::abs(m[0] - std::log(p / (1 - p))) < 1e-14);
  BOOST_TEST(std::abs(m[1] - (800 - std::log(std::exp(1.0) + std::exp(3.0)))) < 1e-12);
  BOOST_TEST(m[2] == -799);
  BOOST_TEST(std::abs(q[0] - (1 - p)) < 1e-15);
  BOOST_TEST(q[1] < 1e-300);
  BOOST_TEST(q[2] == 1);
}

BOOST_AUTO_TEST_CASE(scores_are_those_of_the_paper) {
  for (const std::size_t hidden : {1, 3}) {  // P = 12 is more than 9 examples, too
    const Problem c(hidden);
    const Array<double> phi = c.gradients(c.x, c.y), phi_new = c.gradients(c.x_new, c.y_new);
    const Array<double> misses = ntk::misses(c.net(c.params, c.x), c.y);
    BOOST_TEST(relative_error(c.kernel(), product(phi, transposed(phi))) < 1e-12);
    for (const double ridge : {1e-3, 0.5, 20.0}) {
      const ntk::Attribution attribution(c.kernel(), {.ridge = ridge, .relative = false});
      BOOST_TEST(relative_error(attribution.scores(c.kernel_new(), misses), primal(phi_new, phi, ridge, misses)) <
                 1e-10);
      const Array<double> all = primal(phi, phi, ridge, misses), own = attribution.self_influence(misses);
      for (std::size_t i = 0; i < 9; ++i) BOOST_TEST(std::abs(own[i] - all[i * 10]) < 1e-10);
    }
  }
}

// Fewer numbers than examples, as projected gradients have them: the kernel alone is singular.
BOOST_AUTO_TEST_CASE(projected_gradients) {
  const Problem c(3);
  Random random("projection");
  const Array<double> projection = random_array(random, {c.params.size(), 4});
  const Array<double> s = product(c.gradients(c.x, c.y), projection),
                      s_new = product(c.gradients(c.x_new, c.y_new), projection);
  const Array<double> misses = ntk::misses(c.net(c.params, c.x), c.y);
  const ntk::Attribution attribution(product(s, transposed(s)), {.ridge = 0.01});
  const Array<double> found = attribution.scores(product(s_new, transposed(s)), misses);
  BOOST_TEST(relative_error(found, primal(s_new, s, attribution.ridge(), misses)) < 1e-10);
}

BOOST_AUTO_TEST_CASE(kernels_of_float) {
  const Problem c(3);
  const Array<float> misses = ntk::misses(cast<float>(c.net(c.params, c.x)), c.y);
  const ntk::Attribution<float> narrow(cast<float>(c.kernel()), {.ridge = 0.1});
  const ntk::Attribution<double> wide(c.kernel(), {.ridge = 0.1});
  const Array<double> expected = wide.scores(c.kernel_new(), misses);
  BOOST_TEST(relative_error(narrow.scores(cast<float>(c.kernel_new()), misses), expected) < 1e-5);
  BOOST_TEST(relative_error(narrow.self_influence(misses), wide.self_influence(misses)) < 1e-5);
}

BOOST_AUTO_TEST_CASE(without_a_ridge_every_example_explains_itself) {
  const Problem c(3);
  const Array<double> misses = ntk::misses(c.net(c.params, c.x), c.y);
  const ntk::Attribution attribution(c.kernel());
  const Array<double> scores = attribution.scores(c.kernel(), misses), own = attribution.self_influence(misses);
  for (std::size_t i = 0; i < 9; ++i) {
    BOOST_TEST(own[i] == misses[i]);
    for (std::size_t j = 0; j < 9; ++j) BOOST_TEST(std::abs(scores[i * 9 + j] - (i == j ? misses[i] : 0)) < 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(errors_name_what_does_not_fit) {
  const Problem c(3);
  const Array<double> f = c.net(c.params, c.x);
  BOOST_TEST(has(message_of<shape_error>([&] { ntk::margins(f, {1, 2}); }), "(9, 3) and 2 labels"));
  BOOST_TEST(has(message_of<shape_error>([&] { ntk::misses(f.reshaped({27, 1}), ntk::Labels(27)); }), "at least two"));
  BOOST_TEST(has(message_of<data_error>([&] { ntk::margins(f, {0, 1, 2, 3, 0, 0, 0, 0, 0}); }), "example 3"));
  const ntk::Attribution attribution(c.kernel(), {.ridge = 0.1});
  Array<double> misses = ntk::misses(f, c.y);
  BOOST_TEST(has(message_of<shape_error>([&] { attribution.scores(c.kernel_new(), misses.rows(0, 4)); }), "[scores]"));
  BOOST_TEST(has(message_of<shape_error>([&] { attribution.scores(transposed(c.kernel_new()), misses); }), "(9, 4)"));
  BOOST_TEST(attribution.scores(Array<double>({0, 9}), misses).shape() == Shape({0, 9}));
  misses.mutable_data()[3] = NAN;
  BOOST_CHECK_THROW(attribution.scores(c.kernel_new(), misses), numerical_error);
  BOOST_CHECK_THROW(attribution.self_influence(misses), numerical_error);
  BOOST_CHECK_THROW(attribution.self_influence(misses.rows(0, 2)), shape_error);
  BOOST_CHECK_THROW(ntk::Attribution(c.kernel_new()), shape_error);
  BOOST_CHECK_THROW(ntk::Attribution(c.kernel(), {.ridge = -1}), option_error);
}

BOOST_AUTO_TEST_SUITE_END()
