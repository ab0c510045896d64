// Kernels of functions of a network and its derivatives, against finite differences in the parameters.
#include "ntk/function.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/layers/activation.hpp"
#include "nn/layers/linear.hpp"
#include "nn/layers/normalization.hpp"
#include "nn/sequential.hpp"
#include "ntk/compare.hpp"
#include "ntk/kernel.hpp"
#include "ntk/operator.hpp"
#include "ntk/packed.hpp"
#include "ntk/per_example.hpp"
#include "ntk/store.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/kernels.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/ntk/written_networks.hpp"
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

// (entries, P): the derivatives of all entries of f, by central differences in the parameters.
Array<double> slopes(const nn::ModuleBase& f, const nn::Parameters<double>& params, const Array<double>& x) {
  Array<double> out({f(params, x).size(), params.size()});
  for (std::size_t i = 0; i < params.size(); ++i) {
    nn::Parameters<double> up = params, down = params;
    up.mutable_data()[i] += 1e-5;
    down.mutable_data()[i] -= 1e-5;
    const Array<double> a = f(up, x), b = f(down, x);
    for (std::size_t p = 0; p < a.size(); ++p) out.mutable_data()[p * params.size() + i] = (a[p] - b[p]) / 2e-5;
  }
  return out;
}

std::vector<std::pair<std::string, nn::AnyModule>> physics_networks() {
  return {{"tanh", network()},
          {"gelu with layer norm", nn::sequential(nn::Linear(2, 7), nn::LayerNorm(7), nn::Gelu(), nn::Linear(7, 6),
                                                  nn::LayerNorm(6), nn::Softplus(), nn::Linear(6, 1))},
          {"Fourier features",
           Written({{"w", {8, 8}}, {"b", {8}}, {"v", {1, 8}}, {"c", {1}}},
                   [](auto p, const auto& x) {
                     const auto features = concatenate({sin(1.5 * x), cos(1.5 * x), sin(4.0 * x), cos(4.0 * x)}, 1);
                     return linear(tanh(linear(features, p("w"), p("b"))), p("v"), p("c"));
                   })},
          {"residual, sigmoid gates",
           Written({{"w", {6, 2}}, {"b", {6}}, {"g", {6, 2}}, {"u", {6, 6}}, {"v", {1, 6}}}, [](auto p, const auto& x) {
             const auto h = sin(linear(x, p("w"), p("b")));
             const auto gated = h + sigmoid(linear(x, p("g"))) * tanh(linear(h, p("u")));
             return linear(gated, p("v"));
           })}};
}

struct Case {
  nn::Sequential net = network();
  nn::AnyModule any = net;
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
    const Array<double> j = slopes(f, c.params, c.x), expected = product(j, transposed(j));
    for (const ntk::Strategy strategy : all_strategies)
      for (const std::size_t tile : {0, 2}) {
        BOOST_TEST_CONTEXT(name << ", " << ntk::name(strategy) << ", tiles of " << tile) {
          const ntk::Options options{.strategy = strategy, .tile = tile};
          BOOST_TEST(ntk::relative_difference(ntk::entk(f, c.params, c.x, options), expected) < 1e-8);
        }
      }
    const Array<double> k = ntk::entk(f, c.params, c.x);
    BOOST_TEST(ntk::relative_difference(ntk::entk(f, c.params.cast<float>(), cast<float>(c.x)), k) < 1e-3);
    Random random(name);
    const Array<double> u = random_array(random, {k.shape()[0], 2});
    BOOST_TEST(kernel_difference(ntk::Operator<double>(f, c.params, c.x)(u), product(k, u)) < 1e-11);
  };
  check("burgers", ntk::function(c.net, burgers));
  check("eikonal", ntk::function(c.net, eikonal));
  check("laplacian", ntk::function(c.net, laplacian));
  check("hessian row", ntk::function(c.net, hessian_row));
  check("value and residual", ntk::function(c.net, value_and_residual));
}

