// Kernels whose large gradients are rounded to bfloat16: how far they are from exact ones, and what stays as it is.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "autodiff/kernels/simd/bfloat16.hpp"
#include "nn/layers/activation.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/linear.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/models/mlp.hpp"
#include "nn/models/resnet.hpp"
#include "nn/sequential.hpp"
#include "ntk/computation/store_format.hpp"
#include "ntk/contraction/gradients.hpp"
#include "ntk/contraction/rectangles.hpp"
#include "ntk/kernel.hpp"
#include "ntk/layer_kernels.hpp"
#include "ntk/store.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/factors.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/ntk/running.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

// The most by which an inner product of two rounded vectors is wrong, in units of their lengths' product, and a little
// for corrections.
constexpr double two_roundings = 1.1 / 256;
constexpr ntk::Precision rounded = ntk::Precision::bfloat16;

struct Case {
  std::string name;
  nn::AnyModule net;
  Shape example;
};

// The second convolution of the other network has 589,824 elements, and rounded gradients that are smaller than its
// factors, which gradients in float are not.
nn::AnyModule narrow_resnet() { return nn::resnet18({.classes = 10, .stem = nn::Stem::cifar, .width = 0.25}); }

nn::AnyModule wide_convolutions() {
  return nn::sequential(nn::Conv2d(3, 256, 3), nn::Relu(), nn::Conv2d(256, 256, 3), nn::Relu(),
                        nn::AdaptiveAvgPool2d(1), nn::Flatten(), nn::Linear(256, 10));
}

ntk::Options options_of(ntk::Precision precision, std::size_t memory = 0) {
  return {.precision = precision, .memory = memory, .rule = &ntk::rule_named("materialize")};
}

std::vector<Case> cases() {
  return {{"resnet18", narrow_resnet(), {3, 32, 32}}, {"convolutions", wide_convolutions(), {3, 34, 34}}};
}

Array<float> inputs(const std::string& name, const Shape& example, std::size_t n) {
  Random random(name);
  return cast<float>(random_array(random, example.prepended(n)));
}

// The largest |a - b| in units of sqrt(b(i, i) b(j, j)).
double error_of(const Array<double>& a, const Array<double>& b) {
  const std::size_t n = b.shape()[0];
  double worst = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      worst = std::max(worst, std::abs(a[i * n + j] - b[i * n + j]) / std::sqrt(b[i * n + i] * b[j * n + j]));
  return worst;
}

std::size_t count_rounded(const ntk::Plan& plan) {
  std::size_t count = 0;
  for (const ntk::TermPlan& term : plan.terms) count += term.term.rounded;
  return count;
}

std::string text_of(const ntk::Plan& plan) {
  std::ostringstream text;
  text << plan;
  return text.str();
}

Factor<float> in_float(const Factor<double>& f) {
  Factor<float> out;
  out.kind = f.kind;
  out.parameter = f.parameter;
  out.probes = f.probes;
  out.examples = f.examples;
  out.positions = f.positions;
  out.left = cast<float>(f.left);
  if (f.right.defined()) out.right = cast<float>(f.right);
  out.channels_first = f.channels_first;
  out.patches = f.patches;
  out.transposed = f.transposed;
  return out;
}

