// Budgets of memory: the number in a refusal is enough, and making a plan takes no memory to speak of.
#include <boost/test/unit_test.hpp>
#include <limits>
#include <regex>
#include <string>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/layers/activation.hpp"
#include "nn/layers/linear.hpp"
#include "nn/models/lenet.hpp"
#include "nn/models/vit.hpp"
#include "nn/sequential.hpp"
#include "ntk/compare.hpp"
#include "ntk/kernel.hpp"
#include "ntk/planning/budget.hpp"
#include "ntk/planning/planner.hpp"
#include "ntk/stored_cholesky.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/causal_transformer.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

// The bytes of "1.25 MiB".
double bytes_of(const std::string& text) {
  const std::string units = "BkMGTP";
  double factor = 1;
  for (std::size_t at = units.find(text[text.find(' ') + 1]); at > 0; --at) factor *= 1024;
  return std::stod(text) * factor;
}

// Applies its layer until the state hardly changes, so what is recorded depends on values.
struct FixedPoint : nn::Module<FixedPoint> {
  nn::Linear in{5, 8}, inner{8, 8}, head{8, 2};
  bool detached = false;

  void children(nn::Declaration& visit) const {
    visit("in", in);
    visit("inner", inner);
    visit("head", head);
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    const Var<T> u = in(p["in"], x);
    Var<T> z = tanh(u);
    for (double change = 1; change > 1e-3;) {
      const Var<T> next = tanh(inner(p["inner"], z) * 0.3 + u), step = next - z;
      change = static_cast<double>(sum((detached ? step.detached() : step) * step.detached()).value().item());
      z = next;
    }
    return head(p["head"], z);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(budget)

BOOST_AUTO_TEST_CASE(the_number_in_a_refusal_is_enough) {
  const nn::AnyModule nets[] = {
      nn::lenet(),
      nn::vit({.image = 16, .patch = 4, .layers = 2, .heads = 2, .features = 16, .hidden = 32, .classes = 10})};
  const Shape examples[] = {{1, 28, 28}, {3, 16, 16}};
  std::size_t refusals = 0;
  for (std::size_t i = 0; i < 2; ++i)
    for (const ntk::Readout& readout : {ntk::readout::pseudo(), ntk::readout::full(), ntk::readout::trace()})
      for (const std::size_t n : {5, 60, 1000})
        for (const ntk::Residence residence : {ntk::Residence::dense, ntk::Residence::stored})
          for (const ntk::Strategy strategy : {ntk::Strategy::automatic, ntk::Strategy::jacobian}) {
            const auto params = nets[i]->init<float>(1);
            const Array<float> x = Array<float>::zeros(examples[i].prepended(n));
            const auto plan = [&](double bytes) {
              return ntk::plan(*nets[i], params, x, readout,
                               {.strategy = strategy, .memory = static_cast<std::size_t>(bytes)}, residence);
            };
            try {
              plan(200000);
            } catch (const memory_error& e) {
              ++refusals;
              std::smatch found;
              const std::string text = e.what();
              BOOST_REQUIRE(std::regex_search(text, found, std::regex("at least ([0-9.]+ [kMG]?i?B)")));
              const double least = bytes_of(found[1]);
              BOOST_CHECK_NO_THROW(plan(least));
              BOOST_CHECK_THROW(plan(0.98 * least), memory_error);
            }
          }
  BOOST_TEST(refusals > 60u);
}

BOOST_AUTO_TEST_CASE(plans_take_no_memory_for_values) {
  const CausalTransformer net(4, 16, 2, 3);  // 2 x 400 x 400 weights of attention for an example
  const auto params = net.init<float>(1);
  const Array<float> x = Array<float>::zeros({6, 400, 4});
  for (const bool fits : {true, false}) {
    reset_peak_memory();
    const std::size_t before = memory_statistics().live;
    if (fits)
      ntk::plan(net, params, x, ntk::readout::pseudo());
    else
      BOOST_CHECK_THROW(ntk::pntk(net, params, x, {.memory = 1 << 20}), memory_error);
    // Constants, such as masks of 400 x 400, are made.
    BOOST_TEST(memory_statistics().peak - before < 6u * 400 * 400 * sizeof(float));
  }
}

BOOST_AUTO_TEST_CASE(networks_that_look_at_values_are_run) {
  for (const bool detached : {false, true}) {
    FixedPoint net;
    net.detached = detached;
    const auto params = net.init<double>(1);
    Random random("values");
    const Array<double> x = random_array(random, {2, 5});
    Tape<double> tape;
    net.record(tape, params, x);
    std::size_t steps = 0;
    for (const auto& node : tape.record()->nodes) steps += node.op && node.op->name() == "tanh";
    BOOST_TEST(steps > 3u);  // with zeros for values there would be two
    const ntk::Plan p = ntk::plan(net, params, x, ntk::readout::pseudo(), {.strategy = ntk::Strategy::structured});
    std::size_t uses = 0;
    for (const ntk::TermPlan& term : p.terms)
      if (term.parameter == "inner.weight") uses = term.term.uses;
    BOOST_TEST(uses + 1 == steps);
    const auto jacobian = ntk::pntk(net, params, x, {.strategy = ntk::Strategy::jacobian});
    BOOST_TEST(ntk::relative_difference(ntk::pntk(net, params, x.rows(0, 1)),
                                        Array<double>::full({1, 1}, jacobian(0, 0))) < 1e-3);
  }
}

BOOST_AUTO_TEST_CASE(unknown_values) {
  const auto recording = std::make_shared<Unknown>();
  const Var<float> x(Array<float>::unknown({2, 3}, recording), Examples::axis0);
  BOOST_CHECK_THROW(x.value(), unknown_value);
  const Var<float> y = tanh(x) * 2.0 + Var<float>(Array<float>::ones({3}));
  BOOST_TEST((y.shape() == Shape{2, 3}));
  BOOST_TEST((y.array().unknown() == recording));
  BOOST_CHECK_THROW(y.value(), unknown_value);
  recording->guarded = false;
  BOOST_TEST(y.value()[5] == 0.0F);
  Array<float> written = y.value();
  written.mutable_data()[5] = 7;
  BOOST_TEST(y.value()[5] == 0.0F);
  BOOST_TEST(written[5] == 7.0F);
}

BOOST_AUTO_TEST_CASE(the_number_in_the_refusal_of_a_factor_is_enough) {
  const auto net = nn::sequential(nn::Linear(6, 40), nn::Tanh(), nn::Linear(40, 3));
  const auto params = net.init<double>(1);
  Random random("factor");
  const Array<double> x = random_array(random, {300, 6});
  for (const std::size_t tile : {50, 65, 100, 127, 150}) {
    const TemporaryFolder folder;
    const ntk::StoredKernel kernel =
        ntk::stored_kernel(net, params, x, ntk::readout::pseudo(), {.tile = tile, .store = folder / "kernel"});
    const auto factor = [&](double bytes) {
      ntk::StoredCholesky(kernel, folder / "factor", {.ridge = 0.01, .memory = static_cast<std::size_t>(bytes)});
    };
    std::smatch found;
    const std::string text = message_of<memory_error>([&] { factor(1000); });
    BOOST_REQUIRE(std::regex_search(text, found, std::regex("at least ([0-9.]+ [kMG]?i?B)")));
    const double least = bytes_of(found[1]);
    BOOST_CHECK_THROW(factor(0.98 * least), memory_error);
    BOOST_CHECK_NO_THROW(factor(least));
  }
}

BOOST_AUTO_TEST_CASE(any_number_of_bytes_is_a_budget) {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  BOOST_TEST(ntk::memory_budget(most) >= 0x1p62);
  BOOST_TEST(static_cast<std::size_t>(ntk::memory_budget(most)) >= std::size_t{1} << 62);
  BOOST_TEST(ntk::memory_budget(12345) == 12345);
  const auto net = nn::sequential(nn::Linear(6, 4));
  Random random("budget");
  const Array<double> x = random_array(random, {5, 6});
  const auto params = net.init<double>(1);
  BOOST_TEST(same_bits(ntk::pntk(net, params, x, {.memory = most}), ntk::pntk(net, params, x)));
}

BOOST_AUTO_TEST_SUITE_END()
