// Kernels of chosen parameters, and of each layer.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "nn/choice.hpp"
#include "nn/models/resnet.hpp"
#include "nn/training/evaluate.hpp"
#include "ntk/compare.hpp"
#include "ntk/head_aware.hpp"
#include "ntk/layer_kernels.hpp"
#include "ntk/operator.hpp"
#include "ntk/per_example.hpp"
#include "ntk/regression.hpp"
#include "ntk/solve.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/kernels.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/ntk/networks.hpp"
#include "tests/ntk/running.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace readout = ntk::readout;

namespace {

struct Case {
  nn::Sequential net = nn::sequential(nn::Linear(5, 14), nn::Gelu(), nn::Linear(14, 9), nn::Gelu(), nn::Linear(9, 3));
  nn::Parameters<double> params = net.init<double>(3);
  Random random{"layers"};
  Array<double> x = random_array(random, {7, 5}), other = random_array(random, {4, 5});
};

}  // namespace

BOOST_AUTO_TEST_SUITE(layers)

BOOST_AUTO_TEST_CASE(patterns_choose_parameters) {
  const Case c;  // 0.weight, 0.bias, 2.weight, 2.bias, 4.weight, 4.bias
  const auto chosen = [&](const std::vector<std::string>& patterns) {
    std::string marks;
    for (const bool one : nn::chosen_parameters(c.params.layout(), patterns)) marks += one ? '1' : '0';
    return marks;
  };
  BOOST_TEST(chosen({}) == "111111");
  BOOST_TEST(chosen({"*"}) == "111111");
  BOOST_TEST(chosen({"*.bias"}) == "010101");
  BOOST_TEST(chosen({"!*.bias"}) == "101010");
  BOOST_TEST(chosen({"2.*", "!*.bias"}) == "001000");
  BOOST_TEST(chosen({"!*.bias", "4.bias"}) == "101011");
  BOOST_TEST(chosen({"*", "!?.bias", "0.bias"}) == "111010");
  BOOST_TEST(chosen({"[24].weight"}) == "001010");
  const auto message = [&](const std::vector<std::string>& patterns) {
    return message_of<parameter_error>([&] { nn::chosen_parameters(c.params.layout(), patterns); });
  };
  BOOST_TEST(has(message({"2.wieght"}), "no parameter matches '2.wieght'. Near: 2.weight"));
  BOOST_TEST(has(message({"*.bias", "!7.*"}), "'7.*'. Near: 0.*, 2.*, 4.*"));
  BOOST_TEST(has(message({"2.*", "!2.*"}), "2.*,!2.* leave no parameter"));
  BOOST_TEST(has(message({"!*"}), "leave no parameter"));
  BOOST_TEST(has(message({""}), "no parameter matches"));
  // An array that is used in two places answers to both names.
  const auto tied =
      nn::tied(nn::sequential(nn::Linear(4, 4), nn::Tanh(), nn::Linear(4, 4)), {{"2.weight", "0.weight"}});
  const auto params = tied.init<double>(1);
  BOOST_TEST(nn::chosen_parameters(params.layout(), {"2.weight"}).at(0));
}

