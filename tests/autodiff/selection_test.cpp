// The ops that pick elements, of which maxima and cross-entropy are made.
#include "autodiff/ops/selection.hpp"

#include <boost/test/unit_test.hpp>

#include "autodiff/ops/activation.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

constexpr Examples axis0 = Examples::axis0;

// Picks (2, 3) of the elements (2, 4), one of them twice and some never.
std::shared_ptr<const Selection> picks() {
  return std::make_shared<const Selection>(Selection{{2, 4}, {2, 3}, 2, {3, 0, 3, 1, 2, 0}});
}

// The same from (lead, 2, 4) to (lead, 2, 3), element by element.
Array<double> selected(const std::vector<Array<double>>& x) {
  std::vector<double> out;
  for (std::size_t lead = 0; lead < x[0].size() / 8; ++lead)
    for (std::size_t i = 0; i < 6; ++i) out.push_back(x[0][lead * 8 + i / 3 * 4 + picks()->index[i]]);
  Shape shape = x[0].shape();
  shape[shape.rank() - 1] = 3;
  return Array<double>::from(shape, out);
}

Array<double> unselected(const std::vector<Array<double>>& x) {
  std::vector<double> out(x[0].size() / 6 * 8);
  for (std::size_t i = 0; i < x[0].size(); ++i) out[i / 6 * 8 + i % 6 / 3 * 4 + picks()->index[i % 6]] += x[0][i];
  Shape shape = x[0].shape();
  shape[shape.rank() - 1] = 4;
  return Array<double>::from(shape, out);
}

// All of (2, 4) as one block, so that an element of (2, 3) may come from the other row.
std::shared_ptr<const Selection> picks_across_rows() {
  return std::make_shared<const Selection>(Selection{{2, 4}, {2, 3}, 1, {7, 0, 3, 5, 2, 1}});
}

// Two blocks a row.
std::shared_ptr<const Selection> picks_within_rows() {
  return std::make_shared<const Selection>(Selection{{2, 4}, {2, 6}, 4, {1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 0}});
}

