#include "autodiff/ops/normalization.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Arrays = std::vector<Array<double>>;

// Normalizes blocks of `size` elements of x[0]. x[1] and x[2] are weight and bias, if there are any.
Array<double> normalize(const Arrays& x, std::size_t size, double epsilon) {
  std::vector<double> out;
  for (std::size_t first = 0; first < x[0].size(); first += size) {
    double mean = 0, variance = 0;
    const double n = static_cast<double>(size);
    for (std::size_t i = 0; i < size; ++i) mean += x[0][first + i] / n;
    for (std::size_t i = 0; i < size; ++i) variance += (x[0][first + i] - mean) * (x[0][first + i] - mean) / n;
    for (std::size_t i = 0; i < size; ++i) {
      const double y = (x[0][first + i] - mean) / std::sqrt(variance + epsilon);
      out.push_back(x.size() > 1 ? y * x[1][i] + x[2][i] : y);
    }
  }
  return Array<double>::from(x[0].shape(), out);
}

// Normalizes each channel of x[0] (outer, channels, inner) over outer and inner. x[1] and x[2] are a weight and a bias
// for each channel, if there are any.
Array<double> normalize_channels(const Arrays& x, double epsilon) {
  const Shape& s = x[0].shape();
  const std::size_t channels = s[1], inner = s.slice(2, s.rank()).size();
  std::vector<double> out(x[0].size());
  for (std::size_t c = 0; c < channels; ++c) {
    std::vector<std::size_t> places;
    for (std::size_t n = 0; n < s[0]; ++n)
      for (std::size_t p = 0; p < inner; ++p) places.push_back((n * channels + c) * inner + p);
    double mean = 0, variance = 0;
    const double count = static_cast<double>(places.size());
    for (std::size_t i : places) mean += x[0][i] / count;
    for (std::size_t i : places) variance += (x[0][i] - mean) * (x[0][i] - mean) / count;
    for (std::size_t i : places) {
      const double y = (x[0][i] - mean) / std::sqrt(variance + epsilon);
      out[i] = x.size() > 1 ? y * x[1][c] + x[2][c] : y;
    }
  }
  return Array<double>::from(s, out);
}

template <class T>
ChannelStatistics<T> statistics_of(std::size_t channels) {
  Random random("statistics");
  return {cast<T>(random_array(random, {channels}, -1, 1)), cast<T>(random_array(random, {channels}, 0.5, 2))};
}

template <class T>
Var<T> frozen(Vars<T> x, double epsilon) {
  return frozen_batch_norm(x[0], statistics_of<T>(x[0].shape()[1]), x.size() > 1 ? x[1] : Var<T>(),
                           x.size() > 2 ? x[2] : Var<T>(), epsilon);
}

