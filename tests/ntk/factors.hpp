#pragma once

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "autodiff/kernels/parallel.hpp"
#include "ntk/contraction/rule.hpp"
#include "tests/testing.hpp"

/// Factors of made-up uses of parameters, and what contractions of them are checked against: the gradients themselves.
namespace xtangent::testing {

using ntk::ProbeMode;
using ntk::Rule;
using ntk::Side;
using ntk::Term;
using Factors = std::vector<Factor<double>>;

inline constexpr std::size_t large_room = std::size_t{1} << 30;

struct UseRow {
  std::string name;
  FactorKind kind;
  std::size_t positions, left, right;  // D, C, R; of dense: P = left
  std::size_t rows = 0;                // that the parameter has from which a gather picks
  bool channels_first = false, same_left = false;
  std::optional<kernels::ConvShape> patches = {};
  bool transposed = false;
};

inline kernels::ConvShape conv(std::size_t channels, std::size_t height, std::size_t width, std::size_t kernel,
                               std::size_t stride, std::size_t padding, std::size_t dilation = 1,
                               std::size_t groups = 1) {
  return {channels, height, width, kernel, kernel, stride, stride, padding, padding, dilation, dilation, groups};
}
/// The same for volumes. The kernel, stride, padding and dilation given here are those of the depth.
inline kernels::ConvShape volume(kernels::ConvShape s, std::size_t depth, std::size_t kernel, std::size_t stride = 1,
                                 std::size_t padding = 0, std::size_t dilation = 1) {
  s.depth = depth;
  s.kernel_depth = kernel;
  s.stride_depth = stride;
  s.padding_depth = padding;
  s.dilation_depth = dilation;
  return s;
}
inline UseRow convolution(std::string name, std::size_t out, const kernels::ConvShape& s) {
  return {std::move(name), FactorKind::outer_sum, s.positions(), out, s.patch_size() / s.groups, 0, true, false, s};
}

inline Factor<double> factor(const UseRow& row, std::size_t probes, std::size_t examples, const std::string& seed) {
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
      f.right = row.patches ? random_array(random, {examples, row.patches->channels, row.patches->pixels()})
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

/// The gradients by the definition of each kind, (K, N, P).
inline Array<double> gradients(const Factor<double>& f) {
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
              const std::size_t tap = j % s.taps(), image = s.kernel_height * s.kernel_width;
              const std::size_t z =
                  at / s.out_width() / s.out_height() * s.stride_depth + tap / image * s.dilation_depth;
              const std::size_t y = at / s.out_width() % s.out_height() * s.stride_height +
                                    tap % image / s.kernel_width * s.dilation_height;
              const std::size_t x = at % s.out_width() * s.stride_width + tap % s.kernel_width * s.dilation_width;
              if (z >= s.padding_depth && y >= s.padding_height && x >= s.padding_width &&
                  z - s.padding_depth < s.depth && y - s.padding_height < s.height && x - s.padding_width < s.width)
                input = f.right[(((n * s.channels + channel) * s.depth + z - s.padding_depth) * s.height + y -
                                 s.padding_height) *
                                    s.width +
                                x - s.padding_width];
            }
            to[f.transposed ? j * c + i : i * r + j] += l * input;
          }
        }
    }
  return out;
}

/// Entry (k, n; j, m) of the products of the gradients.
inline double expected(const Array<double>& a, const Array<double>& b, std::size_t k, std::size_t n, std::size_t j,
                       std::size_t m) {
  const std::size_t p = a.shape()[2];
  double sum = 0;
  for (std::size_t i = 0; i < p; ++i) sum += a[(k * a.shape()[1] + n) * p + i] * b[(j * b.shape()[1] + m) * p + i];
  return sum;
}

