// What kernels refuse and what they say, and the sets and outputs at the edge of what they accept.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <limits>
#include <memory>
#include <sstream>

#include "nn/models/mlp.hpp"
#include "ntk/kernel.hpp"
#include "ntk/operator.hpp"
#include "ntk/per_example.hpp"
#include "ntk/regression.hpp"
#include "tests/ntk/networks.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

Array<double> examples(std::size_t n = 3) {
  Random random("errors");
  return random_array(random, {n, 4});
}

struct NoTiles : ntk::TileSink {
  void put(const ntk::FinishedTile&) override { BOOST_ERROR("a tile of a kernel without entries"); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(kernel_errors)

BOOST_AUTO_TEST_CASE(shapes_and_readouts_that_do_not_fit) {
  const auto net = nn::sequential(nn::Linear(4, 3));
  const auto params = net.init<double>(1);
  const Array<double> x = examples();
  BOOST_CHECK_THROW(ntk::pntk(net, params, Array<double>::zeros({3, 5})), shape_error);
  BOOST_CHECK_THROW(ntk::pntk(net, params, x, Array<double>::zeros({3, 5})), shape_error);
  BOOST_CHECK_THROW(ntk::kernel(net, params, x, ntk::readout::single(3)), shape_error);
  BOOST_CHECK_THROW(ntk::kernel(net, params, x, ntk::readout::custom(Array<double>::ones({4, 2}))), shape_error);
  BOOST_CHECK_THROW(ntk::readout::custom(Array<double>::ones({4})), shape_error);
  BOOST_CHECK_THROW(ntk::pntk(net, nn::sequential(nn::Linear(4, 2)).init<double>(1), x), parameter_error);
  BOOST_CHECK_THROW(ntk::pntk(net, params, x, {.memory = 1}), memory_error);
  const auto broken = nn::sequential(nn::Linear(4, 3), nn::Relu(), nn::Linear(5, 2));
  BOOST_TEST(has(message_of<shape_error>([&] { ntk::pntk(broken, broken.init<double>(1), x); }), "layer '2'"));
  // An example without its axis is told by its own shape.
  BOOST_TEST(has(message_of<shape_error>([&] { ntk::pntk(net, params, Array<double>::ones({7})); }), "(7,)"));
}

BOOST_AUTO_TEST_CASE(numbers_that_are_not_finite) {
  const auto net = nn::sequential(nn::Linear(4, 3));
  const auto params = net.init<double>(1);
  Array<double> x = examples();
  x.mutable_data()[9] = std::numeric_limits<double>::quiet_NaN();
  BOOST_TEST(has(message_of<numerical_error>([&] { ntk::pntk(net, params, x); }), "example 2, element 1"));
  auto infinite = params;
  infinite.set("0.bias", Array<double>::from({3}, {0, std::numeric_limits<double>::infinity(), 0}));
  BOOST_TEST(has(message_of<numerical_error>([&] { ntk::pntk(net, infinite, examples()); }),
                 "parameter 0.bias holds NaN or infinity"));
  const auto overflowing = nn::sequential(nn::Linear(4, 3), nn::Linear(3, 3));
  BOOST_CHECK_THROW(ntk::pntk(overflowing, overflowing.init<double>(1), Array<double>::full({2, 4}, 1e300)),
                    numerical_error);
}

// A repeated example makes the kernel singular: regression says which one.
BOOST_AUTO_TEST_CASE(examples_that_repeat_each_other) {
  const auto wide = nn::sequential(nn::Linear(4, 60), nn::Tanh(), nn::Linear(60, 2));
  const Array<double> x = examples();
  Array<double> twice({4, 4});
  for (std::size_t i = 0; i < 16; ++i) twice.mutable_data()[i] = x[i % 12];
  const std::string message =
      message_of<numerical_error>([&] { ntk::Regression(ntk::pntk(wide, wide.init<double>(1), twice)); });
  BOOST_TEST(has(message, "row 3"), message);
  BOOST_TEST(has(message, "row 0"), message);
}

BOOST_AUTO_TEST_CASE(networks_that_mix_examples) {
  const Written mixing({{"w", {3, 4}}},
                       [](auto p, const auto& v) { return linear(v - mean(v, {0}, true), p("w")) * 1.0; });
  BOOST_CHECK_THROW(ntk::pntk(mixing, mixing.init<double>(1), examples()), batch_error);
}

// No rows, or no columns, and the other extent as the outputs ask for.
BOOST_AUTO_TEST_CASE(no_examples) {
  const auto net = nn::mlp({4, 5, 2});
  const auto params = net.init<double>(1);
  const Array<double> x = examples(), none({0, 4});
  BOOST_TEST(ntk::entk(net, params, none, x).shape() == (Shape{0, 6}));
  BOOST_TEST(ntk::entk(net, params, x, none).shape() == (Shape{6, 0}));
  BOOST_TEST(ntk::pntk(net, params, none).shape() == (Shape{0, 0}));
  BOOST_TEST(ntk::kernel(net, params, none, x, ntk::readout::diagonal()).shape() == (Shape{2, 0, 3}));
  const ntk::PackedKernel packed = ntk::packed_kernel(net, params, none, ntk::readout::full());
  BOOST_TEST(packed.size() == 0u);
  BOOST_TEST(packed.dense().shape() == (Shape{0, 0}));
  BOOST_CHECK_THROW(packed(0, 0), shape_error);
  std::size_t made = 0;
  const auto sink = [&](const ntk::KernelShape& shape) {
    BOOST_TEST(shape.shape() == (Shape{0, 0}));
    ++made;
    return std::make_unique<NoTiles>();
  };
  ntk::kernel_into(sink, net, params, none, ntk::readout::full());
  BOOST_TEST(made == 1u);
  // What they check of a network does not depend on the number of examples.
  BOOST_CHECK_THROW(ntk::packed_kernel(net, params, Array<double>({0, 5}), ntk::readout::full()), shape_error);
  BOOST_CHECK_THROW(ntk::stored_kernel(net, params, none, ntk::readout::full(), {.store = "never made"}), shape_error);
  BOOST_TEST(!std::filesystem::exists("never made"));
}

BOOST_AUTO_TEST_CASE(plans_for_no_examples) {
  const auto net = nn::mlp({4, 5, 2});
  const auto params = net.init<double>(1);
  const Array<double> x = examples(), none({0, 4});
  for (const ntk::Plan& p :
       {ntk::plan(net, params, none, ntk::readout::full()), ntk::plan(net, params, x, 0, 0, ntk::readout::full())}) {
    BOOST_TEST(p.rows == 0u);
    BOOST_TEST(p.outputs == 2u);
    BOOST_TEST(p.parameters == params.size());
    BOOST_TEST(p.flop() == 0);
    BOOST_TEST(p.bytes() == 0);
    std::ostringstream text;
    text << p;
    BOOST_TEST(has(text.str(), "kernel   0 x 0 examples"), text.str());
  }
  BOOST_TEST(ntk::plan(net, params, none, 3, 0, ntk::readout::full()).columns == 0u);
  BOOST_TEST(ntk::plan(net, params, none, 3, 2, ntk::readout::full()).flop() > 0);
}

BOOST_AUTO_TEST_CASE(operators_for_no_examples) {
  const auto net = nn::mlp({4, 5, 2});
  const auto params = net.init<double>(1);
  const Array<double> x = examples(), none({0, 4});
  const ntk::Operator<double> nothing(net, params, none), wide(net, params, none, x), high(net, params, x, none);
  BOOST_TEST(nothing(Array<double>({0, 3})).shape() == (Shape{0, 3}));
  BOOST_TEST(wide(Array<double>::ones({6, 3})).shape() == (Shape{0, 3}));
  BOOST_CHECK_THROW(wide(Array<double>::ones({5, 3})), shape_error);
  BOOST_TEST(same_bits(high(Array<double>({0, 3})), Array<double>::zeros({6, 3})));
  BOOST_TEST(ntk::Operator<double>(net, params, x)(Array<double>({6, 0})).shape() == (Shape{6, 0}));
}

// One number for each example is one output, and outputs of more axes count as many.
BOOST_AUTO_TEST_CASE(outputs_of_other_ranks) {
  const Array<double> x = examples();
  const Written flat({{"w", {3, 4}}}, [](auto p, const auto& v) { return sum(linear(v, p("w")), {-1}); });
  const Written column({{"w", {3, 4}}}, [](auto p, const auto& v) { return sum(linear(v, p("w")), {-1}, true); });
  const auto params = flat.init<double>(1);
  BOOST_TEST(difference(ntk::entk(flat, params, x), ntk::entk(column, params, x)) == 0.0);
  const Written cube({{"w", {3, 4}}}, [](auto p, const auto& v) {
    return reshape(linear(v, p("w")), {v.shape()[0], 1, 3});
  });
  const Written plane({{"w", {3, 4}}}, [](auto p, const auto& v) { return linear(v, p("w")); });
  BOOST_TEST(difference(ntk::entk(cube, params, x), ntk::entk(plane, params, x)) == 0.0);
  const Written scalar({{"w", {3, 4}}}, [](auto p, const auto& v) { return sum(linear(v, p("w"))); });
  const std::string message = message_of<shape_error>([&] { ntk::pntk(scalar, params, x); });
  BOOST_TEST(has(message, "()"), message);
  BOOST_TEST(has(message, "(3, 4)"), message);
}

// A weight is used twice where the last example begins with a positive number, and once otherwise, as for the examples
// that the plan looks at. Backward sweeps begin at the end, so they meet the other use after all that the plan knows.
BOOST_AUTO_TEST_CASE(networks_that_use_a_weight_more_often_for_some_examples) {
  const Written net({{"w", {4, 4}}}, [](auto p, const auto& v) {
    const auto once = tanh(linear(v, p("w")));
    return v.value()[v.value().size() - 4] > 0 ? tanh(linear(once, p("w"))) : once;
  });
  const auto params = net.init<double>(1);
  Array<double> x = examples(6);
  for (std::size_t i = 0; i < 6; ++i) x.mutable_data()[4 * i] = i == 5 ? 1 : -1;
  const ntk::Options structured{.strategy = ntk::Strategy::structured};
  BOOST_TEST(has(message_of<rule_error>([&] { ntk::pntk(net, params, x, structured); }),
                 "different operations for different examples (at parameter w)"));
  x.mutable_data()[20] = -1;
  const auto jacobian = ntk::pntk(net, params, x, {.strategy = ntk::Strategy::jacobian});
  BOOST_TEST(difference(ntk::pntk(net, params, x, structured), jacobian) < 1e-12);
}

// A sequence is as long as its first number says, which is 2 for the examples that the plan looks at.
BOOST_AUTO_TEST_CASE(networks_with_more_positions_for_some_examples) {
  const Written net({{"w", {5, 3}}}, [](auto p, const auto& v) {
    std::size_t most = 0;
    for (std::size_t n = 0; n < v.shape()[0]; ++n)
      most = std::max(most, static_cast<std::size_t>(v.value()[n * v.shape()[1] * 3]));
    return sum(tanh(linear(slice(v, 1, 0, most), p("w"))), {1});
  });
  const auto params = net.init<double>(1);
  Random random("positions");
  Array<double> x = random_array(random, {6, 8, 3});
  for (std::size_t n = 0; n < 6; ++n) x.mutable_data()[n * 24] = 2;
  const ntk::Options structured{.strategy = ntk::Strategy::structured};
  const auto jacobian = ntk::pntk(net, params, x, {.strategy = ntk::Strategy::jacobian});
  BOOST_TEST(difference(ntk::pntk(net, params, x, structured), jacobian) < 1e-12);
  x.mutable_data()[5 * 24] = 8;
  BOOST_TEST(has(message_of<rule_error>([&] { ntk::pntk(net, params, x, structured); }),
                 "different operations for different examples (at parameter w)"));
}

BOOST_AUTO_TEST_CASE(sequences_without_positions_and_readouts_without_columns) {
  const Written net({{"w", {4, 3}}, {"head", {2, 4}}},
                    [](auto p, const auto& v) { return linear(sum(linear(v, p("w")), {1}), p("head")); });
  const auto params = net.init<double>(1);
  const Array<double> k = ntk::pntk(net, params, Array<double>::ones({3, 0, 3}));
  BOOST_TEST(same_bits(k, Array<double>::zeros({3, 3})));
  const std::string message = message_of<shape_error>([&] {
    const auto none = [](const auto& f, Range) { return slice(f, 1, 0, 0); };
    ntk::kernel(net, params, Array<double>::ones({3, 2, 3}), ntk::readout::of_outputs("none", none, {.columns = 0}));
  });
  BOOST_TEST(has(message, "has no columns"), message);
}

BOOST_AUTO_TEST_SUITE_END()
