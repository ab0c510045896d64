// Sums of products over named axes, against loops over all letters.
#include "autodiff/ops/einsum.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <map>

#include "autodiff/factor.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Arrays = std::vector<Array<double>>;

constexpr Examples axis0 = Examples::axis0;

// The definition: for all values of all letters, the product of the operands is added to its element of the result.
Array<double> by_definition(const std::vector<std::string>& letters, const std::string& result, const Arrays& x) {
  std::map<char, std::size_t> extent;
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t a = 0; a < letters[i].size(); ++a) extent[letters[i][a]] = x[i].shape()[a];
  std::size_t total = 1;
  for (const auto& [letter, e] : extent) total *= e;
  Shape shape;
  for (const char letter : result) shape.push_back(extent[letter]);
  Array<double> y = Array<double>::zeros(shape);
  for (std::size_t flat = 0; flat < total; ++flat) {
    std::map<char, std::size_t> at;
    std::size_t rest = flat;
    for (const auto& [letter, e] : extent) {
      at[letter] = rest % e;
      rest /= e;
    }
    const auto place = [&](const std::string& of) {
      std::size_t p = 0;
      for (const char letter : of) p = p * extent[letter] + at[letter];
      return p;
    };
    double term = 1;
    for (std::size_t i = 0; i < x.size(); ++i) term *= x[i][place(letters[i])];
    y.mutable_data()[place(result)] += term;
  }
  return y;
}

