// Kernels of networks that compute with the examples in another axis than 0.
#include <boost/test/unit_test.hpp>

#include "ntk/compare.hpp"
#include "ntk/differentiable.hpp"
#include "ntk/kernel.hpp"
#include "tests/ntk/kernels.hpp"
#include "tests/ntk/moved_networks.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

// A parameter meets the examples, then comes what is to be refused, and the result is (N, 1).
template <class F>
nn::AnyModule refused(F f) {
  return Written({{"w", {4, 4}}}, [f](auto p, const auto& x) {
    const auto y = f(linear(x, p("w")));
    return y.examples() == Examples::axis0 ? y : reshape(sum(y) * ones_like(x, {x.shape()[0], 1}), {x.shape()[0], 1});
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(moved_examples)

BOOST_AUTO_TEST_CASE(kernels_are_those_of_the_network_with_examples_on_axis_0) {
  for (const MovedRow& row : moved_networks()) {
    const auto params = row.plain->init<double>(3);
    const auto narrow = params.cast<float>();
    const NetworkRow like{row.name, row.moved, row.input, row.tokens};
    for (const std::size_t n : {1, 2, 5}) {
      const Array<double> x1 = examples_of(like, n, "1"), x2 = examples_of(like, 3, "2");
      BOOST_TEST(difference((*row.moved)(params, x1), (*row.plain)(params, x1)) < 1e-12);
      for (const ntk::Readout& readout : {ntk::readout::full(), ntk::readout::pseudo()})
        BOOST_TEST_CONTEXT(row.name << ", " << n << " examples, readout " << readout.name()) {
          const auto square = ntk::kernel(*row.plain, params, x1, readout, {.strategy = ntk::Strategy::jacobian});
          const auto cross = ntk::kernel(*row.plain, params, x1, x2, readout, {.strategy = ntk::Strategy::jacobian});
          for (const ntk::Strategy strategy : all_strategies)
            for (const std::size_t tile : {0, 2}) {
              const ntk::Options options{.strategy = strategy, .tile = tile};
              BOOST_TEST(difference(ntk::kernel(*row.moved, params, x1, readout, options), square) < 1e-12);
              BOOST_TEST(difference(ntk::kernel(*row.moved, params, x1, x2, readout, options), cross) < 1e-12);
              const Array<float> z1 = cast<float>(x1), z2 = cast<float>(x2);
              BOOST_TEST(kernel_difference(ntk::kernel(*row.moved, narrow, z1, readout, options), square) < 2e-4);
              BOOST_TEST(kernel_difference(ntk::kernel(*row.moved, narrow, z1, z2, readout, options), cross) < 2e-4);
            }
        }
    }
  }
}

BOOST_AUTO_TEST_CASE(what_mixes_moved_examples_is_refused_by_name) {
  const auto message = [](const nn::AnyModule& net) {
    const auto params = net->init<double>(1);
    Random random("x");
    const Array<double> x = random_array(random, {4, 3, 4});
    return message_of<batch_error>([&] { ntk::kernel(*net, params, x, ntk::readout::full()); });
  };
  const auto to_second = [](const auto& h) { return transpose(h, {1, 0, 2}); };
  // Each combines entries of the axis on which the examples stand.
  BOOST_TEST(has(message(refused([=](const auto& h) { return sum(to_second(h), {1}); })), "[sum] mixes"));
  BOOST_TEST(has(message(refused([=](const auto& h) { return softmax(to_second(h), 1); })), "[softmax] mixes"));
  BOOST_TEST(has(message(refused([=](const auto& h) { return cumsum(to_second(h), 1); })), "[cumsum] mixes"));
  BOOST_TEST(has(message(refused([=](const auto& h) { return slice(to_second(h), 1, 0, 1); })), "[slice] mixes"));
  BOOST_TEST(has(message(refused([=](const auto& h) { return flip(to_second(h), {1}); })), "[flip] mixes"));
  BOOST_TEST(has(message(refused([=](const auto& h) {
                   return layer_norm(to_second(h), Shape{h.shape()[0], 4});
                 })),
                 "[layer_norm] mixes"));
  BOOST_TEST(has(message(refused([=](const auto& h) { return batch_norm(to_second(h)); })), "[batch_norm] mixes"));
  BOOST_TEST(
      has(message(refused([=](const auto& h) { return matmul(to_second(h), to_second(h), {.transpose_b = true}); })),
          "[matmul] mixes"));
  // An array with an entry for each of them, but no mark; examples in two places; an axis that is cut elsewhere.
  BOOST_TEST(has(message(refused([=]<class V>(const V& h) {
                   const Var<double> each(Array<double>::ones({1, h.shape()[0], 1}));
                   if constexpr (std::is_same_v<V, Var<double>>)
                     return to_second(h) + each;
                   else
                     return h;
                 })),
                 "[add] mixes"));
  BOOST_TEST(has(message(refused([](const auto& h) {
                   const std::size_t n = h.shape()[0];
                   return reshape(h, {n * 3, 4}) * reshape(transpose(h, {1, 0, 2}), {3 * n, 4});
                 })),
                 "[multiply] mixes"));
  BOOST_TEST(has(message(refused([](const auto& h) {
                   const std::size_t n = h.shape()[0];
                   return reshape(reshape(h, {n * 3, 4}), {3, n, 4}) + 1.0;
                 })),
                 "[reshape] mixes"));
  // An output whose examples were not moved back.
  const nn::AnyModule left = Written({{"w", {4, 4}}}, [](auto p, const auto& x) {
    return transpose(reshape(linear(x, p("w")), {x.shape()[0], 8}));
  });
  const auto params = left->init<double>(1);
  Tape<double> tape;
  std::vector<Var<double>> leaves = {tape.variable(params.slice(0))};
  const Var<double> y = left->apply(params, Vars<double>(leaves), batched(Array<double>::ones({3, 2, 4})));
  const std::string text = message_of<batch_error>([&] {
    FactorSweep<double>(y, Array<double>::ones({8, 3}), leaves);
  });
  BOOST_TEST(has(text, "[transpose] moves examples away from axis 0"));
}

BOOST_AUTO_TEST_SUITE_END()
