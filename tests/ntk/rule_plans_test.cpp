// Which rules plans choose, how costs of different jobs compare, and that what plans predict is what runs do.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "nn/nn.hpp"
#include "ntk/contraction/rule.hpp"
#include "ntk/kernel.hpp"
#include "tests/ntk/networks.hpp"

using namespace xtangent;
using namespace xtangent::testing;
using ntk::BlockShape;
using ntk::ProbeMode;
using ntk::Rule;
using ntk::Term;

namespace {

template <class Net>
ntk::Plan plan_of(const Net& net, const Shape& example, std::size_t n, const ntk::Readout& readout) {
  return ntk::plan(net, net.template init<float>(0), Array<float>::ones(example.prepended(n)), readout,
                   {.strategy = ntk::Strategy::structured, .memory = std::size_t{4} << 30});
}

// The rules of the parameters named; those that are not named are normalizations, biases and shifts, which materialize.
void check_rules(const ntk::Plan& plan, const std::map<std::string, std::string>& expected) {
  std::size_t found = 0;
  for (const ntk::TermPlan& term : plan.terms) {
    const auto at = expected.find(term.parameter);
    found += at != expected.end();
    BOOST_TEST_CONTEXT(term.parameter)
    BOOST_TEST(std::string(term.fused ? "with weight" : term.rule->name()) ==
               (at == expected.end() ? "materialize" : at->second));
  }
  BOOST_TEST(found == expected.size());
}

Term dense_layer(std::size_t in, std::size_t out, std::size_t positions = 1) {
  UseShape use{positions == 1 ? FactorKind::outer : FactorKind::outer_sum, in * out, positions, out, in};
  return Term(use);
}
Term convolution(std::size_t in, std::size_t out, std::size_t edge, std::size_t stride = 1) {
  const kernels::ConvShape s{in, edge, edge, 3, 3, stride, stride, 1, 1};
  UseShape use{FactorKind::outer_sum, in * out * 9, s.positions(), out, in * 9, true};
  use.patches = s;
  return Term(use);
}
Term embedding(std::size_t rows, std::size_t width, std::size_t positions) {
  return Term(UseShape{FactorKind::gather, rows * width, positions, width, 1});
}

double flop(const char* rule, const Term& term, const BlockShape& block) {
  return ntk::rule_named(rule).cost(term, block, {4, std::size_t{1} << 28}).flop;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(rule_plans)

// Early convolutions have many positions and few parameters, late ones the reverse.
BOOST_AUTO_TEST_CASE(resnet18_materializes_early_and_takes_grams_late) {
  std::map<std::string, std::string> expected = {{"fc.weight", "last layer"}, {"fc.bias", "with weight"}};
  for (const char* late :
       {"layer3.0.conv2", "layer3.1.conv1", "layer3.1.conv2", "layer4.0.conv2", "layer4.1.conv1", "layer4.1.conv2"})
    expected[std::string(late) + ".weight"] = "pixel Gram";
  expected["layer4.0.conv1.weight"] = "position Gram";  // stride 2 has no Gram of pixels
  expected["layer4.0.downsample.0.weight"] = "position Gram";
  const auto net = nn::resnet18({.classes = 10, .stem = nn::Stem::cifar});
  check_rules(plan_of(net, {3, 32, 32}, 32, ntk::readout::pseudo()), expected);
  expected["layer3.0.conv1.weight"] = "position Gram";  // ten probes: a hundred pairs share one right Gram
  check_rules(plan_of(net, {3, 32, 32}, 4, ntk::readout::full()), expected);
}

BOOST_AUTO_TEST_CASE(dense_networks_never_form_gradients) {
  const auto net = nn::mlp({784, 1024, 1024, 10});
  for (const auto& readout : {ntk::readout::pseudo(), ntk::readout::full(), ntk::readout::trace()})
    check_rules(plan_of(net, {784}, 128, readout), {{"4.weight", "last layer"},
                                                    {"4.bias", "with weight"},
                                                    {"2.weight", "outer"},
                                                    {"2.bias", "with weight"},
                                                    {"0.weight", "outer"},
                                                    {"0.bias", "with weight"}});
}

BOOST_AUTO_TEST_CASE(tokens_materialize_and_the_head_of_a_transformer_does_not) {
  const auto net = nn::vit(
      {.image = 32, .patch = 4, .channels = 3, .layers = 1, .heads = 4, .features = 64, .hidden = 128, .classes = 10});
  check_rules(plan_of(net, {3, 32, 32}, 16, ntk::readout::pseudo()),
              {{"heads.head.weight", "last layer"}, {"heads.head.bias", "with weight"}});
}

// All uses of a recurrent weight are one term, whose cost counts their positions once and not each pair of uses.
BOOST_AUTO_TEST_CASE(a_weight_that_is_used_many_times_is_one_term) {
  const auto plan_for = [](std::size_t steps) {
    return plan_of(*recurrent(6, 16, 3), {steps, 6}, 8, ntk::readout::pseudo());
  };
  const ntk::Plan few = plan_for(10), many = plan_for(40);
  BOOST_TEST(many.terms.size() == few.terms.size());
  BOOST_TEST(many.uses.size() > 3 * few.uses.size());
  for (const ntk::TermPlan& term : many.terms)
    if (term.parameter == "hidden") {
      BOOST_TEST(term.term.uses == 39u);
      BOOST_TEST(term.term.positions() == 39u);
    }
  // Gradients of four times as many positions are formed; the product of the gradients is the same.
  BOOST_TEST(many.contraction_flop > few.contraction_flop);
  BOOST_TEST(many.contraction_flop < 4 * few.contraction_flop);
}

BOOST_AUTO_TEST_CASE(costs_grow_as_their_formulas_say) {
  const std::vector<std::pair<const char*, Term>> table = {{"outer", dense_layer(300, 200)},
                                                           {"position Gram", dense_layer(300, 200, 16)},
                                                           {"position Gram", convolution(64, 32, 8, 2)},
                                                           {"pixel Gram", convolution(64, 32, 8)},
                                                           {"gather", embedding(500, 32, 12)},
                                                           {"materialize", dense_layer(30, 20, 16)},
                                                           {"materialize", convolution(8, 16, 8)}};
  for (const auto& [rule, term] : table) {
    BOOST_TEST_CONTEXT(rule) {
      const BlockShape block{24, 40};
      const double one = flop(rule, term, block);
      // Blocks beside each other cost what the whole costs, or less where both need the same gradients.
      const double halves = 2 * flop(rule, term, {24, 20});
      BOOST_TEST(halves >= one * (1 - 1e-12));
      if (std::string(rule) != "materialize") BOOST_TEST(std::abs(halves - one) <= 1e-12 * one);
      // A symmetric block has half the pairs.
      const double square = flop(rule, term, {32, 32}), half = flop(rule, term, {32, 32, 1, 1, ProbeMode::cross, true});
      BOOST_TEST(std::abs(half - square / 2) <= 1e-12 * square);
      // Ten probes: a hundred pairs of them, ten where equal ones meet, or one of rows ten times as long.
      const double cross = flop(rule, term, {24, 40, 10, 10}),
                   equal = flop(rule, term, {24, 40, 10, 10, ProbeMode::equal}),
                   summed = flop(rule, term, {24, 40, 10, 10, ProbeMode::summed});
      BOOST_TEST(cross <= 100 * one * (1 + 1e-12));
      BOOST_TEST(equal <= 10 * one * (1 + 1e-12));
      BOOST_TEST(summed <= equal * (1 + 1e-12));
      BOOST_TEST(one < summed);
      BOOST_TEST(equal < cross);
      // Ten of the rows and one of the columns: ten pairs, for the gradients of all of them.
      const double rows = flop(rule, term, {24, 40, 10, 1}), columns = flop(rule, term, {24, 40, 1, 10});
      BOOST_TEST(rows <= 10 * one * (1 + 1e-12));
      BOOST_TEST(one < rows);
      BOOST_TEST(columns <= 10 * one * (1 + 1e-12));
      BOOST_TEST(one < columns);
    }
  }
}

// Which rule is the cheapest changes with the shape, as it should.
BOOST_AUTO_TEST_CASE(the_cheapest_rule_follows_the_shape) {
  const BlockShape block{64, 64, 1, 1, ProbeMode::cross, true};
  const auto cheapest = [&](const Term& term) { return std::string(cheapest_rule(term, block).name()); };
  BOOST_TEST(cheapest(convolution(512, 512, 4)) == "pixel Gram");
  BOOST_TEST(cheapest(convolution(256, 512, 8, 2)) == "position Gram");
  BOOST_TEST(cheapest(convolution(64, 64, 32)) == "materialize");
  BOOST_TEST(cheapest(dense_layer(1024, 1024)) == "outer");
  BOOST_TEST(cheapest(dense_layer(512, 512, 4)) == "position Gram");
  BOOST_TEST(cheapest(dense_layer(16, 16, 100)) == "materialize");
  BOOST_TEST(cheapest(embedding(30000, 64, 20)) == "gather");
  // The effort of the Gram grows with the square of the positions, that of forming gradients in proportion.
  const Rule &gram = ntk::rule_named("position Gram"), &gradients = ntk::rule_named("materialize");
  const auto ratio = [&](std::size_t positions) {
    const Term term = dense_layer(64, 64, positions);
    return gram.effort(term, block) / gradients.effort(term, block);
  };
  BOOST_TEST(ratio(8) < ratio(16));
  BOOST_TEST(ratio(16) < ratio(64));
}

// The most that arrays take during a kernel is within what its plan says, and no small part of it.
BOOST_AUTO_TEST_CASE(kernels_hold_what_their_plans_say) {
  struct Job {
    std::string name;
    nn::AnyModule net;
    Shape example;
    std::size_t examples, memory;  // bytes; 0: as much as is free
  };
  const auto normed_weights = [] {
    return nn::sequential(nn::WeightNorm(nn::Linear(200, 150)), nn::Relu(), nn::Linear(150, 5));
  };
  const std::vector<Job> jobs = {
      {"dense", nn::mlp({200, 300, 300, 5}), {200}, 60, 0},
      {"dense, small budget", nn::mlp({200, 300, 300, 5}), {200}, 200, 14 << 20},
      {"images", nn::lenet(), {1, 28, 28}, 24, 0},
      {"residual", nn::resnet18({.classes = 5, .stem = nn::Stem::cifar, .width = 0.125}), {3, 16, 16}, 6, 0},
      {"recurrent", recurrent(20, 48, 5), {30, 20}, 24, 0},
      {"recurrent, small budget", recurrent(20, 48, 5), {30, 20}, 60, 6 << 20},
      {"computed weights", normed_weights(), {200}, 60, 0},
      {"computed weights, small budget", normed_weights(), {200}, 60, 40 << 20}};
  for (const Job& job : jobs)
    for (const auto& readout : {ntk::readout::pseudo(), ntk::readout::full()}) {
      const auto params = job.net->init<float>(0);
      Random random(job.name);
      const Array<float> x = cast<float>(random_array(random, job.example.prepended(job.examples)));
      const ntk::Options options{.strategy = ntk::Strategy::structured, .memory = job.memory};
      const ntk::Plan plan = ntk::plan(*job.net, params, x, readout, options);
      reset_peak_memory();
      const std::size_t before = memory_statistics().live;
      ntk::kernel(*job.net, params, x, readout, options);
      const double used = static_cast<double>(memory_statistics().peak - before);
      BOOST_TEST_CONTEXT(job.name << ", " << readout.name() << ": " << plan.bytes() << " bytes planned, " << used
                                  << " used") {
        BOOST_TEST(used <= plan.bytes());
        BOOST_TEST(used >= 0.2 * plan.bytes());
      }
    }
}

BOOST_AUTO_TEST_SUITE_END()
