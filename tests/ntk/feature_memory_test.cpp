// Features keep to the memory of the call.
#include <boost/test/unit_test.hpp>

#include "nn/layers/activation.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/linear.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/sequential.hpp"
#include "ntk/feature_store.hpp"
#include "tests/nn/files.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace readout = ntk::readout;

namespace {

nn::Sequential network() {
  return nn::sequential(nn::Conv2d(1, 8, 3), nn::Tanh(), nn::Conv2d(8, 8, 3), nn::Tanh(), nn::Flatten(),
                        nn::Linear(8 * 12 * 12, 2));
}

// The peak of the arrays of f(), beside those that there are.
template <class F>
std::size_t peak_of(const F& f) {
  reset_peak_memory();
  const std::size_t before = memory_statistics().live;
  f();
  return memory_statistics().peak - before;
}

// Halves the memory until it is refused. The features of all examples, or of a part in a folder, take 6 MiB in T.
template <class T>
void keep_to_any_memory(const ntk::Readout& r, std::size_t anchors, bool stored) {
  const auto net = network();
  const auto params = net.init<T>(1);
  Random random("memory of features");
  const std::size_t part = (std::size_t{6} << 20) / (1500 * sizeof(T)) / r.columns(2), n = stored ? 2 * part : part;
  const Array<T> x = cast<T>(random_array(random, {n, 1, 16, 16}));
  const TemporaryFolder folder;
  std::size_t accepted = 0, last = 0, least = 0;
  for (std::size_t memory = std::size_t{256} << 20; memory > 1000; memory = memory * 3 / 4) {
    ntk::FeatureOptions options{.k = 1500, .anchors = anchors, .memory = memory};
    if (stored) {
      options.store = folder / std::to_string(memory);
      options.part = part;
    }
    try {
      last = peak_of([&] {
        if (stored)
          ntk::stored_features(net, params, x, r, options);
        else
          ntk::features(net, params, x, r, options);
      });
    } catch (const memory_error&) {
      break;
    }
    BOOST_TEST(last <= memory, "a peak of " << last << " bytes with " << memory);
    least = memory;
    ++accepted;
  }
  BOOST_TEST(accepted > 3u);
  BOOST_TEST(last > std::size_t{6} << 20);
  BOOST_TEST(last > least / 3);  // the refusal came where there was little left
}

}  // namespace

BOOST_AUTO_TEST_SUITE(feature_memory)

BOOST_AUTO_TEST_CASE(features_keep_to_any_memory) {
  for (const bool stored : {false, true})
    for (const std::size_t anchors : {0, 20})
      for (const ntk::Readout& r : {readout::pseudo(), readout::full()})
        BOOST_TEST_CONTEXT((stored ? "stored, " : "in memory, ") << anchors << " anchors, " << r.name()) {
          keep_to_any_memory<float>(r, anchors, stored);
          keep_to_any_memory<double>(r, anchors, stored);
        }
}

BOOST_AUTO_TEST_CASE(anchors_stay_within_the_memory) {
  const auto net = network();
  const auto params = net.init<float>(1);
  Random random("memory of anchors");
  const Array<float> x = cast<float>(random_array(random, {1500, 1, 16, 16}));
  const auto features = [&](const ntk::FeatureBasis<float>& basis) {
    return ntk::features(net, params, x.rows(0, basis.options.k > 5000 ? 12 : 1500), readout::pseudo(), basis);
  };
  auto basis = ntk::feature_basis(net, params, x, readout::pseudo(), {.k = 1 << 16, .anchors = 5});
  // The features take 3 MiB, and the basis 2.5 MiB.
  basis.options.memory = std::size_t{5} << 20;
  BOOST_TEST(has(message_of<memory_error>([&] { features(basis); }), "for the features"));
  // The basis has 10 MiB, and 20 MiB while it is made.
  BOOST_TEST(has(message_of<memory_error>([&] {
                   ntk::feature_basis(net, params, x, readout::pseudo(),
                                      {.k = 1 << 16, .anchors = 20, .memory = std::size_t{19} << 20});
                 }),
                 "for 20 rows of anchors"));

  // A kernel that would use all of the memory has only what the features leave.
  auto wide = ntk::feature_basis(net, params, x, readout::pseudo(), {.k = 3000, .anchors = 8});
  wide.options.memory = std::size_t{30} << 20;
  BOOST_TEST(peak_of([&] { BOOST_TEST(features(wide).bytes() > std::size_t{17} << 20); }) <= wide.options.memory);
}

BOOST_AUTO_TEST_SUITE_END()
