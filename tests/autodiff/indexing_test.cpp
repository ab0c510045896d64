#include "autodiff/ops/indexing.hpp"

#include <boost/test/unit_test.hpp>

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/xtensor.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Arrays = std::vector<Array<double>>;
using Index = std::vector<std::size_t>;

constexpr Examples axis0 = Examples::axis0;

// Makes a reference from a function of the first argument as an xt::xarray.
template <class F>
auto by_xtensor(F f) {
  return [f](const Arrays& x) {
    const xt::xarray<double> y = f(x[0].to_xarray());
    return Array<double>(y);
  };
}

Array<double> gathered(const Array<double>& x, std::size_t axis, const Index& index) {
  const Shape& from = x.shape();
  const std::size_t outer = from.slice(0, axis).size(), inner = from.slice(axis + 1, from.rank()).size();
  Shape shape = from;
  shape[axis] = index.size();
  Array<double> y(shape);
  for (std::size_t o = 0; o < outer; ++o)
    for (std::size_t j = 0; j < index.size(); ++j)
      for (std::size_t i = 0; i < inner; ++i)
        y.mutable_data()[(o * index.size() + j) * inner + i] = x[(o * from[axis] + index[j]) * inner + i];
  return y;
}

OpRow reshape_row(Shape from, Shape behind, Examples examples = Examples::none) {
  // Keeps axis 0, so that it fits any number of examples.
  return row("reshape " + to_string(from) + " to (N) + " + to_string(behind),
             [behind](auto x) { return reshape(x[0], behind.prepended(x[0].shape().front())); }, {{from, examples}},
             {.wrong = {{{2, 5}}, {{1, 7}}},
              .reference = [=](const Arrays& x) { return x[0].reshaped(behind.prepended(x[0].shape().front())); }});
}

OpRow transpose_row(Shape from, Index order, Examples examples = Examples::none, bool mixes = false) {
  return row("transpose " + to_string(from), [order](auto x) { return transpose(x[0], order); }, {{from, examples}},
             {.wrong = {{{2}}, {{2, 1, 2, 1, 3}}},
              .reference = by_xtensor([order](const auto& x) { return xt::xarray<double>(xt::transpose(x, order)); }),
              .mixes = mixes});
}

OpRow slice_row(Shape from, long axis, std::size_t first, std::size_t last, Examples examples = Examples::none,
                bool mixes = false) {
  Index index;
  for (std::size_t i = first; i < last; ++i) index.push_back(i);
  const std::size_t a = resolve_axis(axis, from.rank(), "test");
  return row("slice " + to_string(from) + " axis " + std::to_string(axis),
             [=](auto x) { return slice(x[0], axis, first, last); }, {{from, examples}},
             {.wrong = {{{}}, {{0, 0, 0}}},
              .reference = [=](const Arrays& x) { return gathered(x[0], a, index); },
              .mixes = mixes});
}

OpRow gather_row(Shape from, long axis, Index index, Examples examples = Examples::none, bool mixes = false) {
  const std::size_t a = resolve_axis(axis, from.rank(), "test");
  return row("gather " + to_string(from) + " axis " + std::to_string(axis),
             [=](auto x) { return gather(x[0], axis, index); }, {{from, examples}},
             {.wrong = {{{}}, index.empty() ? std::vector<Shape>{{}} : std::vector<Shape>{{1, 1, 1}}},
              .reference = [=](const Arrays& x) { return gathered(x[0], a, index); },
              .mixes = mixes});
}