// The gradients in float (K, N, P), rounded and multiplied by <g, g> / <g, r>, of all probes together if they are
// summed.
Array<double> rounded_gradients(const Factors& uses, ProbeMode mode) {
  std::vector<Factor<float>> all;
  for (const Factor<double>& use : uses) all.push_back(in_float(use));
  const std::vector<Factor<float>> parts = ntk::joined(std::move(all));
  const std::size_t k = parts[0].probes, n = parts[0].examples, size = parts[0].parameter.size();
  Array<float> formed({k, n, size}), rounded_ones({k, n, size});
  ntk::form_gradients(parts, Array<float>(), {0, n}, 0, size, n * size, size, formed.mutable_data());
  std::vector<std::uint16_t> halves(formed.size());
  kernels::bfloat16_loops().round(formed.size(), formed.data(), halves.data());
  kernels::bfloat16_loops().widen(formed.size(), halves.data(), rounded_ones.mutable_data());
  const Array<double> g = to_double(formed);
  Array<double> out = to_double(rounded_ones);
  double* values = out.mutable_data();
  for (std::size_t example = 0; example < n; ++example)
    for (std::size_t probe = 0; probe < k; ++probe) {
      double squares = 0, products = 0;
      for (std::size_t other = 0; other < k; ++other)
        for (std::size_t i = (other * n + example) * size, end = i + size; i < end; ++i)
          if (mode == ProbeMode::summed || other == probe) {
            squares += g[i] * g[i];
            products += g[i] * static_cast<double>(rounded_ones[i]);
          }
      for (std::size_t i = (probe * n + example) * size, end = i + size; i < end; ++i) values[i] *= squares / products;
    }
  return out;
}

Side<float> filled_side(const Factors& uses, ProbeMode mode, const std::vector<std::size_t>& cuts) {
  Term term = term_of(uses);
  term.rounded = true;
  Side<float> side(ntk::rule_named("materialize"), term, uses[0].examples, uses[0].probes, mode);
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    std::vector<Factor<float>> pieces;
    for (const Factor<double>& use : uses) pieces.push_back(in_float(use.slice_examples(cuts[i], cuts[i + 1])));
    side.fill(cuts[i], std::move(pieces));
  }
  return side;
}

