// Sides and their contractions against inner products of the gradients themselves; what they hold and need.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/error.hpp"
#include "ntk/plan.hpp"
#include "tests/ntk/factors.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

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
          convolution("volume", 3, volume(conv(2, 3, 4, 2, 1, 1), 3, 2)),
          convolution("volume with strides and padding", 3, volume(conv(2, 4, 3, 2, 2, 0), 3, 2, 2, 1)),
          convolution("kernel of depth 1", 3, volume(conv(2, 3, 3, 2, 1, 0), 2, 1)),
          convolution("dilated volume in groups", 4, volume(conv(4, 3, 3, 2, 1, 0, 1, 2), 4, 2, 1, 1, 2)),
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

BOOST_AUTO_TEST_CASE(rows_and_columns_may_have_other_numbers_of_probes) {
  for (const UseRow& row : uses())
    for (const auto& [k, j] : {std::pair<std::size_t, std::size_t>{1, 3}, {4, 1}, {2, 5}})
      check_sides(row.name, {factor(row, k, 7, "rows")}, {factor(row, j, 7, "columns")});
}

BOOST_AUTO_TEST_CASE(sides_hold_and_contractions_need_what_is_counted) {
  for (const UseRow& row : uses())
    for (std::size_t probes : {1, 3})
      for (ProbeMode mode : {ProbeMode::cross, ProbeMode::summed, ProbeMode::equal})
        check_bytes(row.name, {factor(row, probes, 7, "m")}, mode);
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

// Parts of blocks as kernels have them: examples first, then probes. Below the diagonal of a symmetric block there is
// nothing to read.
BOOST_AUTO_TEST_CASE(blocks_are_written) {
  for (const ProbeMode mode : {ProbeMode::cross, ProbeMode::equal, ProbeMode::summed})
    for (const bool symmetric : {false, true})
      for (const std::size_t probes : {1, 3})
        for (const std::size_t n : {5, 37}) {
          const bool cross = mode == ProbeMode::cross;
          const std::size_t m = symmetric ? n : 21, k = cross ? probes : 1,
                            planes = mode == ProbeMode::equal ? probes : 1;
          const auto entry = [&](std::size_t plane, std::size_t i, std::size_t p, std::size_t j, std::size_t q) {
            const std::size_t a = i * k + p, b = j * k + q;
            const std::size_t low = symmetric ? std::min(a, b) : a, high = symmetric ? std::max(a, b) : b;
            return static_cast<double>((plane * 1000 + low) * 1000 + high);
          };
          ntk::Block block({n, m, probes, probes, mode, symmetric});
          for (std::size_t plane = 0; plane < planes; ++plane)
            for (std::size_t p = 0; p < k; ++p)
              for (std::size_t i = 0; i < n; ++i)
                for (std::size_t q = 0; q < k; ++q)
                  for (std::size_t j = 0; j < m; ++j)
                    block.values[(plane * n + p * n + i) * block.width() + q * m + j] =
                        symmetric && p * n + i > q * m + j ? std::nan("") : entry(plane, i, p, j, q);
          const Range part{n / 4, n};
          const std::size_t high = part.size() * k, wide = m * k;
          Array<double> out({planes, high, wide}), mirror({planes, wide, high});
          block.write(part, 2.0, out.mutable_data(), wide, high * wide, false);
          block.write(part, 2.0, mirror.mutable_data(), high, high * wide, true);
          for (std::size_t plane = 0; plane < planes; ++plane)
            for (std::size_t a = 0; a < high; ++a)
              for (std::size_t b = 0; b < wide; ++b) {
                const double expected = 2 * entry(plane, part.first + a / k, a % k, b / k, b % k);
                BOOST_REQUIRE(out[(plane * high + a) * wide + b] == expected);
                BOOST_REQUIRE(mirror[(plane * wide + b) * high + a] == expected);
              }
        }
}

BOOST_AUTO_TEST_SUITE_END()