// Compares scatter_add with its definition, <scatter_add(x), z> = <x, gather(z)> for every unit z.
OpRow scatter_row(Shape from, long axis, Index index, std::size_t extent, Examples examples = Examples::none,
                  bool mixes = false) {
  const std::size_t a = resolve_axis(axis, from.rank(), "test");
  return row("scatter_add " + to_string(from) + " axis " + std::to_string(axis),
             [=](auto x) { return scatter_add(x[0], axis, index, extent); }, {{from, examples}},
             {.wrong = {{{}}, {{7, 7, 7}}},
              .reference =
                  [=](const Arrays& x) {
                    Shape shape = x[0].shape();
                    shape[a] = extent;
                    Array<double> y(shape);
                    for (std::size_t i = 0; i < y.size(); ++i) {
                      Array<double> unit = Array<double>::zeros(shape);
                      unit.mutable_data()[i] = 1.0;
                      y.mutable_data()[i] = inner(x[0], gathered(unit, a, index));
                    }
                    return y;
                  },
              .mixes = mixes});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(indexing)

BOOST_AUTO_TEST_CASE(reshape_rows) {
  expect_ops({
      reshape_row({2, 6}, {3, 2}),
      reshape_row({2, 3, 4}, {12}),
      reshape_row({0, 4}, {2, 2}),
      reshape_row({3, 4, 2}, {2, 1, 4}, axis0),
      row("reshape to a scalar", [](auto x) { return reshape(x[0], Shape{}); }, {{{1, 1}}}, {.wrong = {{{2}}, {{0}}}}),
      row("reshape from a scalar",
          [](auto x) {
            return reshape(x[0], {1, 1, 1});
          },
          {{{}}}),
      row("reshape through the examples",
          [](auto x) {
            return reshape(x[0], {2, 6});
          },
          {{{3, 4}, axis0}}, {.mixes = true}),
      row("flatten", [](auto x) { return flatten(x[0]); }, {{{3, 2, 4}, axis0}}, {.wrong = {{{}}}}),
      row("with height", [](auto x) { return with_height(x[0]); }, {{{2, 3, 4}, axis0}}),
      row("without height", [](auto x) { return without_height(x[0]); }, {{{2, 3, 1, 4}, axis0}}),
      row("flatten a list", [](auto x) { return flatten(x[0]); }, {{{3}, axis0}}),
  });
}

BOOST_AUTO_TEST_CASE(transpose_rows) {
  expect_ops({
      transpose_row({2, 3, 4}, {2, 1, 0}),
      transpose_row({2, 3, 4}, {1, 2, 0}),
      transpose_row({2, 3, 4}, {0, 1, 2}),
      transpose_row({2, 0, 4}, {2, 1, 0}),
      transpose_row({17, 1, 19}, {2, 0, 1}),
      transpose_row({2, 3, 2, 3}, {0, 2, 1, 3}),
      transpose_row({2, 3, 2, 3}, {3, 0, 2, 1}),
      transpose_row({3, 2, 4}, {0, 2, 1}, axis0),
      transpose_row({3, 2, 4}, {1, 0, 2}, axis0, true),
      row("transpose by default", [](auto x) { return transpose(x[0]); }, {{{2, 3, 4}}},
          {.reference = by_xtensor([](const auto& x) { return xt::xarray<double>(xt::transpose(x)); })}),
      row("transpose of a scalar", [](auto x) { return transpose(x[0]); }, {{{}}}),
      row("transpose_last", [](auto x) { return transpose_last(x[0]); }, {{{3, 2, 4}, axis0}},
          {.wrong = {{{3}}, {{}}}, .reference = by_xtensor([](const auto& x) {
                                     return xt::xarray<double>(xt::transpose(x, Index{0, 2, 1}));
                                   })}),
  });
}

BOOST_AUTO_TEST_CASE(slice_rows) {
  expect_ops({
      slice_row({5, 3}, 0, 1, 4),
      slice_row({5, 3}, -1, 1, 2),
      slice_row({2, 5, 3}, 1, 2, 5),
      slice_row({2, 5, 3}, -2, 2, 2),
      slice_row({4}, 0, 0, 4),
      slice_row({3, 5}, 1, 1, 4, axis0),
      slice_row({3, 5}, 0, 1, 3, axis0, true),
  });
}

BOOST_AUTO_TEST_CASE(concatenate_rows) {
  const auto join = [](long axis) { return [axis](auto x) { return concatenate(x, axis); }; };
  const auto joined = [](std::size_t axis) {
    return [axis](const Arrays& x) {
      const xt::xarray<double> a = x[0].to_xarray(), b = x[1].to_xarray();
      const xt::xarray<double> y = xt::concatenate(xt::xtuple(a, b), axis);
      return Array<double>(y);
    };
  };
  expect_ops({
      row("concatenate one", join(0), {{{2, 3}}}),
      row("concatenate axis 0", join(0), {{{2, 3}}, {{4, 3}}},
          {.wrong = {{{2, 3}, {2, 2}}, {{2}, {2, 3}}}, .reference = joined(0)}),
      row("concatenate axis -1", join(-1), {{{2, 3}}, {{2, 3}}},
          {.wrong = {{{2, 3}, {1, 3}}, {{}, {}}}, .reference = joined(1)}),
      row("concatenate three", join(1), {{{2, 1, 2}}, {{2, 0, 2}}, {{2, 3, 2}}}),
      row("concatenate batched", join(1), {{{3, 2}, axis0}, {{3, 4}, axis0}}, {.reference = joined(1)}),
      row("concatenate examples", join(0), {{{3, 2}, axis0}, {{3, 2}, axis0}}, {.mixes = true}),
      row("concatenate batched and not", join(1), {{{3, 2}, axis0}, {{3, 2}}}, {.mixes = true}),
      row("concatenate one argument twice",
          [](auto x) {
            const std::vector twice = {x[0], x[1], x[0]};
            return concatenate(decltype(x)(twice), 0);
          },
          {{{2, 3}}, {{1, 3}}}),
  });
  BOOST_CHECK_THROW(concatenate<double>({}, 0), shape_error);
}

BOOST_AUTO_TEST_CASE(gather_rows) {
  expect_ops({
      gather_row({4}, 0, {3, 0, 3}),
      gather_row({4, 2}, 0, {1, 1, 2, 0, 3}),
      gather_row({2, 4, 3}, 1, {3, 1}),
      gather_row({2, 4}, -1, {3, 3, 3}),
      gather_row({2, 4}, -1, {}),
      gather_row({3, 4}, 1, {2, 0, 2}, axis0),
      gather_row({3, 4}, 0, {2, 0, 2}, axis0, true),
  });
}

BOOST_AUTO_TEST_CASE(scatter_rows) {
  expect_ops({
      scatter_row({3}, 0, {3, 0, 3}, 4),
      scatter_row({2, 3, 2}, 1, {1, 1, 4}, 5),
      scatter_row({2, 2}, -1, {0, 1}, 2),
      scatter_row({2, 0}, -1, {}, 3),
      scatter_row({3, 2}, 1, {2, 2}, 3, axis0),
      scatter_row({3, 2}, 0, {0, 1, 1}, 3, axis0, true),
  });
}

BOOST_AUTO_TEST_CASE(sums_and_broadcasts_to_a_shape) {
  expect_ops({
      row("broadcast_to",
          [](auto x) {
            return broadcast_to(x[0], {4, 2, 3});
          },
          {{{2, 1}}}, {.wrong = {{{2}}, {{4, 2, 2}}, {{1, 4, 2, 3}}}}),
      row("broadcast_to from a scalar",
          [](auto x) {
            return broadcast_to(x[0], {2, 3});
          },
          {{{}}}),
      row("broadcast_to nothing",
          [](auto x) {
            return broadcast_to(x[0], {0, 3});
          },
          {{{1, 3}}}),
      row("broadcast_to behind examples",
          [](auto x) {
            return broadcast_to(x[0], {x[0].shape().front(), 2, 3});
          },
          {{{3, 1, 3}, axis0}}),
      row("broadcast_to more axes",
          [](auto x) {
            return broadcast_to(x[0], {2, 3, 3});
          },
          {{{3, 3}, axis0}}, {.mixes = true}),
      row("sum_to",
          [](auto x) {
            return sum_to(x[0], {2, 1});
          },
          {{{4, 2, 3}}}, {.wrong = {{{3}}, {{4, 3, 3}}}}),
      row("sum_to a scalar", [](auto x) { return sum_to(x[0], Shape{}); }, {{{4, 2, 3}}},
          {.reference = by_xtensor([](const auto& x) { return xt::xarray<double>(xt::sum(x)); })}),
      row("sum_to of nothing",
          [](auto x) {
            return sum_to(x[0], Shape{1, 3});
          },
          {{{0, 3}}}),
      row("sum_to behind examples",
          [](auto x) {
            return sum_to(x[0], {x[0].shape().front(), 1, 3});
          },
          {{{3, 2, 3}, axis0}}),
      row("sum_to over examples",
          [](auto x) {
            return sum_to(x[0], {1, 3});
          },
          {{{3, 3}, axis0}}, {.mixes = true}),
  });
}

BOOST_AUTO_TEST_SUITE_END()
