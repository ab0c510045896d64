// What plans say, and that runs keep to it.
#include "ntk/plan.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "autodiff/factor.hpp"
#include "nn/layers/activation.hpp"
#include "nn/layers/embedding.hpp"
#include "nn/layers/linear.hpp"
#include "nn/layers/normalization.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/layers/recurrent.hpp"
#include "nn/layers/swiglu.hpp"
#include "nn/layers/transformer.hpp"
#include "nn/models/gpt2.hpp"
#include "nn/models/mlp.hpp"
#include "nn/sequential.hpp"
#include "ntk/compare.hpp"
#include "ntk/computation/store_format.hpp"
#include "ntk/contraction/effort.hpp"
#include "ntk/contraction/rule.hpp"
#include "ntk/kernel.hpp"
#include "ntk/per_example.hpp"
#include "ntk/planning/planner.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/written_networks.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

BOOST_AUTO_TEST_SUITE(plan)

BOOST_AUTO_TEST_CASE(strategies_have_names) {
  using S = ntk::Strategy;
  for (const S strategy : {S::automatic, S::structured, S::jacobian, S::vector_products})
    BOOST_TEST((ntk::parse_strategy(ntk::name(strategy)) == strategy));
  BOOST_TEST(has(message_of<option_error>([] { ntk::parse_strategy("fast"); }),
                 "no strategy 'fast'. There are automatic, structured, jacobian, vector_products."));
}

BOOST_AUTO_TEST_CASE(plans_count_what_is_done) {
  const auto net = nn::sequential(nn::Linear(784, 1024), nn::Relu(), nn::Linear(1024, 10));
  const auto params = net.init<float>(1);
  const Array<float> x = Array<float>::ones({256, 784});
  const ntk::Plan p = ntk::plan(net, params, x, ntk::readout::pseudo());
  BOOST_TEST(p.terms.size() == 4u);
  BOOST_TEST(p.parameters == 784u * 1024 + 1024 + 1024 * 10 + 10);
  // The head: N^2 / 2 pairs, 2 FLOP for each of 1024 + 10 columns of the two Grams and for their product.
  BOOST_TEST(p.terms[0].parameter == "2.weight");
  BOOST_TEST((p.terms[0].rule == &ntk::rule_named("last layer")));
  BOOST_TEST(p.terms[0].cost.flop == 256.0 * 256 / 2 * 2 * (1024 + 1) + 2 * 10);
  BOOST_TEST(p.terms[1].fused);
  BOOST_TEST(p.result_bytes == 8.0 * 256 * 256);
  std::ostringstream text;
  text << p;
  for (const char* word : {"2.weight", "outer", "FLOP", "memory", "budget"})
    BOOST_TEST(text.str().find(word) != std::string::npos);
}

// Seconds are those of operations of large products, with which passes over arrays and entries are counted, too.
BOOST_AUTO_TEST_CASE(seconds_count_more_than_flop) {
  const auto net = nn::sequential(nn::Linear(784, 1024), nn::Relu(), nn::Linear(1024, 10));
  const auto params = net.init<float>(1);
  const Array<float> x = Array<float>::ones({256, 784});
  const ntk::Plan p = ntk::plan(net, params, x, ntk::readout::pseudo());
  namespace effort = ntk::effort;
  const double passed = 1024 + 1024 + 10, passed_back = 1024 + 1024;
  const double sweeps =
      256 * (effort::swept * (p.forward_flop + p.backward_flop) + effort::passed * (passed + passed_back));
  double rules = 0;
  for (const ntk::TermPlan& term : p.terms)
    if (!term.fused) rules += term.rule->effort(term.term, ntk::block_shape(p, 256, 256, true));
  BOOST_TEST(p.effort == sweeps + effort::contracted * rules + effort::result * 256 * 256,
             boost::test_tools::tolerance(1e-12));
  BOOST_TEST(p.effort > p.flop());
  BOOST_TEST(p.seconds(1e9) == p.effort / 1e9);
}

std::string text_of(const ntk::Plan& p) {
  std::ostringstream text;
  text << p;
  return text.str();
}

