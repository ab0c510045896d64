// Damaged checkpoints are refused as damage.
#include <boost/test/unit_test.hpp>
#include <map>

#include "nn/data/file.hpp"
#include "nn/safetensors.hpp"
#include "nn/training/checkpoint.hpp"
#include "nn/training/checkpoint_format.hpp"
#include "tests/nn/checkpoints.hpp"
#include "tests/nn/files.hpp"
#include "tests/nn/mutations.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

std::string bytes_of(const std::filesystem::path& file) {
  const std::vector<std::uint8_t> bytes = nn::read_raw_file(file);
  return {bytes.begin(), bytes.end()};
}

// Writes the checkpoint with another description of the training, and other arrays, under the right checksum.
void edit(const std::filesystem::path& file, const std::string& text,
          const std::map<std::string, Array<float>>& others = {}) {
  const nn::TensorFile before = nn::read_safetensors(file);
  std::vector<nn::NamedArray<float>> arrays;
  for (const auto& entry : before.entries())
    arrays.push_back({entry.name, others.contains(entry.name) ? others.at(entry.name) : before.get<float>(entry.name)});
  std::map<std::string, std::string> metadata = {{nn::checkpoint_format::state_key, text}};
  nn::write_safetensors(file, arrays, {.metadata = metadata});
  metadata[nn::checkpoint_format::sum_key] = nn::checkpoint_format::checksum(text, nn::read_safetensors(file));
  nn::write_safetensors(file, arrays, {.metadata = metadata});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(checkpoint_damage)

BOOST_AUTO_TEST_CASE(damaged_files_are_refused) {
  const TemporaryFolder folder;
  const nn::FitOptions<float> good = with_checkpoint(folder / "c");
  nn::FitOptions<float> options = good;
  options.checkpoint.resume = true;
  const nn::Fit<float> whole = train(options);
  with_checkpoint(folder / "c");
  const std::string file = bytes_of(folder / "c");
  BOOST_REQUIRE(file.size() > 8000);

  nn::save_parameters(network().init<float>(1), folder / "c");
  refused<data_error>(good, {"[resume]", "no checkpoint of a training"});
  testing::put(folder / "c", "");
  refused<data_error>(good, {"not a safetensors file"});
  testing::put(folder / "c", file.substr(0, file.size() - 1));
  refused<data_error>(good, {folder.path().string()});
  std::string flipped = file;
  flipped[file.size() - 100] = static_cast<char>(flipped[file.size() - 100] ^ 1);
  testing::put(folder / "c", flipped);
  refused<data_error>(good, {"[resume]", "corrupt", "checksum"});

  // Either the damage is noticed, as damage and not as other settings or another network, or the training goes on as if
  // there were none.
  const auto accepts = [&](const std::string& mutant) {
    testing::put(folder / "c", mutant);
    try {
      nn::FitOptions<float> again = good;
      again.checkpoint.resume = true;
      const nn::Fit<float> fit = train(again);
      BOOST_TEST(testing::same_bits(fit.params.flat(), whole.params.flat()));
      return true;
    } catch (const data_error&) {
      return false;
    }
  };
  BOOST_TEST(testing::mutate(file, testing::byte_mutations(), 300, accepts) < 10);
  // The header alone, where all names, shapes, counters and settings are.
  const std::size_t header = file.find("optimizer/first");
  BOOST_REQUIRE(header != std::string::npos);
  const std::size_t end = file.find("}}", header) + 2;
  const int accepted =
      testing::mutate(file.substr(8, end - 8), {testing::byte_mutations()[0]}, 3000, [&](const std::string& mutant) {
        if (file.compare(8, end - 8, mutant) == 0) return false;
        return accepts(file.substr(0, 8) + mutant + file.substr(end));
      });
  BOOST_TEST(accepted == 0);
}

// A flipped digit of a setting is damage, and not another setting.
BOOST_AUTO_TEST_CASE(damaged_settings_are_no_other_settings) {
  const TemporaryFolder folder;
  const nn::FitOptions<float> good = with_checkpoint(folder / "c");
  const std::string file = bytes_of(folder / "c");
  for (const std::string setting : {"batch", "seed", "epochs", "examples", "clip_norm", "optimizer", "frozen"}) {
    std::string flipped = file;
    const std::size_t at = flipped.find(setting + "\\\":\\\"");
    BOOST_REQUIRE(at != std::string::npos);
    flipped[at + setting.size() + 5] ^= 1;
    testing::put(folder / "c", flipped);
    refused<data_error>(good, {"[resume]", "corrupt", "checksum"});
  }
}

// With the right checksum: a checkpoint that was edited by somebody who knows how.
BOOST_AUTO_TEST_CASE(states_that_no_training_has_are_refused) {
  const TemporaryFolder folder;
  const nn::FitOptions<float> good = with_checkpoint(folder / "c");
  const std::string text = nn::read_safetensors(folder / "c").metadata().at(nn::checkpoint_format::state_key);
  const auto changed = [&](const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    BOOST_REQUIRE(at != std::string::npos);
    return std::string(text).replace(at, from.size(), to);
  };
  const auto go_on = [&] {
    nn::FitOptions<float> again = good;
    again.checkpoint.resume = true;
    train(again);
  };
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"\"epoch\":3", "\"epoch\":-1"},          {"\"epoch\":3", "\"epoch\":1e30"},
      {"\"epoch\":3", "\"epoch\":0"},           {"\"epoch\":3", "\"epoch\":4"},
      {"\"steps\":14", "\"steps\":1.5"},        {"\"steps\":14", "\"steps\":-14"},
      {"\"done\":0", "\"done\":null"},          {"\"correct\":0", "\"correct\":1"},
      {"\"history\":[[1,", "\"history\":[[2,"}, {"\"history\":[[1,", "\"history\":[[-1,"}};
  for (const auto& [from, to] : rows) {
    edit(folder / "c", changed(from, to));
    refused<data_error>(good, {"[resume]", "corrupt"});
  }
  for (const std::string moments : {"optimizer/first", "optimizer/second"})
    for (const Shape& shape : {Shape{1}, Shape{}}) {
      with_checkpoint(folder / "c");
      edit(folder / "c", text, {{moments, Array<float>::zeros(shape)}});
      refused<data_error>(good, {"[resume]", "corrupt", "moments of shape " + to_string(shape)});
    }
  // A sum of losses that is not finite is null in JSON. The training says at the end of the epoch what it leads to.
  with_checkpoint(folder / "c");
  edit(folder / "c", changed("\"loss\":0.0", "\"loss\":null"));
  BOOST_CHECK_NO_THROW(go_on());
}

BOOST_AUTO_TEST_SUITE_END()
