// Kernels of functions of a network and its derivatives, against finite differences in the parameters.
#include "ntk/function.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/layers/activation.hpp"
#include "nn/layers/linear.hpp"
#include "nn/sequential.hpp"
#include "ntk/compare.hpp"
#include "ntk/kernel.hpp"
#include "ntk/operator.hpp"
#include "ntk/per_example.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace readout = ntk::readout;

namespace {

nn::Sequential network() {
  return nn::sequential(nn::Linear(2, 9), nn::Tanh(), nn::Linear(9, 8), nn::Tanh(), nn::Linear(8, 1));
}

// Burgers' equation.
const auto burgers = [](const auto& u, const auto& x) {
  const auto u_x = [&](const auto& v) { return ntk::partial(u, v, 0); };
  return ntk::partial(u, x, 1) + u(x) * u_x(x) - 0.1 * ntk::partial(u_x, x, 0);
};
// By reverse mode: |grad u|^2 - 1.
const auto eikonal = [](const auto& u, const auto& x) { return sum(square(ntk::gradient(u, x)), {1}) - 1.0; };
// The Laplacian by forward mode over reverse mode.
const auto laplacian = [](const auto& u, const auto& x) {
  const auto slope = [&](std::size_t i) {
    return [&u, i](const auto& v) { return slice(ntk::gradient(u, v), 1, i, i + 1); };
  };
  return ntk::partial(slope(0), x, 0) + ntk::partial(slope(1), x, 1);
};
// Sums of the first row of the Hessian, by reverse mode over reverse mode.
const auto hessian_row = [](const auto& u, const auto& x) {
  const auto first = [&](const auto& v) { return slice(ntk::gradient(u, v), 1, 0, 1); };
  return sum(ntk::gradient(first, x), {1});
};
const auto value_and_residual = [](const auto& u, const auto& x) { return concatenate({u(x), burgers(u, x)}, 1); };

// J J^T by central differences in the parameters.
Array<double> by_differences(const nn::ModuleBase& f, const nn::Parameters<double>& params, const Array<double>& x) {
  const std::size_t order = f(params, x).size();
  Array<double> out = Array<double>::zeros({order, order});
  for (std::size_t i = 0; i < params.size(); ++i) {
    nn::Parameters<double> up = params, down = params;
    up.mutable_data()[i] += 1e-5;
    down.mutable_data()[i] -= 1e-5;
    const Array<double> a = f(up, x), b = f(down, x);
    for (std::size_t p = 0; p < order; ++p)
      for (std::size_t q = 0; q < order; ++q)
        out.mutable_data()[p * order + q] += (a[p] - b[p]) * (a[q] - b[q]) / 4e-10;
  }
  return out;
}

struct Case {
  nn::Sequential net = network();
  nn::Parameters<double> params = net.init<double>(3);
  Random random{"function"};
  Array<double> x = random_array(random, {5, 2}), other = random_array(random, {3, 2});
};

}  // namespace

BOOST_AUTO_TEST_SUITE(function)

BOOST_AUTO_TEST_CASE(derivatives_are_those_of_the_network) {
  const Case c;
  const double h = 1e-4;
  const auto at = [&](double dx, double dt) {
    Array<double> moved = c.x.clone();
    for (std::size_t n = 0; n < 5; ++n) {
      moved.mutable_data()[2 * n] += dx;
      moved.mutable_data()[2 * n + 1] += dt;
    }
    return c.net(c.params, moved);
  };
  const Array<double> u = at(0, 0), right = at(h, 0), left = at(-h, 0), up = at(0, h), down = at(0, -h),
                      corner = at(h, h), other = at(-h, -h), mixed = at(h, -h), opposite = at(-h, h);
  const Array<double> b = ntk::function(c.net, burgers)(c.params, c.x),
                      e = ntk::function(c.net, eikonal)(c.params, c.x),
                      l = ntk::function(c.net, laplacian)(c.params, c.x),
                      r = ntk::function(c.net, hessian_row)(c.params, c.x);
  for (std::size_t n = 0; n < 5; ++n) {
    const double ux = (right[n] - left[n]) / (2 * h), ut = (up[n] - down[n]) / (2 * h);
    const double uxx = (right[n] - 2 * u[n] + left[n]) / (h * h), utt = (up[n] - 2 * u[n] + down[n]) / (h * h);
    const double uxt = (corner[n] + other[n] - mixed[n] - opposite[n]) / (4 * h * h);
    BOOST_TEST(std::abs(b[n] - (ut + u[n] * ux - 0.1 * uxx)) < 1e-6);
    BOOST_TEST(std::abs(e[n] - (ux * ux + ut * ut - 1)) < 1e-6);
    BOOST_TEST(std::abs(l[n] - (uxx + utt)) < 1e-6);
    BOOST_TEST(std::abs(r[n] - (uxx + uxt)) < 1e-6);
  }
}

