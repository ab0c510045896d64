// Trains physics-informed networks for the heat equation with and without loss weights from the traces of their
// kernels, and shows how far both come.
#include <cmath>
#include <cstdio>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/program.hpp"
#include "examples/common/threads.hpp"
#include "examples/pinn/pinn.hpp"
#include "nn/data/file.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

const Program program = {
    "pinn",
    "Solves the heat equation by a network, with loss weights from the traces of its kernels and without.",
    {{"", "three networks of each kind, results/pinn; Wang, Yu, Perdikaris: When and why PINNs fail to train (2022)"},
     {"--modes 8 --steps 5000 --seeds 1", "a finer initial state, for longer, one network of each kind"}},
    "Choose fewer points by --boundary and --interior."};

void add_options(CLI::App& app, PinnSettings& s) {
  option(app, "--diffusivity", s.diffusivity, "X", "nu in u_t = nu u_xx")->check(positive())->capture_default_str();
  count_option(app, "--modes", s.modes, 1, "k in u(x, 0) = sin(pi x) + sin(k pi x) / 2");
  count_option(app, "--width", s.width, 1, "Width of the three hidden layers");
  count_option(app, "--boundary", s.boundary, 1, "Points at t = 0, x = 0 and x = 1");
  count_option(app, "--interior", s.interior, 1, "Points where the equation has to hold");
  count_option(app, "--steps", s.steps, 1, "Steps of Adam, on all points");
  learning_rate_option(app, s.learning_rate, "Learning rate of Adam");
  count_option(app, "--update-every", s.update_every, 1, "Steps between updates of the weights");
  count_option(app, "--seeds", s.seeds, 1, "Networks of each kind");
  option(app, "--out", s.out, "DIR", "For the figures and the numbers")->check(named())->capture_default_str();
  seed_option(app, s.seed, "Seed of the first network and its points");
  threads_option(app, s.threads);
}

constexpr const char* colors[] = {"#c0392b", "#1f5fbf"};  // without and with weights

Panel panel(const PinnStudy& study, const std::string& title, const std::string& y_label,
            std::vector<std::pair<double, double>> PinnRun::*values) {
  Panel out{title, "step", y_label, {}};
  out.log_y = true;
  for (std::size_t i = 0; i < study.runs.size(); ++i) {
    const PinnRun& run = study.runs[i];
    out.series.push_back({i > 1          ? ""
                          : run.weighted ? "from traces"
                                         : "equal",
                          run.*values, colors[run.weighted ? 1 : 0], 0});
  }
  return out;
}

Array<double> difference(const Array<double>& a, const Array<double>& b) {
  Array<double> out(a.shape());
  for (std::size_t i = 0; i < a.size(); ++i) out.mutable_data()[i] = a[i] - b[i];
  return out;
}

void write_results(const PinnSettings& s, const PinnStudy& study) {
  const std::vector<Panel> panels = {panel(study, "relative error of the solution", "L2, on a grid", &PinnRun::error),
                                     panel(study, "weight of the equation's loss", "", &PinnRun::residual_weight),
                                     panel(study, "weight of the boundary's loss", "", &PinnRun::boundary_weight)};
  nn::write_file(s.out / "training.svg", {draw(panels, 440, 420)});
  const std::vector<std::pair<std::string, double>> ticks = {{"0", 0}, {"0.5", 25}, {"1", 50}};
  const auto map_of = [&](const std::string& title, const Array<double>& values) {
    HeatMap map;
    map.title = title;
    map.x_label = "t";
    map.y_label = "x";
    map.values = values;
    map.ticks = ticks;
    map.diverging = true;
    return map;
  };
  const HeatMap exact = map_of("u(x, t)", study.exact);
  std::vector<HeatMap> errors;
  for (std::size_t i = 0; i < 2; ++i)
    errors.push_back(map_of(study.runs[i].weighted ? "error, weights from traces" : "error, weights of 1",
                            difference(study.runs[i].solution, study.exact)));
  equal_axes(errors);
  nn::write_file(s.out / "solution.svg", {draw(std::vector<HeatMap>{exact, errors[0], errors[1]}, 410, 340)});
  std::string csv =
      "network,weighted,step,relative_error,boundary_weight,residual_weight,boundary_trace,residual_trace\n";
  for (std::size_t i = 0; i < study.runs.size(); ++i) {
    const PinnRun& run = study.runs[i];
    for (std::size_t j = 0; j < run.error.size(); ++j) {
      char line[256];
      std::snprintf(line, sizeof line, "%zu,%d,%g,%.9g,%.9g,%.9g,%.9g,%.9g\n", i / 2, run.weighted ? 1 : 0,
                    run.error[j].first, run.error[j].second, run.boundary_weight[j].second,
                    run.residual_weight[j].second, run.boundary_trace[j].second, run.residual_trace[j].second);
      csv += line;
    }
  }
  nn::write_file(s.out / "training.csv", {csv});
}

void print(const PinnSettings& s, const PinnStudy& study) {
  std::printf("\nRelative L2 error after %zu steps:\n", s.steps);
  for (const bool weighted : {false, true}) {
    double sum = 0, squares = 0;
    for (const PinnRun& run : study.runs)
      if (run.weighted == weighted) {
        sum += run.error.back().second;
        squares += run.error.back().second * run.error.back().second;
      }
    const double n = static_cast<double>(s.seeds), mean = sum / n;
    std::printf("  %-22s%.4f", weighted ? "weights from traces" : "weights of 1", mean);
    if (s.seeds > 1)
      std::printf(" ± %.4f (%zu networks)", std::sqrt(std::max(0.0, squares / n - mean * mean) * n / (n - 1)), s.seeds);
    std::printf("\n");
  }
  std::printf("Figures and numbers: %s (%s)\n", s.out.c_str(), seconds(study.seconds).c_str());
}

void run(const PinnSettings& s) {
  require_gnuplot();
  with_patience([&] {
    for (const char* name : {"training.svg", "solution.svg", "training.csv"}) nn::require_writable_file(s.out / name);
  });
  const ThreadLimit limit(s.threads);
  const PinnStudy found = study(s);
  {
    const Patience patience;
    write_results(s, found);
  }
  print(s, found);
}

}  // namespace

int main(int argc, char** argv) {
  PinnSettings settings;
  if (const auto status = parse_options(argc, argv, program, settings, add_options)) return *status;
  return run_program(program, argv, [&] { run(settings); });
}
