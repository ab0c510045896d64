// What plans say, and that runs keep to it.
#include "ntk/plan.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <sstream>
#include <string>

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
#include "nn/sequential.hpp"
#include "ntk/compare.hpp"
#include "ntk/kernel.hpp"
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

BOOST_AUTO_TEST_CASE(automatic_takes_vector_products_where_they_are_cheaper) {
  const auto net = nn::sequential(nn::Linear(4, 2), nn::Tanh(), nn::Linear(2, 64));
  const auto params = net.init<double>(1);
  Random random("auto");
  const Array<double> x = random_array(random, {16, 4});
  const ntk::Plan p = ntk::plan(net, params, x, ntk::readout::full());
  BOOST_TEST((p.strategy == ntk::Strategy::vector_products || p.strategy == ntk::Strategy::structured));
  const ntk::Plan forced =
      ntk::plan(net, params, x, ntk::readout::full(), {.strategy = ntk::Strategy::vector_products});
  const ntk::Plan structured = ntk::plan(net, params, x, ntk::readout::full(), {.strategy = ntk::Strategy::structured});
  BOOST_TEST(p.flop() == std::min(forced.flop(), structured.flop()));
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
      BOOST_TEST((use.kind != FactorKind::dense), net->type() << ": " << p.terms[use.term].parameter);
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

BOOST_AUTO_TEST_SUITE_END()