// The blocks uu, ur and rr of a physics-informed network.
BOOST_AUTO_TEST_CASE(kernels_between_two_functions_of_the_same_parameters) {
  Random random("between");
  const Array<double> x = random_array(random, {5, 2}), other = random_array(random, {3, 2});
  for (const auto& [name, net] : physics_networks()) {
    const nn::Parameters<double> params = net->init<double>(3);
    const auto both = ntk::function(net, value_and_residual);
    const auto residual = ntk::function(net, burgers);
    const Array<double> u = slopes(*net, params, x), r = slopes(residual, params, x),
                        u_other = slopes(*net, params, other), r_other = slopes(residual, params, other);
    const Array<double> whole = ntk::entk(both, params, x, other);  // (5 * 2, 3 * 2)
    const auto ur = readout::between(readout::single(0), readout::single(1));
    for (const ntk::Strategy strategy : all_strategies)
      for (const std::size_t tile : {0, 2}) BOOST_TEST_CONTEXT(name << ", " << ntk::name(strategy) << ", " << tile) {
          const ntk::Options options{.strategy = strategy, .tile = tile};
          const auto of = [&](const nn::ModuleBase& f) { return ntk::entk(f, params, x, other, options); };
          BOOST_TEST(kernel_difference(of(*net), product(u, transposed(u_other))) < 1e-7);
          BOOST_TEST(kernel_difference(of(residual), product(r, transposed(r_other))) < 1e-7);
          const Array<double> cross = ntk::kernel(both, params, x, other, ur, options);
          BOOST_TEST(kernel_difference(cross, product(u, transposed(r_other))) < 1e-7);
          // For the same examples the block ur is not symmetric, but its transpose is the block ru.
          const Array<double> square = ntk::kernel(both, params, x, ur, options);
          BOOST_TEST(kernel_difference(square, product(u, transposed(r))) < 1e-7);
          const auto ru = readout::between(readout::single(1), readout::single(0));
          BOOST_TEST(kernel_difference(ntk::kernel(both, params, x, ru, options), transposed(square)) < 1e-12);
          for (std::size_t n = 0; n < 5; ++n)
            for (std::size_t m = 0; m < 3; ++m)
              BOOST_TEST(std::abs(whole[2 * n * 6 + 2 * m + 1] - cross[n * 3 + m]) <
                         1e-11 * std::abs(whole[1]) + 1e-11);
        }
  }
}

BOOST_AUTO_TEST_CASE(functions_are_packed_stored_and_planned) {
  const Case c;
  const auto check = [&]<class F>(const char* name, const F& f) {
    const auto in_type = [&]<class T>(const nn::Parameters<T>& params, const Array<T>& x) {
      const ntk::Options tiles{.tile = 2};
      const Array<double> k = ntk::entk(f, params, x, tiles);
      const TemporaryFolder folder;
      ntk::Options stored{.tile = 2, .store = folder / "s"};
      stored.progress = [calls = 2](const ntk::Progress&) mutable {
        if (calls-- == 0) throw std::runtime_error("stop");
      };
      BOOST_CHECK_THROW(ntk::stored_kernel(f, params, x, readout::full(), stored), std::runtime_error);
      stored.progress = nullptr;  // goes on from the tiles that are there
      BOOST_TEST(same_bits(ntk::stored_kernel(f, params, x, readout::full(), stored).matrix(), k));
      BOOST_TEST(kernel_difference(ntk::packed_kernel(f, params, x, readout::full(), tiles).dense(), k) < 1e-13);
      // Neither the network itself nor other parameters go on from it.
      nn::Parameters<T> moved = params;
      moved.mutable_data()[3] += T(0.5);
      BOOST_CHECK_THROW(ntk::stored_kernel(f, moved, x, readout::full(), stored), option_error);
      if (f(c.params, c.x).size() == 5)
        BOOST_CHECK_THROW(ntk::stored_kernel(*c.any, params, x, readout::full(), stored), option_error);
    };
    BOOST_TEST_CONTEXT(name) {
      in_type(c.params, c.x);
      in_type(c.params.cast<float>(), cast<float>(c.x));
      const ntk::Plan plan = ntk::plan(f, c.params, c.x, readout::full()),
                      plain = ntk::plan(*c.any, c.params, c.x, readout::full());
      BOOST_TEST(plan.rows == 5u);
      BOOST_TEST(plan.outputs == f(c.params, c.x).size() / 5);
      BOOST_TEST(plan.parameters == c.params.size());
      BOOST_TEST(plan.forward_flop > plain.forward_flop);
      BOOST_TEST(plan.uses.size() > plain.uses.size());
      BOOST_TEST(plan.result_bytes == 8.0 * std::pow(5.0 * static_cast<double>(plan.outputs), 2));
      const ntk::Plan packed = ntk::plan(f, c.params, c.x, readout::full(), {}, ntk::Residence::packed);
      BOOST_TEST(packed.result_held < plan.result_held);
    }
  };
  check("burgers", ntk::function(c.any, burgers));
  check("eikonal", ntk::function(c.any, eikonal));
  check("laplacian", ntk::function(c.any, laplacian));
  check("hessian row", ntk::function(c.any, hessian_row));
  check("value and residual", ntk::function(c.any, value_and_residual));
  // Another equation of the same network is told from it.
  const TemporaryFolder folder;
  const auto with = [&](double nu) {
    const auto f = ntk::function(c.any, [nu](const auto& u, const auto& x) {
      const auto u_x = [&](const auto& v) { return ntk::partial(u, v, 0); };
      return ntk::partial(u, x, 1) + u(x) * u_x(x) - nu * ntk::partial(u_x, x, 0);
    });
    ntk::stored_kernel(f, c.params, c.x, readout::full(), {.store = folder / "t"});
  };
  with(0.1);
  with(0.1);
  BOOST_CHECK_THROW(with(0.2), option_error);
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
