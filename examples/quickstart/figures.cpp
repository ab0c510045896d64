#include "examples/quickstart/figures.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"

namespace xtangent::examples {
namespace {

constexpr const char* network_color = "#5b6675";
constexpr const char* guide_color = "#9aa4b2";
constexpr const char* kind_colors[] = {"#0b7a75", "#8a3ea8"};
constexpr int kind_markers[] = {7, 5};  // disc, square

using Quantity = std::function<double(const NetworkResult&)>;

Series series(const Experiment& e, const std::string& kind, const std::string& title, const Quantity& quantity) {
  Series out;
  out.title = title;
  for (const NetworkResult* network : of_kind(e, kind)) {
    const double value = quantity(*network);
    if (std::isfinite(value)) out.points.emplace_back(static_cast<double>(network->width), value);
  }
  return out;
}

Panel panel(const Experiment& e, const std::string& title, const std::string& y_label) {
  Panel out;
  out.title = title;
  out.x_label = "width of the last hidden layer (features)";
  out.y_label = y_label;
  for (std::size_t width : e.settings.widths) out.x_ticks.push_back(static_cast<double>(width));
  std::sort(out.x_ticks.begin(), out.x_ticks.end());
  out.log_x = true;
  return out;
}

const Comparison& state(const NetworkResult& network, bool trained) { return trained ? network.trained : network.init; }

// One line for each kind of network.
void add_kinds(Panel& panel, const Experiment& e, const Quantity& quantity) {
  const auto names = kinds(e);
  for (std::size_t k = 0; k < names.size(); ++k) {
    Series s = series(e, names[k], names[k], quantity);
    s.color = kind_colors[k % 2];
    s.marker = kind_markers[k % 2];
    panel.series.push_back(std::move(s));
  }
}

Panel frobenius_panel(const Experiment& e, bool trained) {
  Panel out = panel(e, trained ? "after training" : "at initialization", "‖Θ − K⊗I‖_F / ‖Θ‖_F");
  out.log_y = true;
  add_kinds(out, e, [&](const NetworkResult& n) { return state(n, trained).relative_frobenius; });
  const double first = out.x_ticks.front(), last = out.x_ticks.back();
  const auto names = kinds(e);
  for (std::size_t k = 0; k < names.size(); ++k) {
    out.series[k].line = false;
    for (const Fit& fit : e.fits)
      if (fit.trained == trained && fit.name == names[k]) {
        const auto at = [&](double x) { return std::exp(fit.intercept + fit.slope * std::log(x)); };
        out.series[k].title +=
            ", slope " + power(fit.slope) + (std::isfinite(fit.error) ? " ± " + fixed(fit.error, 2) : std::string());
        out.series.push_back({"", {{first, at(first)}, {last, at(last)}}, kind_colors[k % 2], 0});
      }
  }
  if (first < last) {
    double top = 0;
    for (const Series& s : out.series)
      for (const auto& point : s.points) top = std::max(top, point.second);
    out.series.push_back(
        {"slope −1/2", {{first, 1.15 * top}, {last, 1.15 * top * std::sqrt(first / last)}}, guide_color, 0, true});
  }
  return out;
}

Panel lambda_panel(const Experiment& e, bool trained) {
  Panel out = panel(e, trained ? "largest eigenvalue, after training" : "largest eigenvalue, at initialization",
                    "|λ_{max}(K) − λ_{max}(Θ)| / λ_{max}(Θ)");
  out.log_y = true;
  add_kinds(out, e, [&](const NetworkResult& n) { return state(n, trained).lambda_max_difference; });
  return out;
}

// eNTK in orange, pNTK in blue; kinds of networks by marker.
void add_both(Panel& panel, const Experiment& e, const Quantity& entk, const Quantity& pntk) {
  const auto names = kinds(e);
  for (std::size_t k = 0; k < names.size(); ++k) {
    Series of_entk = series(e, names[k], "eNTK, " + names[k], entk);
    Series of_pntk = series(e, names[k], "pNTK, " + names[k], pntk);
    of_entk.color = entk_color;
    of_pntk.color = pntk_color;
    of_entk.marker = of_pntk.marker = kind_markers[k % 2];
    of_entk.dashed = of_pntk.dashed = k % 2 == 1;
    panel.series.push_back(std::move(of_entk));
    panel.series.push_back(std::move(of_pntk));
  }
}

Panel condition_panel(const Experiment& e, bool trained) {
  Panel out = panel(e, trained ? "condition number, after training" : "condition number, at initialization",
                    "λ_{max} / λ_{min}");
  out.log_y = true;
  add_both(
      out, e, [&](const NetworkResult& n) { return state(n, trained).condition_entk; },
      [&](const NetworkResult& n) { return state(n, trained).condition_pntk; });
  return out;
}

Panel accuracy_panel(const Experiment& e, const std::string& kind, bool ridge) {
  Panel out = panel(e, kind + (ridge ? ", small ridge" : ", no ridge"), "test accuracy, %");
  struct Line {
    const char *title, *color;
    int marker;
    bool dashed;
    Quantity quantity;
  };
  const auto entk = [ridge](const Comparison& c) { return ridge ? c.accuracy_entk_ridge : c.accuracy_entk; };
  const auto pntk = [ridge](const Comparison& c) { return ridge ? c.accuracy_pntk_ridge : c.accuracy_pntk; };
  const Line lines[] = {
      {"network", network_color, 9, false, [](const NetworkResult& n) { return n.trained.accuracy_network; }},
      {"eNTK, trained", entk_color, 7, false, [=](const NetworkResult& n) { return entk(n.trained); }},
      {"pNTK, trained", pntk_color, 5, false, [=](const NetworkResult& n) { return pntk(n.trained); }},
      {"eNTK, at init.", entk_color, 6, true, [=](const NetworkResult& n) { return entk(n.init); }},
      {"pNTK, at init.", pntk_color, 4, true, [=](const NetworkResult& n) { return pntk(n.init); }},
  };
  for (const Line& line : lines) {
    Series s = series(e, kind, line.title, line.quantity);
    for (auto& point : s.points) point.second *= 100;
    s.color = line.color;
    s.marker = line.marker;
    s.dashed = line.dashed;
    out.series.push_back(std::move(s));
  }
  return out;
}

// The same axis for all.
std::vector<Panel> paired(std::vector<Panel> panels) {
  equal_axes(panels);
  return panels;
}

Panel cost_panel(const Experiment& e, bool memory) {
  Panel out = panel(e, memory ? "peak memory" : "time", memory ? "MiB" : "seconds");
  out.log_y = true;
  constexpr double mib = 1024.0 * 1024.0;
  const Quantity quantities[] = {[](const NetworkResult& n) { return n.trained.seconds_entk; },
                                 [](const NetworkResult& n) { return n.trained.seconds_pntk; },
                                 [](const NetworkResult& n) { return n.trained.bytes_entk / mib; },
                                 [](const NetworkResult& n) { return n.trained.bytes_pntk / mib; }};
  add_both(out, e, quantities[memory ? 2 : 0], quantities[memory ? 3 : 1]);
  return out;
}

}  // namespace

std::vector<std::string> kinds(const Experiment& e) {
  std::vector<std::string> names;
  for (const NetworkResult& network : e.networks)
    if (std::find(names.begin(), names.end(), network.name) == names.end()) names.push_back(network.name);
  return names;
}

std::vector<const NetworkResult*> of_kind(const Experiment& e, const std::string& name) {
  std::vector<const NetworkResult*> out;
  for (const NetworkResult& network : e.networks)
    if (network.name == name) out.push_back(&network);
  std::sort(out.begin(), out.end(), [](auto* a, auto* b) { return a->width < b->width; });
  return out;
}

std::string images_figure(const Experiment& e) {
  std::vector<std::string> captions;
  for (std::size_t label : e.pictures.classes) captions.push_back(std::to_string(label));
  return draw_images(e.pictures.images, captions, 1000, 132);
}

std::string pair_figure(const Experiment& e) {
  const Pictures& p = e.pictures;
  const double outputs = static_cast<double>(e.outputs);
  const std::vector<std::pair<std::string, double>> ticks = {
      {"image of a " + std::to_string(p.first_class), outputs / 2 - 0.5},
      {"image of a " + std::to_string(p.second_class), 1.5 * outputs - 0.5}};
  std::vector<HeatMap> maps = {{"at initialization", "", "", p.pair_init, ticks, {outputs - 0.5}, true},
                               {"after training", "", "", p.pair_trained, ticks, {outputs - 0.5}, true}};
  for (HeatMap& map : maps) map.vertical_y_ticks = true;
  equal_axes(maps);
  return draw(maps, 500, 420);
}

std::string matrices_figure(const Experiment& e) {
  const Pictures& p = e.pictures;
  std::vector<std::pair<std::string, double>> ticks;
  std::vector<double> lines;
  for (std::size_t first = 0, i = 0; i <= p.sorted_labels.size(); ++i)
    if (i == p.sorted_labels.size() || p.sorted_labels[i] != p.sorted_labels[first]) {
      ticks.emplace_back(std::to_string(p.sorted_labels[first]), static_cast<double>(first + i - 1) / 2);
      if (i < p.sorted_labels.size()) lines.push_back(static_cast<double>(i) - 0.5);
      first = i;
    }
  const auto negative = [](const Array<double>& a) { return *std::min_element(a.data(), a.data() + a.size()) < 0; };
  const bool signs = negative(p.trace_trained) || negative(p.pntk_trained);
  std::vector<HeatMap> maps = {
      {"eNTK, mean of the blocks' diagonals", "class", "class", p.trace_trained, ticks, lines, signs},
      {"pNTK", "class", "class", p.pntk_trained, ticks, lines, signs}};
  equal_axes(maps);
  return draw(maps, 500, 430);
}

std::string frobenius_figure(const Experiment& e) {
  return draw(paired({frobenius_panel(e, false), frobenius_panel(e, true)}), 500, 400);
}

std::string spectrum_figure(const Experiment& e) {
  std::vector<Panel> panels = paired({lambda_panel(e, false), lambda_panel(e, true)});
  for (Panel& panel : paired({condition_panel(e, false), condition_panel(e, true)})) panels.push_back(std::move(panel));
  return draw(panels, 500, 370, 2);
}

std::string accuracy_figure(const Experiment& e) {
  std::vector<Panel> panels;
  for (const std::string& kind : kinds(e))
    for (const bool ridge : {false, true}) panels.push_back(accuracy_panel(e, kind, ridge));
  return draw(paired(std::move(panels)), 500, 390, 2);
}

std::string cost_figure(const Experiment& e) { return draw({cost_panel(e, false), cost_panel(e, true)}, 500, 400); }

std::string overview_figure(const Experiment& e) {
  std::vector<Panel> panels = paired({frobenius_panel(e, false), frobenius_panel(e, true)});
  panels[0].title = "relative difference of the kernels, at initialization";
  panels[1].title = "relative difference of the kernels, after training";
  panels.push_back(accuracy_panel(e, kinds(e).front(), true));
  panels.back().title = "kernel regression, " + kinds(e).front();
  panels.push_back(cost_panel(e, false));
  panels.back().title = "time of one kernel";
  return draw(panels, 500, 390, 2);
}

}  // namespace xtangent::examples
