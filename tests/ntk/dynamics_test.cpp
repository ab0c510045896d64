// Compares the training of the linearized network with small steps, loops, and wide networks that are really trained.
#include "ntk/dynamics.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <sstream>

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/layers/activation.hpp"
#include "nn/layers/linear.hpp"
#include "nn/sequential.hpp"
#include "ntk/compare.hpp"
#include "ntk/kernel.hpp"
#include "ntk/regression.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Slope = std::function<Array<double>(const Array<double>&)>;

Array<double> softmaxed(const Array<double>& f) {
  const std::size_t o = f.shape()[1];
  Array<double> out(f.shape());
  for (std::size_t i = 0; i < f.shape()[0]; ++i) {
    double sum = 0;
    for (std::size_t c = 0; c < o; ++c) sum += std::exp(f[i * o + c]);
    for (std::size_t c = 0; c < o; ++c) out.mutable_data()[i * o + c] = std::exp(f[i * o + c]) / sum;
  }
  return out;
}

// Solves d f / dt = -K slope(f) by the classical Runge-Kutta method of order 4.
Array<double> small_steps(const Array<double>& k, const Slope& slope, Array<double> f, double time, std::size_t steps) {
  const double h = time / static_cast<double>(steps);
  const std::size_t n = k.shape()[0];
  const auto speed = [&](const Array<double>& at) {
    return product(k, slope(at).reshaped({n, f.size() / n})).reshaped(f.shape());
  };
  for (std::size_t i = 0; i < steps; ++i) {
    const auto k1 = speed(f), k2 = speed(plus(f, k1, -h / 2)), k3 = speed(plus(f, k2, -h / 2)),
               k4 = speed(plus(f, k3, -h));
    f = plus(plus(plus(plus(f, k1, -h / 6), k2, -h / 3), k3, -h / 3), k4, -h / 6);
  }
  return f;
}

// Repeats f <- f - rate K slope(f) `steps` times.
Array<double> descended(const Array<double>& k, const Slope& slope, Array<double> f, double rate, std::size_t steps) {
  const std::size_t n = k.shape()[0];
  for (std::size_t i = 0; i < steps; ++i)
    f = plus(f, product(k, slope(f).reshaped({n, f.size() / n})).reshaped(f.shape()), -rate);
  return f;
}

struct Setting {
  Array<double> k, y, labels, f0;
  std::size_t n, o;
  // A kernel of order n or n o.
  Setting(bool full, std::size_t examples = 6, std::size_t outputs = 3) : n(examples), o(outputs) {
    k = positive_matrix(full ? n * o : n, 0.05);
    Random random("setting");
    y = random_array(random, {n, o});
    f0 = random_array(random, {n, o});
    labels = Array<double>::zeros({n, o});
    for (std::size_t i = 0; i < n; ++i) labels.mutable_data()[i * o + i % o] = 1;
  }
  Slope squares(double c) const {
    return [this, c](const Array<double>& f) {
      Array<double> out = plus(f, y, -1);
      for (std::size_t i = 0; i < out.size(); ++i) out.mutable_data()[i] *= c;
      return out;
    };
  }
  Slope entropy(double c) const {
    return [this, c](const Array<double>& f) {
      Array<double> out = plus(softmaxed(f), labels, -1);
      for (std::size_t i = 0; i < out.size(); ++i) out.mutable_data()[i] *= c;
      return out;
    };
  }
};