// Terms that hold gradients, and terms that hold factors; with an odd number of elements, of two parts.
std::vector<std::vector<UseRow>> made_up_terms() {
  return {{{"dense", FactorKind::dense, 1, 77, 1}},
          {{"few positions", FactorKind::outer_sum, 2, 9, 13}},
          {{"many positions", FactorKind::outer_sum, 40, 9, 13}},
          {convolution("few pixels", 5, conv(3, 3, 3, 3, 1, 1))},
          {convolution("many pixels", 5, conv(3, 9, 8, 3, 1, 1))},
          {{"two parts", FactorKind::outer_sum, 2, 9, 13}, {"of two kinds", FactorKind::dense, 1, 117, 1}}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bfloat16)

BOOST_AUTO_TEST_CASE(contractions_are_products_of_rounded_gradients) {
  for (const std::vector<UseRow>& rows : made_up_terms())
    for (const std::size_t probes : {1, 3})
      for (const ProbeMode mode : {ProbeMode::cross, ProbeMode::summed, ProbeMode::equal})
        for (const std::vector<std::size_t>& cuts : {std::vector<std::size_t>{0, 7}, {0, 2, 3, 7}})
          for (const std::size_t room : {std::size_t{1}, std::size_t{2000}, large_room})
            BOOST_TEST_CONTEXT(rows[0].name << ", " << probes << " probes, mode " << static_cast<int>(mode) << ", "
                                            << cuts.size() - 1 << " pieces, room " << room) {
              Factors uses;
              for (const UseRow& row : rows) uses.push_back(factor(row, probes, 7, "rounded"));
              for (Factor<double>& use : uses) use.parameter = uses[0].parameter;
              // Each piece that fits into the room has corrections of its own.
              const bool whole_rows = room == large_room;
              const Array<double> expected = whole_rows ? rounded_gradients(uses, mode) : gradients(uses);
              const double bound = whole_rows ? 1e-6 : two_roundings;
              const Side<float> side = filled_side(uses, mode, cuts);
              ntk::Block whole({7, 7, probes, probes, mode, true}), part({3, 4, probes, probes, mode, false});
              contract(side, side, {false, room}, whole);
              contract(side.range(0, 3), side.range(1, 5), {false, room}, part);
              BOOST_TEST(testing::error_of(whole, expected, expected, 0, 0) < bound);
              BOOST_TEST(testing::error_of(part, expected, expected, 0, 1) < bound);
              const Term& term = side.term();
              BOOST_TEST(static_cast<double>(side.bytes()) == 7 * side.rule().held_bytes(term, probes, 4));
            }
}

BOOST_AUTO_TEST_CASE(contractions_keep_to_the_bytes_that_are_counted) {
  for (const std::vector<UseRow>& rows : made_up_terms())
    for (const std::size_t room : {std::size_t{1}, large_room}) BOOST_TEST_CONTEXT(rows[0].name << ", room " << room) {
        Factors uses;
        for (const UseRow& row : rows) uses.push_back(factor(row, 2, 7, "bytes"));
        for (Factor<double>& use : uses) use.parameter = uses[0].parameter;
        const Side<float> side = filled_side(uses, ProbeMode::cross, {0, 7});
        const ntk::BlockShape shape{7, 7, 2, 2, ProbeMode::cross, true};
        ntk::Block block(shape);
        const double counted = side.rule().cost(side.term(), shape, {4, room, kernels::thread_count()}).bytes;
        double used = 0;  // a thread that waits may begin another task, so one run may be above what is usual
        for (int run = 0; run < 5 && (run == 0 || used > counted); ++run) {
          reset_peak_memory();
          const std::size_t before = memory_statistics().live;
          contract(side, side, {false, room}, block);
          used = static_cast<double>(memory_statistics().peak - before);
        }
        BOOST_TEST(used <= counted);
      }
}

BOOST_AUTO_TEST_CASE(rows_and_columns_may_have_other_numbers_of_probes) {
  for (const std::vector<UseRow>& rows : made_up_terms())
    for (const std::size_t room : {std::size_t{1}, large_room}) {
      Factors uses, others;
      for (const UseRow& row : rows) {
        others.push_back(factor(row, 4, 7, "columns"));
        uses.push_back(others.back());
        uses.back().probes = 1;  // the first of them
        Shape one = others.back().left.shape();
        one[0] = 1;
        uses.back().left = others.back().left.flat_slice(0, one);
      }
      for (Factors* side : {&uses, &others})
        for (Factor<double>& use : *side) use.parameter = (*side)[0].parameter;
      const Side<float> a = filled_side(uses, ProbeMode::cross, {0, 7}),
                        b = filled_side(others, ProbeMode::cross, {0, 7});
      ntk::Block block({7, 7, 1, 4, ProbeMode::cross, false});
      contract(a, b, {false, room}, block);
      if (room == large_room)
        BOOST_TEST(testing::error_of(block, rounded_gradients(uses, ProbeMode::cross),
                                     rounded_gradients(others, ProbeMode::cross), 0, 0) < 1e-6);
      else
        BOOST_TEST(testing::error_of(block, gradients(uses), gradients(others), 0, 0) < two_roundings);
    }
}

BOOST_AUTO_TEST_CASE(kernels_of_convolutional_networks_are_near_exact_ones) {
  for (const Case& c : cases()) BOOST_TEST_CONTEXT(c.name) {
      const auto params = c.net->init<float>(1);
      const Array<float> x = inputs(c.name, c.example, 8);
      const ntk::Plan plan = ntk::plan(*c.net, params, x, ntk::readout::pseudo(), options_of(rounded));
      BOOST_TEST(count_rounded(plan) == (c.name == "resnet18" ? 4u : 1u));
      const Array<double> exact = ntk::pntk(*c.net, params, x, options_of(ntk::Precision::exact)),
                          near = ntk::pntk(*c.net, params, x, options_of(rounded));
      const double error = error_of(near, exact);
      BOOST_TEST_MESSAGE(c.name << ": " << error << " of the norms' product");
      BOOST_TEST(error < 1e-5);
      BOOST_TEST(error > 1e-9);  // something was rounded
    }
}

// Half of the Gram of rows with themselves is computed, and all of it for a copy of the rows.
BOOST_AUTO_TEST_CASE(grams_of_rows_with_themselves_are_those_with_a_copy) {
  Random random("themselves");
  for (const std::size_t n : {1, 127, 128, 200, 256}) {
    const std::size_t length = 300;
    const Array<float> numbers = cast<float>(random_array(random, {n, length}));
    std::vector<std::uint16_t> halves(n * length);
    kernels::bfloat16_loops().round(halves.size(), numbers.data(), halves.data());
    const std::vector<std::uint16_t> copy = halves;
    const ntk::Rows<std::uint16_t> rows{.data = halves.data(), .rows = n, .length = length},
        others{.data = copy.data(), .rows = n, .length = length};
    const ntk::Rectangle all{0, n, 0, n, 0, 0, 0, 0};
    Array<float> own({n, n}), expected({n, n});
    ntk::rectangle_product(all, rows, rows, 10, 290, own.mutable_data());
    ntk::rectangle_product(all, rows, others, 10, 290, expected.mutable_data());
    BOOST_TEST(relative_error(to_double(own), to_double(expected)) < 1e-6);
  }
}

BOOST_AUTO_TEST_CASE(small_arrays_and_exact_rules_keep_their_bits) {
  const auto net = nn::mlp({30, 40, 10});
  const auto params = net.init<float>(1);
  const Array<float> x = inputs("mlp", {30}, 20);
  for (const ntk::Readout& readout : {ntk::readout::pseudo(), ntk::readout::full(), ntk::readout::trace()})
    for (const ntk::Rule* rule : {static_cast<const ntk::Rule*>(nullptr), &ntk::rule_named("materialize")}) {
      const ntk::Options exact{.rule = rule}, near{.precision = rounded, .rule = rule};
      BOOST_TEST(same_bits(ntk::kernel(net, params, x, readout, exact), ntk::kernel(net, params, x, readout, near)));
    }
  // The kernel of biases and norms of a network whose weights are rounded.
  const auto large = narrow_resnet();
  const auto weights = large->init<float>(1);
  const Array<float> images = inputs("images", {3, 32, 32}, 6);
  const std::vector<std::string> others = {"*.bias", "*bn*", "fc.*"};
  BOOST_TEST(same_bits(ntk::pntk(*large, weights, images, {.parameters = others}),
                       ntk::pntk(*large, weights, images, {.precision = rounded, .parameters = others})));
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_threads) {
  for (const Case& c : cases()) {
    const auto params = c.net->init<float>(2);
    const Array<float> x = inputs(c.name, c.example, 4);
    const auto run = [&] { return ntk::pntk(*c.net, params, x, options_of(rounded, 400 << 20)); };
    const Array<double> one = among(1, run);
    for (const std::size_t threads : {2, 8}) BOOST_TEST(same_bits(one, among(threads, run)), c.name);
  }
}

BOOST_AUTO_TEST_CASE(plans_count_rounded_gradients_by_their_bytes_and_runs_keep_to_them) {
  for (const Case& c : cases()) {
    const auto params = c.net->init<float>(1);
    const Array<float> x = inputs(c.name, c.example, 10);
    const auto plan_of = [&](ntk::Precision precision) {
      return ntk::plan(*c.net, params, x, ntk::readout::pseudo(), options_of(precision, 600 << 20));
    };
    const ntk::Plan exact = plan_of(ntk::Precision::exact), near = plan_of(rounded);
    for (std::size_t i = 0; i < exact.terms.size(); ++i) {
      const ntk::TermPlan &a = exact.terms[i], &b = near.terms[i];
      BOOST_TEST((a.rule == b.rule));
      const double gradients = static_cast<double>(a.term.parameter_size());
      BOOST_TEST(b.held_bytes == (b.term.rounded ? std::min(a.held_bytes, 2 * gradients + 8) : a.held_bytes));
    }
    reset_peak_memory();
    const std::size_t before = memory_statistics().live;
    ntk::pntk(*c.net, params, x, options_of(rounded, 600 << 20));
    BOOST_TEST(static_cast<double>(memory_statistics().peak - before) <= near.bytes(), c.name);
  }
}

BOOST_AUTO_TEST_CASE(rounded_gradients_take_half_the_bytes) {
  Term exact(factor({"gradients", FactorKind::dense, 1, 4096, 1}, 1, 1, "").shape()), near = exact;
  near.rounded = true;
  const Rule& rule = ntk::rule_named("materialize");
  BOOST_TEST(rule.held_bytes(exact, 3, sizeof(float)) == 3 * 4096 * 4);
  BOOST_TEST(rule.held_bytes(near, 3, sizeof(float)) == 3 * (4096 * 2 + 8));
}

BOOST_AUTO_TEST_CASE(plans_say_what_is_rounded) {
  const Case c = cases()[1];
  const auto params = c.net->init<float>(1);
  const Array<float> x = inputs(c.name, c.example, 8);
  const auto text = [&](const nn::ModuleBase& net, const nn::Parameters<float>& p, const Array<float>& y,
                        ntk::Precision precision) {
    return text_of(ntk::plan(net, p, y, ntk::readout::pseudo(), options_of(precision)));
  };
  const std::string near = text(*c.net, params, x, rounded);
  BOOST_TEST(near.find("rounding to bfloat16 for ") != std::string::npos);
  BOOST_TEST(near.find("materialize, bfloat16") != std::string::npos);
  BOOST_TEST(near.find("FLOP/s in bfloat16") != std::string::npos);
  BOOST_TEST((near.find("emulated by this processor") != std::string::npos) ==
             (kernels::fastest_bfloat16_product() == nullptr));
  BOOST_TEST(text(*c.net, params, x, ntk::Precision::exact).find("bfloat16") == std::string::npos);
  const auto small = nn::mlp({30, 40, 10});
  BOOST_TEST(text(small, small.init<float>(1), inputs("mlp", {30}, 20), rounded).find("changes nothing") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(networks_in_double_are_refused) {
  const auto net = nn::mlp({30, 40, 10});
  const auto params = net.init<double>(1);
  Random random("double");
  const Array<double> x = random_array(random, {5, 30});
  for (const auto& call : std::vector<std::function<void()>>{
           [&] { ntk::pntk(net, params, x, {.precision = rounded}); },
           [&] { ntk::plan(net, params, x, ntk::readout::pseudo(), {.precision = rounded}); },
           [&] { ntk::layer_kernels(net, params, x, ntk::readout::pseudo(), {.options = {.precision = rounded}}); }})
    BOOST_TEST(has(message_of<option_error>(call), "precision bfloat16 is for networks in float"));
  BOOST_TEST((ntk::parse_precision("bfloat16") == rounded));
  BOOST_TEST((ntk::parse_precision("exact") == ntk::Precision::exact));
  BOOST_TEST(has(message_of<option_error>([] { ntk::parse_precision("half"); }), "There are exact, bfloat16."));
}

BOOST_AUTO_TEST_CASE(stores_are_of_one_precision) {
  const auto net = nn::mlp({30, 40, 10});
  const auto params = net.init<float>(1);
  const Array<float> x = inputs("store", {30}, 20);
  for (const bool first_exact : {true, false}) {
    const TemporaryFolder folder;
    const ntk::Options exact{.store = folder.path()}, near{.precision = rounded, .store = folder.path()};
    const ntk::Options &first = first_exact ? exact : near, &second = first_exact ? near : exact;
    ntk::stored_kernel(net, params, x, ntk::readout::pseudo(), first);
    ntk::stored_kernel(net, params, x, ntk::readout::pseudo(), first);
    std::string precision;
    for (const auto& [setting, value] : ntk::store_format::read_manifest(folder.path()).settings)
      if (setting == "precision") precision = value;
    BOOST_TEST(precision == (first_exact ? "exact" : "bfloat16"));
    BOOST_TEST(
        has(message_of<option_error>([&] { ntk::stored_kernel(net, params, x, ntk::readout::pseudo(), second); }),
            first_exact ? "precision (exact then, bfloat16 now)" : "precision (bfloat16 then, exact now)"));
  }
}

BOOST_AUTO_TEST_SUITE_END()