OpRow einsum_row(const std::string& spec, std::vector<std::string> letters, std::string result, std::vector<Input> x,
                 bool mixes = false) {
  return row("einsum " + spec, [spec](auto v) { return einsum(spec, v); }, std::move(x),
             {.reference = [=](const Arrays& v) { return by_definition(letters, result, v); }, .mixes = mixes});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(einsum)

BOOST_AUTO_TEST_CASE(rows_of_every_kind) {
  expect_ops({
      einsum_row("ij,jk->ik", {"ij", "jk"}, "ik", {{{2, 3}}, {{3, 4}}}),
      einsum_row("ij,jk", {"ij", "jk"}, "ik", {{{2, 3}}, {{3, 4}}}),
      einsum_row("ba", {"ba"}, "ab", {{{2, 3}}}),
      einsum_row("ij -> ji", {"ij"}, "ji", {{{2, 3}}}),
      einsum_row("ijk->j", {"ijk"}, "j", {{{2, 3, 4}}}),
      einsum_row("i,i->", {"i", "i"}, "", {{{3}}, {{3}}}),
      einsum_row("i,j->ji", {"i", "j"}, "ji", {{{3}}, {{2}}}),
      einsum_row("ij,ij->ij", {"ij", "ij"}, "ij", {{{2, 3}}, {{2, 3}}}),
      einsum_row("ij,k->i", {"ij", "k"}, "i", {{{2, 3}}, {{4}}}),
      einsum_row("nij,njk->nik", {"nij", "njk"}, "nik", {{{3, 2, 4}, axis0}, {{3, 4, 2}, axis0}}),
      einsum_row("nij,jk->nik", {"nij", "jk"}, "nik", {{{3, 2, 4}, axis0}, {{4, 5}}}),
      einsum_row("kj,nij->nik", {"kj", "nij"}, "nik", {{{5, 4}}, {{3, 2, 4}, axis0}}),
      einsum_row("nthd,nshd->nhts", {"nthd", "nshd"}, "nhts", {{{2, 3, 2, 2}, axis0}, {{2, 4, 2, 2}, axis0}}),
      einsum_row("ni,ijk,nj->nk", {"ni", "ijk", "nj"}, "nk", {{{3, 2}, axis0}, {{2, 4, 3}}, {{3, 4}, axis0}}),
      einsum_row("n,n->n", {"n", "n"}, "n", {{{3}, axis0}, {{3}, axis0}}),
      einsum_row("ni,i->ni", {"ni", "i"}, "ni", {{{3, 2}, axis0}, {{2}}}),
      einsum_row("ni,nj->ij", {"ni", "nj"}, "ij", {{{3, 2}, axis0}, {{3, 4}, axis0}}, true),
      einsum_row("ni->i", {"ni"}, "i", {{{3, 2}, axis0}}, true),
      einsum_row("ii", {"ii"}, "", {{{3, 3}}}),
      // What stands for "..." in the definition: letters from the right.
      einsum_row("...ij,...jk->...ik", {"bij", "bjk"}, "bik", {{{2, 3, 4}}, {{2, 4, 3}}}),
      einsum_row("...ij,...jk->...ik", {"abij", "bjk"}, "abik", {{{2, 3, 2, 4}}, {{3, 4, 2}}}),
      einsum_row("...i,ij", {"abi", "ij"}, "abj", {{{2, 3, 4}}, {{4, 2}}}),
      einsum_row("i...,i...->i", {"iab", "iab"}, "i", {{{2, 3, 2}}, {{2, 3, 2}}}),
      einsum_row("...->", {"ab"}, "", {{{2, 3}}}),
      einsum_row("i...->...", {"ia"}, "a", {{{2, 3}}}),
      einsum_row("...i,i->...", {"i", "i"}, "", {{{3}}, {{3}}}),
      einsum_row("...i,ji->...j", {"nti", "ji"}, "ntj", {{{3, 2, 4}, axis0}, {{5, 4}}}),
      einsum_row("n...i,n...j->n...ij", {"nti", "ntj"}, "ntij", {{{3, 2, 2}, axis0}, {{3, 2, 4}, axis0}}),
      einsum_row("ii->i", {"ii"}, "i", {{{3, 3}}}),
      einsum_row("iji->ji", {"iji"}, "ji", {{{2, 3, 2}}}),
      einsum_row("aaab->ba", {"aaab"}, "ba", {{{2, 2, 2, 3}}}),
      einsum_row("abab->ab", {"abab"}, "ab", {{{2, 3, 2, 3}}}),
      einsum_row("nii->ni", {"nii"}, "ni", {{{3, 2, 2}, axis0}}),
      einsum_row("nijj,kk->nik", {"nijj", "kk"}, "nik", {{{3, 2, 2, 2}, axis0}, {{4, 4}}}),
      einsum_row("ii,ij->j", {"ii", "ij"}, "j", {{{3, 3}}, {{3, 2}}}),
  });
}

BOOST_AUTO_TEST_CASE(axes_of_extent_1_broadcast_behind_dots) {
  Random random("dots");
  const Var<double> x(random_array(random, {3, 1, 2})), y(random_array(random, {4, 2}));
  const Array<double> z = ::xtangent::einsum("...i,...i->...", {x, y}).value();  // (3, 4)
  BOOST_REQUIRE((z.shape() == Shape{3, 4}));
  for (std::size_t a = 0; a < 3; ++a)
    for (std::size_t b = 0; b < 4; ++b)
      BOOST_TEST(std::abs(z[a * 4 + b] - x.value()[a * 2] * y.value()[b * 2] -
                          x.value()[a * 2 + 1] * y.value()[b * 2 + 1]) < 1e-15);
}

BOOST_AUTO_TEST_CASE(parameters_have_factors) {
  Tape<double> tape;
  const Var<double> w = tape.variable(Array<double>::ones({4, 5}));
  const Var<double> x = batched(Array<double>::ones({3, 2, 4}));
  const Var<double> y = ::xtangent::einsum("nij,jk->nik", {x, w});
  FactorSweep<double> sweep(y, Array<double>::ones({3, 2, 5}), {w});
  const auto use = sweep.next();
  BOOST_REQUIRE(use.has_value());
  BOOST_TEST(name(use->factor.kind) == name(FactorKind::outer_sum));
  BOOST_TEST(use->factor.positions == 2U);
}

BOOST_AUTO_TEST_CASE(wrong_specifications) {
  const Var<double> x(Array<double>::ones({2, 3})), y(Array<double>::ones({4, 2}));
  const auto refused = [](const std::string& spec, std::vector<Var<double>> v, const std::string& what) {
    const std::string text = message_of<shape_error>([&] { ::xtangent::einsum(spec, v); });
    BOOST_TEST_CONTEXT(spec << ": " << text) BOOST_TEST((has(text, "[einsum]") && has(text, what)));
  };
  refused("ij,jk->ik", {x, y}, "'j' is 3 in one place and 4 in another");
  refused("ij->ik", {x}, "'k' of the result is in no operand");
  refused("ij->ii", {x}, "twice in the result");
  refused("ii->i", {x}, "'i' is 2 in one place and 3 in another");
  refused("ijk->i", {x}, "for an array of shape (2, 3)");
  refused("ij,jk->ik", {x}, "1 arrays for 2 groups");
  refused("..->.", {x}, "'.' is not a letter");
  refused("i...j...->ij", {Var<double>(Array<double>::ones({2, 3}))}, "for an array of shape (2, 3)");
  refused("...ijk->i", {x}, "for an array of shape (2, 3)");
  refused("...i,...j->...ij", {x, y}, "an axis of \"...\" is 2 in one place and 4 in another");
  refused("...i->......", {x}, "'.' is not a letter");
}

BOOST_AUTO_TEST_SUITE_END()
