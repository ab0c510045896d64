// Kernels in folders: what is written, how a run goes on, and what is refused.
#include "ntk/store.hpp"

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "nn/data/npy.hpp"
#include "ntk/algebra/conjugate_gradients.hpp"
#include "ntk/compare.hpp"
#include "ntk/kernel.hpp"
#include "ntk/spectrum.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/networks.hpp"
#include "tests/ntk/running.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace fs = std::filesystem;

namespace {

struct Case {
  nn::Sequential net = nn::sequential(nn::Linear(6, 40), nn::Relu(), nn::Linear(40, 3));
  nn::Parameters<float> params = net.init<float>(2);
  Random random{"store"};
  Array<double> wide = random_array(random, {23, 6});
  Array<float> x = cast<float>(wide), other = cast<float>(random_array(random, {9, 6}));
};

std::size_t tiles_in(const fs::path& folder) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder))
    count += entry.path().filename().string().starts_with("tile-");
  return count;
}

ntk::Options stopping(const fs::path& store, std::size_t calls) {
  return {.tile = 4, .progress = stop_after(calls), .store = store};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(store)

BOOST_AUTO_TEST_CASE(holds_the_kernel) {
  const Case c;
  for (const ntk::Readout& readout : {ntk::readout::full(), ntk::readout::pseudo(), ntk::readout::trace()}) {
    const TemporaryFolder folder;
    const auto expected = ntk::kernel(c.net, c.params, c.x, readout, {.tile = 4});
    const auto stored = ntk::stored_kernel(c.net, c.params, c.x, readout, {.tile = 4, .store = folder.path() / "k"});
    BOOST_TEST(stored.complete());
    BOOST_TEST(stored.tiles() == 21u);
    BOOST_TEST(tiles_in(folder.path() / "k") == 21u);
    BOOST_TEST(same_bits(stored.matrix(), expected));
    const std::size_t n = expected.shape()[0];
    for (const auto& [first, last] : {std::pair<std::size_t, std::size_t>{0, n}, {0, 1}, {n - 1, n}, {5, 14}, {7, 7}})
      BOOST_TEST(same_bits(stored.rows(first, last), expected.rows(first, last)));
    stored.write_npy(folder.path() / "k.npy");
    BOOST_TEST(same_bits(nn::read_npy<double>(folder.path() / "k.npy"), expected));
    // A kernel computed in memory with a store is the same, and the store can be opened again.
    BOOST_TEST(
        same_bits(ntk::kernel(c.net, c.params, c.x, readout, {.tile = 4, .store = folder.path() / "k"}), expected));
    BOOST_TEST(same_bits(ntk::StoredKernel(folder.path() / "k").matrix(), expected));
  }
}

BOOST_AUTO_TEST_CASE(holds_rectangular_kernels_of_all_strategies) {
  const Case c;
  for (ntk::Strategy strategy : {ntk::Strategy::structured, ntk::Strategy::jacobian, ntk::Strategy::vector_products}) {
    const TemporaryFolder folder;
    const ntk::Options options{.strategy = strategy, .tile = 5, .store = folder.path()};
    const auto stored = ntk::stored_kernel(c.net, c.params, c.other, c.x, ntk::readout::full(), options);
    const auto expected = ntk::entk(c.net, c.params, c.other, c.x, {.strategy = strategy, .tile = 5});
    BOOST_TEST(same_bits(stored.matrix(), expected));
    BOOST_TEST(same_bits(stored.rows(4, 20), expected.rows(4, 20)));
    BOOST_CHECK_THROW(stored.map(), shape_error);
  }
}

BOOST_AUTO_TEST_CASE(is_a_map) {
  const Case c;
  const TemporaryFolder folder;
  const auto k = ntk::entk(c.net, c.params, c.x);
  const auto stored =
      ntk::stored_kernel(c.net, c.params, c.x, ntk::readout::full(), {.tile = 4, .store = folder.path()});
  const auto packed = ntk::packed_kernel(c.net, c.params, c.x, ntk::readout::full(), {.tile = 4});
  Random random("map");
  const Array<double> u = random_array(random, {69, 3});
  const Array<double> expected = ntk::linear_map(k)(u);
  BOOST_TEST(ntk::relative_difference(stored.map()(u), expected) < 1e-6);
  BOOST_TEST(ntk::relative_difference(packed.map()(u), expected) < 1e-6);
  BOOST_TEST(ntk::relative_difference(packed.map()(u), stored.map()(u)) < 1e-14);
  const double largest = ntk::eigenvalues(stored.matrix()).back();
  BOOST_TEST(std::abs(ntk::largest_eigenvalues(stored.map()).values[0] / largest - 1) < 1e-9);
}

BOOST_AUTO_TEST_CASE(packed_kernels) {
  const Case c;
  for (std::size_t tile : {1, 4, 7, 0}) {
    const auto dense = ntk::entk(c.net, c.params, c.x, {.tile = tile});
    const auto packed = ntk::packed_kernel(c.net, c.params, c.x, ntk::readout::full(), {.tile = tile});
    BOOST_TEST(packed.values().size() == 69u * 70 / 2);
    BOOST_TEST(same_bits(packed.dense(), dense));
    for (std::size_t i : {0, 1, 30, 68})
      for (std::size_t j : {0, 2, 31, 68}) BOOST_TEST(packed(i, j) == dense[i * 69 + j]);
    BOOST_CHECK_THROW(packed(69, 0), shape_error);
  }
  BOOST_CHECK_THROW(ntk::PackedKernel(3, Array<double>::ones({5})), shape_error);
  BOOST_CHECK_THROW(ntk::packed_kernel(c.net, c.params, c.x, ntk::readout::full(), {.store = "k"}), option_error);
}

BOOST_AUTO_TEST_CASE(cancelled_runs_go_on_to_the_same_bits) {
  const Case c;
  for (ntk::Strategy strategy : {ntk::Strategy::structured, ntk::Strategy::jacobian, ntk::Strategy::vector_products}) {
    const TemporaryFolder whole;
    ntk::Options plain{.strategy = strategy, .tile = 4, .store = whole.path()};
    const auto expected = ntk::stored_kernel(c.net, c.params, c.x, ntk::readout::full(), plain).matrix();
    for (std::size_t calls : {0, 1, 5, 8}) {
      const TemporaryFolder folder;
      std::size_t before = 0, runs = 0;
      while (true) {
        ntk::Options options = stopping(folder.path(), calls + runs);
        options.strategy = strategy;
        ++runs;
        try {
          ntk::stored_kernel(c.net, c.params, c.x, ntk::readout::full(), options);
          break;
        } catch (const Stop&) {
          const ntk::StoredKernel begun(folder.path());
          BOOST_TEST(begun.finished() >= before);
          BOOST_TEST(begun.finished() < begun.tiles());
          before = begun.finished();
          BOOST_CHECK_THROW(begun.matrix(), data_error);
        }
        BOOST_REQUIRE(runs < 1000u);
      }
      BOOST_TEST(runs > 1u);
      BOOST_TEST(same_bits(ntk::StoredKernel(folder.path()).matrix(), expected));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_store_is_cut_as_it_was_begun) {
  const Case c;
  const TemporaryFolder folder;
  ntk::Options options = stopping(folder.path(), 1);
  options.tile = 0;
  BOOST_CHECK_THROW(ntk::stored_kernel(c.net, c.params, c.x, ntk::readout::pseudo(), options), Stop);
  const ntk::Partition begun = ntk::StoredKernel(folder.path()).partition();
  options.progress = {};
  const ntk::Plan plan = ntk::plan(c.net, c.params, c.x, ntk::readout::pseudo(), options, ntk::Residence::stored);
  BOOST_TEST((plan.partition == begun));
  const auto k = ntk::stored_kernel(c.net, c.params, c.x, ntk::readout::pseudo(), options);
  BOOST_TEST(ntk::relative_difference(k.matrix(), ntk::pntk(c.net, c.params, c.x)) < 1e-6);
}

BOOST_AUTO_TEST_CASE(corrupt_tiles_are_found_and_computed_again) {
  const Case c;
  const TemporaryFolder folder;
  const ntk::Options options{.tile = 4, .store = folder.path()};
  const auto expected = ntk::stored_kernel(c.net, c.params, c.x, ntk::readout::full(), options).matrix();
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder.path()))
    if (entry.path().filename().string().starts_with("tile-")) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  fs::resize_file(files[0], 100);  // truncated
  fs::remove(files[1]);            // lost
  {
    std::fstream file(files[2], std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(500);
    file.put('\x55');  // a bit that flipped
  }
  std::ofstream(folder.path() / "tile-00000-00001-00.npy.part-1") << "half";
  BOOST_TEST(has(message_of([&] { ntk::StoredKernel(folder.path()).matrix(); }), "20 of 21 tiles"));
  const auto stored = ntk::stored_kernel(c.net, c.params, c.x, ntk::readout::full(), options);
  BOOST_TEST(same_bits(stored.matrix(), expected));
  BOOST_TEST(tiles_in(folder.path()) == 21u);
  fs::resize_file(files[4], 100);
  BOOST_TEST(has(message_of([&] { ntk::StoredKernel(folder.path()).matrix(); }), files[4].filename().string()));
  {
    std::fstream file(files[2], std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(500);
    file.put('\x56');
  }
  BOOST_TEST(has(message_of([&] { ntk::StoredKernel(folder.path()).rows(0, 12); }), "checksum"));
}

// What cannot be read may be whole: the share is away for a moment, or the process has too many files open.
BOOST_AUTO_TEST_CASE(tiles_that_cannot_be_read_stay) {
  const Case c;
  const TemporaryFolder folder;
  const ntk::Options options{.tile = 4, .store = folder.path()};
  const auto compute = [&] { return ntk::stored_kernel(c.net, c.params, c.x, ntk::readout::pseudo(), options); };
  compute();
  fs::path tile;
  for (const auto& entry : fs::directory_iterator(folder.path()))
    if (entry.path().filename().string().starts_with("tile-")) tile = entry.path();
  fs::rename(tile, folder.path() / "away");
  fs::create_symlink(tile.filename(), tile);  // to itself, which no system opens
  BOOST_TEST(has(message_of<file_error>([&] { compute(); }), tile.filename().string()));
  BOOST_TEST(fs::is_symlink(tile));
  fs::remove(tile);
  fs::rename(folder.path() / "away", tile);
  BOOST_TEST(compute().complete());
}

BOOST_AUTO_TEST_CASE(other_settings_are_refused_by_name) {
  const Case c;
  const TemporaryFolder folder;
  const ntk::Options options{.tile = 4, .store = folder.path()};
  ntk::stored_kernel(c.net, c.params, c.x, ntk::readout::pseudo(), options);
  const auto refused = [&](const nn::ModuleBase& net, const nn::Parameters<float>& params, const Array<float>& x,
                           const ntk::Readout& readout, const ntk::Options& with) {
    try {
      ntk::stored_kernel(net, params, x, readout, with);
    } catch (const option_error& e) {
      return std::string(e.what());
    }
    return std::string("no option_error");
  };
  const auto same = ntk::readout::pseudo();
  BOOST_TEST(has(refused(c.net, c.net.init<float>(3), c.x, same, options), ": parameters ("));
  const auto leaky = nn::sequential(nn::Linear(6, 40), nn::LeakyRelu(0.1), nn::Linear(40, 3));
  const auto leakier = nn::sequential(nn::Linear(6, 40), nn::LeakyRelu(0.2), nn::Linear(40, 3));
  const TemporaryFolder another;
  ntk::stored_kernel(leaky, leaky.init<float>(2), c.x, same, {.tile = 4, .store = another.path()});
  BOOST_TEST(
      has(refused(leakier, leakier.init<float>(2), c.x, same, {.tile = 4, .store = another.path()}), ": outputs ("));
  BOOST_TEST(has(refused(c.net, c.params, c.x.rows(0, 22), same, options), "x1 ("));
  BOOST_TEST(has(refused(c.net, c.params, c.x, ntk::readout::single(0), options), ": readout (pseudo"));
  const auto tanh = nn::sequential(nn::Linear(6, 40), nn::Tanh(), nn::Linear(40, 3));
  BOOST_TEST(has(refused(tanh, tanh.init<float>(2), c.x, same, options), ": network ("));
  BOOST_TEST(has(refused(c.net, c.params, c.x, same, {.tile = 5, .store = folder.path()}), ": tile (4 then, 5 now)"));
  BOOST_TEST(
      has(refused(c.net, c.params, c.x, same, {.memory = 1 << 28, .tile = 4, .store = folder.path()}), ": memory ("));
  BOOST_TEST(
      has(refused(c.net, c.params, c.x, same, {.strategy = ntk::Strategy::jacobian, .tile = 4, .store = folder.path()}),
          ": strategy (automatic then, jacobian now)"));
  BOOST_CHECK_THROW(ntk::stored_kernel(c.net, c.net.init<double>(2), c.wide, same, options), option_error);
  BOOST_CHECK_THROW(ntk::stored_kernel(c.net, c.params, c.other, c.x, same, options), option_error);
  BOOST_TEST(has(refused(c.net, c.net.init<float>(3), c.x, same, options), "Use another folder"));
  BOOST_TEST(ntk::StoredKernel(folder.path()).complete());  // nothing was touched
}

BOOST_AUTO_TEST_CASE(folders_that_cannot_serve) {
  const Case c;
  const TemporaryFolder folder;
  const auto in = [&](const fs::path& store) {
    return message_of([&] { ntk::stored_kernel(c.net, c.params, c.x, ntk::readout::pseudo(), {.store = store}); });
  };
  std::ofstream(folder.path() / "file") << "text";
  BOOST_TEST(has(in(folder.path() / "file"), "cannot be made a folder"));
  BOOST_TEST(has(in(folder.path() / "file" / "below"), "cannot be made a folder"));
  BOOST_TEST(has(in(folder.path()), "holds other files (file)"));
  BOOST_TEST(has(in("/proc/xtangent"), "cannot be made a folder"));
  BOOST_TEST(has(in(""), "options.store"));
  BOOST_TEST(has(message_of([&] { ntk::StoredKernel(folder.path() / "none"); }), "no manifest.json"));
  fs::create_directories(folder.path() / "bad");
  for (const char* text : {"", "{", "[]", "{\"format\": 3}", "{\"format\": \"xtangent kernel store, 1\"}",
                           "{\"format\": \"xtangent kernel store, 1\", \"kernel\": {\"rows\": -1}}"}) {
    std::ofstream(folder.path() / "bad" / "manifest.json") << text;
    BOOST_TEST(!has(in(folder.path() / "bad"), "no error"), text);
    BOOST_CHECK_THROW(ntk::StoredKernel(folder.path() / "bad"), data_error);
  }
}

BOOST_AUTO_TEST_CASE(one_file_in_any_order_or_row_by_row) {
  const Case c;
  for (const ntk::Readout& readout : {ntk::readout::full(), ntk::readout::pseudo(), ntk::readout::diagonal()})
    for (const bool symmetric : {true, false}) {
      const TemporaryFolder folder;
      const ntk::Options options{.tile = 4, .store = folder / "k"};
      const ntk::StoredKernel k = symmetric ? ntk::stored_kernel(c.net, c.params, c.x, readout, options)
                                            : ntk::stored_kernel(c.net, c.params, c.x, c.other, readout, options);
      k.write_npy(folder / "k.npy");
      BOOST_REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
      std::thread writer([&] { k.write_npy(folder / "fifo"); });
      std::ifstream in(folder / "fifo", std::ios::binary);
      const std::string through(std::istreambuf_iterator<char>(in), {});
      writer.join();
      std::ifstream file(folder / "k.npy", std::ios::binary);
      BOOST_TEST((through == std::string(std::istreambuf_iterator<char>(file), {})));
      const Array<double> read = nn::read_npy<double>(folder / "k.npy"), whole = k.matrix();
      BOOST_TEST((read.shape() == whole.shape()));
      BOOST_TEST(std::equal(read.data(), read.data() + read.size(), whole.data()));
    }
}

// A tile with the right entries for another place, or of another kernel, is no tile of this one.
BOOST_AUTO_TEST_CASE(tiles_that_belong_elsewhere_are_computed_again) {
  const Case c;
  const TemporaryFolder folder, other;
  const auto stored = [&](const TemporaryFolder& where, std::uint64_t seed) {
    return ntk::stored_kernel(c.net, c.net.init<float>(seed), c.x, ntk::readout::full(),
                              {.tile = 4, .store = where.path()});
  };
  const auto expected = stored(folder, 2).matrix();
  stored(other, 3);
  std::map<std::string, fs::path> here, there;  // by the place in their names
  for (const auto& [files, at] : {std::pair(&here, &folder), std::pair(&there, &other)})
    for (const auto& entry : fs::directory_iterator(at->path()))
      if (const std::string name = entry.path().filename().string(); name.starts_with("tile-"))
        (*files)[name.substr(5, 11)] = entry.path();
  const auto end_of = [](const fs::path& tile) { return tile.filename().string().substr(16); };
  // Two tiles of the same shape that have changed places, a tile of another store, and one that stands where its mirror
  // image belongs.
  const fs::path a = here["00000-00001"], b = here["00000-00002"];
  fs::rename(a, folder / "x");
  fs::rename(b, folder.path() / ("tile-00000-00001" + end_of(b)));
  fs::rename(folder / "x", folder.path() / ("tile-00000-00002" + end_of(a)));
  fs::remove(here["00001-00001"]);
  fs::copy(there["00001-00001"], folder / there["00001-00001"].filename().string());
  fs::rename(here["00002-00003"], folder.path() / ("tile-00003-00002" + end_of(here["00002-00003"])));
  BOOST_TEST(ntk::StoredKernel(folder.path()).finished() == 20u);
  BOOST_TEST(same_bits(stored(folder, 2).matrix(), expected));
}

BOOST_AUTO_TEST_CASE(a_folder_in_place_of_a_tile) {
  const Case c;
  const TemporaryFolder folder;
  const ntk::Options options{.tile = 4, .store = folder.path()};
  const auto compute = [&] { return ntk::stored_kernel(c.net, c.params, c.x, ntk::readout::full(), options).matrix(); };
  const auto expected = compute();
  fs::path tile;
  for (const auto& entry : fs::directory_iterator(folder.path()))
    if (entry.path().filename().string().starts_with("tile-")) tile = entry.path();
  for (const fs::path& place : {tile, folder.path() / "tile-of-a-killed-run"}) {
    fs::remove(place);
    fs::create_directories(place / "below");
    expect_error<data_error>(compute, {"[ntk store]", place.filename().string(), "is a folder", "Remove it"});
    fs::remove_all(place);
    BOOST_TEST(same_bits(compute(), expected));
  }
}

BOOST_AUTO_TEST_CASE(what_a_process_left_that_was_killed_while_it_tried_the_folder) {
  const Case c;
  const TemporaryFolder folder;
  std::ofstream(folder.path() / ".writable-1") << "";
  std::ofstream(folder.path() / "manifest.json.part-abcdefghijkl") << "{";
  const ntk::Options options{.tile = 4, .store = folder.path()};
  BOOST_TEST(ntk::stored_kernel(c.net, c.params, c.x, ntk::readout::pseudo(), options).complete());
  BOOST_TEST(!fs::exists(folder.path() / ".writable-1"));
  BOOST_TEST(folder.files() == 23u);  // 21 tiles, the manifest and the lock
}

// By its settings, even where its partition would not fit into the memory.
BOOST_AUTO_TEST_CASE(a_store_of_another_network_is_refused_before_memory_is_planned) {
  const Case c;
  const TemporaryFolder folder;
  ntk::Options options{.store = folder.path()};
  const auto small = nn::sequential(nn::Linear(6, 2), nn::Linear(2, 3));
  ntk::stored_kernel(small, small.init<float>(1), c.x, ntk::readout::full(), options);
  const auto large = nn::sequential(nn::Linear(6, 20000), nn::Tanh(), nn::Linear(20000, 3));
  const auto params = large.init<float>(1);
  options.memory = 1 << 20;
  const auto readout = ntk::readout::full();
  for (const auto& what : std::vector<std::function<void()>>{
           [&] { ntk::stored_kernel(large, params, c.x, readout, options); },
           [&] { ntk::kernel(large, params, c.x, readout, options); },
           [&] { ntk::plan(large, params, c.x, readout, options, ntk::Residence::stored); },
           [&] { ntk::plan(large, params, c.x, 23, 23, readout, options, ntk::Residence::stored); }})
    expect_error<option_error>(what, {"was begun with other settings", "network (", "parameters ("});
  // The same network and settings, but a plan for other numbers of examples.
  const auto same = small.init<float>(1);
  expect_error<option_error>([&] { ntk::plan(small, same, c.x, 5, 23, readout, {.store = folder.path()}); },
                             {"another kernel: 23 x 23 examples, symmetric then, 5 x 23 examples now"});
}

BOOST_AUTO_TEST_CASE(one_process_at_a_time) {
  const Case c;
  const TemporaryFolder folder;
  ntk::Options options{.tile = 4, .store = folder.path()};
  std::string second;
  options.progress = [&](const ntk::Progress&) {
    if (second.empty())
      second = message_of([&] {
        ntk::stored_kernel(c.net, c.params, c.x, ntk::readout::pseudo(), {.tile = 4, .store = folder.path()});
      });
  };
  ntk::stored_kernel(c.net, c.params, c.x, ntk::readout::pseudo(), options);
  BOOST_TEST(has(second, "another process is computing"), second);
}

BOOST_AUTO_TEST_SUITE_END()