Array<double> frozen_reference(const Arrays& x, double epsilon) {
  const ChannelStatistics<double> statistics = statistics_of<double>(x[0].shape()[1]);
  const Shape& s = x[0].shape();
  const std::size_t inner = s.slice(2, s.rank()).size();
  std::vector<double> out;
  for (std::size_t i = 0; i < x[0].size(); ++i) {
    const std::size_t c = i / inner % s[1];
    const double y = (x[0][i] - statistics.mean[c]) / std::sqrt(statistics.variance[c] + epsilon);
    out.push_back(y * (x.size() > 1 ? x[1][c] : 1.0) + (x.size() > 2 ? x[2][c] : 0.0));
  }
  return Array<double>::from(s, out);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(normalization)

BOOST_AUTO_TEST_CASE(layer_norms) {
  for (const Shape& normalized : {Shape{4}, Shape{3, 4}})
    expect_op(row("layer_norm over " + to_string(normalized),
                  [normalized](auto x) { return layer_norm(x[0], normalized); }, {{{3, 3, 4}, Examples::axis0}},
                  {.wrong = {{{4, 3}}, {{3}}, {{}}},
                   .reference = [normalized](const Arrays& x) { return normalize(x, normalized.size(), 1e-5); }}));
  for (const Shape& normalized : {Shape{4}, Shape{3, 4}})
    expect_op(row("layer_norm with weight and bias " + to_string(normalized),
                  [normalized](auto x) { return layer_norm(x[0], normalized, x[1], x[2], 0.1); },
                  {{{2, 3, 4}, Examples::axis0}, {normalized}, {normalized}},
                  {.wrong = {{{2, 3, 4}, {3}, normalized}, {{2, 3, 4}, normalized, {}}},
                   .reference = [normalized](const Arrays& x) { return normalize(x, normalized.size(), 0.1); }}));
}

BOOST_AUTO_TEST_CASE(scales_of_channels) {
  const auto reference = [](std::size_t inner, std::size_t channels) {
    return [inner, channels](const Arrays& x) {
      std::vector<double> out;
      for (std::size_t i = 0; i < x[0].size(); ++i) {
        const std::size_t c = i / inner % channels;
        out.push_back(x[0][i] * x[1][c] + (x.size() > 2 ? x[2][c] : 0.0));
      }
      return Array<double>::from(x[0].shape(), out);
    };
  };
  expect_ops({
      row("scale_channels of images", [](auto x) { return scale_channels(x[0], x[1], x[2], 2); },
          {{{2, 3, 2, 4}, Examples::axis0}, {{3}}, {{3}}},
          {.wrong = {{{2, 3, 2, 4}, {2}, {3}}, {{2, 3, 2, 4}, {3}, {4}}, {{3, 2}, {3}, {3}}},
           .reference = reference(8, 3)}),
      row("scale_channels without shift", [](auto x) { return scale_channels(x[0], x[1], {}, 1); },
          {{{3, 5, 9}, Examples::axis0}, {{5}}}, {.reference = reference(9, 5)}),
      row("scale_channels at the end", [](auto x) { return scale_channels(x[0], x[1], x[2]); },
          {{{3, 2, 5}, Examples::axis0}, {{5}}, {{5}}}, {.reference = reference(1, 5)}),
      row("scale_channels, two axes of channels", [](auto x) { return scale_channels(x[0], x[1], x[2], 1); },
          {{{3, 2, 5, 2}, Examples::axis0}, {{2, 5}}, {{2, 5}}}, {.reference = reference(2, 10)}),
      row("scale_channels between axes", [](auto x) { return scale_channels(x[0], x[1], {}, 1); },
          {{{2, 3, 4, 2}, Examples::axis0}, {{4}}}, {.reference = reference(2, 4)}),
      row("scale_channels of a constant shape", [](auto x) { return scale_channels(x[0], x[1], x[2]); },
          {{{4}}, {{4}}, {{4}}}, {.reference = reference(1, 4)}),
  });
}

BOOST_AUTO_TEST_CASE(group_norms) {
  for (const std::size_t groups : {1, 2, 4}) {
    const std::string name = "group_norm in " + std::to_string(groups) + " groups";
    expect_op(row(name, [groups](auto x) { return group_norm(x[0], groups, {}, {}, 1e-5); },
                  {{{2, 4, 3, 2}, Examples::axis0}},
                  {.wrong = {{groups == 1 ? Shape{4} : Shape{2, 3, 4}}, {{4}}, {{2, 4, 0}}},
                   .reference = [groups](const Arrays& x) { return normalize(x, 24 / groups, 1e-5); }}));
    expect_op(row(name + ", weight and bias", [groups](auto x) { return group_norm(x[0], groups, x[1], x[2], 0.1); },
                  {{{3, 4, 5}, Examples::axis0}, {{4}}, {{4}}},
                  {.wrong = {{{3, 4, 5}, {5}, {4}}, {{3, 4, 5}, {4}, {1}}}}));
  }
  expect_op(row("group_norm of features", [](auto x) { return group_norm(x[0], 2, x[1], x[2]); },
                {{{3, 8}, Examples::axis0}, {{8}}, {{8}}}));
}

BOOST_AUTO_TEST_CASE(batch_norms) {
  for (const Shape& shape : {Shape{5, 3}, Shape{3, 2, 4}, Shape{2, 3, 3, 4}}) {
    const Shape channels{shape[1]};
    expect_op(row("batch_norm " + to_string(shape), [](auto x) { return batch_norm(x[0]); }, {{shape, Examples::axis0}},
                  {.wrong = {{{4}}, {{1, 3}}, {{0, 3, 3}}, {{1, 3, 1, 1}}},
                   .reference = [](const Arrays& x) { return normalize_channels(x, 1e-5); },
                   .mixes = true}));
    expect_op(row("batch_norm with weight and bias " + to_string(shape),
                  [](auto x) { return batch_norm(x[0], x[1], x[2], 0.1); },
                  {{shape, Examples::axis0}, {channels}, {channels}},
                  {.wrong = {{shape, {7}, channels}, {shape, channels, {1}}},
                   .reference = [](const Arrays& x) { return normalize_channels(x, 0.1); },
                   .mixes = true}));
  }
}

BOOST_AUTO_TEST_CASE(batch_norm_of_many_features) {
  expect_op(row("batch_norm of many features", [](auto x) { return batch_norm(x[0], x[1], x[2], 0.5); },
                {{{4, 70}, Examples::axis0}, {{70}}, {{70}}},
                {.reference = [](const Arrays& x) { return normalize_channels(x, 0.5); }, .mixes = true}));
}

BOOST_AUTO_TEST_CASE(frozen_batch_norms) {
  for (const Shape& shape : {Shape{5, 3}, Shape{3, 2, 4}, Shape{2, 3, 3, 4}}) {
    const Shape channels{shape[1]};
    const RowOptions reference{.reference = [](const Arrays& x) { return frozen_reference(x, 1e-5); }};
    expect_ops({row(
                    "frozen_batch_norm " + to_string(shape), [](auto x) { return frozen(x, 1e-5); },
                    {{shape, Examples::axis0}}, reference),
                row(
                    "frozen_batch_norm, weight " + to_string(shape), [](auto x) { return frozen(x, 1e-5); },
                    {{shape, Examples::axis0}, {channels}}, reference),
                row(
                    "frozen_batch_norm, weight and bias " + to_string(shape), [](auto x) { return frozen(x, 1e-5); },
                    {{shape, Examples::axis0}, {channels}, {channels}}, reference)});
  }
  const Var<double> x(Array<double>::ones({2, 3}));
  BOOST_CHECK_THROW(frozen_batch_norm(x, statistics_of<double>(2)), shape_error);
  BOOST_CHECK_THROW(frozen_batch_norm(x, statistics_of<double>(3), Var<double>(Array<double>::ones({2}))), shape_error);
}

// Covers groups longer than the runs that are summed at a time, many groups, and a mean far from 0.
BOOST_AUTO_TEST_CASE(large_groups) {
  Random random("large groups");
  const Array<double> images = random_array(random, {3, 5, 2500}, 99, 101),
                      rows = random_array(random, {400, 300}, 9, 11);
  BOOST_TEST(difference(batch_norm(Var<double>(images)).value(), normalize_channels({images}, 1e-5)) < 1e-11);
  BOOST_TEST(difference(batch_norm(Var<double>(rows)).value(), normalize_channels({rows}, 1e-5)) < 1e-12);
  BOOST_TEST(difference(layer_norm(Var<double>(images), {5, 2500}).value(), normalize({images}, 12500, 1e-5)) < 1e-11);
  const Array<float> y = batch_norm(Var<float>(cast<float>(rows))).value();
  BOOST_TEST(difference(to_double(y), normalize_channels({rows}, 1e-5)) < 1e-5);
}

BOOST_AUTO_TEST_CASE(statistics_of_channels) {
  const auto s = channel_statistics(Var<double>(Array<double>::from({2, 2, 2}, {1, 2, 10, 10, 3, 6, 10, 14})));
  BOOST_TEST(difference(s.mean, Array<double>::from({2}, {3, 11})) < 1e-15);
  BOOST_TEST(difference(s.variance, Array<double>::from({2}, {3.5, 3})) < 1e-15);
  BOOST_CHECK_THROW(channel_statistics(Var<double>(Array<double>(Shape{0, 2}))), shape_error);
}

BOOST_AUTO_TEST_CASE(over_the_examples_it_mixes_them) {
  const Var<double> x = batched(Array<double>::from({3, 2}, {1, 2, 3, 5, 8, 13}));
  BOOST_TEST((layer_norm(x, {2}).examples() == Examples::axis0));
  BOOST_TEST((layer_norm(x, {3, 2}).examples() == Examples::mixed));
}

BOOST_AUTO_TEST_CASE(nothing_to_normalize_over) {
  BOOST_CHECK_THROW(layer_norm(Var<double>(Array<double>(Shape{2, 0})), {0}), shape_error);
  BOOST_CHECK_THROW(layer_norm(Var<double>(Array<double>::ones({2, 2})), {}), shape_error);
  BOOST_CHECK_THROW(layer_norm(Var<double>(Array<double>::ones({2, 2})), {2, 2, 2}), shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
