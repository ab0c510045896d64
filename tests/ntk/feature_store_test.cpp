// Features in folders: what is written, how a run goes on, and what is refused.
#include "ntk/feature_store.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "nn/data/file.hpp"
#include "nn/data/npy.hpp"
#include "nn/layers/activation.hpp"
#include "nn/layers/linear.hpp"
#include "nn/sequential.hpp"
#include "ntk/computation/feature_format.hpp"
#include "ntk/feature_matrix.hpp"
#include "ntk/kernel.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/running.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace fs = std::filesystem;
namespace format = ntk::feature_format;

namespace {

struct Stored {
  nn::Sequential net = nn::sequential(nn::Linear(6, 40), nn::Relu(), nn::Linear(40, 3));
  nn::Parameters<float> params = net.init<float>(2);
  Random random{"feature store"};
  Array<float> x = cast<float>(random_array(random, {23, 6}));
  ntk::Readout readout = ntk::readout::full();
  TemporaryFolder folder;

  ntk::FeatureOptions options(std::size_t anchors = 0) const {
    return {.k = 70, .seed = 4, .anchors = anchors, .store = folder.path() / "phi", .part = 5};
  }
  ntk::StoredFeatures compute(const ntk::FeatureOptions& o) const {
    return ntk::stored_features(net, params, x, readout, o);
  }
  std::vector<fs::path> parts() const {
    std::set<fs::path> sorted;
    for (const auto& entry : fs::directory_iterator(folder.path() / "phi"))
      if (entry.path().extension() == ".npy") sorted.insert(entry.path());
    return {sorted.begin(), sorted.end()};
  }
};

Array<double> all_of(const ntk::StoredFeatures& stored) { return stored.block(0, stored.rows()); }

void damage(const fs::path& file) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(-3, std::ios::end);
  stream.put('\x55');
}

}  // namespace

BOOST_AUTO_TEST_SUITE(feature_store)

BOOST_AUTO_TEST_CASE(holds_the_features) {
  for (const std::size_t anchors : {0, 4}) {
    const Stored c;
    ntk::FeatureOptions memory = c.options(anchors);
    memory.store.clear();
    const Array<float> expected = ntk::features(c.net, c.params, c.x, c.readout, memory);
    const ntk::StoredFeatures stored = c.compute(c.options(anchors));
    BOOST_TEST(stored.complete());
    BOOST_TEST(stored.parts() == 5u);
    BOOST_TEST(stored.rows() == 69u);
    BOOST_TEST(stored.columns() == 70 + 3 * anchors);
    BOOST_TEST(!stored.in_double());
    BOOST_TEST(stored.places().size() == 4u);
    BOOST_TEST(same_bits(all_of(stored), to_double(expected)));
    BOOST_TEST(same_bits(stored.block(14, 31), to_double(expected.rows(14, 31))));
    // Each part is a plain file, and so is what write_npy makes.
    BOOST_TEST(same_bits(nn::read_npy<float>(c.parts().at(1)), expected.rows(15, 30)));
    stored.write_npy(c.folder / "all.npy");
    BOOST_TEST(same_bits(nn::read_npy<float>(c.folder / "all.npy"), expected));
    BOOST_TEST(same_bits(all_of(ntk::StoredFeatures(stored.folder())), to_double(expected)));
  }
}

BOOST_AUTO_TEST_CASE(the_memory_is_that_of_the_call) {
  const Stored c;
  auto basis = ntk::feature_basis(c.net, c.params, c.x, c.readout, c.options(4));
  const Array<float> expected = ntk::features(c.net, c.params, c.x, c.readout, basis);
  basis.options.memory = 1;
  const ntk::FeatureOptions here{.store = c.folder / "here", .part = 5};
  const ntk::StoredFeatures stored = ntk::stored_features(c.net, c.params, c.x, c.readout, basis, here);
  BOOST_TEST(same_bits(all_of(stored), to_double(expected)));
}

BOOST_AUTO_TEST_CASE(goes_on_after_an_interruption_with_the_same_bits) {
  const Stored whole;
  const Array<double> expected = all_of(whole.compute(whole.options(4)));
  for (std::size_t calls = 0; calls < 5; ++calls) {
    const Stored c;
    ntk::FeatureOptions o = c.options(4);
    o.progress = stop_after(1 + calls);  // the first call comes before the first part
    BOOST_CHECK_THROW(c.compute(o), Stop);
    const ntk::StoredFeatures begun(o.store);
    BOOST_TEST(begun.finished() == calls);
    BOOST_TEST(has(message_of<data_error>([&] { ntk::feature_kernel(begun); }), " of 5 parts are finished"));
    std::ofstream(o.store / "features-00001-0000.npy.tmp") << "left by a killed run";
    BOOST_TEST(same_bits(all_of(c.compute(c.options(4))), expected));
    BOOST_TEST(!fs::exists(o.store / "features-00001-0000.npy.tmp"));
  }
  fs::create_directories(whole.options().store / "features-00001-0000.npy.tmp" / "mine");
  BOOST_TEST(has(message_of<data_error>([&] { whole.compute(whole.options(4)); }),
                 "is a folder that cannot be removed. Remove it, and compute the features again with this folder."));
}

