// Sides and their contractions against inner products of the gradients themselves; what they hold and need.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/error.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "ntk/contraction/rule.hpp"
#include "ntk/plan.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
using ntk::ProbeMode;
using ntk::Rule;
using ntk::Side;
using ntk::Term;
using Factors = std::vector<Factor<double>>;

namespace {

constexpr std::size_t large_room = std::size_t{1} << 30;

struct UseRow {
  std::string name;
  FactorKind kind;
  std::size_t positions, left, right;  // D, C, R; of dense: P = left
  std::size_t rows = 0;                // of the parameter that a gather picks from
  bool channels_first = false, same_left = false;
  std::optional<kernels::ConvShape> patches = {};
  bool transposed = false;
};

kernels::ConvShape conv(std::size_t channels, std::size_t height, std::size_t width, std::size_t kernel,
                        std::size_t stride, std::size_t padding, std::size_t dilation = 1, std::size_t groups = 1) {
  return {channels, height, width, kernel, kernel, stride, stride, padding, padding, dilation, dilation, groups};
}
UseRow convolution(std::string name, std::size_t out, const kernels::ConvShape& s) {
  return {std::move(name), FactorKind::outer_sum, s.positions(), out, s.patch_size() / s.groups, 0, true, false, s};
}

std::vector<UseRow> uses() {
  return {{"linear", FactorKind::outer, 1, 5, 7},
          {"linear, few inputs", FactorKind::outer, 1, 9, 1},
          {"head", FactorKind::outer, 1, 4, 6, 0, false, true},
          {"tokens", FactorKind::outer_sum, 6, 5, 3},
          {"tokens, gradients larger than factors", FactorKind::outer_sum, 2, 9, 8},
          convolution("padded", 4, conv(3, 5, 4, 3, 1, 1)),
          convolution("not padded", 3, conv(2, 6, 5, 3, 1, 0)),
          convolution("dilated", 3, conv(2, 6, 6, 3, 1, 2, 2)),
          convolution("stride", 4, conv(3, 6, 6, 3, 2, 1)),
          convolution("pointwise", 4, conv(3, 4, 4, 1, 1, 0)),
          convolution("groups", 4, conv(4, 4, 4, 2, 1, 0, 1, 2)),
          convolution("many channels", 12, conv(10, 3, 2, 3, 1, 1)),
          {"stored transposed", FactorKind::outer, 1, 5, 7, 0, false, false, {}, true},
          {"tokens, stored transposed", FactorKind::outer_sum, 2, 9, 8, 0, false, false, {}, true},
          {"channels first, stored transposed", FactorKind::outer_sum, 3, 6, 4, 0, true, false, {}, true},
          {"bias", FactorKind::bias, 1, 5, 1},
          {"bias of images", FactorKind::bias, 6, 5, 1, 0, true},
          {"scale of tokens", FactorKind::diag, 4, 5, 1},
          {"scale of images", FactorKind::diag, 4, 5, 1, 0, true},
          {"embedding", FactorKind::gather, 4, 3, 1, 11},
          {"embedding of few rows", FactorKind::gather, 6, 3, 1, 2},
          {"dense", FactorKind::dense, 1, 13, 1}};
}

Factor<double> factor(const UseRow& row, std::size_t probes, std::size_t examples, const std::string& seed) {
  Random random(row.name + seed);
  Factor<double> f;
  f.kind = row.kind;
  f.probes = probes;
  f.examples = examples;
  f.positions = row.positions;
  f.channels_first = row.channels_first;
  f.same_left = row.same_left;
  f.transposed = row.transposed;
  f.patches = row.patches;
  const Shape each = row.channels_first ? Shape{row.left, row.positions} : Shape{row.positions, row.left};
  f.left = random_array(random, Shape{probes, examples}.joined(each));
  if (row.same_left)
    for (std::size_t k = 0; k < probes; ++k)
      for (std::size_t n = 1; n < examples; ++n)
        std::copy_n(f.left.data() + k * examples * row.left, row.left,
                    f.left.mutable_data() + (k * examples + n) * row.left);
  switch (row.kind) {
    case FactorKind::outer:
    case FactorKind::outer_sum:
      f.parameter = row.transposed ? Shape{row.right, row.left} : Shape{row.left, row.right};
      f.right = row.patches
                    ? random_array(random, {examples, row.patches->channels, row.patches->height, row.patches->width})
                    : random_array(random, {examples, row.positions, row.right});
      break;
    case FactorKind::diag:
      f.parameter = Shape{row.left};
      f.right = random_array(random, Shape{examples}.joined(each));
      break;
    case FactorKind::gather:
      f.parameter = Shape{row.rows, row.left};
      f.right = Array<double>({examples, row.positions});
      for (std::size_t i = 0; i < f.right.size(); ++i)
        f.right.mutable_data()[i] = static_cast<double>(random.below(row.rows));
      break;
    case FactorKind::bias:
      f.parameter = Shape{row.left};
      break;
    case FactorKind::dense:
      f.parameter = Shape{row.left};
      f.left = f.left.reshaped({probes, examples, row.left});
      break;
  }
  return f;
}

// The gradients by the definition of each kind, (K, N, P).
Array<double> gradients(const Factor<double>& f) {
  const std::size_t d = f.positions, c = f.left_size(), p = f.parameter.size();
  if (f.kind == FactorKind::dense) return f.left;
  Array<double> out = Array<double>::zeros({f.probes, f.examples, p});
  for (std::size_t k = 0; k < f.probes; ++k)
    for (std::size_t n = 0; n < f.examples; ++n) {
      double* to = out.mutable_data() + (k * f.examples + n) * p;
      const auto entry = [&](const Array<double>& x, std::size_t first, std::size_t at, std::size_t i) {
        return x[first * d * c + (f.channels_first ? i * d + at : at * c + i)];
      };
      for (std::size_t at = 0; at < d; ++at)
        for (std::size_t i = 0; i < c; ++i) {
          const double l = entry(f.left, k * f.examples + n, at, i);
          if (f.kind == FactorKind::bias) to[i] += l;
          if (f.kind == FactorKind::diag) to[i] += l * entry(f.right, n, at, i);
          if (f.kind == FactorKind::gather) to[static_cast<std::size_t>(f.right[n * d + at]) * c + i] += l;
          if (f.kind != FactorKind::outer && f.kind != FactorKind::outer_sum) continue;
          const std::size_t r = f.right_size();
          for (std::size_t j = 0; j < r; ++j) {
            double input = 0;
            if (!f.patches) {
              input = f.right[(n * d + at) * r + j];
            } else {
              const kernels::ConvShape& s = *f.patches;
              const std::size_t of_group = s.channels / s.groups,
                                channel = i / (c / s.groups) * of_group + j / s.taps();
              const std::size_t tap = j % s.taps();
              const std::size_t y = at / s.out_width() * s.stride_height + tap / s.kernel_width * s.dilation_height;
              const std::size_t x = at % s.out_width() * s.stride_width + tap % s.kernel_width * s.dilation_width;
              if (y >= s.padding_height && x >= s.padding_width && y - s.padding_height < s.height &&
                  x - s.padding_width < s.width)
                input = f.right[((n * s.channels + channel) * s.height + y - s.padding_height) * s.width + x -
                                s.padding_width];
            }
            to[f.transposed ? j * c + i : i * r + j] += l * input;
          }
        }
    }
  return out;
}

// Entry (k, n; j, m) of the products of the gradients.
double expected(const Array<double>& a, const Array<double>& b, std::size_t k, std::size_t n, std::size_t j,
                std::size_t m) {
  const std::size_t p = a.shape()[2];
  double sum = 0;
  for (std::size_t i = 0; i < p; ++i) sum += a[(k * a.shape()[1] + n) * p + i] * b[(j * b.shape()[1] + m) * p + i];
  return sum;
}

// The largest error of a block of row examples from `first_row` and columns from `first_column`, relative to the
// largest entry.
double error_of(ntk::Block& block, const Array<double>& a, const Array<double>& b, std::size_t first_row,
                std::size_t first_column) {
  const std::size_t probes = a.shape()[0];
  double worst = 0, largest = 1e-300;
  for (std::size_t k = 0; k < probes; ++k)
    for (std::size_t j = 0; j < probes; ++j)
      for (std::size_t n = 0; n < block.rows; ++n)
        for (std::size_t m = 0; m < block.columns; ++m) {
          if (block.mode == ProbeMode::equal && k != j) continue;
          if (block.mode == ProbeMode::summed && (k > 0 || j > 0)) continue;
          if (block.symmetric && (k > j || (k == j && n > m))) continue;  // not computed
          double value = 0;
          for (std::size_t q = 0; q < (block.mode == ProbeMode::summed ? probes : 1); ++q)
            value += expected(a, b, k + q, first_row + n, j + q, first_column + m);
          worst = std::max(worst, std::abs(block.at(k, n, j, m) - value));
          largest = std::max(largest, std::abs(value));
        }
  return worst / largest;
}

Term term_of(const Factors& uses) {
  std::vector<UseShape> shapes;
  for (const Factor<double>& use : uses) shapes.push_back(use.shape());
  return Term(shapes);
}

// The gradients of several uses add up.
Array<double> gradients(const Factors& uses) {
  Array<double> sum = gradients(uses[0]).clone();
  for (std::size_t u = 1; u < uses.size(); ++u) {
    const Array<double> more = gradients(uses[u]);
    for (std::size_t i = 0; i < sum.size(); ++i) sum.mutable_data()[i] += more[i];
  }
  return sum;
}

Side<double> filled(const Rule& rule, const Factors& uses, ProbeMode mode, bool in_pieces) {
  const std::size_t n = uses[0].examples;
  Side<double> side(rule, term_of(uses), n, uses[0].probes, mode);
  if (!in_pieces) {
    side.fill(0, uses);
    return side;
  }
  const std::vector<std::size_t> cuts = {0, 1, 3, n};
  kernels::parallel_for(3, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      Factors pieces;
      for (const Factor<double>& use : uses) pieces.push_back(use.slice_examples(cuts[i], cuts[i + 1]));
      side.fill(cuts[i], std::move(pieces));
    }
  });
  return side;
}

