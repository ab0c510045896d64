#include <boost/test/unit_test.hpp>
#include <cmath>
#include <string>

#include "autodiff/error.hpp"
#include "nn/nn.hpp"
#include "ntk/compare.hpp"
#include "ntk/kernel.hpp"
#include "ntk/per_example.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace readout = ntk::readout;

BOOST_AUTO_TEST_SUITE(readouts)

BOOST_AUTO_TEST_CASE(names_are_read_again) {
  const std::vector<std::pair<ntk::Readout, std::string>> table = {
      {readout::full(), "full"},
      {readout::pseudo(), "pseudo"},
      {readout::trace(), "trace"},
      {readout::diagonal(), "diagonal"},
      {readout::single(3), "single:3"},
      {readout::random_signs(7), "signs:7"},
      {readout::random_signs(7, 4), "signs:7x4"},
      {readout::random_signs(18446744073709551615u, 2), "signs:18446744073709551615x2"},
      {readout::random_signs(7, 1), "signs:7"}};
  for (const auto& [made, name] : table) {
    BOOST_TEST(made.name() == name);
    const ntk::Readout read = readout::parse(name);
    BOOST_TEST(read.name() == name);
    BOOST_TEST((read.reduction == made.reduction));
    BOOST_TEST(same_bits(read.weights(5), made.weights(5)));
  }
  BOOST_TEST(readout::parse("signs:3x1").name() == "signs:3");
}

BOOST_AUTO_TEST_CASE(other_texts_are_refused_with_the_forms) {
  for (const char* text : {"",           "Full",        "full ",     "pseudo:1",   "single",
                           "single:",    "single:x",    "single:-1", "single:1.5", "single:99999999999999999999",
                           "signs",      "signs:",      "signs:x",   "signs:7x",   "signs:7x0",
                           "signs:7x-2", "signs:7x4x2", "signs: 7",  "custom",     "trace:"}) {
    BOOST_TEST_CONTEXT(text) {
      try {
        readout::parse(text);
        BOOST_ERROR("no option_error");
      } catch (const option_error& e) {
        for (const char* form : {"full", "pseudo", "trace", "diagonal", "single:", "signs:SEED", "signs:SEEDxCOUNT"})
          BOOST_TEST(std::string(e.what()).find(form) != std::string::npos);
      }
    }
  }
  BOOST_CHECK_THROW(readout::random_signs(7, 0), option_error);
}

BOOST_AUTO_TEST_CASE(signs) {
  const Array<double> one = readout::random_signs(7).weights(64), four = readout::random_signs(7, 4).weights(64);
  BOOST_TEST(four.shape() == (Shape{64, 4}));
  std::size_t positive = 0, agree = 0;
  for (std::size_t o = 0; o < 64; ++o) {
    BOOST_TEST(four[o * 4] == one[o]);  // the first vector is the one that a single draw gives
    for (std::size_t j = 0; j < 4; ++j) {
      BOOST_TEST(std::abs(four[o * 4 + j]) == 0.125);
      positive += four[o * 4 + j] > 0;
    }
    agree += four[o * 4 + 1] == four[o * 4 + 2];
  }
  BOOST_TEST(positive > 90u);
  BOOST_TEST(positive < 166u);
  BOOST_TEST(agree > 12u);
  BOOST_TEST(agree < 52u);
}

// The mean over signs has the trace kernel as its expectation; its error falls as the square root of the count.
BOOST_AUTO_TEST_CASE(averaged_signs_tend_to_the_trace) {
  const auto net = nn::sequential(nn::Linear(5, 12), nn::Tanh(), nn::Linear(12, 16));
  const auto params = net.init<double>(3);
  Random random("signs");
  const Array<double> x = random_array(random, {6, 5});
  const Array<double> trace = ntk::kernel(net, params, x, readout::trace());
  const auto error = [&](std::size_t count) {
    double sum = 0;
    for (std::uint64_t seed = 0; seed < 8; ++seed)
      sum += ntk::relative_difference(ntk::kernel(net, params, x, readout::random_signs(seed, count)), trace) / 8;
    return sum;
  };
  BOOST_TEST(error(256) < 0.15 * error(1));
}

BOOST_AUTO_TEST_CASE(diagonal_holds_the_single_kernels_tile_by_tile) {
  const auto net = nn::sequential(nn::Linear(5, 12), nn::Tanh(), nn::Linear(12, 3));
  const auto params = net.init<double>(3);
  Random random("diagonal");
  const Array<double> x = random_array(random, {7, 5}), y = random_array(random, {4, 5});
  for (std::size_t tile : {0, 2, 3}) {
    const ntk::Options options{.tile = tile};
    const Array<double> square = ntk::kernel(net, params, x, readout::diagonal(), options);
    const Array<double> cross = ntk::kernel(net, params, x, y, readout::diagonal(), options);
    BOOST_TEST(square.shape() == (Shape{3, 7, 7}));
    BOOST_TEST(cross.shape() == (Shape{3, 7, 4}));
    for (std::size_t o = 0; o < 3; ++o) {
      const ntk::Readout single = readout::single(o);
      BOOST_TEST(ntk::relative_difference(square.rows(o, o + 1).reshaped({7, 7}), ntk::kernel(net, params, x, single)) <
                 1e-13);
      BOOST_TEST(ntk::relative_difference(cross.rows(o, o + 1).reshaped({7, 4}),
                                          ntk::kernel(net, params, x, y, single)) < 1e-13);
    }
  }
  const auto plan = ntk::plan(net, params, x, readout::diagonal());
  BOOST_TEST(plan.result_bytes == 8.0 * 3 * 7 * 7);
  BOOST_CHECK_THROW(ntk::packed_kernel(net, params, x, readout::diagonal()), shape_error);
}

// Copies of a readout share what they are made of, which must not remember the first network.
BOOST_AUTO_TEST_CASE(one_readout_serves_networks_of_other_outputs) {
  Random random("two networks");
  const Array<double> x = random_array(random, {3, 4});
  const auto made = [] { return readout::between(readout::pseudo(), readout::labels(ntk::Labels{0, 1, 0})); };
  const ntk::Readout shared = made();
  for (const std::size_t outputs : {2, 10, 3, 5}) {
    const auto net = nn::mlp({4, 6, outputs});
    const auto params = net.init<double>(1);
    BOOST_TEST(same_bits(ntk::kernel(net, params, x, shared), ntk::kernel(net, params, x, made())));
  }
}

BOOST_AUTO_TEST_SUITE_END()
