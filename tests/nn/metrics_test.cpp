// Metrics as JSON lines: the contents of a line, crashes, and trainings that are resumed.
#include "nn/training/metrics.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "nn/data/file.hpp"
#include "nn/models/mlp.hpp"
#include "nn/training/fit.hpp"
#include "tests/nn/files.hpp"
#include "tests/nn/training.hpp"

using namespace xtangent;
using testing::Interruption;
using testing::TemporaryFolder;
using Json = nlohmann::json;

namespace {

std::string text_of(const std::filesystem::path& file) {
  const std::vector<std::uint8_t> bytes = nn::read_raw_file(file);
  return {bytes.begin(), bytes.end()};
}

// Parses every line; the last one must be whole.
std::vector<Json> lines_of(const std::filesystem::path& file) {
  std::vector<Json> out;
  const std::string text = text_of(file);
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    out.push_back(Json::parse(text.substr(begin, end - begin)));
  BOOST_TEST(begin == text.size());
  return out;
}

// The training of all these tests: 40 points, 4 updates in an epoch.
nn::Fit<double> train(const nn::FitOptions<double>& options) {
  const testing::Points data = testing::parity(40);
  const auto net = nn::mlp({2, 8, 2});
  return nn::fit(net, net.init<double>(1), data.x, data.labels, options);
}

nn::FitOptions<double> options_in(const TemporaryFolder& folder) {
  return {.epochs = 3,
          .batch = 10,
          .schedule = nn::schedule::linear(),
          .metrics = {.file = folder / "metrics.jsonl", .steps = 2}};
}

// The text without the times.
std::vector<Json> timeless(std::vector<Json> lines) {
  for (Json& line : lines) line.erase("seconds");
  return lines;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(metrics)

BOOST_AUTO_TEST_CASE(a_line_an_epoch_and_every_few_updates) {
  const TemporaryFolder folder;
  nn::FitOptions<double> options = options_in(folder);
  options.clip_norm = 0.5;
  const auto fit = train(options);
  const std::vector<Json> lines = lines_of(folder / "metrics.jsonl");
  BOOST_REQUIRE_EQUAL(lines.size(), 9u);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Json& line = lines[i];
    const std::size_t epoch = i / 3 + 1;
    BOOST_TEST(line["epoch"] == epoch);
    BOOST_TEST(line["loss"].is_number());
    if (i % 3 < 2) {
      const std::size_t step = 4 * (epoch - 1) + 2 * (i % 3 + 1);
      BOOST_TEST((line["kind"] == "step" && line["step"] == step));
      BOOST_TEST(line["rate"].get<double>() == 1e-3 * (1.0 - static_cast<double>(step - 1) / 12.0),
                 boost::test_tools::tolerance(1e-12));
      BOOST_TEST(line["gradient_norm"].get<double>() > 0.0);
      BOOST_TEST(line["accuracy"].get<double>() <= 1.0);
    } else {
      BOOST_TEST((line["kind"] == "epoch" && line["step"] == 4 * epoch));
      BOOST_TEST(line["loss"].get<double>() == fit.history[epoch - 1].loss);
      BOOST_TEST(line["accuracy"].get<double>() == fit.history[epoch - 1].accuracy);
      BOOST_TEST(line["test_loss"].is_null());
      BOOST_TEST(line["seconds"].get<double>() > 0.0);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_new_training_begins_a_new_file) {
  const TemporaryFolder folder;
  testing::put(folder / "metrics.jsonl", "{\"kind\":\"step\",\"epoch\":1,\"step\":1}\nrubbish");
  nn::FitOptions<double> options = options_in(folder);
  options.metrics.steps = 0;
  train(options);
  BOOST_TEST(lines_of(folder / "metrics.jsonl").size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_resumed_training_goes_on_behind_its_checkpoint) {
  const TemporaryFolder folder;
  nn::FitOptions<double> options = options_in(folder);
  train(options);
  const std::vector<Json> whole = timeless(lines_of(folder / "metrics.jsonl"));
  options.checkpoint = {.file = folder / "c", .resume = true, .steps = 3};
  for (const std::size_t step : {1, 2, 4, 6, 7, 8, 11}) {
    std::filesystem::remove(folder / "c");
    nn::FitOptions<double> cut = options;
    cut.schedule = [step, inner = options.schedule](double done) {
      if (std::abs(done * 12.0 - static_cast<double>(step)) < 1e-9) throw Interruption();
      return inner(done);
    };
    BOOST_CHECK_THROW(train(cut), Interruption);
    const std::vector<Json> before = lines_of(folder / "metrics.jsonl");
    BOOST_TEST(before.size() < whole.size());
    // The file as a crash of the machine could leave it.
    testing::put(folder / "metrics.jsonl", text_of(folder / "metrics.jsonl") + "{\"kind\":\"step\",\"ep");
    train(options);
    BOOST_TEST((timeless(lines_of(folder / "metrics.jsonl")) == whole), "cut at " << step);
  }
}

BOOST_AUTO_TEST_CASE(lines_of_another_kind_are_removed) {
  const TemporaryFolder folder;
  testing::put(folder / "m",
               "{\"kind\":\"step\",\"epoch\":1,\"step\":3}\n[]\n\n{\"kind\":\"step\",\"epoch\":1,\"step\":-3}\n"
               "{\"kind\":\"step\",\"epoch\":1,\"step\":5}\n{\"kind\":\"epoch\",\"epoch\":1,\"step\":5}\n"
               "{\"kind\":\"epoch\",\"epoch\":2,\"step\":5}\n{\"kind\":\"step\",\"epoch\":1,\"step\":6}\n{\"kind\"");
  {
    nn::MetricsFile file(folder / "m", 2, 5);
    file.write(nn::Epoch{.number = 2, .loss = 0.5}, 8);
    nn::MetricsFile moved = std::move(file);
    moved.write(nn::StepMetrics{.epoch = 3, .step = 9, .loss = 0.25});
  }
  const std::vector<Json> lines = lines_of(folder / "m");
  BOOST_REQUIRE_EQUAL(lines.size(), 5u);
  BOOST_TEST(lines[1]["step"] == 5);
  BOOST_TEST((lines[2]["kind"] == "epoch" && lines[2]["epoch"] == 1));
  BOOST_TEST(lines[3]["loss"] == 0.5);
  BOOST_TEST((lines[4]["step"] == 9 && lines[4]["accuracy"].is_null()));
  BOOST_TEST(folder.files() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