// What every rule that is right for these uses makes of them: a symmetric block, one beside it, and a part of it.
void check_rules(const std::string& name, const Factors& uses, ProbeMode mode) {
  const Array<double> dense = gradients(uses);
  const std::size_t probes = uses[0].probes;
  for (const Rule* rule : rules_for(term_of(uses)))
    for (bool in_pieces : {false, true}) {
      const Side<double> side = filled(*rule, uses, mode, in_pieces);
      for (std::size_t room : {std::size_t{1}, std::size_t{2000}, large_room}) {
        BOOST_TEST_CONTEXT(name << ", " << probes << " probes, mode " << static_cast<int>(mode) << ", " << rule->name()
                                << (in_pieces ? ", in pieces" : "") << ", room " << room) {
          ntk::Block whole({7, 7, probes, mode, true}), part({3, 4, probes, mode, false}),
              tile({2, 2, probes, mode, true});
          contract(side, side, {false, room}, whole);
          BOOST_TEST(error_of(whole, dense, dense, 0, 0) < 1e-13);
          contract(side.range(0, 3), side.range(3, 7), {false, room}, part);
          BOOST_TEST(error_of(part, dense, dense, 0, 3) < 1e-13);
          contract(side.range(2, 6).range(1, 3), side.range(3, 5), {false, room}, tile);
          BOOST_TEST(error_of(tile, dense, dense, 3, 3) < 1e-13);
        }
      }
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(contraction)

BOOST_AUTO_TEST_CASE(gradients_of_factors) {
  for (const UseRow& row : uses()) {
    BOOST_TEST_CONTEXT(row.name) {
      const Factor<double> f = factor(row, 2, 3, "g");
      const Array<double> all = gradients(f), dense = f.dense();
      BOOST_TEST(difference(dense, all) < 1e-14);
      // Some units of some examples.
      const std::size_t unit = f.shape().unit(), size = f.parameter.size(), units = size / unit;
      BOOST_TEST(units * unit == size);
      const std::size_t begin = units / 3 * unit, end = (units + 1) / 2 * unit, length = end - begin;
      Array<double> part({2, 2, length});
      f.gradients(1, 3, begin, end, part.mutable_data(), 2 * length, length);
      for (std::size_t k = 0; k < 2; ++k)
        for (std::size_t n = 0; n < 2; ++n)
          for (std::size_t i = 0; i < length; ++i)
            BOOST_TEST(std::abs(part[(k * 2 + n) * length + i] - all[(k * 3 + n + 1) * size + begin + i]) < 1e-13);
    }
  }
}

BOOST_AUTO_TEST_CASE(rules_give_products_of_gradients) {
  for (const UseRow& row : uses())
    for (std::size_t probes : {1, 3})
      for (ProbeMode mode : {ProbeMode::cross, ProbeMode::summed, ProbeMode::equal})
        check_rules(row.name, {factor(row, probes, 7, "a")}, mode);
}

// Several uses of one parameter: names of the rules that are right for them, and how many parts they make.
struct SharedRow {
  std::string name;
  std::vector<UseRow> uses;
  std::size_t parts;
  std::vector<std::string> rules;
};

std::vector<SharedRow> shared_parameters() {
  const UseRow tokens{"tokens", FactorKind::outer_sum, 6, 4, 9}, fewer{"fewer", FactorKind::outer_sum, 2, 4, 9},
      linear{"linear", FactorKind::outer, 1, 4, 9}, other{"other", FactorKind::outer, 1, 4, 9},
      turned{"turned", FactorKind::outer, 1, 9, 4}, words{"words", FactorKind::gather, 4, 9, 1, 4},
      more_words{"more words", FactorKind::gather, 6, 9, 1, 4}, dense{"dense", FactorKind::dense, 1, 36, 1},
      back{"back", FactorKind::outer, 1, 9, 4, 0, false, false, {}, true},
      head{"head", FactorKind::outer, 1, 4, 9, 0, false, true}, bias{"bias", FactorKind::bias, 1, 5, 1},
      biases{"biases", FactorKind::bias, 3, 5, 1}, images{"bias of images", FactorKind::bias, 6, 5, 1, 0, true},
      scale{"scale", FactorKind::diag, 4, 5, 1}, scales{"scales", FactorKind::diag, 2, 5, 1},
      image_scale{"scale of images", FactorKind::diag, 4, 5, 1, 0, true},
      image_scales{"scale of other images", FactorKind::diag, 2, 5, 1, 0, true},
      wide{"wide", FactorKind::outer, 1, 20, 30}, wide_too{"wide too", FactorKind::outer, 1, 20, 30};
  const UseRow large = convolution("large", 4, conv(1, 5, 6, 3, 1, 1)),
               small = convolution("small", 4, conv(1, 3, 4, 3, 1, 0)),
               steps = convolution("stride", 4, conv(1, 5, 5, 3, 2, 1)),
               groups = convolution("groups", 4, conv(2, 4, 4, 3, 1, 0, 1, 2));
  const std::vector<std::string> grams = {"position Gram", "materialize"}, gathers = {"gather", "materialize"},
                                 one = {"materialize"};
  return {{"a recurrent weight", {linear, other, linear}, 1, grams},
          {"a recurrent weight larger than its factors", {wide, wide_too}, 1, grams},
          {"sequences of two lengths", {tokens, fewer}, 1, grams},
          {"tokens and their mean", {linear, tokens}, 1, grams},
          {"a head that is used before", {head, linear}, 1, grams},
          {"images of two sizes", {large, small}, 2, grams},
          {"with and without stride", {small, steps}, 2, grams},
          {"a matrix and a kernel", {tokens, large}, 2, grams},
          {"groups", {groups, groups}, 2, one},
          {"words twice", {words, more_words}, 1, gathers},
          {"biases", {bias, biases, bias}, 1, one},
          {"biases of images", {images, images}, 1, one},
          {"biases of tokens and images", {biases, images}, 2, one},
          {"scales", {scale, scales}, 1, one},
          {"scales of images", {image_scale, image_scales}, 1, one},
          {"two shapes", {linear, turned}, 2, one},
          {"a weight and its transpose", {linear, back, tokens, back}, 2, one},
          {"two transposes", {back, back}, 1, grams},
          {"words, tied to the head", {words, turned}, 2, one},
          {"words in front, words and a head behind", {words, turned, more_words, turned}, 2, one},
          {"dense and tokens", {dense, tokens}, 2, one},
          {"dense twice", {dense, dense}, 2, one}};
}

Factors factors(const SharedRow& row, std::size_t probes) {
  Factors out;
  for (std::size_t u = 0; u < row.uses.size(); ++u) out.push_back(factor(row.uses[u], probes, 7, std::to_string(u)));
  return out;
}

BOOST_AUTO_TEST_CASE(uses_of_one_parameter_are_one_term) {
  for (const SharedRow& row : shared_parameters())
    for (std::size_t probes : {1, 3})
      for (ProbeMode mode : {ProbeMode::cross, ProbeMode::summed, ProbeMode::equal}) {
        const Factors uses = factors(row, probes);
        const Term term = term_of(uses);
        std::vector<std::string> names;
        for (const Rule* rule : rules_for(term)) names.push_back(rule->name());
        BOOST_TEST_CONTEXT(row.name) {
          BOOST_TEST(term.uses == row.uses.size());
          BOOST_TEST(term.parts.size() == row.parts);
          BOOST_TEST(names == row.rules, boost::test_tools::per_element());
        }
        check_rules(row.name, uses, mode);
      }
}

// What a side holds is what is counted, to the byte; what a contraction needs is no more than what is counted, and no
// less than what it needs when all threads are at work.
void check_bytes(const std::string& name, const Factors& uses, ProbeMode mode) {
  const Term term = term_of(uses);
  const std::size_t n = uses[0].examples, probes = uses[0].probes;
  for (const Rule* rule : rules_for(term))
    for (std::size_t room : {std::size_t{1}, large_room}) {
      BOOST_TEST_CONTEXT(name << ", " << probes << " probes, mode " << static_cast<int>(mode) << ", " << rule->name()
                              << ", room " << room) {
        const Side<double> side = filled(*rule, uses, mode, true), whole = filled(*rule, uses, mode, false);
        const bool last_layer = rule == &ntk::rule_named("last layer");
        const double once = last_layer ? 8.0 * static_cast<double>(probes * term.only()->left) : 0;
        BOOST_TEST(static_cast<double>(side.bytes()) ==
                   static_cast<double>(n) * rule->held_bytes(term, probes, 8) + once);
        BOOST_TEST(whole.bytes() == side.bytes());
        const ntk::BlockShape shape{n, n, probes, mode, true};
        ntk::Block block(shape);
        reset_peak_memory();
        const std::size_t before = memory_statistics().live;
        contract(side, side, {false, room}, block);
        const double used = static_cast<double>(memory_statistics().peak - before);
        const double counted = rule->cost(term, shape, {8, room}).bytes;
        BOOST_TEST(used + 2 * once <= counted);
        if (rule != &ntk::rule_named("gather"))  // counts the most that indices can ask for
          BOOST_TEST(counted <= 2.0 * static_cast<double>(kernels::thread_count()) * used + 2 * once);
      }
    }
}

BOOST_AUTO_TEST_CASE(sides_hold_and_contractions_need_what_is_counted) {
  for (std::size_t probes : {1, 3})
    for (ProbeMode mode : {ProbeMode::cross, ProbeMode::summed, ProbeMode::equal}) {
      for (const UseRow& row : uses()) check_bytes(row.name, {factor(row, probes, 7, "m")}, mode);
      for (const SharedRow& row : shared_parameters()) check_bytes(row.name, factors(row, probes), mode);
    }
}

BOOST_AUTO_TEST_CASE(sides_of_other_rules_or_uses_are_refused) {
  const Factors a = {factor({"a", FactorKind::outer, 1, 4, 9}, 1, 2, "x")},
                b = {factor({"b", FactorKind::outer, 1, 9, 4}, 1, 2, "x")};
  const auto empty = [](const char* rule, const Factors& uses) {
    return Side<double>(ntk::rule_named(rule), term_of(uses), 2, 1, ProbeMode::cross);
  };
  ntk::Block block({2, 2});
  BOOST_CHECK_THROW(contract(empty("outer", a), empty("materialize", a), {}, block), rule_error);
  BOOST_CHECK_THROW(contract(empty("outer", a), empty("outer", b), {}, block), rule_error);
  BOOST_CHECK_THROW(contract(empty("outer", a), empty("outer", {a[0], a[0]}), {}, block), rule_error);
}

BOOST_AUTO_TEST_CASE(an_unknown_rule_is_answered_by_the_names_of_all) {
  const std::string message = message_of<option_error>([] { ntk::rule_named("outher"); });
  for (const Rule* rule : ntk::rules()) BOOST_TEST(message.find(rule->name()) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(arrays_that_fit_are_taken_over) {
  const UseRow row{"linear", FactorKind::outer, 1, 500, 700};
  const Factor<double> f = factor(row, 2, 9, "t");
  reset_peak_memory();
  const std::size_t before = memory_statistics().live;
  const Side<double> side = filled(ntk::rule_named("outer"), {f}, ProbeMode::cross, false);
  BOOST_TEST(memory_statistics().peak == before);
  BOOST_TEST((side.left(1, 500).data == f.left.data()));
  BOOST_TEST((side.range(2, 4).right(1, 700).data == f.right.data() + 2 * 700));
}

BOOST_AUTO_TEST_SUITE_END()