// Blocks that do not know of rows: two rows become three.
std::shared_ptr<const Selection> to_three_rows() {
  return std::make_shared<const Selection>(Selection{{2, 4}, {3, 4}, 2, {3, 0, 3, 1, 2, 0, 0, 1, 2, 3, 3, 1}});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(selection)

BOOST_AUTO_TEST_CASE(select_rows) {
  const auto f = [](auto x) { return select(x[0], picks()); };
  expect_ops({
      row("select", f, {{{2, 4}}}, {.wrong = {{{4}}, {{2, 3}}, {{4, 2}}}, .reference = selected}),
      row("select behind examples", f, {{{3, 2, 4}, axis0}}, {.reference = selected}),
      row("select behind two axes", f, {{{3, 2, 2, 4}, axis0}}, {.reference = selected}),
      row("select in each example", f, {{{2, 4}, axis0}}, {.reference = selected, .fixed_examples = true}),
      row("select in blocks of examples", [](auto x) { return select(x[0], picks_within_rows()); }, {{{2, 4}, axis0}},
          {.fixed_examples = true}),
      row("select across examples", [](auto x) { return select(x[0], picks_across_rows()); }, {{{2, 4}, axis0}},
          {.mixes = true}),
      row("select other examples", [](auto x) { return select(x[0], to_three_rows()); }, {{{2, 4}, axis0}},
          {.mixes = true}),
  });
}

BOOST_AUTO_TEST_CASE(unselect_rows) {
  const auto f = [](auto x) { return unselect(x[0], picks()); };
  expect_ops({
      row("unselect", f, {{{2, 3}}}, {.wrong = {{{3}}, {{2, 4}}, {{3, 2}}}, .reference = unselected}),
      row("unselect behind examples", f, {{{3, 2, 3}, axis0}}, {.reference = unselected}),
      row("unselect behind two axes", f, {{{3, 2, 2, 3}, axis0}}, {.reference = unselected}),
      row("unselect in each example", f, {{{2, 3}, axis0}}, {.reference = unselected, .fixed_examples = true}),
      row("unselect in blocks of examples", [](auto x) { return unselect(x[0], picks_within_rows()); },
          {{{2, 6}, axis0}}, {.fixed_examples = true}),
      row("unselect across examples", [](auto x) { return unselect(x[0], picks_across_rows()); }, {{{2, 3}, axis0}},
          {.mixes = true}),
      row("unselect other examples", [](auto x) { return unselect(x[0], to_three_rows()); }, {{{3, 4}, axis0}},
          {.mixes = true}),
  });
}

BOOST_AUTO_TEST_CASE(gather_rows) {
  // The index is where examples keep it: with the mark, or as a constant of all of them.
  const auto rounded = [](const auto& x) { return step(x) + step(x - 1.0); };  // 0, 1 or 2
  const auto along = [rounded](long axis) { return [=](auto x) { return gather(x[0], axis, rounded(x[1])); }; };
  const auto reference = [](std::size_t axis) {
    return [axis](const std::vector<Array<double>>& x) {
      const Shape from = x[0].shape(), to = x[1].shape();
      const std::size_t inner = from.slice(axis + 1, from.rank()).size();
      Array<double> y(to);
      for (std::size_t i = 0; i < y.size(); ++i) {
        const std::size_t entry = x[1][i] > 1 ? 2 : x[1][i] > 0 ? 1 : 0, outer = i / (to[axis] * inner);
        y.mutable_data()[i] = x[0][(outer * from[axis] + entry) * inner + i % inner];
      }
      return y;
    };
  };
  const auto index = [](Shape shape, Examples examples = Examples::none) {
    return Input{std::move(shape), examples, -2.0, 2.0, {0.0, 1.0}};
  };
  expect_ops({
      row("gather along axis 0", along(0), {{{3, 2}}, index({4, 2})},
          {.wrong = {{{3, 2}, {4, 3}}, {{3, 2}, {4}}}, .reference = reference(0)}),
      row("gather in each example", along(1), {{{4, 3, 2}, axis0}, index({4, 5, 2}, axis0)},
          {.reference = reference(1)}),
      row("gather along the last axis", along(-1), {{{2, 2, 3}, axis0}, index({2, 2, 1}, axis0)},
          {.reference = reference(2)}),
      row("gather examples", along(0), {{{3, 2}, axis0}, index({3, 2}, axis0)}, {.mixes = true}),
      row("gather by an index without the mark", along(1), {{{2, 3}, axis0}, index({2, 3})}, {.mixes = true}),
      row("gather from what all examples share", along(1), {{{2, 3}}, index({2, 3}, axis0)}, {.mixes = true}),
  });
  const Var<double> x(Array<double>::ones({2, 3}));
  const auto attempt = [&](double i) { gather(x, 1, Var<double>(Array<double>::full({2, 1}, i))); };
  BOOST_CHECK_THROW(attempt(3), data_error);
  BOOST_CHECK_THROW(attempt(-1), data_error);
  BOOST_CHECK_THROW(attempt(0.5), data_error);
}

BOOST_AUTO_TEST_CASE(selections_that_do_not_fit_are_refused) {
  const Var<double> x(Array<double>::zeros({2, 4})), y(Array<double>::zeros({2, 3}));
  const auto refused = [&](std::size_t blocks, std::vector<std::uint32_t> index) {
    const auto s = std::make_shared<const Selection>(Selection{{2, 4}, {2, 3}, blocks, std::move(index)});
    BOOST_CHECK_THROW(select(x, s), shape_error);
    BOOST_CHECK_THROW(unselect(y, s), shape_error);
  };
  refused(0, {0, 0, 0, 0, 0, 0});
  refused(3, {0, 0, 0, 0, 0, 0});
  refused(2, {0, 0, 0});
}

BOOST_AUTO_TEST_CASE(blocks_beyond_the_index_are_refused) {
  BOOST_CHECK_THROW(check_block_size(std::size_t{1} << 33, "max"), shape_error);
  BOOST_CHECK_NO_THROW(check_block_size(std::size_t{1} << 31, "max"));
}

BOOST_AUTO_TEST_SUITE_END()