BOOST_AUTO_TEST_CASE(a_subset_and_its_complement_sum_to_the_kernel) {
  for (const NetworkRow& row : networks()) {
    const auto params = row.net->init<double>(3);
    if (params.count() < 2) continue;
    const auto narrow = params.cast<float>();
    const Array<double> x1 = examples_of(row, 5, "1"), x2 = examples_of(row, 3, "2");
    for (const std::size_t at : {std::size_t{0}, params.count() - 1}) {
      const std::string name = params.infos()[at].name;
      for (const ntk::Readout& r : {readout::full(), readout::pseudo()}) {
        const Array<double> whole = ntk::kernel(*row.net, params, x1, r);
        const Array<double> cross = ntk::kernel(*row.net, params, x1, x2, r);
        const auto layers = ntk::layer_kernels(*row.net, params, x1, r, {.group = ntk::by_parameter});
        const Array<double> one = layers[at].kernel;
        if (inner(one, one) < 1e-24) continue;  // it is not used, or without effect
        for (const ntk::Strategy strategy : all_strategies) {
          BOOST_TEST_CONTEXT(row.name << ", " << name << ", " << ntk::name(strategy)) {
            const ntk::Options in{.strategy = strategy, .parameters = {name}, .tile = 2};
            const ntk::Options out{.strategy = strategy, .parameters = {"!" + name}, .tile = 2};
            const Array<double> part = ntk::kernel(*row.net, params, x1, r, in);
            const Array<double> rest = ntk::kernel(*row.net, params, x1, r, out);
            BOOST_TEST(kernel_difference(part, one) < 1e-12);
            BOOST_TEST(kernel_difference(plus(part, rest), whole) < 1e-12);
            BOOST_TEST(kernel_difference(plus(ntk::kernel(*row.net, params, x1, x2, r, in),
                                              ntk::kernel(*row.net, params, x1, x2, r, out)),
                                         cross) < 1e-12);
            const Array<float> z1 = cast<float>(x1), z2 = cast<float>(x2);
            BOOST_TEST(kernel_difference(ntk::kernel(*row.net, narrow, z1, r, in), one) < 2e-4);
            BOOST_TEST(kernel_difference(plus(ntk::kernel(*row.net, narrow, z1, z2, r, in),
                                              ntk::kernel(*row.net, narrow, z1, z2, r, out)),
                                         cross) < 2e-4);
          }
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(kernels_of_parameters_come_from_one_pass_and_sum_to_the_whole) {
  for (const NetworkRow& row : networks()) {
    const auto params = row.net->init<double>(4);
    const Array<double> x1 = examples_of(row, 5, "1"), x2 = examples_of(row, 3, "2");
    const std::size_t o = (*row.net)(params, x1).size() / 5;
    ntk::Labels y;
    for (std::size_t n = 0; n < 5; ++n) y.push_back(n % o);
    for (const ntk::Readout& r :
         {readout::full(), readout::pseudo(), readout::trace(), readout::diagonal(), readout::labels(y)})
      for (const std::size_t tile : {0, 2}) {
        const ntk::LayerOptions options{.group = ntk::by_parameter, .options = {.tile = tile}};
        const auto parts = ntk::layer_kernels(*row.net, params, x1, r, options);
        BOOST_TEST_CONTEXT(row.name << ", " << r.name() << ", tiles of " << tile) {
          BOOST_TEST(parts.size() == params.count());
          Array<double> sum = Array<double>::zeros(parts.front().kernel.shape());
          for (std::size_t p = 0; p < parts.size(); ++p) {
            BOOST_TEST(parts[p].name == params.infos()[p].name);
            const ntk::Options one{.parameters = {parts[p].name}, .tile = tile};
            if (r.name() == "pseudo" && tile == 0 && inner(parts[p].kernel, parts[p].kernel) > 1e-24)
              BOOST_TEST(kernel_difference(parts[p].kernel, ntk::kernel(*row.net, params, x1, r, one)) < 1e-10);
            sum = plus(sum, parts[p].kernel);
          }
          const Array<double> whole = ntk::kernel(*row.net, params, x1, r);
          BOOST_TEST(kernel_difference(sum, whole) < 1e-12);
          // In float a part may be a small difference of large terms, so errors are measured by the whole kernel.
          const auto narrow = ntk::layer_kernels(*row.net, params.cast<float>(), cast<float>(x1), r, options);
          for (std::size_t p = 0; p < parts.size(); ++p)
            BOOST_TEST(kernel_difference(plus(whole, plus(narrow[p].kernel, parts[p].kernel, -1)), whole) < 2e-4);
          if (!r.common()) continue;
          const auto cross = ntk::layer_kernels(*row.net, params, x1, x2, r, options);
          Array<double> sum_cross = Array<double>::zeros(cross.front().kernel.shape());
          for (const auto& part : cross) sum_cross = plus(sum_cross, part.kernel);
          BOOST_TEST(kernel_difference(sum_cross, ntk::kernel(*row.net, params, x1, x2, r)) < 1e-12);
        }
      }
  }
}

BOOST_AUTO_TEST_CASE(a_parameter_that_is_not_used_has_no_kernel_of_its_own) {
  const Case c;
  const Written net({{"used", {3, 5}}, {"unused", {2}}}, [](auto p, const auto& x) { return linear(x, p("used")); });
  const auto params = net.init<double>(1);
  const auto parts = ntk::layer_kernels(net, params, c.x, readout::pseudo(), {.group = ntk::by_parameter});
  BOOST_TEST(parts.size() == 2u);
  BOOST_TEST(inner(parts[0].kernel, parts[0].kernel) > 0);
  BOOST_TEST(inner(parts[1].kernel, parts[1].kernel) == 0);
  const std::string message =
      message_of<option_error>([&] { ntk::kernel(net, params, c.x, readout::pseudo(), {.parameters = {"unused"}}); });
  BOOST_TEST(has(message, "depends on none of the chosen parameters"));
}

BOOST_AUTO_TEST_CASE(groups_are_layers_or_what_a_function_says) {
  const Case c;
  const auto names = [](const auto& parts) {
    std::string text;
    for (const auto& part : parts) text += part.name + " ";
    return text;
  };
  const auto modules = ntk::layer_kernels(c.net, c.params, c.x, readout::pseudo());
  BOOST_TEST(names(modules) == "0 2 4 ");
  for (const auto& part : modules)
    BOOST_TEST(kernel_difference(part.kernel, ntk::kernel(c.net, c.params, c.x, readout::pseudo(),
                                                          {.parameters = {part.name + ".*"}})) < 1e-13);
  const auto kinds = ntk::layer_kernels(
      c.net, c.params, c.x, readout::pseudo(),
      {.group = [](const std::string& name) { return std::string(name.ends_with("bias") ? "biases" : "weights"); },
       .options = {.parameters = {"!0.*"}}});
  BOOST_TEST(names(kinds) == "weights biases ");
  BOOST_TEST(kernel_difference(kinds[1].kernel, ntk::kernel(c.net, c.params, c.x, readout::pseudo(),
                                                            {.parameters = {"2.bias", "4.bias"}})) < 1e-13);
  const auto packed = ntk::packed_layer_kernels(c.net, c.params, c.x, readout::full());
  const auto dense = ntk::layer_kernels(c.net, c.params, c.x, readout::full());
  for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(kernel_difference(packed[i].kernel.dense(), dense[i].kernel) < 1e-14);
  const ntk::Plan plan = ntk::plan_layers(c.net, c.params, c.x, readout::pseudo());
  BOOST_TEST(plan.kernels == 3u);
  BOOST_TEST(plan.result_bytes == 3 * 8.0 * 49);
  BOOST_TEST(plan.flop() ==
             ntk::plan(c.net, c.params, c.x, readout::pseudo(), {.strategy = ntk::Strategy::structured}).flop());
  std::ostringstream text;
  text << plan;
  BOOST_TEST(has(text.str(), "for the kernels of 3 groups of parameters"));

  const auto refused = [&](const ntk::LayerOptions& options) {
    return message_of<option_error>([&] { ntk::layer_kernels(c.net, c.params, c.x, readout::full(), options); });
  };
  BOOST_TEST(has(refused({.options = {.strategy = ntk::Strategy::jacobian}}), "strategy jacobian"));
  BOOST_TEST(has(refused({.options = {.store = "somewhere"}}), "stored_layer_kernels"));
  BOOST_TEST(has(refused({.group = nullptr}), "options.group is empty"));
}

BOOST_AUTO_TEST_CASE(layers_in_folders_go_on_after_an_interruption) {
  const Case c;
  const TemporaryFolder folder;
  ntk::LayerOptions options{.options = {.tile = 2, .progress = stop_after(6), .store = folder / "s"}};
  BOOST_CHECK_THROW(ntk::stored_layer_kernels(c.net, c.params, c.x, readout::pseudo(), options), Stop);
  std::filesystem::remove_all(folder / "s" / "2");  // as if the process had ended before it made this one
  options.options.progress = nullptr;
  const auto stored = ntk::stored_layer_kernels(c.net, c.params, c.x, readout::pseudo(), options);
  const auto expected = ntk::layer_kernels(c.net, c.params, c.x, readout::pseudo(), {.options = {.tile = 2}});
  BOOST_TEST(stored.size() == 3u);
  for (std::size_t i = 0; i < stored.size(); ++i) {
    BOOST_TEST(stored[i].name == expected[i].name);
    BOOST_TEST(same_bits(stored[i].kernel.matrix(), expected[i].kernel));
  }
  options.group = [](const std::string& name) { return name + "/x"; };
  BOOST_CHECK_THROW(ntk::stored_layer_kernels(c.net, c.params, c.x, readout::pseudo(), options), option_error);
  options.group = [](const std::string&) { return std::string(".."); };
  BOOST_CHECK_THROW(ntk::stored_layer_kernels(c.net, c.params, c.x, readout::pseudo(), options), option_error);
  options.group = ntk::by_module;
  options.options.store.clear();
  BOOST_CHECK_THROW(ntk::stored_layer_kernels(c.net, c.params, c.x, readout::pseudo(), options), option_error);
  // Groups of the same names with other parameters.
  options.options.store = folder / "g";
  const auto grouped = [&](const char* parameter) {
    options.group = [=](const std::string& name) { return name == parameter ? "one" : "others"; };
    return message_of<option_error>(
        [&] { ntk::stored_layer_kernels(c.net, c.params, c.x, readout::pseudo(), options); });
  };
  BOOST_TEST(grouped("4.bias") == "no error");
  BOOST_TEST(grouped("4.bias") == "no error");
  BOOST_TEST(has(grouped("4.weight"), "other settings: parameters of the layers"));
  // The kernel of a layer is not that of the network.
  const auto whole = [&](const char* layer) {
    return message_of<option_error>([&] {
      ntk::stored_kernel(c.net, c.params, c.x, readout::pseudo(),
                         {.strategy = ntk::Strategy::structured, .tile = 2, .store = folder / "s" / layer});
    });
  };
  BOOST_TEST(has(whole("2"), "layers (2 then, nothing now)"), whole("2"));
  // A store knows which parameters its kernel is with respect to.
  const auto begin = [&](const std::vector<std::string>& parameters) {
    ntk::stored_kernel(c.net, c.params, c.x, readout::pseudo(), {.parameters = parameters, .store = folder / "t"});
  };
  begin({"4.*"});
  begin({"4.weight", "4.bias"});
  BOOST_CHECK_THROW(begin({"4.weight"}), option_error);
  BOOST_CHECK_THROW(begin({}), option_error);
}

BOOST_AUTO_TEST_CASE(the_last_layer_of_a_resnet_needs_no_backward_pass) {
  const auto net = nn::resnet18({.classes = 10, .stem = nn::Stem::cifar, .width = 0.125});
  const auto params = net.init<float>(1);
  Random random("resnet");
  const Array<float> x = cast<float>(random_array(random, {6, 3, 16, 16}));
  const ntk::Plan whole = ntk::plan(net, params, x, readout::pseudo(), {.strategy = ntk::Strategy::structured});
  const ntk::Plan plan = ntk::plan(net, params, x, readout::pseudo(), {.parameters = {"fc.*"}});
  BOOST_TEST(plan.backward_flop == 0);
  BOOST_TEST(std::abs(plan.forward_flop - whole.forward_flop) < 1e-9 * whole.forward_flop);
  BOOST_TEST(plan.sweep_flop == 6 * plan.forward_flop);
  BOOST_TEST(plan.parameters == params["fc.weight"].size() + 10);
  std::ostringstream text;
  text << plan;
  BOOST_TEST(has(text.str(), "one forward pass, no backward one"));
  // Layers above a chosen one are swept, those below it are not.
  const ntk::Plan upper =
      ntk::plan(net, params, x, readout::pseudo(), {.strategy = ntk::Strategy::structured, .parameters = {"layer4.*"}});
  BOOST_TEST(upper.backward_flop > 0);
  BOOST_TEST(upper.backward_flop < 0.6 * whole.backward_flop);
}

BOOST_AUTO_TEST_CASE(operators_and_solvers_of_chosen_parameters) {
  const Case c;
  Random random("vectors");
  const std::vector<std::string> chosen = {"2.*", "4.weight"};
  const Array<double> theta = ntk::entk(c.net, c.params, c.x, ntk::Options{.parameters = chosen});
  const Array<double> u = random_array(random, {21, 2});
  const ntk::Operator<double> op(c.net, c.params, c.x, readout::full(), {.parameters = chosen, .shard = 3});
  BOOST_TEST(kernel_difference(op(u), product(theta, u)) < 1e-12);
  const Array<double> y = random_array(random, {7, 3});
  const Array<double> f0 = nn::predict(c.net, c.params, c.x);
  const ntk::Regression<double> direct(theta, {.ridge = 1e-3, .relative = false});
  for (const auto kind : {ntk::SolvePreconditioner::pseudo, ntk::SolvePreconditioner::outputs,
                          ntk::SolvePreconditioner::nearest, ntk::SolvePreconditioner::none}) {
    const ntk::Solution found = ntk::solve(
        c.net, c.params, c.x, y, {.ridge = 1e-3, .tolerance = 1e-12, .parameters = chosen, .preconditioner = kind});
    BOOST_TEST(ntk::relative_difference(found.weights, direct.weights(y, f0)) < 1e-8);
  }
  const Array<double> w = random_array(random, {7, 3});
  const Array<double> predicted = ntk::predict_linearized(c.net, c.params, c.other, c.x, w, {.parameters = chosen});
  const Array<double> cross = ntk::entk(c.net, c.params, c.other, c.x, ntk::Options{.parameters = chosen});
  const Array<double> change = product(cross, w.reshaped({21, 1})).reshaped({4, 3});
  BOOST_TEST(kernel_difference(predicted, plus(nn::predict(c.net, c.params, c.other), change)) < 1e-12);
  BOOST_CHECK_THROW(ntk::Operator<double>(c.net, c.params, c.x, readout::full(), {.parameters = {"5.*"}}),
                    parameter_error);
  BOOST_CHECK_THROW(ntk::head_aware_kernel(c.net, c.params, c.x, readout::trace(), {.parameters = chosen}),
                    option_error);
}

BOOST_AUTO_TEST_SUITE_END()
