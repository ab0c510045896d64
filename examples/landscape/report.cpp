#include "examples/landscape/report.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/machine.hpp"
#include "examples/common/page.hpp"
#include "examples/landscape/findings.hpp"

namespace xtangent::examples {
namespace {

constexpr const char *blue = "#1f5fbf", *orange = "#c8641b", *purple = "#8a3ea8", *ink = "#27313f", *pale = "#aab3bf";
constexpr const char* colors[] = {blue, orange, purple, "#2b8a6f", "#b3203a", "#9aa320"};

// A logarithmic axis has no place for epoch 0, which stands before 1.
double shown_epoch(std::size_t epoch) { return epoch == 0 ? 0.5 : static_cast<double>(epoch); }

Panel over_epochs(const LandscapeStudy& study, const std::string& title, const std::string& label) {
  Panel out{title, "epochs", label, {}};
  out.log_x = true;
  // Two ticks for each factor of ten have room, 1, 3, 10, ..., and one at the end.
  for (std::size_t t = 0; t < study.epochs.size(); ++t) {
    const std::size_t epoch = study.epochs[t], digit = epoch % 10 == 0 ? epoch / 10 : epoch;
    const bool end = t + 1 == study.epochs.size();
    if (epoch != 0 && epoch != 1 && epoch != 3 && digit != 1 && !end) continue;
    out.x_ticks.push_back(shown_epoch(epoch));
    out.x_labels.push_back(std::to_string(epoch));
  }
  return out;
}

// What is drawn of a seed at a checkpoint.
using Value = std::function<double(const LandscapeRun&, std::size_t)>;

Value times(double unit, double Checkpoint::*what) {
  return [=](const LandscapeRun& run, std::size_t t) { return unit * run.checkpoints[t].*what; };
}
Value error_of(double Checkpoint::*accuracy) {
  return [=](const LandscapeRun& run, std::size_t t) { return 100 * (1 - run.checkpoints[t].*accuracy); };
}
Value relative(double Checkpoint::*what) {
  return [=](const LandscapeRun& run, std::size_t t) { return run.checkpoints[t].*what / run.checkpoints[0].*what; };
}

// The mean over the seeds, and each seed as a cross.
void add(Panel& panel, const LandscapeStudy& study, const std::string& title, const char* color, const Value& value) {
  Series mean{title, {}, color, 7}, seeds{"", {}, color, 1};
  seeds.line = false;
  for (std::size_t t = 0; t < study.epochs.size(); ++t) {
    std::vector<double> values;
    for (const LandscapeRun& run : study.runs) values.push_back(value(run, t));
    const double x = shown_epoch(study.epochs[t]);
    mean.points.emplace_back(x, mean_of(values).value);
    for (const double one : values) seeds.points.emplace_back(x, one);
  }
  panel.series.push_back(std::move(mean));
  if (study.runs.size() > 1) panel.series.push_back(std::move(seeds));
}

// A dashed line across the panel.
void add_level(Panel& panel, const LandscapeStudy& study, const std::string& title, const char* color, double y) {
  panel.series.push_back({title, {{0.5, y}, {shown_epoch(study.epochs.back()), y}}, color, 0, true});
}

// The vertical axis begins at 0, where all values may be.
void begin_at_zero(Panel& panel) {
  double greatest = 0;
  for (const Series& series : panel.series)
    for (const auto& point : series.points)
      if (std::isfinite(point.second)) greatest = std::max(greatest, point.second);
  panel.y_range = {0, greatest > 0 ? 1.08 * greatest : 1};
}

Panel velocity_panel(const LandscapeStudy& study) {
  Panel out = over_epochs(study, "velocity of the kernel", "distance per epoch");
  out.log_y = true;
  const std::string few = ", " + plural(std::min(study.settings.entk, study.task.y.size()), "image");
  add(out, study, kernel_name(study.settings), blue, times(1, &Checkpoint::velocity));
  add(out, study, kernel_name(study.settings) + few, purple, times(1, &Checkpoint::velocity_few));
  add(out, study, "eNTK" + few, orange, times(1, &Checkpoint::velocity_entk));
  return out;
}

Panel error_panel(const LandscapeStudy& study) {
  Panel out = over_epochs(study, "error on test images", "%");
  out.log_y = true;
  add(out, study, kernel_name(study.settings), blue, error_of(&Checkpoint::kernel));
  add(out, study, "linearized network", purple, error_of(&Checkpoint::linearized));
  add(out, study, "last layer", orange, error_of(&Checkpoint::last_layer));
  add(out, study, "network", ink, error_of(&Checkpoint::accuracy));
  add_level(out, study, "initial " + kernel_name(study.settings), blue,
            100 * (1 - study.at(&Checkpoint::kernel, 0).value));
  return out;
}

Panel relative_panel(const LandscapeStudy& study) {
  Panel out = over_epochs(study, "the " + kernel_name(study.settings) + ", relative to the initial one", "");
  out.log_y = true;
  add(out, study, "label alignment", blue, relative(&Checkpoint::alignment));
  add(out, study, "effective rank", purple, relative(&Checkpoint::effective_rank));
  add(out, study, "largest eigenvalue", orange, relative(&Checkpoint::largest_eigenvalue));
  return out;
}

Panel barrier_panel(const LandscapeStudy& study) {
  Panel out = over_epochs(study, "barrier between two that part at this epoch", "% of test images");
  add(out, study, "test error", blue, times(100, &Checkpoint::barrier));
  add_level(out, study, "connected below", pale, 100 * connected);
  begin_at_zero(out);
  return out;
}

Panel loss_barrier_panel(const LandscapeStudy& study) {
  Panel out =
      over_epochs(study, "the same for the test loss", study.settings.squares() ? "squared error" : "cross-entropy");
  add(out, study, "test loss", blue, times(1, &Checkpoint::loss_barrier));
  begin_at_zero(out);
  return out;
}

Panel together_panel(const LandscapeStudy& study) {
  Panel out{"rank correlation " + with_error(correlation(study, &Checkpoint::velocity, &Checkpoint::barrier), 2),
            "velocity of the kernel",
            "barrier, % of test images",
            {}};
  out.log_x = true;
  double low = std::numeric_limits<double>::infinity(), high = 0;
  for (std::size_t i = 0; i < study.runs.size(); ++i) {
    Series dots{"seed " + std::to_string(i), {}, colors[i % std::size(colors)], 7};
    dots.line = false;
    for (const Checkpoint& c : study.runs[i].checkpoints)
      if (std::isfinite(c.barrier) && c.velocity > 0) {
        dots.points.emplace_back(c.velocity, 100 * c.barrier);
        low = std::min(low, c.velocity), high = std::max(high, c.velocity);
      }
    out.series.push_back(std::move(dots));
  }
  begin_at_zero(out);
  if (high == 0) return out;
  const auto first = static_cast<int>(std::floor(std::log10(low))),
             last = static_cast<int>(std::ceil(std::log10(high)));
  for (int decade = first; decade <= last; ++decade) {
    out.x_ticks.push_back(std::pow(10, decade));
    out.x_labels.push_back("10^{" + std::to_string(decade) + "}");
  }
  return out;
}

HeatMap map_of(const LandscapeStudy& study, const std::string& title, Array<double> LandscapeRun::*which) {
  const std::size_t times = study.epochs.size();
  std::vector<double> means;
  for (std::size_t i = 0; i < times * times; ++i) {
    std::vector<double> values;
    for (const LandscapeRun& run : study.runs) values.push_back((run.*which)[i]);
    means.push_back(mean_of(values).value);
  }
  HeatMap out{title, "epoch", "epoch", Array<double>::from({times, times}, means), {}, {}};
  for (std::size_t t = 0; t < times; ++t)
    out.ticks.emplace_back(std::to_string(study.epochs[t]), static_cast<double>(t));
  return out;
}

Table accuracies_table(const LandscapeStudy& study) {
  Table table;
  table.head = {
      "epoch", "network", kernel_name(study.settings), "linearized network", "last layer", "two networks from there"};
  table.text_columns = 0;
  for (std::size_t t = 0; t < study.epochs.size(); ++t) {
    std::vector<std::string> row = {std::to_string(study.epochs[t])};
    for (double Checkpoint::*what : {&Checkpoint::accuracy, &Checkpoint::kernel, &Checkpoint::linearized,
                                     &Checkpoint::last_layer, &Checkpoint::children}) {
      const Mean mean = study.at(what, t);
      row.push_back(std::isfinite(mean.value) ? with_error(mean, 1, 100) : "–");
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table geometry_table(const LandscapeStudy& study) {
  Table table;
  table.head = {"epoch",          "velocity",           "of the eNTK",    "alignment with labels",
                "effective rank", "largest eigenvalue", "barrier, error", "barrier, loss"};
  table.text_columns = 0;
  for (std::size_t t = 0; t < study.epochs.size(); ++t) {
    const auto cell = [&](double Checkpoint::*what, int decimals, double unit = 1) {
      const Mean mean = study.at(what, t);
      return std::isfinite(mean.value) ? with_error(mean, decimals, unit) : std::string("–");
    };
    const bool end = t + 1 == study.epochs.size();
    table.rows.push_back({std::to_string(study.epochs[t]), cell(&Checkpoint::velocity, 5),
                          cell(&Checkpoint::velocity_entk, 5), cell(&Checkpoint::alignment, 3),
                          cell(&Checkpoint::effective_rank, 1),
                          significant(study.at(&Checkpoint::largest_eigenvalue, t).value, 3),
                          cell(&Checkpoint::barrier, 1, 100) + (end ? "" : " %"), cell(&Checkpoint::loss_barrier, 3)});
  }
  return table;
}

std::string options_of(const LandscapeStudy& study) {
  const LandscapeSettings& s = study.settings;
  std::string out = s.data_set + " --network " + s.network + " --width " + digits_of(s.width) + " --loss " + s.loss +
                    " --readout " + s.readout;
  for (const auto& [name, value] :
       {std::pair("n", s.n), std::pair("test", s.test), std::pair("entk", s.entk), std::pair("seeds", s.seeds),
        std::pair("epochs", s.epochs), std::pair("batch-size", s.batch_size), std::pair("seed", std::size_t{s.seed})})
    out.append(" --").append(name).append(" ").append(std::to_string(value));
  return out + " --learning-rate " + digits_of(s.rate()) + " --ridge " + digits_of(s.ridge);
}

std::string how(const LandscapeStudy& study) {
  const LandscapeSettings& s = study.settings;
  return "Each network is trained by plain stochastic gradient descent, in batches of " +
         plural(s.batch_size, "image") + " at a constant rate of " + significant(s.rate(), 3) + ", on the " +
         (s.squares() ? "mean squared error with a 1 at the label" : "cross-entropy") +
         ". The distance of two kernels is 1 − ⟨K, K′⟩ / (|K| |K′|), the velocity their distance divided by the epochs "
         "between. Regression learns a 1 at the label and 0 elsewhere, with a ridge of " +
         significant(s.ridge, 3) +
         " of the mean of the kernel's diagonal; the linearized network is the same regression beginning with the "
         "outputs of the network, its training to the end by squared error. From each checkpoint two networks are "
         "trained on to the last epoch with different orders of the images; their barrier is the largest test error at "
         "eleven points of the line between their parameters minus the mean of theirs. A claim held where two standard "
         "errors around the mean lie within its bound, and did not where they lie outside.";
}

}  // namespace

std::string landscape_summary(const LandscapeStudy& study) {
  std::string out = say_accuracies(study) + "\n";
  for (const Claim& claim : landscape_claims(study))
    out += claim.claim + ": " + name(claim.outcome) + "; " + claim.measured + ".\n";
  return out;
}

std::string landscape_figure(const LandscapeStudy& study) {
  return draw({velocity_panel(study), error_panel(study), relative_panel(study), barrier_panel(study),
               loss_barrier_panel(study), together_panel(study)},
              440, 400, 3);
}

std::string distances_figure(const LandscapeStudy& study) {
  std::vector<HeatMap> maps = {
      map_of(study, "distance of " + kernel_name(study.settings) + "s", &LandscapeRun::distances),
      map_of(study, "of eNTKs, " + plural(std::min(study.settings.entk, study.task.y.size()), "image"),
             &LandscapeRun::distances_entk)};
  equal_axes(maps);
  return draw(maps, 520, 480);
}

std::string landscape_csv(const LandscapeStudy& study) {
  std::string out =
      "seed,epoch,accuracy,kernel,linearized,last_layer,velocity,velocity_few,velocity_entk,alignment,effective_rank,"
      "largest_eigenvalue,barrier,loss_barrier,children\n";
  for (std::size_t seed = 0; seed < study.runs.size(); ++seed)
    for (const Checkpoint& c : study.runs[seed].checkpoints) {
      out += std::to_string(seed) + "," + std::to_string(c.epoch);
      for (const double value :
           {c.accuracy, c.kernel, c.linearized, c.last_layer, c.velocity, c.velocity_few, c.velocity_entk, c.alignment})
        out.append(",").append(significant(value, 17));
      // LAPACK rounds eigenvalues otherwise with other numbers of threads.
      for (const double value : {c.effective_rank, c.largest_eigenvalue}) out.append(",").append(significant(value, 8));
      for (const double value : {c.barrier, c.loss_barrier, c.children}) out.append(",").append(significant(value, 17));
      out += "\n";
    }
  return out;
}

std::string distances_csv(const LandscapeStudy& study) {
  std::string out = "seed,epoch,other,kernel,few,entk\n";
  for (std::size_t seed = 0; seed < study.runs.size(); ++seed)
    for (std::size_t i = 0; i < study.epochs.size(); ++i)
      for (std::size_t j = 0; j < i; ++j) {
        const LandscapeRun& run = study.runs[seed];
        out += std::to_string(seed) + "," + std::to_string(study.epochs[j]) + "," + std::to_string(study.epochs[i]);
        for (const Array<double>* distances : {&run.distances, &run.distances_few, &run.distances_entk})
          out.append(",").append(significant((*distances)(i, j), 17));
        out += "\n";
      }
  return out;
}

std::string landscape_report(const LandscapeStudy& study) {
  const LandscapeSettings& s = study.settings;
  const std::size_t last = study.epochs.size() - 1;
  Page page("How does the kernel change along training?",
            "Networks are trained on " + plural(study.task.y.size(), "image") + " of " + escaped(study.task.title) +
                ". Along the way their kernels are compared, regression is done with them, and two networks are "
                "trained on from each time.");
  page.fact(with_error(study.at(&Checkpoint::kernel, 0), 1, 100) + " %", "of the test images by the initial kernel");
  page.fact(with_error(study.at(&Checkpoint::kernel, last), 1, 100) + " %", "by the last kernel");
  page.fact(with_error(study.at(&Checkpoint::accuracy, last), 1, 100) + " %", "by the trained network");
  page.fact(with_error(study.at(&Checkpoint::barrier, 0), 1, 100) + " %", "barrier between networks from one start");
  page.section("What was found");
  page.paragraph(say_accuracies(study));
  for (const std::string& sentence : sentences(landscape_claims(study))) page.paragraph(sentence);
  page.figure(landscape_figure(study),
              "Means over " + plural(s.seeds, "seed") +
                  "; crosses are single seeds. Epoch 0 is the initial network, before 1 on the logarithmic axis. A "
                  "velocity is drawn where its interval begins.",
              "Velocity of the kernel, test errors, alignment, effective rank and barriers against epochs");
  page.figure(distances_figure(study), "Means over the seeds.",
              "Distances between the kernels of all pairs of epochs, of the " + kernel_name(s) + " and of the eNTK");
  page.table(
      accuracies_table(study),
      "Accuracies on " + plural(study.task.y_test.size(), "test image") +
          ", in percent: of the network, of regression with its kernel, of its linearization, of regression with "
          "the kernel of its last layer, and of the two networks that are trained on from there to the last "
          "epoch. With standard errors of the mean of the seeds.");
  page.table(geometry_table(study), "The kernel at each checkpoint, and the barrier between two networks from there.");
  page.section("How it was done");
  page.paragraph(how(study));
  page.properties(
      {{"Command", "<code>" + escaped(s.command) + "</code>"},
       {"All options that change numbers", "<code>" + escaped(options_of(study)) + "</code>"},
       {"Data", said_of_data(study.task)},
       {"Time of everything", seconds(study.seconds) + " on " + escaped(processor())},
       {"Beside this page",
        "<code>landscape.csv</code>, <code>distances.csv</code>, <code>landscape.svg</code>, "
        "<code>distances.svg</code>"},
       {"Sources of the method",
        "Fort, Dziugaite, Paul, Kharaghani, Roy, Ganguli: Deep learning versus kernel learning: an empirical study of "
        "loss landscape geometry and the time evolution of the Neural Tangent Kernel, NeurIPS 2020. The bound of 2 % "
        "is that of Frankle, Dziugaite, Roy, Carbin: Linear Mode Connectivity and the Lottery Ticket Hypothesis, ICML "
        "2020"}});
  return page.html();
}

}  // namespace xtangent::examples