BOOST_AUTO_TEST_CASE(damaged_files_are_named_and_computed_again) {
  const Stored c;
  const Array<double> expected = all_of(c.compute(c.options()));
  const fs::path file = c.parts().at(2);
  damage(file);
  const ntk::StoredFeatures stored(c.options().store);
  BOOST_TEST(has(message_of<data_error>([&] { all_of(stored); }), file.filename().string()));
  BOOST_TEST(has(message_of<data_error>([&] { all_of(stored); }), "is corrupt"));
  BOOST_TEST(same_bits(all_of(c.compute(c.options())), expected));
  // A part under the number of another one is no part.
  const auto name = format::parsed(c.parts().at(3).filename().string());
  fs::rename(c.parts().at(3), c.options().store / format::part_name(1, name->sum));
  BOOST_CHECK_THROW(all_of(ntk::StoredFeatures(c.options().store)), data_error);
  BOOST_TEST(same_bits(all_of(c.compute(c.options())), expected));
  fs::remove(c.parts().at(0));
  BOOST_TEST(has(message_of<data_error>([&] { all_of(ntk::StoredFeatures(c.options().store)); }), "part 0 is missing"));
}

BOOST_AUTO_TEST_CASE(a_manifest_is_read_only_as_it_was_written) {
  const Stored c;
  c.compute(c.options());
  const auto bytes = nn::read_raw_file(c.options().store / "manifest.json");
  const std::string text(bytes.begin(), bytes.end());
  BOOST_TEST(format::text_of(format::parsed_manifest(text, "manifest.json")) == text);
  Random random("manifest");
  for (std::size_t i = 0; i < 500; ++i) {
    std::string other = text;
    other[random.below(other.size())] ^= static_cast<char>(1 + random.below(127));
    if (other == text) continue;
    BOOST_CHECK_THROW(format::parsed_manifest(other, "manifest.json"), data_error);
  }
  for (std::size_t i = 0; i < text.size(); i += 7)
    BOOST_CHECK_THROW(format::parsed_manifest(text.substr(0, i), "manifest.json"), data_error);
  // Numbers that cannot be, with a checksum that fits.
  const format::Manifest usual{69, 70, 15, false, {{"0.weight", 240, 0, 70, false}}, {}};
  const auto refused = [](format::Manifest m) {
    return message_of<data_error>([&] { format::parsed_manifest(format::text_of(m), "manifest.json"); });
  };
  format::Manifest none = usual, part = usual, place = usual, huge = usual;
  none.rows = 0;
  part.part = 70;
  place.places[0].first = 1;
  huge.rows = huge.columns = std::size_t{1} << 40;
  huge.part = 1;
  BOOST_TEST(has(refused(none), "no features"));
  BOOST_TEST(has(refused(part), "files of that size"));
  BOOST_TEST(has(refused(place), "no place in a row"));
  BOOST_TEST(has(refused(huge), "too large"));
}

BOOST_AUTO_TEST_CASE(other_settings_and_folders_are_refused) {
  const Stored c;
  c.compute(c.options());
  const auto refused = [&](const ntk::FeatureOptions& o) { return message_of<option_error>([&] { c.compute(o); }); };
  ntk::FeatureOptions o = c.options();
  o.seed = 5;
  BOOST_TEST(has(refused(o), "seed (4 then, 5 now)"));
  o = c.options();
  o.part = 6;
  BOOST_TEST(has(refused(o), "other parts"));
  o = c.options(3);
  BOOST_TEST(has(refused(o), "anchors"));
  o.store.clear();
  BOOST_TEST(has(refused(o), "Name a folder"));
  BOOST_TEST(has(
      message_of<option_error>([&] { ntk::stored_features(c.net, c.net.init<float>(3), c.x, c.readout, c.options()); }),
      "parameters"));
  // A folder of other things, one that another process holds, and one of a kernel.
  o = c.options();
  o.store = c.folder / "other";
  fs::create_directory(o.store);
  std::ofstream(o.store / "notes.txt") << "mine";
  BOOST_TEST(has(message_of<data_error>([&] { c.compute(o); }), "notes.txt"));
  o.store = c.folder / "kernel";
  ntk::stored_kernel(c.net, c.params, c.x, c.readout, {.store = o.store});
  BOOST_TEST(has(message_of<data_error>([&] { c.compute(o); }), "not of features"));
  BOOST_TEST(has(message_of<data_error>([&] { ntk::StoredKernel(c.options().store); }), "another version"));
  o = c.options();
  o.progress = [&](const ntk::Progress&) {
    BOOST_TEST(has(message_of<data_error>([&] { c.compute(c.options()); }), "another process"));
  };
  o.store = c.options().store;
  fs::remove(c.parts().at(0));
  c.compute(o);
  BOOST_TEST(has(message_of<data_error>([&] { ntk::StoredFeatures(c.folder / "nowhere"); }), "no features"));
}

BOOST_AUTO_TEST_SUITE_END()