// The FLOP of the terms of these parameters, as the table has them.
std::string flop_of(const ntk::Plan& p, const std::vector<std::string>& parameters) {
  double sum = 0;
  std::size_t found = 0;
  for (const ntk::TermPlan& term : p.terms)
    if (std::count(parameters.begin(), parameters.end(), term.parameter) > 0) {
      sum += term.cost.flop;
      ++found;
    }
  BOOST_TEST(found == parameters.size());
  return ntk::readable_number(sum, "");
}

// The line of a text in which the words stand, or nothing.
std::string line_with(const std::string& text, const std::string& words) {
  const std::size_t at = text.find(words);
  if (at == text.npos) return "";
  const std::size_t begin = text.rfind('\n', at) + 1;
  return text.substr(begin, text.find('\n', at) - begin);
}

BOOST_AUTO_TEST_CASE(equal_parameters_share_a_row) {
  const auto net = nn::mlp({64, 64, 64, 64, 64, 10});
  const ntk::Plan p = ntk::plan(net, net.init<float>(1), Array<float>::ones({32, 64}), ntk::readout::pseudo());
  const std::string text = text_of(p), row = line_with(text, "6.weight and 3 like it");
  BOOST_TEST(has(row, flop_of(p, {"0.weight", "2.weight", "4.weight", "6.weight"})), text);
  for (const char* name : {"0.weight", "2.weight", "4.weight"}) BOOST_TEST(!has(text, name), text);
  BOOST_TEST(!has(line_with(text, "8.weight"), "like it"), text);
}

BOOST_AUTO_TEST_CASE(small_parameters_are_summed_up) {
  const auto net =
      nn::sequential(nn::Linear(2000, 1000), nn::Relu(), nn::Linear(1000, 3), nn::Tanh(), nn::Linear(3, 2));
  const auto params = net.init<float>(1);
  const Array<float> x = Array<float>::ones({32, 2000});
  const ntk::Plan p = ntk::plan(net, params, x, ntk::readout::pseudo());
  const std::string text = text_of(p), row = line_with(text, "2 others");
  BOOST_TEST(has(row, flop_of(p, {"2.weight", "4.weight"})), text);
  BOOST_TEST(has(line_with(text, "0.weight"), flop_of(p, {"0.weight"})), text);
  for (const char* name : {"2.weight", "4.weight"}) BOOST_TEST(!has(text, name), text);
  // A single one keeps its name, and where all are small, there are no others.
  const auto pair = nn::sequential(nn::Linear(2000, 1000), nn::Relu(), nn::Linear(1000, 3));
  const std::string single = text_of(ntk::plan(pair, pair.init<float>(1), x, ntk::readout::pseudo()));
  BOOST_TEST(has(single, "2.weight"), single);
  BOOST_TEST(!has(single, "others"), single);
  const auto wide = nn::sequential(nn::Linear(2000, 1000), nn::Relu(), nn::Linear(1000, 1000), nn::Relu(),
                                   nn::Linear(1000, 1000), nn::Relu(), nn::Linear(1000, 3));
  const std::string all = text_of(ntk::plan(wide, wide.init<float>(1), x, ntk::readout::pseudo()));
  BOOST_TEST(has(all, "4 parameters"), all);
  BOOST_TEST(!has(all, "weight"), all);
}

// Two layers of 8 features that are shared by two positions, with many outputs that cost no parameters: 128 columns a
// row meet in each entry of the kernel, but a product of the Jacobian with a vector passes few weights.
BOOST_AUTO_TEST_CASE(automatic_takes_vector_products_where_they_are_cheaper) {
  const Written narrow({{"first", {8, 8}}, {"second", {8, 8}}}, [](auto w, const auto& x) {
    const auto h = reshape(linear(tanh(linear(x, w("first"))), w("second")), {x.shape()[0], 16});
    return concatenate({h, tanh(h), exp(h), square(h), sin(h), cos(h), sigmoid(h), softplus(h)}, -1);
  });
  const auto params = narrow.init<double>(1);
  Random random("auto");
  const Array<double> x = random_array(random, {4, 2, 8});
  const auto plan_by = [&](ntk::Strategy strategy) {
    return ntk::plan(narrow, params, x, ntk::readout::full(), {.strategy = strategy});
  };
  BOOST_TEST((plan_by(ntk::Strategy::automatic).strategy == ntk::Strategy::vector_products));
  const double products = plan_by(ntk::Strategy::vector_products).flop();
  for (const ntk::Strategy other : {ntk::Strategy::structured, ntk::Strategy::jacobian})
    BOOST_TEST(plan_by(other).flop() > 2 * products, ntk::name(other));
  BOOST_TEST(ntk::relative_difference(ntk::entk(narrow, params, x),
                                      ntk::entk(narrow, params, x, {.strategy = ntk::Strategy::structured})) < 1e-12);
  // The mean of the outputs asks for one column a row, which leaves nothing to save.
  const ntk::Plan one = ntk::plan(narrow, params, x, ntk::readout::pseudo());
  BOOST_TEST((one.strategy == ntk::Strategy::structured));
}

