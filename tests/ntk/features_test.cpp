// Features by sparse signs, beside the kernels that they approximate.
#include "ntk/features.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/kernels/projection.hpp"
#include "nn/models/resnet.hpp"
#include "ntk/computation/projector.hpp"
#include "ntk/kernel.hpp"
#include "tests/ntk/kernels.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/ntk/networks.hpp"
#include "tests/ntk/readouts_of_examples.hpp"
#include "tests/ntk/running.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace readout = ntk::readout;

namespace {

Array<double> gram(const Array<double>& phi) { return product(phi, transposed(phi)); }

// 12 examples for a network of 603 parameters, of which no array is small beside k = 64 but the biases.
struct Small {
  nn::Sequential net = nn::sequential(nn::Linear(6, 20), nn::Tanh(), nn::Linear(20, 20), nn::Tanh(), nn::Linear(20, 2));
  nn::Parameters<double> params = net.init<double>(2);
  Random random{"features"};
  Array<double> x = random_array(random, {12, 6}), x_new = random_array(random, {5, 6});
  ntk::Labels y = labels_of(12, 2, 1), y_new = labels_of(5, 2, 1);

  Array<double> features(const ntk::Readout& r, const ntk::FeatureOptions& options) const {
    return ntk::features(net, params, x, r, options);
  }
};

// x (N, 4) times a weight, and a parameter without elements.
struct WithEmpty : nn::Module<WithEmpty> {
  template <class Declare>
  void parameters(Declare&& declare) const {
    declare("weight", Shape{1, 4}, nn::constant(1.0));
    declare("empty", Shape{0}, nn::constant(1.0));
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    return linear(x, p("weight")) + sum(p("empty"));
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(features)

BOOST_AUTO_TEST_CASE(places_are_those_of_a_uniform_hash) {
  constexpr std::size_t count = 97, n = 97 * 2000;
  std::vector<std::uint32_t> places(n);
  kernels::sign_places(5, 3, n, 0, n, count, places.data());
  std::vector<double> hits(count, 0.0);
  double negative = 0, neighbours = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t place = places[i] & 0x7fffffffu;
    BOOST_REQUIRE(place < count);
    ++hits[place];
    negative += places[i] >> 31;
    neighbours += i > 0 && places[i] == places[i - 1];
  }
  double chi = 0;
  for (const double h : hits) chi += (h - 2000) * (h - 2000) / 2000;
  BOOST_TEST(std::abs(chi - 96) < 5 * std::sqrt(2.0 * 96));
  BOOST_TEST(std::abs(negative - n / 2.0) < 5 * std::sqrt(n / 4.0));
  BOOST_TEST(std::abs(neighbours - n / 194.0) < 5 * std::sqrt(n / 194.0));

  // Pieces, also across the number at which the keys change, are parts of the whole.
  const std::size_t far = (std::size_t{1} << 32) - 10;
  std::vector<std::uint32_t> whole(20), part(20);
  kernels::sign_places(5, 3, far + 20, far, far + 20, count, whole.data());
  kernels::sign_places(5, 3, far + 20, far, far + 7, count, part.data());
  kernels::sign_places(5, 3, far + 20, far + 7, far + 20, count, part.data() + 7);
  BOOST_TEST(whole == part);
  BOOST_TEST(!std::equal(whole.begin() + 10, whole.end(), places.begin()));
  kernels::sign_places(6, 3, n, 0, 20, count, part.data());
  BOOST_TEST(!std::equal(part.begin(), part.end(), places.begin()));
}

BOOST_AUTO_TEST_CASE(pairs_of_elements_meet_as_often_as_at_random) {
  // Streams that are shorter than the number of places, a little longer, and much longer; the numbers of places have
  // one window and many.
  constexpr int seeds = 40;
  for (const std::size_t count : {5000, 54198, 1000000})
    for (const std::size_t n : {5120, 36864, 147456}) {
      std::vector<std::uint32_t> places(n), hits(count);
      double pairs = 0, same_sign = 0;
      for (int seed = 0; seed < seeds; ++seed) {
        kernels::sign_places(static_cast<std::uint64_t>(seed), 3, n, 0, n, count, places.data());
        for (const bool with_sign : {false, true}) {
          std::vector<std::uint32_t> sorted = places;
          if (!with_sign)
            for (std::uint32_t& place : sorted) place &= 0x7fffffffu;
          std::sort(sorted.begin(), sorted.end());
          double& met = with_sign ? same_sign : pairs;
          for (std::size_t i = 0, j; i < n; i = j) {
            for (j = i; j < n && sorted[j] == sorted[i];) ++j;
            met += static_cast<double>((j - i) * (j - i - 1)) / 2;
          }
        }
      }
      const double expected =
          seeds * 0.5 * static_cast<double>(n) * static_cast<double>(n - 1) / static_cast<double>(count);
      BOOST_TEST_CONTEXT(n << " elements, " << count << " places: " << pairs << " pairs, " << expected << " expected")
      BOOST_TEST(std::abs(pairs / expected - 1) < 0.02 + 5 / std::sqrt(expected));
      BOOST_TEST(std::abs(same_sign / pairs - 0.5) < 5 * 0.5 / std::sqrt(pairs));
    }
}

BOOST_AUTO_TEST_CASE(numbers_are_divided_as_the_split_says) {
  using ntk::FeatureSplit;
  const std::vector<ntk::FeatureShare> shares = {{"a", 4, 6}, {"b", 1000, 1}, {"c", 30, 1}, {"d", 2000, 2}};
  const auto places = [&](FeatureSplit split) { return ntk::divided(100, split, shares); };
  const auto is = [](const ntk::FeaturePlace& p, std::size_t first, std::size_t count, bool exact) {
    return p.first == first && p.count == count && p.exact == exact;
  };
  // An equal share is 25, and 32 after the first array has taken its 4.
  const auto pooled = places(FeatureSplit::pooled);
  BOOST_TEST((is(pooled[0], 0, 4, true) && is(pooled[1], 34, 66, false)));
  BOOST_TEST((is(pooled[2], 4, 30, true) && is(pooled[3], 34, 66, false)));
  const auto equal = places(FeatureSplit::equal);
  BOOST_TEST((is(equal[0], 0, 4, true) && is(equal[1], 34, 33, false)));
  BOOST_TEST((is(equal[2], 4, 30, true) && is(equal[3], 67, 33, false)));
  // One for each, and the other 96 in proportion.
  const auto size = places(FeatureSplit::size);
  BOOST_TEST((is(size[0], 0, 1, false) && is(size[1], 1, 32, false)));
  BOOST_TEST((is(size[2], 33, 2, false) && is(size[3], 35, 65, false)));
  // The first array needs 4 of 60, which leaves 96 for the others: 24, 24 and 48.
  const auto trace = places(FeatureSplit::trace);
  BOOST_TEST((is(trace[0], 0, 4, true) && !trace[2].exact));
  BOOST_TEST(std::abs(static_cast<double>(trace[3].count) - 48) <= 1);
  BOOST_TEST(trace[1].first + trace[1].count == trace[2].first);

  for (const FeatureSplit split :
       {FeatureSplit::pooled, FeatureSplit::equal, FeatureSplit::size, FeatureSplit::trace}) {
    BOOST_TEST((ntk::parse_feature_split(ntk::name(split)) == split));
    for (const ntk::FeaturePlace& p : ntk::divided(3034, split, shares)) BOOST_TEST(p.exact);
  }
  // Arrays without a part of the trace take what the others leave.
  const auto dead =
      ntk::divided(8192, FeatureSplit::trace, {{"weight", 16384, 0}, {"bias", 256, 0}, {"head", 2560, 3}});
  BOOST_TEST((is(dead[1], 0, 256, true) && is(dead[2], 256, 2560, true) && is(dead[0], 2816, 5376, false)));
  BOOST_TEST(has(message_of<option_error>([&] { ntk::divided(3, FeatureSplit::size, shares); }), "k = 3"));
  BOOST_TEST(has(message_of<option_error>([] { ntk::parse_feature_split("half"); }), "pooled, equal, size, trace"));
}

BOOST_AUTO_TEST_CASE(are_exact_with_as_many_numbers_as_elements) {
  for (const NetworkRow& row : networks()) {
    const auto params = row.net->init<double>(3);
    const Array<double> x = examples_of(row, 5, "1");
    const std::size_t o = outputs_of(*row.net, params, x).shape()[1];
    std::vector<ntk::Readout> readouts = {readout::full(),
                                          readout::pseudo(),
                                          readout::trace(),
                                          readout::random_signs(1, 3),
                                          readout::labels(labels_of(5, o, 1)),
                                          readout::loss(labels_of(5, o, 1)),
                                          readout::fisher(4)};
    for (const ntk::Readout& r : readouts) BOOST_TEST_CONTEXT(row.name << ", readout " << r.name()) {
        const Array<double> k = ntk::kernel(*row.net, params, x, r);
        const std::size_t all = params.size() * r.columns(o) + 3;
        const Array<double> phi = ntk::features(*row.net, params, x, r, {.k = all});
        if (inner(k, k) < 1e-20)
          BOOST_TEST(inner(phi, phi) < 1e-20);
        else
          BOOST_TEST(kernel_difference(gram(phi), k) < 1e-10);
        const auto narrow = params.cast<float>();
        const Array<double> rounded = to_double(ntk::features(*row.net, narrow, cast<float>(x), r, {.k = all}));
        if (inner(k, k) > 1e-20) BOOST_TEST(kernel_difference(gram(rounded), k) < 2e-4);
      }
  }
}

BOOST_AUTO_TEST_CASE(are_kernels_in_expectation_with_an_error_that_falls) {
  const Small c;
  for (const ntk::FeatureSplit split : {ntk::FeatureSplit::pooled, ntk::FeatureSplit::equal, ntk::FeatureSplit::trace})
    for (const ntk::Readout& r : {readout::pseudo(), readout::full(), readout::trace(), readout::loss(c.y)})
      BOOST_TEST_CONTEXT(ntk::name(split) << " " << r.name()) {
        const Array<double> k = ntk::kernel(c.net, c.params, c.x, r);
        constexpr std::size_t seeds = 100;
        std::vector<double> errors;
        for (const std::size_t count : {50, 200}) {
          Array<double> mean = Array<double>::zeros(k.shape());
          double square = 0;
          for (std::size_t seed = 0; seed < seeds; ++seed) {
            const Array<double> found = gram(c.features(r, {.k = count, .seed = seed, .split = split}));
            mean = plus(mean, found, 1.0 / seeds);
            square += std::pow(kernel_difference(found, k), 2);
          }
          errors.push_back(std::sqrt(square / seeds));
          BOOST_TEST(kernel_difference(mean, k) < 3 * errors.back() / std::sqrt(seeds));
        }
        BOOST_TEST(errors[0] / errors[1] > 1.5);  // or more, since more arrays are exact
      }
}

BOOST_AUTO_TEST_CASE(follow_the_standard_deviation_of_their_page) {
  // One dense array, and so no exact part.
  const auto net = nn::sequential(nn::Linear(40, 30, {.bias = false}));
  const auto params = net.init<double>(1);
  Random random("deviation");
  const Array<double> x = random_array(random, {2, 40});
  const Array<double> k = ntk::kernel(net, params, x, readout::pseudo());
  constexpr std::size_t seeds = 2000;
  for (const std::size_t count : {30, 120, 480}) {
    double square = 0;
    for (std::size_t seed = 0; seed < seeds; ++seed) {
      const Array<double> phi = ntk::features(net, params, x, readout::pseudo(), {.k = count, .seed = seed});
      square += std::pow(gram(phi)[1] - k[1], 2) / seeds;
    }
    const double expected = (k[0] * k[3] + k[1] * k[1]) / static_cast<double>(count);
    BOOST_TEST(std::abs(square / expected - 1) < 0.15);
  }
}

BOOST_AUTO_TEST_CASE(do_so_with_many_numbers_and_arrays_of_hardly_more_elements) {
  const auto net =
      nn::sequential(nn::Linear(160, 100, {.bias = false}), nn::Relu(), nn::Linear(100, 160, {.bias = false}));
  const auto params = net.init<double>(1);
  Random random("many numbers");
  const Array<double> x = random_array(random, {2, 160});
  const Array<double> k = ntk::kernel(net, params, x, readout::pseudo());
  constexpr std::size_t seeds = 600, count = 30000;
  double square = 0;
  for (std::size_t seed = 0; seed < seeds; ++seed) {
    const Array<double> phi = ntk::features(net, params, x, readout::pseudo(), {.k = count, .seed = seed});
    square += std::pow(gram(phi)[1] - k[1], 2) / seeds;
  }
  BOOST_TEST(std::abs(square * count / (k[0] * k[3] + k[1] * k[1]) - 1) < 0.2);
}

BOOST_AUTO_TEST_CASE(take_chosen_parameters_and_metrics) {
  const Small c;
  const ntk::Readout r = readout::pseudo();
  const auto exact = [&](const std::vector<std::string>& parameters, const ntk::Metric& metric) {
    const Array<double> phi = c.features(r, {.k = 700, .parameters = parameters, .metric = metric});
    const Array<double> k = ntk::kernel(c.net, c.params, c.x, r, {.parameters = parameters, .metric = metric});
    return kernel_difference(gram(phi), k);
  };
  Random drawn("metric");
  ntk::Metric arrays, elements;
  arrays.arrays = random_array(drawn, {6}, 0.5, 2);
  elements.elements = random_array(drawn, {c.params.size()}, 0.5, 2);
  BOOST_TEST(exact({"2.*"}, {}) < 1e-10);
  BOOST_TEST(exact({}, arrays) < 1e-10);
  BOOST_TEST(exact({}, elements) < 1e-10);
  // Projected, the signs of an array do not depend on the others.
  const Array<double> some = c.features(r, {.k = 90, .parameters = {"2.weight"}});
  const Array<double> scaled = c.features(r, {.k = 90, .parameters = {"2.weight"}, .metric = arrays});
  BOOST_TEST(relative_error(scaled, plus(some, some, std::sqrt(arrays.arrays[2]) - 1)) < 1e-12);

  // Dense layers may stay out, and be added exactly.
  const auto wide =
      nn::sequential(nn::Linear(30, 200), nn::Tanh(), nn::Linear(200, 100), nn::Tanh(), nn::Linear(100, 2));
  const auto params = wide.init<double>(1);
  Random random("dense");
  const Array<double> x = random_array(random, {6, 30});
  const std::vector<std::string> dense = ntk::dense_parameters(wide, params, x, 6, r);
  BOOST_TEST(dense == (std::vector<std::string>{"2.weight", "0.weight"}), boost::test_tools::per_element());
  std::vector<std::string> rest;
  for (const std::string& one : dense) rest.push_back("!" + one);
  const Array<double> phi = ntk::features(wide, params, x, r, {.k = 700, .parameters = rest});
  BOOST_TEST(kernel_difference(plus(gram(phi), ntk::kernel(wide, params, x, r, {.parameters = dense})),
                               ntk::kernel(wide, params, x, r)) < 1e-10);
}

BOOST_AUTO_TEST_CASE(have_the_same_bits_for_any_threads_memory_and_parts) {
  const auto net = nn::resnet18({.classes = 10, .stem = nn::Stem::cifar, .width = 0.0625});
  const auto params = net.init<float>(1);
  Random random("bits");
  const Array<float> x = cast<float>(random_array(random, {9, 3, 16, 16}));
  for (const ntk::Readout& r : {readout::pseudo(), readout::random_signs(1, 3)})
    for (const std::size_t anchors : {0, 4}) {
      const ntk::FeatureOptions options{.k = 3000, .seed = 3, .anchors = anchors};
      const Array<float> expected = ntk::features(net, params, x, r, options);
      for (const std::size_t threads : {1, 2, 8})
        BOOST_TEST(same_bits(among(threads, [&] { return ntk::features(net, params, x, r, options); }), expected));
      ntk::FeatureOptions little = options;
      little.memory = std::size_t{300} << 20;
      BOOST_TEST(same_bits(ntk::features(net, params, x, r, little), expected));
      if (anchors > 0) continue;
      // Two sets with one basis are as one set.
      const auto basis = ntk::feature_basis(net, params, x, r, options);
      BOOST_TEST(same_bits(ntk::features(net, params, x, r, basis), expected));
    }
}

BOOST_AUTO_TEST_CASE(anchors_are_exact_and_correct_the_rest) {
  const Small c;
  for (const ntk::Readout& r :
       {readout::pseudo(), readout::full(), readout::trace(), readout::loss(c.y), readout::fisher(3)})
    BOOST_TEST_CONTEXT(r.name()) {
      const bool own = r.name() == "loss";
      const ntk::FeatureOptions options{.k = 80, .seed = 2, .anchors = 5};
      const auto basis = ntk::feature_basis(c.net, c.params, c.x, r, options);
      const Array<double> phi = ntk::features(c.net, c.params, c.x, r, basis);
      const std::size_t each = basis.rows_each, m = 5 * each;
      BOOST_TEST(phi.shape() == (Shape{12 * each, m + 80}));
      // The formula, from the projections alone.
      auto plain = basis;
      plain.whitening = plain.explained = {};
      const Array<double> psi = ntk::features(c.net, c.params, c.x, r, plain);
      std::vector<std::size_t> at;  // rows of the anchors
      for (std::size_t a = 0; a < 5; ++a)
        for (std::size_t n = 0; n < 12; ++n)
          if (same_bits(c.x.rows(n, n + 1), basis.anchors.rows(a, a + 1)))
            for (std::size_t i = 0; i < each; ++i) at.push_back(n * each + i);
      BOOST_REQUIRE(at.size() == m);
      const std::vector<std::size_t> all = range(0, 12 * each), numbers = range(0, 80);
      const Array<double> k = ntk::kernel(c.net, c.params, c.x, r), cross = picked(k, all, at), w = picked(k, at, at);
      const Array<double> weights = transposed(eliminated(w, transposed(cross)));  // C W^-1
      const Array<double> rest = plus(psi, product(weights, picked(psi, at, numbers)), -1);
      const Array<double> found = gram(phi);
      BOOST_TEST(relative_error(found, plus(product(weights, transposed(cross)), gram(rest))) < 1e-7);
      BOOST_TEST(relative_error(picked(found, all, at), cross) < 1e-7);
      BOOST_TEST(kernel_difference(found, k) < 0.5 * kernel_difference(gram(psi), k));
      // Others with the same basis.
      const ntk::Readout r_new = own ? readout::loss(c.y_new) : r;
      const Array<double> phi_new = ntk::features(c.net, c.params, c.x_new, r_new, basis);
      const Array<double> between = ntk::kernel(c.net, c.params, c.x_new, c.x, own ? readout::between(r_new, r) : r);
      BOOST_TEST(relative_error(picked(product(phi_new, transposed(phi)), range(0, 5 * each), at),
                                picked(between, range(0, 5 * each), at)) < 1e-7);
    }
}

// The two sides of a kernel may have other common readouts, with one basis.
BOOST_AUTO_TEST_CASE(anchors_serve_examples_with_another_readout) {
  const Small c;
  const auto basis =
      ntk::feature_basis(c.net, c.params, c.x, readout::single(0), {.k = c.params.size() + 9, .anchors = 4});
  const Array<double> phi = ntk::features(c.net, c.params, c.x, readout::single(0), basis),
                      phi_new = ntk::features(c.net, c.params, c.x_new, readout::single(1), basis);
  const auto sides = readout::between(readout::single(1), readout::single(0));
  BOOST_TEST(relative_error(product(phi_new, transposed(phi)), ntk::kernel(c.net, c.params, c.x_new, c.x, sides)) <
             1e-9);
}

BOOST_AUTO_TEST_CASE(large_finite_numbers_are_no_overflow) {
  // The gradient of the weight is the example itself.
  const auto net = nn::sequential(nn::Linear(3, 1, {.bias = false}));
  const Array<double> x = Array<double>::full({2, 3}, 1.2e308);
  BOOST_TEST(same_bits(ntk::features(net, net.init<double>(1), x, readout::full(), {.k = 3}), x));
}

// What they cost decides, and not what a kernel of so many examples would take.
BOOST_AUTO_TEST_CASE(dense_parameters_of_a_million_examples) {
  const auto net = nn::sequential(nn::Linear(6, 40), nn::Tanh(), nn::Linear(40, 3));
  const auto params = net.init<double>(1);
  const Array<double> x = Array<double>::zeros({2, 6});
  BOOST_TEST(ntk::dense_parameters(net, params, x, 1'000'000, ntk::readout::pseudo()).empty());
  BOOST_TEST(!ntk::dense_parameters(net, params, x, 2, ntk::readout::pseudo()).empty());
}

BOOST_AUTO_TEST_CASE(arrays_without_elements_count_for_nothing) {
  const WithEmpty net;
  const auto params = net.init<double>(1);
  const Array<double> x = Array<double>::ones({2, 4});
  const Array<double> phi = ntk::features(net, params, x, readout::full(), {.k = 4});
  BOOST_TEST(same_bits(phi, x));
}

BOOST_AUTO_TEST_CASE(say_what_they_cannot_do) {
  const Small c;
  const ntk::Readout r = readout::pseudo();
  const auto refused = [&](const ntk::Readout& readout, const ntk::FeatureOptions& options) {
    return message_of<option_error>([&] { c.features(readout, options); });
  };
  BOOST_TEST(has(refused(r, {.k = 0}), "k = 0"));
  BOOST_TEST(has(refused(r, {.k = (std::size_t{1} << 31) + 1}), "2^31"));
  BOOST_TEST(has(refused(r, {.anchors = 13}), "13 anchors of 12"));
  BOOST_TEST(has(refused(readout::diagonal(), {}), "reduction none"));
  BOOST_TEST(has(refused(readout::between(readout::labels(c.y), readout::full()), {}), "each side"));
  BOOST_TEST(has(message_of<shape_error>([&] { c.features(readout::labels(c.y_new), {}); }), "5 examples"));
  BOOST_TEST(
      has(message_of<memory_error>([&] { c.features(r, {.k = 1 << 20, .memory = 1 << 20}); }), "stored_features"));
  BOOST_TEST(has(message_of<parameter_error>([&] { c.features(r, {.parameters = {"head"}}); }), "head"));
  const auto basis = ntk::feature_basis(c.net, c.params, c.x, r, {.k = 10});
  BOOST_TEST(has(message_of<shape_error>([&] { ntk::features(c.net, c.params, c.x, readout::trace(), basis); }),
                 "another network or readout"));
  Array<double> damaged = c.x.clone();
  damaged.mutable_data()[7] = NAN;
  BOOST_TEST(has(message_of<numerical_error>([&] { ntk::features(c.net, c.params, damaged, r); }), "example 1"));
}

BOOST_AUTO_TEST_CASE(tell_their_progress) {
  const Small c;
  std::vector<double> told;
  c.features(readout::pseudo(), {.k = 20, .progress = [&](const ntk::Progress& p) { told.push_back(p.fraction); }});
  BOOST_TEST(told.back() == 1);
  BOOST_TEST(std::is_sorted(told.begin(), told.end()));
}

BOOST_AUTO_TEST_SUITE_END()