/// The largest error of a block of row examples from `first_row` and columns from `first_column`, relative to the
/// largest entry, for gradients a (K, N, P) and b (K', M, P).
inline double error_of(ntk::Block& block, const Array<double>& a, const Array<double>& b, std::size_t first_row,
                       std::size_t first_column) {
  const std::size_t probes = a.shape()[0], column_probes = b.shape()[0];
  double worst = 0, largest = 1e-300;
  for (std::size_t k = 0; k < probes; ++k)
    for (std::size_t j = 0; j < column_probes; ++j)
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

inline Term term_of(const Factors& uses) {
  std::vector<UseShape> shapes;
  for (const Factor<double>& use : uses) shapes.push_back(use.shape());
  return Term(shapes);
}

/// The gradients of several uses add up.
inline Array<double> gradients(const Factors& uses) {
  Array<double> sum = gradients(uses[0]).clone();
  for (std::size_t u = 1; u < uses.size(); ++u) {
    const Array<double> more = gradients(uses[u]);
    for (std::size_t i = 0; i < sum.size(); ++i) sum.mutable_data()[i] += more[i];
  }
  return sum;
}

inline Side<double> filled(const Rule& rule, const Factors& uses, ProbeMode mode, bool in_pieces) {
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

/// What every rule that is right for these uses makes of them: a symmetric block, one beside it, and a part of it.
inline void check_rules(const std::string& name, const Factors& uses, ProbeMode mode) {
  const Array<double> dense = gradients(uses);
  const std::size_t probes = uses[0].probes;
  for (const Rule* rule : rules_for(term_of(uses)))
    for (bool in_pieces : {false, true}) {
      const Side<double> side = filled(*rule, uses, mode, in_pieces);
      for (std::size_t room : {std::size_t{1}, std::size_t{2000}, large_room}) {
        BOOST_TEST_CONTEXT(name << ", " << probes << " probes, mode " << static_cast<int>(mode) << ", " << rule->name()
                                << (in_pieces ? ", in pieces" : "") << ", room " << room) {
          ntk::Block whole({7, 7, probes, probes, mode, true}), part({3, 4, probes, probes, mode, false}),
              tile({2, 2, probes, probes, mode, true});
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

/// The same for rows and columns with other numbers of probes: `uses` and `others` are uses of the same parameters in
/// two sets of 7 examples.
inline void check_sides(const std::string& name, const Factors& uses, const Factors& others) {
  const Array<double> a = gradients(uses), b = gradients(others);
  const std::size_t k = uses[0].probes, j = others[0].probes;
  for (const Rule* rule : rules_for(term_of(uses)))
    for (bool in_pieces : {false, true}) {
      const Side<double> rows = filled(*rule, uses, ProbeMode::cross, in_pieces),
                         columns = filled(*rule, others, ProbeMode::cross, in_pieces);
      for (std::size_t room : {std::size_t{1}, std::size_t{2000}, large_room}) {
        BOOST_TEST_CONTEXT(name << ", " << k << " and " << j << " probes, " << rule->name()
                                << (in_pieces ? ", in pieces" : "") << ", room " << room) {
          ntk::Block whole({7, 7, k, j, ProbeMode::cross, false}), part({3, 4, k, j, ProbeMode::cross, false});
          contract(rows, columns, {false, room}, whole);
          BOOST_TEST(error_of(whole, a, b, 0, 0) < 1e-13);
          contract(rows.range(1, 4), columns.range(3, 7), {false, room}, part);
          BOOST_TEST(error_of(part, a, b, 1, 3) < 1e-13);
          const double counted = rule->cost(term_of(uses), whole, {8, room, kernels::thread_count()}).bytes;
          const bool last_layer = rule == &ntk::rule_named("last layer");  // its cost counts both sides' left factors
          const double once = last_layer ? 8.0 * static_cast<double>((k + j) * uses[0].shape().left) : 0;
          double used = 0;
          for (int run = 0; run < 5 && (run == 0 || used + once > counted); ++run) {
            reset_peak_memory();
            const std::size_t before = memory_statistics().live;
            contract(rows, columns, {false, room}, whole);
            used = static_cast<double>(memory_statistics().peak - before);
          }
          BOOST_TEST(used + once <= counted);
        }
      }
    }
}

/// What a side holds is what is counted, to the byte; what a contraction needs is no more than what is counted, and no
/// less than what it needs when all threads are at work.
inline void check_bytes(const std::string& name, const Factors& uses, ProbeMode mode) {
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
        const ntk::BlockShape shape{n, n, probes, probes, mode, true};
        ntk::Block block(shape);
        const double counted = rule->cost(term, shape, {8, room, kernels::thread_count()}).bytes;
        // A thread that waits may begin another task and hold its scratch, too, so one run may be above what is usual.
        double used = 0;
        for (int run = 0; run < 5 && (run == 0 || used + 2 * once > counted); ++run) {
          reset_peak_memory();
          const std::size_t before = memory_statistics().live;
          contract(side, side, {false, room}, block);
          used = static_cast<double>(memory_statistics().peak - before);
        }
        BOOST_TEST(used + 2 * once <= counted);
        if (rule != &ntk::rule_named("gather"))  // counts the most that indices can ask for
          BOOST_TEST(counted <= 2.0 * static_cast<double>(kernels::thread_count()) * used + 2 * once);
      }
    }
}

}  // namespace xtangent::testing