// Each weight of a layer and a direction is one term of one part, with a position for each step.
BOOST_AUTO_TEST_CASE(recurrent_weights_are_contracted_once_for_all_steps) {
  const nn::RecurrentOptions options{.num_layers = 2, .bidirectional = true, .output = nn::RecurrentOutput::last};
  const auto check = [](const nn::AnyModule& layer, std::size_t arrays) {
    const auto net = nn::sequential(layer, nn::Linear(32, 3));
    const auto params = net.init<float>(1);
    const ntk::Plan p = ntk::plan(net, params, Array<float>::ones({20, 7, 5}), ntk::readout::pseudo(),
                                  {.strategy = ntk::Strategy::structured});
    std::size_t recurrent = 0;
    for (const ntk::TermPlan& term : p.terms)
      if (term.parameter.starts_with("0.")) BOOST_TEST_CONTEXT(term.parameter) {
          BOOST_TEST(term.term.uses == 7u);
          BOOST_TEST(term.term.parts.size() == 1u);
          BOOST_TEST(term.term.positions() == 7u);
          ++recurrent;
        }
    BOOST_TEST(recurrent == arrays);
  };
  check(nn::Rnn(5, 16, options), 16);
  check(nn::Lstm(5, 16, options), 16);
  check(nn::Gru(5, 32, {.output = nn::RecurrentOutput::last}), 4);
}

// No layer hides a weight from its factored gradient.
BOOST_AUTO_TEST_CASE(layers_of_sequences_have_factored_gradients) {
  const auto check = [](const nn::AnyModule& net, const Shape& input) {
    const auto params = net->init<double>(1);
    const ntk::Plan p = ntk::plan(*net, params, Array<double>::ones(input.prepended(4)), ntk::readout::pseudo(),
                                  {.strategy = ntk::Strategy::structured});
    for (const ntk::UsePlan& use : p.uses)
      BOOST_TEST((use.shape.kind != FactorKind::dense), net->type() << ": " << p.terms[use.term].parameter);
  };
  check(nn::gpt2({.vocab_size = 5, .n_positions = 8, .n_embd = 4, .n_layer = 2, .n_head = 2}), {6});
  check(nn::sequential(nn::TransformerDecoder({4, 2, {.dim_feedforward = 5}, 2}, 2), nn::Flatten(), nn::Linear(12, 2)),
        {5, 4});
  check(nn::sequential(nn::Embedding(5, 4, {.padding_idx = 0}), nn::RmsNorm(4), nn::SwiGlu(4, 6),
                       nn::Gru(4, 3, {.output = nn::RecurrentOutput::last}), nn::Linear(3, 2)),
        {3});
  check(nn::sequential(nn::EmbeddingBag(5, 4, {.embedding = {.padding_idx = 0}}), nn::Linear(4, 2)), {3});
}

