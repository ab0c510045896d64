// Manifests of stores: damage of any kind is refused, and so is a cut that no such kernel has.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <functional>
#include <string>
#include <tuple>

#include "nn/data/file.hpp"
#include "ntk/compare.hpp"
#include "ntk/computation/store_format.hpp"
#include "ntk/kernel.hpp"
#include "tests/nn/files.hpp"
#include "tests/nn/mutations.hpp"
#include "tests/ntk/networks.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
using ntk::store_format::Manifest;
namespace fs = std::filesystem;

namespace {

// The manifest of a kernel between 23 examples in tiles of 4, six of them along an edge.
Manifest usual() {
  return {{{23, 23, 4, true}, 3, 3, 1},
          {ntk::Strategy::structured, 4, 12, 5, true, false},
          {{"network", "0f3a55b1"}, {"readout", "full 01ab"}, {"tile", "4"}, {"memory", "0"}}};
}

bool refused(const std::string& text) {
  try {
    ntk::store_format::parsed_manifest(text, "manifest.json");
    return false;
  } catch (const data_error&) {
    return true;
  }
}

// A whole number in the text, replaced by another one.
void another_number(std::string& text, Random& random) {
  const std::size_t begin = text.find_first_of("0123456789", place(text, random));
  if (begin == std::string::npos) return;
  const std::size_t end = std::min(text.find_first_not_of("0123456789", begin), text.size());
  text.replace(begin, end - begin,
               pick(random, {"0",
                             "1",
                             "4",
                             "7",
                             "8",
                             "17",
                             "23",
                             "24",
                             "65536",
                             "4294967296",
                             "9223372036854775808",
                             "18446744073709551615",
                             "18446744073709551616",
                             "-1",
                             "-17",
                             "1.5",
                             "1e300",
                             "true",
                             "null",
                             "[]",
                             "{}",
                             "\"4\""}));
}

void another_digit(std::string& text, Random& random) {
  const std::size_t at = text.find_first_of("0123456789", place(text, random));
  if (at != std::string::npos) text[at] = static_cast<char>('0' + random.below(10));
}

void another_word(std::string& text, Random& random) {
  const std::vector<std::string> words = {
      "true",    "false", "structured", "jacobian",     "vector_products", "tile",     "panel", "shard", "rows",
      "columns", "block", "planes",     "column_block", "crc32",           "settings", "\n",    " "};
  const std::string word = pick(random, words);
  const std::size_t at = text.find(word, place(text, random));
  if (at != std::string::npos) text.replace(at, word.size(), pick(random, words));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(manifest)

BOOST_AUTO_TEST_CASE(is_read_as_it_was_written) {
  const Manifest given = usual();
  const Manifest read = ntk::store_format::parsed_manifest(ntk::store_format::text_of(given), "manifest.json");
  BOOST_TEST((read.shape == given.shape));
  BOOST_TEST((read.partition == given.partition));
  BOOST_TEST((read.settings == given.settings));
}

BOOST_AUTO_TEST_CASE(every_mutant_is_refused) {
  const std::string text = ntk::store_format::text_of(usual());
  std::vector<Mutation> mutations = byte_mutations();
  mutations.insert(
      mutations.end(),
      {{"another number", another_number}, {"another digit", another_digit}, {"another word", another_word}});
  int different = 0;
  const int accepted = mutate(text, mutations, 20000, [&](const std::string& mutant) {
    if (mutant == text) return false;
    ++different;
    return !refused(mutant);
  });
  BOOST_TEST(accepted == 0);
  BOOST_TEST(different > 15000);
}

BOOST_AUTO_TEST_CASE(every_byte_counts) {
  const std::string text = ntk::store_format::text_of(usual());
  for (std::size_t at = 0; at < text.size(); ++at) {
    BOOST_TEST(refused(text.substr(0, at)));
    BOOST_TEST(refused(std::string(text).erase(at, 1)));
    BOOST_TEST(refused(std::string(text).insert(at, 1, ' ')));
    for (const char byte : {'\0', ' ', '0', '1', '9', '"', '}', '\xff'}) {
      std::string mutant = text;
      mutant[at] = byte;
      BOOST_TEST((mutant == text || refused(mutant)));
    }
  }
}

// With the right checksum: a manifest that was edited by somebody who knows how.
BOOST_AUTO_TEST_CASE(numbers_out_of_range_are_refused) {
  constexpr std::size_t huge = static_cast<std::size_t>(-1);
  const std::vector<std::tuple<std::string, std::function<void(Manifest&)>>> rows = {
      {"empty", [](auto& m) { m.shape.grid.rows = m.shape.grid.columns = 0; }},
      {"empty", [](auto& m) { m.shape.block = 0; }},
      {"empty", [](auto& m) { m.shape.planes = 0; }},
      {"too large", [](auto& m) { m.shape.grid.rows = m.shape.grid.columns = huge; }},
      {"empty", [](auto& m) { m.shape.column_block = 0; }},
      {"too large", [](auto& m) { m.shape.block = m.shape.column_block = huge; }},
      {"too large", [](auto& m) { m.shape.column_block = huge; }},
      {"too large", [](auto& m) { m.shape.block = m.shape.column_block = std::size_t{1} << 31; }},
      {"not square", [](auto& m) { m.shape.grid.rows = 22; }},
      {"not square", [](auto& m) { m.shape.column_block += 1; }},
      {"planes of blocks", [](auto& m) { m.shape.planes = 2; }},
      {"tiles", [](auto& m) { m.partition.tile = m.shape.grid.edge = 24; }},
      {"tiles", [](auto& m) { m.partition.tile = m.shape.grid.edge = huge; }},
      {"panel", [](auto& m) { m.partition.panel = 0; }},
      {"panel", [](auto& m) { m.partition.panel = 7; }},
      {"panel", [](auto& m) { m.partition.panel = 17; }},
      {"panel", [](auto& m) { m.partition.panel = 28; }},
      {"panel", [](auto& m) { m.partition.panel = huge - 3; }},
      {"shards", [](auto& m) { m.partition.shard = 0; }},
      {"shards", [](auto& m) { m.partition.shard = 24; }},
      {"not held", [](auto& m) { m.partition.rows_held = false; }},
      {"strategy", [](auto& m) { m.partition.strategy = ntk::Strategy::automatic; }},
      {"strategy", [](auto& m) { m.partition.strategy = ntk::Strategy::jacobian; }}};  // columns are not held
  for (const auto& [says, change] : rows) {
    Manifest wrong = usual();
    change(wrong);
    const std::string text = ntk::store_format::text_of(wrong);
    expect_error<data_error>([&text = text] { ntk::store_format::parsed_manifest(text, "manifest.json"); },
                             {"manifest.json", "corrupt", says});
  }
}

// What is accepted gives the right kernel: every cut of a small kernel into tiles, panels and shards.
BOOST_AUTO_TEST_CASE(every_cut_that_is_accepted_computes_the_kernel) {
  const auto net = nn::sequential(nn::Linear(3, 5), nn::Tanh(), nn::Linear(5, 2));
  const auto params = net.init<double>(1);
  Random random("manifest");
  const Array<double> x = random_array(random, {5, 3});
  const Array<double> expected = ntk::entk(net, params, x);
  int computed = 0, others = 0;
  for (const ntk::Strategy strategy :
       {ntk::Strategy::structured, ntk::Strategy::jacobian, ntk::Strategy::vector_products}) {
    const ntk::Options options{.strategy = strategy};
    const TemporaryFolder begun;
    ntk::Options cut = options;
    cut.store = begun.path();
    ntk::stored_kernel(net, params, x, ntk::readout::full(), cut);
    const Manifest given = ntk::store_format::read_manifest(begun.path());
    for (std::size_t tile = 0; tile <= 6; ++tile)
      for (std::size_t panel = 0; panel <= 10; ++panel)
        for (const std::size_t shard : {2, 5})
          for (const int held : {0, 1, 2, 3}) {
            Manifest m = given;
            m.shape.grid.edge = tile;
            m.partition = {strategy, tile, panel, shard, (held & 1) != 0, (held & 2) != 0};
            if (!ntk::store_format::fault_of(m.shape, m.partition).empty()) {
              ++others;
              continue;
            }
            const TemporaryFolder folder;
            const std::string text = ntk::store_format::text_of(m);
            nn::write_file(folder / "manifest.json", {text});
            cut.store = folder.path();
            const auto k = ntk::stored_kernel(net, params, x, ntk::readout::full(), cut);
            BOOST_TEST(ntk::relative_difference(k.matrix(), expected) < 1e-12);
            ++computed;
          }
  }
  BOOST_TEST(computed > 100);
  BOOST_TEST(others > computed);
}

BOOST_AUTO_TEST_SUITE_END()
