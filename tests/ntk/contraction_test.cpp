// Sides and their contractions against inner products of the gradients themselves; what they hold and need.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/error.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "ntk/contraction/contract.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
using ntk::ProbeMode;
using ntk::Rule;
using ntk::Side;

namespace {

constexpr std::size_t large_room = std::size_t{1} << 30;

struct UseRow {
  std::string name;
  FactorKind kind;
  std::size_t positions, left, right;  // D, C, R; of dense: P = left
  std::size_t rows = 0;                // of the parameter that a gather picks from
  bool channels_first = false, same_left = false;
  std::optional<kernels::ConvShape> patches = {};
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
      f.parameter = Shape{row.left, row.right};
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
            to[i * r + j] += l * input;
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

Side<double> filled(Rule rule, const Factor<double>& f, ProbeMode mode, bool in_pieces) {
  Side<double> side(rule, ntk::shape_of(f), f.examples, f.probes, mode);
  if (!in_pieces) {
    side.fill(0, f);
    return side;
  }
  const std::vector<std::size_t> cuts = {0, 1, 3, f.examples};
  kernels::parallel_for(3, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) side.fill(cuts[i], f.slice_examples(cuts[i], cuts[i + 1]));
  });
  return side;
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
      const std::size_t unit = f.unit(), size = f.parameter.size(), units = size / unit;
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
      for (ProbeMode mode : {ProbeMode::cross, ProbeMode::summed, ProbeMode::equal}) {
        const Factor<double> f = factor(row, probes, 7, "a");
        const Array<double> dense = gradients(f);
        for (Rule rule : ntk::rules_for(ntk::shape_of(f)))
          for (bool in_pieces : {false, true}) {
            const Side<double> side = filled(rule, f, mode, in_pieces);
            for (std::size_t room : {std::size_t{1}, large_room}) {
              BOOST_TEST_CONTEXT(row.name << ", " << probes << " probes, mode " << static_cast<int>(mode) << ", "
                                          << name(rule) << (in_pieces ? ", in pieces" : "") << ", room " << room) {
                ntk::Block whole(7, 7, probes, mode, true), part(3, 4, probes, mode, false),
                    tile(2, 2, probes, mode, true);
                contract(side, side, false, room, whole);
                BOOST_TEST(error_of(whole, dense, dense, 0, 0) < 1e-13);
                contract(side.range(0, 3), side.range(3, 7), false, room, part);
                BOOST_TEST(error_of(part, dense, dense, 0, 3) < 1e-13);
                contract(side.range(2, 6).range(1, 3), side.range(3, 5), false, room, tile);
                BOOST_TEST(error_of(tile, dense, dense, 3, 3) < 1e-13);
              }
            }
          }
      }
}

BOOST_AUTO_TEST_CASE(sides_hold_and_contractions_need_what_is_counted) {
  for (const UseRow& row : uses())
    for (std::size_t probes : {1, 3})
      for (ProbeMode mode : {ProbeMode::cross, ProbeMode::summed, ProbeMode::equal}) {
        const std::size_t n = 7;
        const Factor<double> f = factor(row, probes, n, "m");
        const ntk::UseShape use = ntk::shape_of(f);
        for (Rule rule : ntk::rules_for(use))
          for (std::size_t room : {std::size_t{1}, large_room}) {
            BOOST_TEST_CONTEXT(row.name << ", " << probes << " probes, mode " << static_cast<int>(mode) << ", "
                                        << name(rule) << ", room " << room) {
              const Side<double> side = filled(rule, f, mode, true), whole = filled(rule, f, mode, false);
              const double once = rule == Rule::readout ? 8.0 * static_cast<double>(probes * row.left) : 0;
              BOOST_TEST(static_cast<double>(side.bytes()) == n * ntk::held_bytes(rule, use, probes, mode, 8) + once);
              BOOST_TEST(whole.bytes() == side.bytes());
              ntk::Block block(n, n, probes, mode, true);
              reset_peak_memory();
              const std::size_t before = memory_statistics().live;
              contract(side, side, false, room, block);
              const double used = static_cast<double>(memory_statistics().peak - before);
              const double counted = ntk::cost(rule, use, n, n, probes, true, mode, 8, room).bytes;
              BOOST_TEST(used + 2 * once <= counted);
              // As much is needed when all threads are at work, by a product and its sums.
              if (rule != Rule::gather)
                BOOST_TEST(counted <= 2.0 * static_cast<double>(kernels::thread_count()) * used + 2 * once);
            }
          }
      }
}