BOOST_AUTO_TEST_CASE(a_budget_makes_blocks_or_is_refused) {
  const auto net = nn::sequential(nn::Linear(64, 512), nn::Relu(), nn::Linear(512, 10));
  const auto params = net.init<float>(1);
  Random random("budget");
  const Array<float> x = cast<float>(random_array(random, {400, 64}));
  const ntk::Options small{.memory = 5 << 20};
  const ntk::Plan p = ntk::plan(net, params, x, ntk::readout::pseudo(), small);
  BOOST_TEST(p.partition.tile < 400u);
  BOOST_TEST(p.bytes() <= 5.0 * (1 << 20));
  BOOST_TEST(ntk::relative_difference(ntk::pntk(net, params, x, small), ntk::pntk(net, params, x)) < 1e-6);
  try {
    ntk::pntk(net, params, x, {.memory = 1 << 20});
    BOOST_ERROR("no memory_error");
  } catch (const memory_error& e) {
    BOOST_TEST(std::string(e.what()).find("options.memory") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(tiles_are_shown_as_large_as_they_are) {
  const auto net = nn::sequential(nn::Linear(6, 3));
  const auto params = net.init<double>(1);
  const Array<double> x = Array<double>::zeros({1, 6});
  const auto text = [&](std::size_t rows, std::size_t columns) {
    std::ostringstream out;
    out << ntk::plan(net, params, x, rows, columns, ntk::readout::pseudo());
    return out.str();
  };
  BOOST_TEST(has(text(3, 50), "1 of 3 x 50 examples"), text(3, 50));
  BOOST_TEST(has(text(50, 3), "1 of 50 x 3 examples"), text(50, 3));
}

namespace {

struct StoreCase {
  nn::Sequential net = nn::sequential(nn::Linear(6, 40), nn::Relu(), nn::Linear(40, 3));
  nn::Parameters<float> params = net.init<float>(2);
  Random random{"plans of stores"};
  Array<float> x = cast<float>(random_array(random, {23, 6})), other = cast<float>(random_array(random, {9, 6}));
};

}  // namespace

// Sums of a kernel are cut by the room that its budget gives them, so a store keeps to the room that it was begun with.
BOOST_AUTO_TEST_CASE(a_store_keeps_the_room_of_its_sums) {
  const StoreCase c;
  const TemporaryFolder folder;
  ntk::stored_kernel(c.net, c.params, c.x, ntk::readout::pseudo(),
                     {.memory = 64 << 20, .tile = 4, .store = folder.path()});
  const std::size_t room = ntk::StoredKernel(folder.path()).partition().room;
  BOOST_TEST(room == (8u << 20));
  const ntk::Options more{.memory = std::size_t{2} << 30, .tile = 4, .store = folder.path()};
  BOOST_TEST(ntk::plan(c.net, c.params, c.x, ntk::readout::pseudo(), {.memory = more.memory, .tile = 4}).room > room);
  // The budget is a setting of the store, where it is given. Where none is, it is what the machine has free.
  const TemporaryFolder other;
  ntk::stored_kernel(c.net, c.params, c.x, ntk::readout::pseudo(), {.tile = 4, .store = other.path()});
  const std::filesystem::path manifest = other.path() / "manifest.json";
  ntk::store_format::Manifest begun = ntk::store_format::read_manifest(other.path());
  begun.partition.room = room;
  std::ofstream(manifest) << ntk::store_format::text_of(begun);
  const ntk::Plan goes_on = ntk::plan(c.net, c.params, c.x, ntk::readout::pseudo(), {.tile = 4, .store = other.path()},
                                      ntk::Residence::stored);
  BOOST_TEST(goes_on.room == room);
  BOOST_TEST(goes_on.partition.tile == 4u);
}

// A plan may know the number of examples and none of them.
BOOST_AUTO_TEST_CASE(plans_without_examples_keep_to_a_store) {
  const StoreCase c;
  const TemporaryFolder folder;
  const ntk::Options options{.tile = 5, .store = folder.path()};
  for (const ntk::Readout& readout :
       {ntk::readout::pseudo(), ntk::readout::between(ntk::readout::full(), ntk::readout::pseudo())}) {
    std::filesystem::remove_all(folder.path());
    ntk::stored_kernel(c.net, c.params, c.x, c.other, readout, options);
    const ntk::Plan p =
        ntk::plan(c.net, c.params, Array<float>({0, 6}), 23, 9, readout, options, ntk::Residence::stored);
    BOOST_TEST(p.partition.tile == 5u);
    BOOST_CHECK_THROW(ntk::plan(c.net, c.params, Array<float>({0, 6}), 23, 8, readout, options), option_error);
  }
}

BOOST_AUTO_TEST_SUITE_END()
