#include "examples/train/curves.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "nn/data/file.hpp"

namespace xtangent::examples {
namespace {

using Json = nlohmann::json;
using Points = std::vector<std::pair<double, double>>;

constexpr const char* training_color = "#1f5fbf";
constexpr const char* single_color = "#c3d5ee";
constexpr const char* test_color = "#d1632a";

// The losses and accuracies of single updates, at fractions of epochs.
struct Updates {
  Points losses, accuracies;
};

Updates read_updates(const std::filesystem::path& metrics, std::size_t epochs) {
  const std::vector<std::uint8_t> bytes = nn::read_raw_file(metrics);
  std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  Updates out;
  double steps = 0;
  for (std::size_t end; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
    const Json line = Json::parse(rest.substr(0, end));
    const auto step = line.at("step").get<double>();
    if (line.at("kind") == "epoch") {
      steps = step / line.at("epoch").get<double>();
    } else {
      out.losses.emplace_back(step, line.at("loss").get<double>());
      out.accuracies.emplace_back(step, 100 * line.at("accuracy").get<double>());
    }
  }
  if (out.losses.size() < 4 * epochs || steps == 0) return {};
  for (Points* points : {&out.losses, &out.accuracies})
    for (auto& point : *points) point.first /= steps;
  return out;
}

// Replaces each point by the mean over a window around it.
Points smoothed(const Points& points) {
  const std::size_t half = std::max<std::size_t>(2, points.size() / 40);
  Points out;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::size_t first = i - std::min(half, i), last = std::min({i + half, 2 * i, points.size() - 1});
    double sum = 0;
    for (std::size_t j = first; j <= last; ++j) sum += points[j].second;
    out.emplace_back(points[i].first, sum / static_cast<double>(last - first + 1));
  }
  return out;
}

Panel panel(const std::string& title, const std::string& y, const Points& updates, const Points& epochs,
            const Points& tests) {
  Panel out{title, "epoch", y, {}};
  if (updates.empty()) {
    out.series.push_back({"training", epochs, training_color});
  } else {
    out.series.push_back({"single batches", updates, single_color, 0, false, true, 0.7});
    out.series.push_back({"training", smoothed(updates), training_color, 0, false, true, 2.0});
  }
  if (!tests.empty()) out.series.push_back({"test", tests, test_color});
  for (std::size_t e = 0; epochs.size() <= 10 && e <= epochs.size(); ++e) out.x_ticks.push_back(static_cast<double>(e));
  const auto last = static_cast<double>(epochs.size());
  out.x_range = {0, last + std::max(0.1, 0.02 * last)};
  return out;
}

}  // namespace

std::string curves_svg(const Training& training, const std::filesystem::path& metrics) {
  const std::vector<nn::Epoch>& history = training.fit.history;
  const Updates updates = read_updates(metrics, history.size());
  Points losses, accuracies, test_losses, test_accuracies;
  for (const nn::Epoch& e : history) {
    const auto epoch = static_cast<double>(e.number);
    losses.emplace_back(epoch, e.loss);
    accuracies.emplace_back(epoch, 100 * e.accuracy);
    if (!training.tested) continue;
    test_losses.emplace_back(epoch, e.test_loss);
    test_accuracies.emplace_back(epoch, 100 * e.test_accuracy);
  }
  const std::string what = training.network + " on " + training.data_set;
  Panel left = panel(what + ": loss", "cross-entropy", updates.losses, losses, test_losses);
  left.log_y = true;
  const double reached = training.tested ? history.back().test_accuracy : history.back().accuracy;
  const char* which = training.tested ? " % of the test " : " % of the training ";
  const Panel right = panel(what + ": " + fixed(100 * reached, 2) + which + training.noun, "accuracy in %",
                            updates.accuracies, accuracies, test_accuracies);
  return draw(std::vector<Panel>{left, right}, 480, 400);
}

}  // namespace xtangent::examples