BOOST_AUTO_TEST_CASE(uses_of_one_parameter_meet) {
  struct Pair {
    UseRow a, b;
    std::vector<Rule> rules;
  };
  const UseRow tokens{"tokens", FactorKind::outer_sum, 6, 4, 9}, fewer{"fewer", FactorKind::outer_sum, 2, 4, 9},
      linear{"linear", FactorKind::outer, 1, 4, 9}, linear2{"other", FactorKind::outer, 1, 4, 9},
      turned{"turned", FactorKind::outer, 1, 9, 4}, words{"words", FactorKind::gather, 4, 9, 1, 4},
      words2{"more words", FactorKind::gather, 6, 9, 1, 4}, dense{"dense", FactorKind::dense, 1, 36, 1};
  const UseRow large = convolution("large", 4, conv(1, 5, 6, 3, 1, 1)),
               small = convolution("small", 4, conv(1, 3, 4, 3, 1, 0)),
               steps = convolution("stride", 4, conv(1, 5, 5, 3, 2, 1));
  const std::vector<Pair> table = {{linear, linear2, {Rule::outer, Rule::materialize}},
                                   {tokens, fewer, {Rule::position_gram, Rule::materialize}},
                                   {large, small, {Rule::pixel_gram, Rule::position_gram, Rule::materialize}},
                                   {small, steps, {Rule::position_gram, Rule::materialize}},
                                   {tokens, large, {Rule::position_gram, Rule::materialize}},
                                   {words, words2, {Rule::gather, Rule::materialize}},
                                   {linear, tokens, {Rule::materialize}},
                                   {linear, turned, {Rule::materialize}},
                                   {linear, large, {Rule::materialize}},
                                   {words, linear, {Rule::materialize}},
                                   {dense, tokens, {Rule::materialize}},
                                   {words, dense, {Rule::materialize}}};
  for (const Pair& row : table)
    for (std::size_t probes : {1, 2})
      for (ProbeMode mode : {ProbeMode::cross, ProbeMode::summed, ProbeMode::equal})
        for (Rule rule : row.rules)
          for (std::size_t room : {std::size_t{1}, std::size_t{2000}, large_room}) {
            BOOST_TEST_CONTEXT(row.a.name << " and " << row.b.name << ", " << name(rule) << ", room " << room) {
              const Factor<double> a = factor(row.a, probes, 5, "1"), b = factor(row.b, probes, 4, "2");
              BOOST_TEST(ntk::meets(rule, ntk::shape_of(a), ntk::shape_of(b)));
              const Side<double> sa = filled(rule, a, mode, true), sb = filled(rule, b, mode, true);
              const Array<double> da = gradients(a), db = gradients(b);
              ntk::Block ab(5, 4, probes, mode, false), ba(4, 5, probes, mode, false);
              contract(sa, sb, false, room, ab);
              contract(sb, sa, false, room, ba);
              BOOST_TEST(error_of(ab, da, db, 0, 0) < 1e-13);
              BOOST_TEST(error_of(ba, db, da, 0, 0) < 1e-13);
            }
          }
}

BOOST_AUTO_TEST_CASE(sides_that_do_not_meet_are_refused) {
  const UseRow a{"a", FactorKind::outer, 1, 4, 9}, other{"b", FactorKind::outer, 1, 9, 4},
      dense{"c", FactorKind::dense, 1, 35, 1}, tokens{"d", FactorKind::outer_sum, 3, 4, 9},
      head{"e", FactorKind::outer, 1, 4, 9, 0, false, true};
  const UseRow three = convolution("three", 4, conv(1, 5, 5, 3, 1, 1)),
               wide = convolution("wide", 4, conv(1, 5, 5, 3, 1, 2, 2)),
               groups = convolution("groups", 4, conv(2, 4, 4, 2, 1, 0, 1, 2));
  const auto refused = [](const UseRow& x, Rule rx, const UseRow& y, Rule ry) {
    const Factor<double> fx = factor(x, 1, 2, "x"), fy = factor(y, 1, 2, "y");
    Side<double> sx(rx, ntk::shape_of(fx), 2, 1, ProbeMode::cross), sy(ry, ntk::shape_of(fy), 2, 1, ProbeMode::cross);
    ntk::Block block(2, 2, 1, ProbeMode::cross, false);
    BOOST_CHECK_THROW(contract(sx, sy, false, large_room, block), rule_error);
  };
  refused(a, Rule::outer, a, Rule::materialize);
  refused(a, Rule::outer, other, Rule::outer);
  refused(a, Rule::outer, tokens, Rule::outer);
  refused(a, Rule::materialize, dense, Rule::materialize);
  refused(head, Rule::readout, a, Rule::readout);
  refused(three, Rule::pixel_gram, wide, Rule::pixel_gram);
  refused(three, Rule::pixel_gram, tokens, Rule::pixel_gram);
  refused(groups, Rule::position_gram, groups, Rule::position_gram);
}

BOOST_AUTO_TEST_CASE(arrays_that_fit_are_taken_over) {
  const UseRow row{"linear", FactorKind::outer, 1, 500, 700};
  const Factor<double> f = factor(row, 2, 9, "t");
  reset_peak_memory();
  const std::size_t before = memory_statistics().live;
  const Side<double> side = filled(Rule::outer, f, ProbeMode::cross, false);
  BOOST_TEST(memory_statistics().peak == before);
  BOOST_TEST((side.left().data == f.left.data()));
  BOOST_TEST((side.range(2, 4).right().data == f.right.data() + 2 * 700));
}

BOOST_AUTO_TEST_SUITE_END()