BOOST_AUTO_TEST_CASE(kernels_of_functions_with_derivatives_inside) {
  const Case c;
  const auto check = [&](const char* name, const nn::ModuleBase& f) {
    const Array<double> expected = by_differences(f, c.params, c.x);
    for (const ntk::Strategy strategy :
         {ntk::Strategy::automatic, ntk::Strategy::structured, ntk::Strategy::jacobian, ntk::Strategy::vector_products})
      for (const std::size_t tile : {0, 2}) {
        BOOST_TEST_CONTEXT(name << ", " << ntk::name(strategy) << ", tiles of " << tile) {
          const ntk::Options options{.strategy = strategy, .tile = tile};
          BOOST_TEST(ntk::relative_difference(ntk::entk(f, c.params, c.x, options), expected) < 1e-8);
        }
      }
    const Array<double> k = ntk::entk(f, c.params, c.x);
    BOOST_TEST(ntk::relative_difference(ntk::entk(f, c.params.cast<float>(), cast<float>(c.x)), k) < 1e-3);
    const Array<double> u = Array<double>::ones({k.shape()[0], 1}),
                        product = ntk::Operator<double>(f, c.params, c.x)(u);
    for (std::size_t i = 0; i < k.shape()[0]; ++i) {
      double row = 0, scale = 0;
      for (std::size_t j = 0; j < k.shape()[0]; ++j) {
        row += k[i * k.shape()[0] + j];
        scale += std::abs(k[i * k.shape()[0] + j]);
      }
      BOOST_TEST(std::abs(product[i] - row) < 1e-11 * scale);
    }
  };
  check("burgers", ntk::function(c.net, burgers));
  check("eikonal", ntk::function(c.net, eikonal));
  check("laplacian", ntk::function(c.net, laplacian));
  check("hessian row", ntk::function(c.net, hessian_row));
  check("value and residual", ntk::function(c.net, value_and_residual));
}

// The blocks uu, ur and rr of a physics-informed network.
BOOST_AUTO_TEST_CASE(kernels_between_two_functions_of_the_same_parameters) {
  const Case c;
  const auto both = ntk::function(c.net, value_and_residual);
  const auto residual = ntk::function(c.net, burgers);
  const Array<double> whole = ntk::entk(both, c.params, c.x, c.other);  // (5 * 2, 3 * 2)
  const Array<double> ur =
      ntk::kernel(both, c.params, c.x, c.other, readout::between(readout::single(0), readout::single(1)));
  const Array<double> uu = ntk::entk(c.net, c.params, c.x, c.other), rr = ntk::entk(residual, c.params, c.x, c.other);
  BOOST_TEST(ur.shape() == (Shape{5, 3}));
  for (std::size_t n = 0; n < 5; ++n)
    for (std::size_t m = 0; m < 3; ++m) {
      BOOST_TEST(std::abs(whole[2 * n * 6 + 2 * m] - uu[n * 3 + m]) < 1e-12);
      BOOST_TEST(std::abs(whole[2 * n * 6 + 2 * m + 1] - ur[n * 3 + m]) < 1e-12);
      BOOST_TEST(std::abs(whole[(2 * n + 1) * 6 + 2 * m + 1] - rr[n * 3 + m]) < 1e-12);
    }
}

BOOST_AUTO_TEST_CASE(functions_keep_names_and_say_what_is_wrong) {
  const Case c;
  const auto residual = ntk::function(c.net, burgers);
  const auto params = residual.init<double>(3);
  BOOST_TEST(params.infos()[0].name == "0.weight");
  BOOST_TEST(same_bits(params.flat(), c.params.flat()));
  const auto beyond = ntk::function(c.net, [](const auto& u, const auto& x) { return ntk::partial(u, x, 2); });
  BOOST_TEST(has(message_of<shape_error>([&] { beyond(c.params, c.x); }), "coordinate 2 of examples (5, 2)"));
  const auto wide = nn::sequential(nn::Linear(2, 3));
  const auto many = ntk::function(wide, [](const auto& u, const auto& x) { return ntk::gradient(u, x); });
  BOOST_TEST(has(message_of<shape_error>([&] { many(wide.init<double>(1), c.x); }), "one number for each"));
  // Where the network does not depend on a coordinate, or on the examples, derivatives are 0.
  const auto constant = ntk::function(c.net, [](const auto& u, const auto& x) {
    const auto nothing = [&](const auto& v) { return 0.0 * u(v); };
    return ntk::partial(nothing, x, 0) + u(x);
  });
  BOOST_TEST(ntk::relative_difference(ntk::entk(constant, c.params, c.x), ntk::entk(c.net, c.params, c.x)) < 1e-14);
}

BOOST_AUTO_TEST_SUITE_END()
