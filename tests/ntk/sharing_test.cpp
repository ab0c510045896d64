// Kernels that several processes compute in one folder, and what they leave. Processes that are killed are in
// tests/examples/sharing_test.py.
#include "ntk/sharing.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "ntk/feature_kernel.hpp"
#include "ntk/feature_store.hpp"
#include "ntk/kernel.hpp"
#include "ntk/layer_kernels.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/claimants.hpp"
#include "tests/ntk/networks.hpp"
#include "tests/ntk/running.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace fs = std::filesystem;
using Mode = ntk::Sharing::Mode;

namespace {

struct Case {
  nn::Sequential net = nn::sequential(nn::Linear(6, 40), nn::Relu(), nn::Linear(40, 3));
  nn::Parameters<float> params = net.init<float>(2);
  Random random{"sharing"};
  Array<float> x = cast<float>(random_array(random, {23, 6})), other = cast<float>(random_array(random, {9, 6}));
  ntk::Readout readout = ntk::readout::full();

  ntk::StoredKernel stored(const ntk::Options& options) const {
    return ntk::stored_kernel(net, params, x, readout, options);
  }
  Array<double> kernel(ntk::Strategy strategy = ntk::Strategy::automatic) const {
    const TemporaryFolder folder;  // with the memory of processes that share, on which the cut depends
    return stored({.strategy = strategy, .memory = std::size_t{2} << 30, .tile = 4, .store = folder.path()}).matrix();
  }
  ntk::Options options(const fs::path& store, const ntk::Sharing& sharing) const {
    return {.tile = 4, .store = store, .sharing = sharing};
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(sharing)

BOOST_AUTO_TEST_CASE(claims_and_parts_give_the_bits_of_one_process) {
  const Case c;
  for (ntk::Strategy strategy : {ntk::Strategy::structured, ntk::Strategy::jacobian, ntk::Strategy::vector_products}) {
    const auto expected = c.kernel(strategy);
    const auto compute = [&](const TemporaryFolder& folder, const ntk::Sharing& sharing) {
      ntk::Options options = c.options(folder.path(), sharing);
      options.strategy = strategy;
      return c.stored(options);
    };
    for (const std::size_t count : {1, 2, 3, 4}) {
      const TemporaryFolder folder;
      for (std::size_t i = 0; i < count; ++i) {
        const ntk::StoredKernel k = compute(folder, shard(count - 1 - i, count));
        BOOST_TEST(k.complete() == (i + 1 == count));
        if (!k.complete()) expect_error<data_error>([&] { k.matrix(); }, {"of 21 tiles are finished"});
      }
      BOOST_TEST(same_bits(ntk::StoredKernel(folder.path()).matrix(), expected));
      BOOST_TEST(folder.files() == 23u);  // 21 tiles, the manifest and the lock
    }
    const TemporaryFolder folder;
    BOOST_TEST(same_bits(compute(folder, sharing_by_claims()).matrix(), expected));
    BOOST_TEST(folder.files() == 23u);
  }
}

BOOST_AUTO_TEST_CASE(a_process_finds_what_others_do_meanwhile) {
  const Case c;
  const auto expected = c.kernel();
  for (const std::size_t calls : {1, 8, 14}) {
    const TemporaryFolder folder;
    ntk::Options first = c.options(folder.path(), sharing_by_claims());
    bool begun = false;
    std::vector<double> fractions;
    std::size_t by_second = 0;
    first.progress = [&](const ntk::Progress& p) {
      fractions.push_back(p.fraction);
      if (std::exchange(begun, true)) return;
      // The second process computes a part of what the first one, which waits in this call, has not claimed.
      ntk::Options second = c.options(folder.path(), sharing_by_claims());
      second.progress = stop_after(calls);
      BOOST_CHECK_THROW(c.stored(second), Stop);
      by_second = ntk::StoredKernel(folder.path()).finished();
    };
    BOOST_TEST(same_bits(c.stored(first).matrix(), expected));
    BOOST_TEST((by_second > 0 || calls == 1));
    BOOST_TEST(std::is_sorted(fractions.begin(), fractions.end()));
    BOOST_TEST(std::abs(fractions.back() - 1) < 1e-9);
    BOOST_TEST(folder.files() == 23u);
  }
}

BOOST_AUTO_TEST_CASE(a_tile_that_is_computed_twice_does_no_harm) {
  const Case c;
  const TemporaryFolder folder;
  ntk::Options first = c.options(folder.path(), sharing_by_claims());
  bool begun = false;
  first.progress = [&](const ntk::Progress&) {
    if (!std::exchange(begun, true)) BOOST_TEST(c.stored(c.options(folder.path(), shard(0, 1))).complete());
  };
  BOOST_TEST(same_bits(c.stored(first).matrix(), c.kernel()));
  BOOST_TEST(folder.files() == 23u);
}

BOOST_AUTO_TEST_CASE(what_dead_processes_left_is_taken_over_and_removed) {
  const Case c;
  const TemporaryFolder folder;
  ntk::Options options = c.options(folder.path(), sharing_by_claims(0.3));
  options.progress = stop_after(2);
  BOOST_CHECK_THROW(c.stored(options), Stop);
  BOOST_TEST(!std::any_of(fs::directory_iterator(folder.path()), fs::directory_iterator(), [](const auto& entry) {
    return entry.path().filename().string().starts_with("claim-");
  }));  // it was alive, and has released it
  ntk::Claimant dead = ntk::this_process();
  dead.process = dead_process();
  put(folder / "claim-00000-00001", dead.text());
  put(folder / "claim-00000-00002", elsewhere().text());
  put(folder / "claim-00000-00003", "garbage");
  put(folder / "claim-00000-00003.1", elsewhere().text());
  put(folder / "claim-00000-00003.new-abcdefgh", "garbage");
  put(folder / "claim-00099-00000", elsewhere().text());
  put(folder / "tile-00000-00001-00000000.npy.part-abcdefghijkl", "half");
  put(folder / "manifest.json.new-abcdefgh", "{");
  std::string notices;
  options.progress = {};
  options.sharing.notice = [&](const std::string& notice) { notices += notice + "\n"; };
  BOOST_TEST(same_bits(c.stored(options).matrix(), c.kernel()));
  for (const char* said : {"claim-00000-00001, a claim of process", "claim-00000-00002, a claim of process",
                           "claim-00000-00003 is a damaged claim", "claim-00000-00003, a claim of process"})
    BOOST_TEST(has(notices, said), notices);
  BOOST_TEST(folder.files() == 23u);
}

BOOST_AUTO_TEST_CASE(damaged_tiles_are_computed_again) {
  const Case c;
  const TemporaryFolder folder;
  c.stored(c.options(folder.path(), sharing_by_claims()));
  for (const auto& entry : fs::directory_iterator(folder.path()))
    if (entry.path().filename().string().starts_with("tile-00001-00003")) fs::resize_file(entry.path(), 100);
  BOOST_TEST(same_bits(c.stored(c.options(folder.path(), sharing_by_claims())).matrix(), c.kernel()));
}

BOOST_AUTO_TEST_CASE(rectangles_and_layers) {
  const Case c;
  const auto kernel = [&](const fs::path& store, const ntk::Sharing& sharing) {
    return ntk::stored_kernel(c.net, c.params, c.other, c.x, c.readout, c.options(store, sharing));
  };
  const auto layers = [&](const fs::path& store, const ntk::Sharing& sharing) {
    return ntk::stored_layer_kernels(c.net, c.params, c.x, c.readout, {.options = c.options(store, sharing)});
  };
  const TemporaryFolder folder;
  const auto expected = kernel(folder / "one", {}).matrix();
  const auto expected_layers = layers(folder / "layers", {});
  for (const std::size_t i : {1, 0, 2}) {
    kernel(folder / "parts", shard(i, 3));
    layers(folder / "layer parts", shard(i, 3));
  }
  for (const char* name : {"parts", "claims"})
    BOOST_TEST(same_bits(kernel(folder / name, sharing_by_claims()).matrix(), expected));
  for (const char* name : {"layer parts", "layer claims"}) {
    const auto found = layers(folder / name, sharing_by_claims());
    BOOST_REQUIRE(found.size() == expected_layers.size());
    for (std::size_t i = 0; i < found.size(); ++i)
      BOOST_TEST(same_bits(found[i].kernel.matrix(), expected_layers[i].kernel.matrix()));
  }
}

BOOST_AUTO_TEST_CASE(features) {
  const Case c;
  // One process has the memory that those that share take as usual, on which the bits depend.
  const auto compute = [&](const fs::path& store, const ntk::Sharing& sharing, auto... progress) {
    const std::size_t memory = sharing.mode == Mode::exclusive ? std::size_t{2} << 30 : 0;
    return ntk::stored_features(
        c.net, c.params, c.x, c.readout,
        {.k = 70, .memory = memory, .progress = {progress...}, .store = store, .part = 4, .sharing = sharing});
  };
  const auto all_of = [](const ntk::StoredFeatures& phi) { return phi.block(0, phi.rows()); };
  const TemporaryFolder folder;
  const Array<double> expected = all_of(compute(folder / "one", {}));
  for (const std::size_t count : {1, 2, 4, 9}) {  // six files
    const TemporaryFolder parts;
    for (std::size_t i = 0; i < count; ++i) {
      const ntk::StoredFeatures phi = compute(parts.path(), shard(count - 1 - i, count));
      if (i + 1 < std::min<std::size_t>(count, 6)) BOOST_TEST(!phi.complete());
    }
    BOOST_TEST(same_bits(all_of(ntk::StoredFeatures(parts.path())), expected));
    BOOST_TEST(parts.files() == 8u);  // the manifest and the lock as well
  }
  // A second process computes a part of what the first one, which waits in its progress, has not claimed.
  bool begun = false;
  std::vector<double> fractions;
  const std::function<void(const ntk::Progress&)> meanwhile = [&](const ntk::Progress& p) {
    fractions.push_back(p.fraction);
    if (std::exchange(begun, true)) return;
    const std::function<void(const ntk::Progress&)> stop = stop_after(4);
    BOOST_CHECK_THROW(compute(folder / "claims", sharing_by_claims(), stop), Stop);
    BOOST_TEST(ntk::StoredFeatures(folder / "claims").finished() > 0u);
  };
  BOOST_TEST(same_bits(all_of(compute(folder / "claims", sharing_by_claims(), meanwhile)), expected));
  BOOST_TEST(std::is_sorted(fractions.begin(), fractions.end()));
  BOOST_TEST(std::abs(fractions.back() - 1) < 1e-9);
  BOOST_TEST(std::distance(fs::directory_iterator(folder / "claims"), {}) == 8);
  // What a dead process had is taken over, and what it left is removed.
  compute(folder / "dead", shard(0, 2));
  ntk::Claimant dead = ntk::this_process();
  dead.process = dead_process();
  put(folder / "dead" / "claim-00000-00004", dead.text());
  put(folder / "dead" / "features-5-00000000.npy.part-abcdefghijkl", "half");
  BOOST_TEST(same_bits(all_of(compute(folder / "dead", sharing_by_claims())), expected));
  BOOST_TEST(std::distance(fs::directory_iterator(folder / "dead"), {}) == 8);
  BOOST_TEST(has(message_of<option_error>([&] { compute(folder / "no", shard(3, 3)); }), "there is no part 3 of 3"));
  BOOST_TEST(!fs::exists(folder / "no"));
}

BOOST_AUTO_TEST_CASE(kernels_of_features) {
  Random random("shared feature kernel");
  const Array<float> phi = cast<float>(random_array(random, {50, 300})),
                     other = cast<float>(random_array(random, {21, 300}));
  const TemporaryFolder folder;
  for (const bool symmetric : {true, false}) {
    const std::size_t tiles = symmetric ? 28 : 21;
    const auto compute = [&](const fs::path& store, const ntk::Sharing& sharing, std::size_t memory,
                             std::function<void(const ntk::Progress&)> progress = {}) {
      const ntk::FeatureKernelOptions options{
          .store = store, .memory = memory, .tile = 8, .sharing = sharing, .progress = std::move(progress)};
      return symmetric ? ntk::stored_feature_kernel(phi, options) : ntk::stored_feature_kernel(other, phi, options);
    };
    // Memory for all rows, and for two tiles of rows.
    const std::size_t much = 100 << 20, little = 3 * 50 * 300 * 4 + 3 * 8 * 300 * 4 + 3 * 8 * 64;
    const std::string kind = symmetric ? "symmetric " : "not ";
    const Array<double> expected = compute(folder / (kind + "one"), {}, much).matrix();
    for (const std::size_t count : {1, 2, 3}) {
      const fs::path store = folder / (kind + std::to_string(count));
      for (std::size_t i = 0; i < count; ++i)
        BOOST_TEST(compute(store, shard(count - 1 - i, count), i % 2 ? much : little).complete() == (i + 1 == count));
      BOOST_TEST(same_bits(ntk::StoredKernel(store).matrix(), expected));
    }
    bool begun = false;
    std::vector<double> fractions;
    const fs::path store = folder / (kind + "claims");
    const auto meanwhile = [&](const ntk::Progress& p) {
      fractions.push_back(p.fraction);
      if (std::exchange(begun, true)) return;
      BOOST_CHECK_THROW(compute(store, sharing_by_claims(), little, stop_after(6)), Stop);
      BOOST_TEST(ntk::StoredKernel(store).finished() > 0u);
    };
    BOOST_TEST(same_bits(compute(store, sharing_by_claims(), much, meanwhile).matrix(), expected));
    BOOST_TEST(std::is_sorted(fractions.begin(), fractions.end()));
    BOOST_TEST(std::abs(fractions.back() - 1) < 1e-9);
    BOOST_TEST(static_cast<std::size_t>(std::distance(fs::directory_iterator(store), {})) == tiles + 2);
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_shared_is_refused) {
  const Case c;
  const TemporaryFolder folder;
  const auto refused = [&](ntk::Options options) {
    return message_of<option_error>([&] { ntk::kernel(c.net, c.params, c.x, c.readout, options); });
  };
  BOOST_TEST(has(refused({.sharing = sharing_by_claims()}), "[ntk] options.sharing"));
  BOOST_TEST(has(refused(c.options(folder / "k", shard(3, 3))), "there is no part 3 of 3, counted from 0"));
  BOOST_TEST(has(refused(c.options(folder / "k", shard(0, 0))), "there is no part 0 of 0"));
  BOOST_TEST(has(refused(c.options(folder / "k", sharing_by_claims(0))), "options.sharing.patience"));
  BOOST_TEST(!fs::exists(folder / "k"));
  c.stored(c.options(folder / "k", shard(0, 2)));
  ntk::Options others = c.options(folder / "k", sharing_by_claims());
  others.tile = 5;
  BOOST_TEST(has(refused(others), ": tile (4 then, 5 now)"));
  // Those who share keep out those who do not, and the other way round.
  for (const bool first_shares : {true, false}) {
    const TemporaryFolder store;
    std::string second;
    ntk::Options options = c.options(store.path(), first_shares ? sharing_by_claims() : ntk::Sharing{});
    options.progress = [&](const ntk::Progress&) {
      if (second.empty())
        second = message_of<data_error>(
            [&] { c.stored(c.options(store.path(), first_shares ? ntk::Sharing{} : sharing_by_claims())); });
    };
    c.stored(options);
    BOOST_TEST(has(second, first_shares ? "another process is computing in this store. Wait"
                                        : "is computing in this store and does not share it"),
               second);
  }
}

BOOST_AUTO_TEST_CASE(a_folder_that_disappears_is_named) {
  const Case c;
  for (const Mode mode : {Mode::claims, Mode::shard}) {
    const TemporaryFolder folder;
    ntk::Options options = c.options(folder / "k", {.mode = mode});
    bool away = false;
    options.progress = [&](const ntk::Progress&) {
      if (!std::exchange(away, true)) fs::rename(folder / "k", folder / "away");
    };
    expect_error<data_error>([&] { c.stored(options); }, {(folder / "k").string()});
    fs::rename(folder / "away", folder / "k");  // and when it is back, work goes on
    options.progress = {};
    BOOST_TEST(same_bits(c.stored(options).matrix(), c.kernel()));
  }
}

BOOST_AUTO_TEST_CASE(plans_say_so) {
  const Case c;
  const auto text = [&](const ntk::Sharing& sharing) {
    std::ostringstream out;
    out << ntk::plan(c.net, c.params, c.x, c.readout, c.options("store", sharing), ntk::Residence::stored);
    return out.str();
  };
  BOOST_TEST(!has(text({}), "shared"));
  BOOST_TEST(has(text(sharing_by_claims()), "\nshared   with all processes that claim tiles in the same folder\n"));
  BOOST_TEST(has(text(sharing_by_claims()), "of a budget of 2.00 GiB"));  // on every machine
  BOOST_TEST(has(text(shard(1, 4)), "\nshared   this process computes part 2 of 4\n"));
}

BOOST_AUTO_TEST_SUITE_END()
