// Random streams and initial values.
#include <oneapi/tbb/global_control.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <set>

#include "autodiff/kernels/random.hpp"
#include "nn/layers/attention.hpp"
#include "nn/layers/conv1d.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/conv3d.hpp"
#include "nn/layers/embedding.hpp"
#include "nn/sequential.hpp"
#include "tests/testing.hpp"

using namespace xtangent;

namespace {

struct Moments {
  double mean = 0, deviation = 0, low = 0, high = 0;
};

Moments moments(const Array<double>& a) {
  Moments m;
  for (std::size_t i = 0; i < a.size(); ++i) m.mean += a[i] / static_cast<double>(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) m.deviation += std::pow(a[i] - m.mean, 2) / static_cast<double>(a.size());
  m.deviation = std::sqrt(m.deviation);
  m.low = *std::min_element(a.data(), a.data() + a.size());
  m.high = *std::max_element(a.data(), a.data() + a.size());
  return m;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(initialize)

// Known answers published with the generator (Random123's kat_vectors).
BOOST_AUTO_TEST_CASE(philox_gives_the_published_numbers) {
  const std::array<std::uint32_t, 4> zeros = {0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u};
  BOOST_TEST(kernels::philox(0, 0, 0) == zeros, boost::test_tools::per_element());
  const std::uint64_t all = ~std::uint64_t{0};
  const std::array<std::uint32_t, 4> ones = {0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu};
  BOOST_TEST(kernels::philox(all, all, all) == ones, boost::test_tools::per_element());
  const std::array<std::uint32_t, 4> pi = {0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u};
  BOOST_TEST(kernels::philox(0x299f31d0a4093822u, 0x0370734413198a2eu, 0x85a308d3243f6a88u) == pi,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(numbers_do_not_depend_on_the_number_of_threads) {
  const auto drawn = [](std::size_t threads) {
    tbb::global_control control(tbb::global_control::max_allowed_parallelism, threads);
    return nn::draw<double>(nn::normal(1.0), {100003}, 11, 5);
  };
  const Array<double> one = drawn(1), four = drawn(4);
  BOOST_TEST(std::equal(one.data(), one.data() + one.size(), four.data()));
}

BOOST_AUTO_TEST_CASE(streams_and_seeds_differ) {
  const auto first = [](std::uint64_t seed, std::uint64_t stream) {
    return nn::draw<double>(nn::uniform(1.0), {1}, seed, stream)[0];
  };
  const std::set<double> values = {first(0, 0), first(0, 1), first(1, 0), first(1, 1)};
  BOOST_TEST(values.size() == 4u);
  // The longer stream starts with the shorter one.
  const auto brief = nn::draw<double>(nn::normal(1.0), {5}, 3, 3), more = nn::draw<double>(nn::normal(1.0), {6}, 3, 3);
  BOOST_TEST(std::equal(brief.data(), brief.data() + 5, more.data()));
}

BOOST_AUTO_TEST_CASE(distributions_have_their_moments) {
  const std::size_t n = 200000;
  const double close = 4.0 / std::sqrt(static_cast<double>(n));  // four standard errors
  const Moments normal = moments(nn::draw<double>(nn::normal(2.0), {n}, 1, 1));
  BOOST_TEST(std::abs(normal.mean) < 2.0 * close);
  BOOST_TEST(std::abs(normal.deviation - 2.0) < 2.0 * close);
  const Moments uniform = moments(nn::draw<double>(nn::uniform(0.5), {n}, 1, 2));
  BOOST_TEST(std::abs(uniform.mean) < close);
  BOOST_TEST(std::abs(uniform.deviation - 0.5 / std::sqrt(3.0)) < close);
  BOOST_TEST(uniform.low >= -0.5);
  BOOST_TEST(uniform.low < -0.4999);
  BOOST_TEST(uniform.high <= 0.5);
  BOOST_TEST(uniform.high > 0.4999);
}

BOOST_AUTO_TEST_CASE(schemes_have_their_formulas) {
  const nn::Fan fan = nn::fan_of({6, 4, 3, 3});
  BOOST_TEST(fan.in == 36u);
  BOOST_TEST(fan.out == 54u);
  const auto tolerance = boost::test_tools::tolerance(1e-14);
  BOOST_TEST(nn::kaiming_normal(fan).spread == std::sqrt(2.0 / 36), tolerance);
  BOOST_TEST(nn::kaiming_uniform(fan).spread == std::sqrt(6.0 / 36), tolerance);
  BOOST_TEST(nn::xavier_normal(fan).spread == std::sqrt(2.0 / 90), tolerance);
  BOOST_TEST(nn::xavier_uniform(fan).spread == std::sqrt(6.0 / 90), tolerance);
  // PyTorch's default: kaiming_uniform with a = sqrt(5) has the bound 1 / sqrt(fan_in).
  BOOST_TEST(nn::kaiming_uniform(fan, std::sqrt(2.0 / (1.0 + 5.0))).spread == 1.0 / 6, tolerance);
  BOOST_TEST(nn::weight_initializer({}, fan).spread == 1.0 / 6, tolerance);
  BOOST_TEST(nn::bias_initializer({}, fan).spread == 1.0 / 6, tolerance);
  BOOST_TEST(nn::bias_initializer({.initialization = nn::Initialization::xavier_normal}, fan).spread == 0.0);
  BOOST_CHECK_THROW(nn::fan_of({3}), shape_error);
}

BOOST_AUTO_TEST_CASE(layers_draw_what_their_options_say) {
  const auto pytorch = nn::Linear{100, 300}.init<double>(1);
  const Moments w = moments(pytorch["weight"]);
  BOOST_TEST(w.low >= -0.1);
  BOOST_TEST(w.high <= 0.1);
  BOOST_TEST(std::abs(w.deviation - 0.1 / std::sqrt(3.0)) < 1e-3);
  BOOST_TEST(moments(pytorch["bias"]).high > 0.09);
  const auto he = nn::Linear{100, 300, {.initialization = nn::Initialization::kaiming_normal}}.init<double>(1);
  BOOST_TEST(std::abs(moments(he["weight"]).deviation - std::sqrt(0.02)) < 2e-3);
  BOOST_TEST(moments(he["bias"]).deviation == 0.0);
  // The numbers of a layer do not depend on the layers around it.
  const auto a = nn::sequential(nn::Linear{3, 4}, nn::Linear{4, 2}).init<double>(9);
  const auto b = nn::sequential(nn::Linear{5, 4}, nn::Linear{4, 2}).init<double>(9);
  BOOST_TEST(a["1.weight"].to_xarray() == b["1.weight"].to_xarray());
}

BOOST_AUTO_TEST_CASE(ntk_parameterization_scales_activations) {
  const nn::WeightOptions options = {.parameterization = nn::Parameterization::ntk, .sigma_w = 1.5, .sigma_b = 0.3};
  const nn::Linear layer(40, 3, options);
  const auto params = layer.init<double>(2);
  BOOST_TEST(std::abs(moments(params["weight"]).deviation - 1.0) < 0.2);
  const Array<double> x = nn::draw<double>(nn::normal(1.0), {2, 40}, 1, 1);
  const Array<double> y = layer(params, x), w = params["weight"], b = params["bias"];
  for (std::size_t n = 0; n < 2; ++n)
    for (std::size_t o = 0; o < 3; ++o) {
      double product = 0;
      for (std::size_t i = 0; i < 40; ++i) product += w[o * 40 + i] * x[n * 40 + i];
      BOOST_TEST(y[n * 3 + o] == 1.5 / std::sqrt(40.0) * product + 0.3 * b[o], boost::test_tools::tolerance(1e-12));
    }
  const nn::Linear unbiased(40, 3, {.parameterization = nn::Parameterization::ntk, .sigma_b = 0.0});
  BOOST_TEST(unbiased.init<double>(2).count() == 1u);
}

// A layer in the NTK parameterization equals the standard one with weights times sigma_w / sqrt(fan_in) and biases
// times sigma_b.
BOOST_AUTO_TEST_CASE(every_layer_with_weights_has_both_parameterizations) {
  const nn::WeightOptions ntk = {.parameterization = nn::Parameterization::ntk, .sigma_w = 1.5, .sigma_b = 0.3};
  const nn::EmbeddingOptions rows = {.parameterization = nn::Parameterization::ntk, .sigma_w = 1.5};
  struct Row {
    nn::AnyModule layer, standard;
    double fan_in;
    Array<double> x;
  };
  const auto random = [](const Shape& shape) { return nn::draw<double>(nn::normal(1.0), shape, 3, 1); };
  const Array<double> tokens = Array<double>::from({2, 3}, {0, 4, 2, 2, 1, 3});
  const Row table[] = {
      {nn::Linear(8, 3, ntk), nn::Linear(8, 3), 8, random({2, 8})},
      {nn::Conv1d(4, 6, 3, {.padding = 1}, ntk), nn::Conv1d(4, 6, 3, {.padding = 1}), 12, random({2, 4, 5})},
      {nn::Conv2d(4, 6, 3, {.padding = 1}, ntk), nn::Conv2d(4, 6, 3, {.padding = 1}), 36, random({2, 4, 5, 5})},
      {nn::Conv2d(4, 6, 3, {.groups = 2}, ntk), nn::Conv2d(4, 6, 3, {.groups = 2}), 18, random({2, 4, 5, 5})},
      {nn::Conv3d(2, 6, 2, {.padding = 1}, ntk), nn::Conv3d(2, 6, 2, {.padding = 1}), 16, random({2, 2, 3, 2, 2})},
      {nn::Conv1d(4, 6, 2, {.padding = same_padding, .padding_mode = PadMode::reflect}, ntk),
       nn::Conv1d(4, 6, 2, {.padding = same_padding, .padding_mode = PadMode::reflect}), 8, random({2, 4, 5})},
      {nn::Embedding(5, 3, rows), nn::Embedding(5, 3), 1, tokens},
      {nn::PositionalEmbedding(4, 3, rows), nn::PositionalEmbedding(4, 3), 1, random({2, 4, 3})},
      {nn::MultiheadAttention(8, 2, {.weights = ntk}), nn::MultiheadAttention(8, 2), 8, random({2, 4, 8})},
  };
  for (const Row& row : table) {
    BOOST_TEST_CONTEXT(row.layer->type()) {
      const auto params = row.layer->init<double>(2);
      auto scaled = row.standard->init<double>(2);
      BOOST_TEST(params.count() == scaled.count());
      for (const auto& [info, value] : params) {
        BOOST_TEST((info.initializer.kind == nn::Initializer::Kind::normal && info.initializer.spread == 1.0));
        const bool bias = info.name.ends_with("bias");
        scaled.set(info.name, Array<double>(value.xt() * (bias ? 0.3 : 1.5 / std::sqrt(row.fan_in))));
      }
      BOOST_TEST(testing::difference((*row.layer)(params, row.x), (*row.standard)(scaled, row.x)) < 1e-14);
    }
  }
}

BOOST_AUTO_TEST_CASE(permutations_are_permutations) {
  const auto order = kernels::permutation(1, 2, 1000);
  BOOST_TEST(std::set<std::size_t>(order.begin(), order.end()).size() == 1000u);
  BOOST_TEST(*std::max_element(order.begin(), order.end()) == 999u);
  BOOST_TEST(order != kernels::permutation(1, 3, 1000), boost::test_tools::per_element());
  BOOST_TEST(kernels::permutation(1, 2, 0).empty());
}

BOOST_AUTO_TEST_SUITE_END()
