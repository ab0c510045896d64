// Arrays cut apart, put together and reordered.
#include "autodiff/ops/rearranging.hpp"

#include <boost/test/unit_test.hpp>

#include "autodiff/derivatives.hpp"
#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/normalization.hpp"
#include "autodiff/ops/reduction.hpp"
#include "autodiff/xtensor.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Arrays = std::vector<Array<double>>;

constexpr Examples axis0 = Examples::axis0;

// Makes a reference from a function of the first argument as an xt::xarray.
template <class F>
auto by_xtensor(F f) {
  return [f](const Arrays& x) {
    const xt::xarray<double> y = f(x[0].to_xarray());
    return Array<double>(y);
  };
}

// The pieces scaled by 1, 2, ... and put together again, so that each piece counts and in its place.
template <class T>
Var<T> weighted(std::vector<Var<T>> pieces, long axis) {
  for (std::size_t i = 0; i < pieces.size(); ++i) pieces[i] = pieces[i] * static_cast<double>(i + 1);
  return concatenate(pieces, axis);
}

std::vector<std::size_t> extents(const std::vector<Var<double>>& pieces, std::size_t axis) {
  std::vector<std::size_t> out;
  for (const Var<double>& piece : pieces) out.push_back(piece.shape()[axis]);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(rearranging)

BOOST_AUTO_TEST_CASE(stack_rows) {
  const auto f = [](long axis) { return [axis](auto x) { return stack(x, axis); }; };
  const auto stacked = [](std::size_t axis) {
    return [axis](const Arrays& x) {
      // In runs of the axes behind the new one, from both arrays in turn.
      const Shape& one = x[0].shape();
      const Shape behind = one.slice(axis, one.rank());
      const std::size_t run = behind.size();
      Array<double> y(one.slice(0, axis).joined(behind.prepended(2)));
      for (std::size_t i = 0; i < y.size(); ++i) y.mutable_data()[i] = x[i / run % 2][i / (2 * run) * run + i % run];
      return y;
    };
  };
  expect_ops({
      row("stack", f(0), {{{2, 3}}, {{2, 3}}}, {.wrong = {{{2, 3}, {3, 2}}, {{2}, {2, 1}}}, .reference = stacked(0)}),
      row("stack at the end", f(-1), {{{2, 3}}, {{2, 3}}}, {.reference = stacked(2)}),
      row("stack behind examples", f(1), {{{3, 2}, axis0}, {{3, 2}, axis0}}, {.reference = stacked(1)}),
      row("stack in front of examples", f(0), {{{3, 2}, axis0}, {{3, 2}, axis0}},
          {.reference = stacked(0), .mixes = true}),
      row("stack scalars", f(0), {{{}}, {{}}}, {.reference = stacked(0)}),
  });
  BOOST_CHECK_THROW(stack<double>({}, 0), shape_error);
  BOOST_CHECK_THROW(stack({Var<double>(Array<double>::zeros({2}))}, 2), shape_error);
}

BOOST_AUTO_TEST_CASE(split_and_chunk_rows) {
  const auto scaled = [](std::vector<double> factors) {
    return by_xtensor([factors](const auto& x) {
      const xt::xarray<double> f = xt::adapt(factors, {factors.size()});
      return xt::xarray<double>(x * f);
    });
  };
  expect_ops({
      row("split", [](auto x) { return weighted(split(x[0], 2, 1), 1); }, {{{3, 5}, axis0}},
          {.wrong = {{{}}, {{3}}}, .reference = scaled({1, 1, 2, 2, 3})}),
      row("split in sizes",
          [](auto x) {
            return weighted(split(x[0], {1, 0, 4}, -1), -1);
          },
          {{{3, 5}, axis0}}, {.wrong = {{{3, 4}}}, .reference = scaled({1, 3, 3, 3, 3})}),
      row("chunk", [](auto x) { return weighted(chunk(x[0], 4, 1), 1); }, {{{3, 5}, axis0}},
          {.wrong = {{{}}}, .reference = scaled({1, 1, 2, 2, 3})}),
      row("chunk the examples", [](auto x) { return weighted(chunk(x[0], 2), 0); }, {{{4, 2}, axis0}}, {.mixes = true}),
  });
  // As torch.split and torch.chunk cut 5 and 0 entries.
  const Var<double> five(Array<double>::zeros({5})), none(Array<double>::zeros({0}));
  using Sizes = std::vector<std::size_t>;
  BOOST_TEST(extents(split(five, 2), 0) == (Sizes{2, 2, 1}));
  BOOST_TEST(extents(split(five, 7), 0) == Sizes{5});
  BOOST_TEST(extents(chunk(five, 4), 0) == (Sizes{2, 2, 1}));
  BOOST_TEST(extents(chunk(five, 9), 0) == (Sizes{1, 1, 1, 1, 1}));
  BOOST_TEST(extents(split(none, 2), 0) == Sizes{0});
  BOOST_CHECK_THROW(split(five, 0), shape_error);
  BOOST_CHECK_THROW(chunk(five, 0), shape_error);
}

BOOST_AUTO_TEST_CASE(flip_and_roll_rows) {
  expect_ops({
      row("flip",
          [](auto x) {
            return flip(x[0], {1, -1});
          },
          {{{3, 2, 4}, axis0}}, {.wrong = {{{2, 3}}}, .reference = by_xtensor([](const auto& x) {
                                                        return xt::xarray<double>(
                                                            xt::flip(xt::xarray<double>(xt::flip(x, 1)), 2));
                                                      })}),
      row("flip the examples", [](auto x) { return flip(x[0], {0}); }, {{{3, 2}, axis0}}, {.mixes = true}),
      row("roll", [](auto x) { return roll(x[0], 2, -1); }, {{{3, 5}, axis0}},
          {.wrong = {{{}}},
           .reference = by_xtensor([](const auto& x) { return xt::xarray<double>(xt::roll(x, 2, 1)); })}),
      row("roll backwards", [](auto x) { return roll(x[0], -6, 1); }, {{{3, 4, 2}, axis0}},
          {.reference = by_xtensor([](const auto& x) { return xt::xarray<double>(xt::roll(x, 2, 1)); })}),
      row("roll by a whole turn", [](auto x) { return roll(x[0], 4, 1) * 1.0; }, {{{3, 4}, axis0}},
          {.reference = [](const Arrays& x) { return x[0]; }}),
      row("roll the examples", [](auto x) { return roll(x[0], 1, 0); }, {{{3, 4}, axis0}}, {.mixes = true}),
  });
}

// A tangent is a value like any other: it says where its examples are.
BOOST_AUTO_TEST_CASE(tangents_keep_the_place_of_moved_examples) {
  testing::Random random("moved");
  const Var<double> x = batched(testing::random_array(random, {3, 4, 5})),
                    dx = batched(testing::random_array(random, {3, 4, 5}));
  using F = std::function<Var<double>(const Var<double>&)>;
  const std::pair<const char*, F> functions[] = {
      {"silu", [](const Var<double>& v) { return silu(v); }},
      {"softmax", [](const Var<double>& v) { return softmax(v, -1); }},
      {"layer_norm", [](const Var<double>& v) { return layer_norm(v, {5}); }},
      {"zeros_like", [](const Var<double>& v) { return v * 2.0 + zeros_like(v); }}};
  for (const auto& [name, f] : functions) {
    BOOST_TEST_CONTEXT(name) {
      const auto found = push_streaming<double>(
          [&f = f](Vars<double> v) {
            return f(transpose(v[0], {1, 0, 2}));
          },
          {x}, {dx});
      BOOST_REQUIRE(found.value.moved());
      BOOST_REQUIRE(found.tangent.moved());
      BOOST_CHECK(found.tangent.moved()->place == found.value.moved()->place);
    }
  }
  // Beside a part without a tangent.
  const auto joined = push_streaming<double>(
      [](Vars<double> v) {
        return concatenate<double>({transpose(v[0], {1, 0, 2}), transpose(v[1], {1, 0, 2})}, 0);
      },
      {x, dx}, {dx, Var<double>()});
  BOOST_REQUIRE(joined.value.moved());
  BOOST_REQUIRE(joined.tangent.moved());
  BOOST_CHECK(joined.tangent.moved()->place == joined.value.moved()->place);
}

BOOST_AUTO_TEST_SUITE_END()
