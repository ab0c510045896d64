// Plans and bits do not depend on the number of threads.
#include <oneapi/tbb/global_control.h>

#include <boost/test/unit_test.hpp>
#include <sstream>

#include "autodiff/kernels/parallel.hpp"
#include "nn/models/lenet.hpp"
#include "nn/models/mlp.hpp"
#include "nn/models/resnet.hpp"
#include "nn/models/vit.hpp"
#include "ntk/kernel.hpp"
#include "ntk/operator.hpp"
#include "ntk/packed.hpp"
#include "ntk/store.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/running.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

constexpr std::size_t some[] = {2, 8};

struct Case {
  std::string name;
  nn::AnyModule net;
  Shape example;
};

std::vector<Case> cases() {
  return {{"mlp", nn::mlp({30, 64, 10}), {30}},
          {"lenet", nn::lenet(), {1, 28, 28}},
          {"resnet18", nn::resnet18({.classes = 10, .stem = nn::Stem::cifar, .width = 0.125}), {3, 32, 32}},
          {"vit",
           nn::vit({.image = 16, .patch = 4, .layers = 2, .heads = 2, .features = 16, .hidden = 32, .classes = 10}),
           {3, 16, 16}}};
}

std::vector<ntk::Readout> readouts() {
  return {ntk::readout::pseudo(), ntk::readout::full(), ntk::readout::trace(), ntk::readout::random_signs(1, 3)};
}

Array<float> inputs(const Case& c, std::size_t n) {
  Random random(c.name);
  return cast<float>(random_array(random, c.example.prepended(n)));
}

// All that a plan says but for the tasks; where nothing fits, the message.
std::string plan_text(const Case& c, std::size_t n, const ntk::Readout& readout, const ntk::Options& options,
                      ntk::Residence residence) {
  const auto params = c.net->init<float>(1);
  std::ostringstream out;
  try {
    const ntk::Plan p =
        ntk::plan(*c.net, params, Array<float>::ones(c.example.prepended(n)), readout, options, residence);
    const ntk::Partition& cut = p.partition;
    out << ntk::name(p.strategy) << ' ' << cut.tile << ' ' << cut.panel << ' ' << cut.shard << ' ' << cut.rows_held
        << cut.columns_held << ' ' << p.shards_at_once << ' ' << p.room << ' ' << p.flop() << ' ' << p.working_bytes;
    for (const ntk::TermPlan& term : p.terms) out << ' ' << ntk::name(*term.rule);
  } catch (const memory_error& e) {
    out << e.what();
  }
  return out.str();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(threads)

BOOST_AUTO_TEST_CASE(plans_are_the_same) {
  std::size_t plans = 0, fitting = 0;
  for (const Case& c : cases())
    for (const ntk::Readout& readout : readouts())
      for (const std::size_t mebi : {8, 60, 300})
        for (const ntk::Residence residence : {ntk::Residence::dense, ntk::Residence::stored}) {
          const ntk::Options options{.memory = mebi << 20};
          const auto text = [&] { return plan_text(c, 120, readout, options, residence); };
          const std::string one = among(1, text);
          for (const std::size_t count : some)
            BOOST_TEST(among(count, text) == one,
                       c.name << ", " << readout.name() << ", " << mebi << " MiB, " << count);
          ++plans;
          fitting += one.find("[ntk]") == std::string::npos;
        }
  BOOST_TEST(plans == 96u);
  BOOST_TEST(fitting > 40u);
  BOOST_TEST(fitting < 96u);
}

BOOST_AUTO_TEST_CASE(kernels_have_the_same_bits) {
  for (const Case& c : cases()) {
    const std::size_t n = c.name == "resnet18" ? 5 : 20;
    const Array<float> x = inputs(c, n);
    const auto params = c.net->init<float>(1);
    for (const ntk::Readout& readout : {ntk::readout::pseudo(), ntk::readout::full()})
      for (const ntk::Strategy strategy : {ntk::Strategy::structured, ntk::Strategy::jacobian})
        for (const std::size_t mebi : {60, 1000}) {
          const auto kernel = [&] {
            return ntk::kernel(*c.net, params, x, readout, {.strategy = strategy, .memory = mebi << 20});
          };
          const Array<double> one = among(1, kernel);
          for (const std::size_t count : {2, 8})
            BOOST_TEST(same_bits(among(count, kernel), one), c.name << ", " << readout.name() << ", " << count);
        }
  }
}

BOOST_AUTO_TEST_CASE(operators_have_the_same_bits) {
  for (const Case& c : cases()) {
    const Array<float> x = inputs(c, 9);
    const auto params = c.net->init<float>(1);
    Random random("columns");
    const Array<double> u = random_array(random, {90, 3});
    const auto product = [&] {
      const ntk::Operator<float> k(*c.net, params, x, ntk::readout::full(), {.memory = 64 << 20});
      return k(u);
    };
    const Array<double> one = among(1, product);
    for (const std::size_t count : {2, 8}) BOOST_TEST(same_bits(among(count, product), one), c.name << ", " << count);
  }
}

BOOST_AUTO_TEST_CASE(a_store_goes_on_with_another_number_of_threads) {
  for (const Case& c : cases())
    for (const std::size_t kibi : {6000, 45000}) {
      const TemporaryFolder folder;
      const Array<float> x = inputs(c, 40);
      const auto params = c.net->init<float>(1);
      ntk::Options options{.memory = kibi << 10, .store = folder / "k"};
      const auto run = [&] {
        ntk::stored_kernel(*c.net, params, x, ntk::readout::pseudo(), options);
        return 0;
      };
      options.progress = stop_after(2);
      try {
        among(1, run);
      } catch (const memory_error&) {
        continue;  // refused on one thread, so it is refused on all
      } catch (const Stop&) {
      }
      options.progress = nullptr;
      among(8, run);
      const Array<double> whole = among(2, [&] {
        return ntk::kernel(*c.net, params, x, ntk::readout::pseudo(),
                           {.memory = options.memory, .store = folder / "l"});
      });
      BOOST_TEST(same_bits(ntk::StoredKernel(options.store).matrix(), whole), c.name << ", " << kibi << " kiB");
    }
}

BOOST_AUTO_TEST_CASE(limits_of_the_process_count) {
  const oneapi::tbb::global_control limit(oneapi::tbb::global_control::max_allowed_parallelism, 1);
  BOOST_TEST(kernels::thread_count() == 1u);
  std::size_t inside = 0;
  kernels::with_threads(3, [&] { inside = kernels::thread_count(); });
  BOOST_TEST(inside == 1u);
}

BOOST_AUTO_TEST_CASE(fewer_threads_can_be_asked_for) {
  among(8, [] {
    std::size_t inside = 0;
    kernels::with_threads(3, [&] { inside = kernels::thread_count(); });
    BOOST_TEST(inside == 3u);
    BOOST_TEST(kernels::thread_count() == 8u);
    kernels::with_threads(9, [&] { inside = kernels::thread_count(); });
    BOOST_TEST(inside == 8u);
    return 0;
  });
}

BOOST_AUTO_TEST_SUITE_END()
