// Several uses of one parameter, which are contracted together.
#include <boost/test/unit_test.hpp>

#include "tests/ntk/factors.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

// Several uses of one parameter, how many parts they make, and the names of the rules that are right for them.
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
                                 pairs = {"pairs", "materialize"}, one = {"materialize"};
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
          {"a weight and its transpose", {linear, back, tokens, back}, 2, pairs},
          {"two transposes", {back, back}, 1, grams},
          {"words, tied to the head", {linear, words}, 2, pairs},
          {"words in front, words and a head of tokens behind", {words, tokens, more_words, linear}, 2, pairs},
          {"words and a transposed head", {back, words}, 2, pairs},
          {"words, a head and a transposed head", {back, words, tokens, back}, 3, pairs},
          {"words of another shape", {words, turned}, 2, one},
          {"dense and tokens", {dense, tokens}, 2, one},
          {"dense twice", {dense, dense}, 2, one}};
}

Factors factors(const SharedRow& row, std::size_t probes, const std::string& seed = "") {
  Factors out;
  for (std::size_t u = 0; u < row.uses.size(); ++u)
    out.push_back(factor(row.uses[u], probes, 7, std::to_string(u) + seed));
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(terms)

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

BOOST_AUTO_TEST_CASE(rows_and_columns_may_have_other_numbers_of_probes) {
  for (const SharedRow& row : shared_parameters())
    for (const auto& [k, j] : {std::pair<std::size_t, std::size_t>{1, 3}, {4, 1}, {2, 5}})
      check_sides(row.name, factors(row, k), factors(row, j, "columns"));
}

BOOST_AUTO_TEST_CASE(sides_hold_and_contractions_need_what_is_counted) {
  for (const SharedRow& row : shared_parameters())
    for (std::size_t probes : {1, 3})
      for (ProbeMode mode : {ProbeMode::cross, ProbeMode::summed, ProbeMode::equal})
        check_bytes(row.name, factors(row, probes), mode);
}

BOOST_AUTO_TEST_SUITE_END()
