// Readouts of each example's own that do not fit the network or the examples.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/layers/activation.hpp"
#include "nn/layers/linear.hpp"
#include "nn/sequential.hpp"
#include "ntk/differentiable.hpp"
#include "ntk/head_aware.hpp"
#include "ntk/kernel.hpp"
#include "ntk/operator.hpp"
#include "ntk/per_example.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace readout = ntk::readout;
using ntk::Labels;

namespace {

struct Case {
  nn::Sequential net = nn::sequential(nn::Linear(5, 14), nn::Gelu(), nn::Linear(14, 3));
  nn::Parameters<double> params = net.init<double>(3);
  Random random{"per example"};
  Array<double> x = random_array(random, {7, 5}), other = random_array(random, {4, 5});
  Labels y = {1, 0, 2, 1, 0, 2, 1}, y_other = {1, 2, 0, 1};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(per_example_errors)

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  const Case c;
  const auto kernel_of = [&](const ntk::Readout& r) { ntk::kernel(c.net, c.params, c.x, r); };
  const auto refused = [&](auto type, const ntk::Readout& r, const char* part) {
    using E = decltype(type);
    const std::string message = message_of<E>([&] { kernel_of(r); });
    BOOST_TEST_CONTEXT(message) BOOST_TEST(has(message, part));
  };
  Labels wrong = c.y;
  wrong[4] = 3;
  for (const auto& r : {readout::labels(wrong), readout::loss(wrong), readout::margin(wrong),
                        readout::log_probability(wrong), readout::signed_labels(wrong)})
    refused(data_error(""), r, "example 4 has the label 3, and the network has 3 outputs");
  refused(shape_error(""), readout::loss(c.y_other), "is for 4 examples, and there are 7");
  refused(shape_error(""), readout::loss(Labels{}), "is for 0 examples, and there are 7");
  refused(shape_error(""), readout::per_example(Array<double>::zeros({7, 4})), "(7, 4) for a network of 3 outputs");
  refused(shape_error(""), readout::loss(Array<double>::zeros({7, 2})), "targets (7, 2)");
  refused(shape_error(""), readout::of_outputs("sums", [](const auto& f, Range) { return sum(f, {0}); }),
          "is (3,), expected (7, 1) or (7,)");
  refused(batch_error(""),
          readout::of_outputs("mixing", [](const auto& f, Range) { return sum(f - mean(f, {0}, true), {1}); }),
          "mixes examples");
  refused(numerical_error(""),
          readout::of_outputs("root", [](const auto& f, Range) { return sum(sqrt(f - 100.0), {1}); }), "NaN");
  const std::string two =
      message_of<option_error>([&] { ntk::kernel(c.net, c.params, c.x, c.other, readout::labels(c.y)); });
  BOOST_TEST(has(two, "readout::between"));
  BOOST_CHECK_THROW(ntk::Operator<double>(c.net, c.params, c.x, c.other, readout::labels(c.y)), option_error);
  BOOST_CHECK_THROW(ntk::Operator<double>(c.net, c.params, c.x, readout::labels(c.y_other)), shape_error);
  BOOST_CHECK_THROW(
      ntk::differentiable_kernel(c.net, c.params, Var<double>(c.x), Var<double>(c.x), readout::labels(c.y_other)),
      shape_error);
  BOOST_CHECK_THROW(readout::per_example(Array<double>::full({2, 2}, std::nan(""))), numerical_error);
  BOOST_CHECK_THROW(readout::per_example(Array<double>::zeros({2})), shape_error);
  BOOST_CHECK_THROW(readout::between(readout::full(), readout::trace()), option_error);
  const auto pair = readout::between(readout::labels(c.y), readout::loss(c.y));
  BOOST_CHECK_THROW(readout::between(pair, readout::labels(c.y)), option_error);
  BOOST_CHECK_THROW(pair.weights(3), option_error);
  BOOST_CHECK_THROW(ntk::head_aware_kernel(c.net, c.params, c.x, readout::labels(c.y)), option_error);
  const auto one = nn::sequential(nn::Linear(5, 1));
  BOOST_CHECK_THROW(ntk::kernel(one, one.init<double>(1), c.x, readout::margin(Labels(7, 0))), shape_error);
  for (const char* name : {"labels", "log_probability", "margin", "loss", "lpntk", "fisher:3", "single:1"})
    BOOST_TEST(readout::parse(name, c.y).name() == name);
  const std::string unknown = message_of<option_error>([&] { readout::parse("margins", c.y); });
  BOOST_TEST(has(unknown, "with labels: labels, log_probability, margin, loss, lpntk"));
}

BOOST_AUTO_TEST_SUITE_END()