struct Scale {
  ntk::SquaredError loss;
  double factor;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(dynamics)

BOOST_AUTO_TEST_CASE(flow_of_squared_error_is_the_limit_of_small_steps) {
  for (bool full : {false, true}) {
    const Setting s(full);
    for (const Scale& scale : {Scale{ntk::SquaredError::half_sum, 1}, Scale{ntk::SquaredError::sum, 2},
                               Scale{ntk::SquaredError::mean, 2.0 / 18}}) {
      const ntk::Dynamics d(s.k, s.y, s.f0, scale.loss);
      for (double time : {0.0, 0.01, 0.5, 3.0}) {
        const Array<double> expected = small_steps(s.k, s.squares(scale.factor), s.f0, time, 4000);
        BOOST_TEST(difference(d.outputs_at_time(time), expected) < 1e-8);
        BOOST_TEST(difference(ntk::predict(s.k, d.weights_at_time(time), s.f0), expected) < 1e-8);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(descent_of_squared_error_is_its_steps) {
  for (bool full : {false, true}) {
    const Setting s(full);
    const ntk::Dynamics d(s.k, s.y, s.f0, ntk::SquaredError::mean);
    BOOST_TEST(std::abs(d.maximal_learning_rate() * d.eigenvalues().back() * 2 / 18 - 2) < 1e-12);
    for (double part : {1e-6, 0.1, 0.5, 0.9, 0.99, 1.01})
      for (std::size_t k : {0, 1, 2, 7, 100}) {
        const double rate = part * d.maximal_learning_rate();
        const Array<double> expected = descended(s.k, s.squares(2.0 / 18), s.f0, rate, k);
        BOOST_TEST(difference(d.outputs_at_step(rate, k), expected) < 1e-11);
        BOOST_TEST(difference(ntk::predict(s.k, d.weights_at_step(rate, k), s.f0), expected) < 1e-11);
      }
    BOOST_CHECK_THROW(d.weights_at_step(1.5 * d.maximal_learning_rate(), 1000000), numerical_error);
  }
}

BOOST_AUTO_TEST_CASE(the_end_of_training_is_regression) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (bool full : {false, true}) {
    const Setting s(full);
    const ntk::Dynamics d(s.k, s.y, s.f0);
    BOOST_TEST(difference(d.weights_at_time(infinity), ntk::Regression(s.k).weights(s.y, s.f0)) < 1e-9);
    BOOST_TEST(difference(d.outputs_at_time(infinity), s.y) < 1e-12);
    BOOST_TEST(difference(d.weights_at_time(0), Array<double>::zeros({6, 3})) == 0);
  }
}

// An example occurs twice with two targets. The kernel is singular, and training goes to the mean of the targets.
BOOST_AUTO_TEST_CASE(singular_kernels_are_trained_as_far_as_they_go) {
  const Setting s(false);
  const std::vector<std::size_t> rows = {0, 1, 2, 3, 4, 1};
  const Array<double> k = picked(s.k, rows, rows), f0 = picked(s.f0, rows, range(0, 3));
  const ntk::Dynamics d(k, s.y, f0);
  for (double time : {0.1, 2.0})
    BOOST_TEST(difference(d.outputs_at_time(time), small_steps(k, s.squares(1), f0, time, 4000)) < 1e-8);
  for (double time : {1e3, 1e12, std::numeric_limits<double>::infinity()}) {
    const Array<double> out = d.outputs_at_time(time), weights = d.weights_at_time(time);
    for (std::size_t c = 0; c < 3; ++c) {
      BOOST_TEST(std::abs(out[3 + c] - (s.y[3 + c] + s.y[15 + c]) / 2) < 1e-9);
      BOOST_TEST(std::abs(out[c] - s.y[c]) < 1e-9);
    }
    // At all other points the row that occurs twice counts as one.
    const std::vector<std::size_t> other = {5};
    const Array<double> found = ntk::predict(picked(s.k, other, rows), weights, picked(s.f0, other, range(0, 3)));
    Array<double> y = picked(s.y, range(0, 5), range(0, 3));
    for (std::size_t c = 0; c < 3; ++c) y.mutable_data()[3 + c] = (s.y[3 + c] + s.y[15 + c]) / 2;
    const Array<double> expected =
        ntk::Regression(picked(s.k, range(0, 5), range(0, 5)))
            .predict(picked(s.k, other, range(0, 5)), y, picked(s.f0, range(0, 5), range(0, 3)),
                     picked(s.f0, other, range(0, 3)));
    BOOST_TEST(difference(found, expected) < (std::isinf(time) || time < 1e12 ? 1e-8 : 1e-3));
  }
}

// A diagonal kernel, whose eigenvalues every LAPACK finds exactly. The second one is what rounding leaves of a zero.
BOOST_AUTO_TEST_CASE(eigenvalues_as_small_as_rounding_errors_train_nothing) {
  Array<double> k = identity(3);
  k.mutable_data()[4] = 1e-17;
  const Array<double> y = Array<double>::ones({3, 1}), f0 = Array<double>::zeros({3, 1});
  const ntk::Dynamics d(k, y, f0);
  BOOST_TEST(d.eigenvalues().front() == 1e-17);
  const Array<double> expected = Array<double>::from({3, 1}, {1, 0, 1});
  for (double time : {1e17, 1e30, std::numeric_limits<double>::infinity()}) {
    BOOST_TEST(difference(d.outputs_at_time(time), expected) == 0);
    BOOST_TEST(std::abs(d.weights_at_time(time)[1]) < 1e16);
  }
  BOOST_TEST(difference(d.outputs_at_step(0.5, std::size_t{1} << 60), expected) == 0);
}

BOOST_AUTO_TEST_CASE(flow_of_cross_entropy_is_the_limit_of_small_steps) {
  for (bool full : {false, true}) {
    const Setting s(full);
    for (bool mean : {false, true}) {
      const ntk::CrossEntropyDynamics d(ntk::linear_map(s.k), s.labels, s.f0, mean ? Reduction::mean : Reduction::sum);
      const auto found = d.weights_at_times({0, 0.2, 0.2, 3});
      const std::vector<double> times = {0, 0.2, 0.2, 3};
      for (std::size_t i = 0; i < times.size(); ++i) {
        const Array<double> expected = small_steps(s.k, s.entropy(mean ? 1.0 / 6 : 1.0), s.f0, times[i], 4000);
        BOOST_TEST(difference(ntk::predict(s.k, found[i], s.f0), expected) < 1e-6);
      }
      BOOST_TEST(difference(d.weights_at_time(3), found[3]) < 1e-6);
      const double exact = difference(d.weights_at_time(3, {.tolerance = 1e-11}), found[3]);
      BOOST_TEST(exact < 1e-6);
      BOOST_TEST(difference(d.weights_at_time(3, {.tolerance = 1e-3}), found[3]) > exact);
    }
  }
}

BOOST_AUTO_TEST_CASE(descent_of_cross_entropy_is_its_steps) {
  for (bool full : {false, true}) {
    const Setting s(full);
    const ntk::CrossEntropyDynamics d(ntk::linear_map(s.k), s.labels, s.f0, Reduction::sum);
    for (std::size_t k : {0, 1, 50}) {
      const Array<double> expected = descended(s.k, s.entropy(1), s.f0, 0.05, k);
      BOOST_TEST(difference(ntk::predict(s.k, d.weights_at_step(0.05, k), s.f0), expected) < 1e-12);
    }
  }
}

// Networks that are really trained by gradient descent, with the losses of autodiff/ and their scales.
BOOST_AUTO_TEST_CASE(wide_networks_follow) {
  const nn::WeightOptions options{.parameterization = nn::Parameterization::ntk};
  Random random("wide");
  const std::size_t n = 5, m = 3, o = 2, steps = 40;
  const Array<double> x = random_array(random, {n, 4}), x_new = random_array(random, {m, 4}),
                      y = random_array(random, {n, o});
  const std::vector<std::size_t> labels = {0, 1, 1, 0, 1};
  Array<double> one_hot = Array<double>::zeros({n, o});
  for (std::size_t i = 0; i < n; ++i) one_hot.mutable_data()[i * o + labels[i]] = 1;
  for (bool entropy : {false, true}) {
    std::vector<double> errors;
    for (std::size_t width : {512, 8192}) {
      const auto net = nn::sequential(nn::Linear(4, width, options), nn::Tanh(), nn::Linear(width, o, options));
      auto params = net.init<double>(3);
      const auto theta = ntk::entk(net, params, x), theta_new = ntk::entk(net, params, x_new, x);
      const Array<double> f0 = net(params, x), f0_new = net(params, x_new);
      const ntk::Dynamics squares(theta, y, f0, ntk::SquaredError::mean);
      const double rate = 0.5 * squares.maximal_learning_rate();
      const Array<double> weights =
          entropy ? ntk::CrossEntropyDynamics(ntk::linear_map(theta), one_hot, f0).weights_at_step(rate, steps)
                  : squares.weights_at_step(rate, steps);
      const Array<double> predicted = ntk::predict(theta_new, weights, f0_new);
      for (std::size_t t = 0; t < steps; ++t) {
        Tape<double> tape;
        const auto run = net.record(tape, params, x);
        const Var<double> loss =
            entropy ? cross_entropy(run.output, labels) : xtangent::mean(square(run.output - Var<double>(y)));
        const auto gradients = pullback<double>(loss, Var<double>(Array<double>::scalar(1)), run.parameters);
        Array<double> flat = params.flat();
        std::size_t at = 0;
        for (const Var<double>& g : gradients)
          for (std::size_t i = 0; i < g.size(); ++i) flat.mutable_data()[at++] -= rate * g.value()[i];
        params.set_flat(flat);
      }
      BOOST_TEST(ntk::relative_difference(predicted, f0_new) > 0.1);  // training changed the outputs
      errors.push_back(ntk::relative_difference(net(params, x_new), predicted));
    }
    BOOST_TEST(errors[1] < 0.02);
    BOOST_TEST(errors[1] < 0.5 * errors[0]);
  }
}

BOOST_AUTO_TEST_CASE(errors) {
  const Setting s(false);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const ntk::Dynamics d(s.k, s.y, s.f0);
  BOOST_CHECK_THROW(ntk::Dynamics(Array<double>::ones({5, 5}), s.y, s.f0), shape_error);
  BOOST_CHECK_THROW(ntk::Dynamics(s.k, s.y, Array<double>::ones({6, 2})), shape_error);
  BOOST_CHECK_THROW(ntk::Dynamics(s.k, s.y, Array<double>::full({6, 3}, nan)), numerical_error);
  BOOST_CHECK_THROW(d.weights_at_time(-1), option_error);
  BOOST_CHECK_THROW(d.outputs_at_time(nan), option_error);
  BOOST_CHECK_THROW(d.weights_at_step(0, 1), option_error);
  // Small numbers are told by their digits.
  Array<double> large = s.k.clone();
  for (std::size_t i = 0; i < large.size(); ++i) large.mutable_data()[i] *= 1e9;
  const ntk::Dynamics fast(large, s.y, s.f0);
  std::ostringstream rate;
  rate << fast.maximal_learning_rate();
  BOOST_TEST(has(rate.str(), "e-"));
  BOOST_TEST(has(message_of<numerical_error>([&] { fast.outputs_at_step(1, 10000); }), rate.str() + "."));
  const auto map = ntk::linear_map(s.k);
  BOOST_CHECK_THROW(ntk::CrossEntropyDynamics(map, s.y, s.f0), data_error);
  BOOST_CHECK_THROW(ntk::CrossEntropyDynamics(map, s.labels, s.f0, Reduction::none), option_error);
  BOOST_CHECK_THROW(ntk::CrossEntropyDynamics(map, s.labels, Array<double>::ones({6, 2})), shape_error);
  const ntk::CrossEntropyDynamics c(map, s.labels, s.f0);
  BOOST_CHECK_THROW(c.weights_at_times({1, 0.5}), option_error);
  BOOST_CHECK_THROW(c.weights_at_time(std::numeric_limits<double>::infinity()), option_error);
  BOOST_CHECK_THROW(c.weights_at_time(1, {.tolerance = 0}), option_error);
  BOOST_CHECK_THROW(c.weights_at_time(1, {.max_products = 5}), numerical_error);
  BOOST_CHECK_THROW(c.weights_at_step(-1, 1), option_error);
}

BOOST_AUTO_TEST_SUITE_END()
