#include "examples/trainability/report.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <sstream>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/machine.hpp"
#include "examples/common/page.hpp"

namespace xtangent::examples {
namespace {

constexpr const char* colors[] = {"#8a3ea8", "#1f5fbf", "#2b8a6f", "#9aa320",
                                  "#c8641b", "#b3203a", "#27313f", "#8b95a5"};
const char* color(std::size_t i) { return colors[i % std::size(colors)]; }

using Value = double (*)(const TrainabilityRun&);
double condition(const TrainabilityRun& run) { return run.known.condition; }
double condition_entk(const TrainabilityRun& run) { return run.known.condition_entk; }
double predicted_loss(const TrainabilityRun& run) { return run.known.predicted_loss; }
double gradient(const TrainabilityRun& run) { return run.known.gradient; }
double depth(const TrainabilityRun& run) { return static_cast<double>(run.depth); }
double gain(const TrainabilityRun& run) { return run.gain; }
double maximal_rate(const TrainabilityRun& run) { return run.known.maximal_rate; }
double trained_loss(const TrainabilityRun& run) { return run.tried.front().losses.back(); }
double measured(const TrainabilityRun& run) { return run.measured_rate; }

// The geometric mean over the seeds, since these values span powers of ten. NaN where there is none.
double middle(const TrainabilityStudy& study, std::size_t at_depth, double at_gain, Value value) {
  std::vector<double> logs;
  for (const TrainabilityRun* run : study.runs_of(at_depth, at_gain))
    if (const double x = value(*run); std::isfinite(x)) logs.push_back(std::log(x));
  return logs.empty() ? std::nan("") : std::exp(mean_of(logs).value);
}

// A training that diverges goes anywhere up to infinity; the figure has a line for all of these.
constexpr double diverged = 10;
double shown_loss(const TrainabilityRun& run) {
  const double loss = trained_loss(run);
  return loss < diverged ? loss : diverged;
}

std::string gain_title(double gain) {
  std::ostringstream out;
  out << "gain " << gain;
  return out.str();
}

// A value against the depth, one line for each gain.
Panel over_depth(const TrainabilityStudy& study, const std::string& title, const std::string& label, Value value) {
  Panel out{title, "hidden layers", label, {}};
  out.log_x = out.log_y = true;
  for (const std::size_t d : study.settings.depths) out.x_ticks.push_back(static_cast<double>(d));
  for (std::size_t i = 0; i < study.settings.gains.size(); ++i) {
    Series line{gain_title(study.settings.gains[i]), {}, color(i), 7};
    for (const std::size_t d : study.settings.depths)
      line.points.emplace_back(d, middle(study, d, study.settings.gains[i], value));
    out.series.push_back(std::move(line));
  }
  return out;
}

Panel scatter(const TrainabilityStudy& study, const std::string& title, const std::string& label, Value value) {
  Panel out{title, label, "training loss after training", {}};
  out.log_x = out.log_y = true;
  for (std::size_t i = 0; i < study.settings.gains.size(); ++i) {
    Series dots{gain_title(study.settings.gains[i]), {}, color(i), 7};
    dots.line = false;
    for (const TrainabilityRun& run : study.runs)
      if (run.gain == study.settings.gains[i]) dots.points.emplace_back(value(run), shown_loss(run));
    out.series.push_back(std::move(dots));
  }
  return out;
}

// The network in the middle of depths and gains, first seed.
const TrainabilityRun& shown(const TrainabilityStudy& study) {
  const TrainabilitySettings& s = study.settings;
  return *study.runs_of(s.depths[s.depths.size() / 2], s.gains[s.gains.size() / 2]).front();
}

Panel curves_panel(const TrainabilityStudy& study) {
  const TrainabilityRun& run = shown(study);
  Panel out{plural(run.depth, "hidden layer") + ", gain " + significant(run.gain, 2), "steps", "training loss", {}};
  out.log_y = true;
  for (std::size_t i = 0; i < rates_tried; ++i) {
    Series line{significant(tried_rates[i], 2) + " of the predicted rate", {}, color(i), 0};
    const std::vector<double>& losses = run.tried[i].losses;
    for (std::size_t step = 0; step < losses.size(); ++step) line.points.emplace_back(step, losses[step]);
    out.series.push_back(std::move(line));
  }
  return out;
}

Mean fraction(const TrainabilityStudy& study, const std::function<bool(const TrainabilityRun&)>& holds) {
  std::vector<double> out;
  for (std::size_t seed = 0; seed < study.settings.seeds; ++seed) {
    std::size_t count = 0, all = 0;
    for (const TrainabilityRun& run : study.runs)
      if (run.seed == seed) {
        ++all;
        count += holds(run);
      }
    out.push_back(static_cast<double>(count) / static_cast<double>(all));
  }
  return mean_of(out);
}

// In units of the rate that the pNTK or the eNTK predicts, over all networks.
Mean measured_rates(const TrainabilityStudy& study, bool exact) {
  std::vector<double> out;
  for (const TrainabilityRun& run : study.runs)
    if (std::isfinite(run.measured_rate))
      out.push_back(run.measured_rate * (exact ? run.known.maximal_rate / run.known.maximal_rate_entk : 1));
  return mean_of(out);
}

Table correlations_table(const TrainabilityStudy& study) {
  Table table;
  table.head = {"known before training", "rank correlation with the loss after it"};
  for (const auto& [name, value] : {std::pair<const char*, Value>("condition number of the pNTK", condition),
                                    {"condition number of the eNTK", condition_entk},
                                    {"loss that the pNTK predicts", predicted_loss},
                                    {"depth", depth},
                                    {"gain", gain},
                                    {"norm of the gradient", gradient},
                                    {"largest rate", maximal_rate}})
    table.rows.push_back({name, with_error(study.correlation(value), 2)});
  return table;
}

Table rates_table(const TrainabilityStudy& study) {
  Table table;
  table.head = {"rate, in units of the predicted one", "loss rose from one step to the next, %",
                "above its first value, %", "ended above it, %", "mean accuracy on test images, %"};
  for (std::size_t i = 0; i < rates_tried; ++i) {
    std::vector<double> accuracies;
    for (const TrainabilityRun& run : study.runs) accuracies.push_back(run.tried[i].accuracy);
    table.rows.push_back(
        {significant(tried_rates[i], 2),
         with_error(fraction(study, [i](const TrainabilityRun& run) { return run.tried[i].rose; }), 1, 100),
         with_error(fraction(study, [i](const TrainabilityRun& run) { return run.tried[i].above; }), 1, 100),
         with_error(fraction(study, [i](const TrainabilityRun& run) { return run.tried[i].ended_above; }), 1, 100),
         fixed(100 * mean_of(accuracies).value, 1)});
  }
  return table;
}

Table networks_table(const TrainabilityStudy& study) {
  Table table;
  table.head = {"hidden layers",  "gain",        "condition number",     "of the eNTK",
                "largest rate",   "by the eNTK", "measured / predicted", "loss at half the rate",
                "predicted loss", "accuracy, %"};
  table.text_columns = 0;
  for (const std::size_t d : study.settings.depths)
    for (const double g : study.settings.gains) {
      const auto cell = [&](Value value) { return significant(middle(study, d, g, value), 3); };
      std::vector<double> accuracies;
      for (const TrainabilityRun* run : study.runs_of(d, g)) accuracies.push_back(run->tried.front().accuracy);
      table.rows.push_back(
          {std::to_string(d), significant(g, 3), cell(condition), cell(condition_entk), cell(maximal_rate),
           cell([](const TrainabilityRun& run) { return run.known.maximal_rate_entk; }), cell(measured),
           cell(trained_loss), cell(predicted_loss), with_error(mean_of(accuracies), 1, 100)});
    }
  return table;
}

template <class T, class Text>
std::string listed(const std::vector<T>& values, const Text& text) {
  std::string out;
  for (std::size_t i = 0; i < values.size(); ++i) out.append(i ? "," : "").append(text(values[i]));
  return out;
}

std::string options_of(const TrainabilityStudy& study) {
  const TrainabilitySettings& s = study.settings;
  std::string out = s.data_set + " --activation " + s.activation + " --depths " +
                    listed(s.depths, [](std::size_t d) { return std::to_string(d); }) + " --gains " +
                    listed(s.gains, [](double g) { return significant(g, 6); });
  for (const auto& [name, value] :
       {std::pair("width", s.width), std::pair("n", s.n), std::pair("test", s.test), std::pair("seeds", s.seeds),
        std::pair("steps", s.steps), std::pair("seed", std::size_t{s.seed})})
    out.append(" --").append(name).append(" ").append(std::to_string(value));
  return out;
}

}  // namespace

std::string say_condition(const TrainabilityStudy& study) {
  const Mean ours = study.correlation(condition);
  std::string out = "Over depths and gains, the condition number of the pNTK and the loss after " +
                    plural(study.settings.steps, "step") + " at half the largest rate have a rank correlation of " +
                    with_error(ours, 2) + ", that of the eNTK " + with_error(study.correlation(condition_entk), 2) +
                    ". The loss that the pNTK predicts for these steps has " +
                    with_error(study.correlation(predicted_loss), 2) + ", the depth " +
                    with_error(study.correlation(depth), 2) + ", the gain " + with_error(study.correlation(gain), 2) +
                    ", and the norm of the gradient " + with_error(study.correlation(gradient), 2) + ".";
  return out;
}

std::string say_rates(const TrainabilityStudy& study) {
  std::string out = "The loss rose from one step to the next in";
  for (std::size_t i = 0; i < rates_tried; ++i) {
    const Mean rose = fraction(study, [i](const TrainabilityRun&run) { return run.tried[i].rose; }),
               ended = fraction(study, [i](const TrainabilityRun&run) { return run.tried[i].ended_above; });
    out.append(i == 0 ? " " : i + 1 < rates_tried ? ", in " : " and in ");
    out += fixed(100 * rose.value, 1) + " % of the trainings at " + significant(tried_rates[i], 2) + " times (" +
           fixed(100 * ended.value, 1) + " % ended above its first value)";
  }
  const Mean pseudo = measured_rates(study, false), exact = measured_rates(study, true);
  return out + " the rate that the pNTK predicts. The smallest rate at which it rises is " + fixed(pseudo.value, 2) +
         " times the one predicted by the pNTK, with a standard deviation of " + fixed(pseudo.deviation, 2) + " over " +
         plural(pseudo.count, "network") + ", and " + fixed(exact.value, 2) + " times that of the eNTK, with " +
         fixed(exact.deviation, 2) + ".";
}

std::string trainability_summary(const TrainabilityStudy& study) {
  return say_condition(study) + "\n" + say_rates(study) + "\n";
}

std::string trainability_figure(const TrainabilityStudy& study) {
  Panel measured_panel = over_depth(study, "smallest rate at which the loss rises", "measured / predicted", measured);
  const std::vector<std::size_t>& depths = study.settings.depths;
  measured_panel.series.push_back({"", {{depths.front(), 1}, {depths.back(), 1}}, "#aab3bf", 0, true});
  return draw({over_depth(study, "condition number of the pNTK", "", condition),
               over_depth(study, "loss at half the largest rate, after " + plural(study.settings.steps, "step"),
                          "training loss (10: diverged)", shown_loss),
               scatter(study, "rank correlation " + with_error(study.correlation(condition), 2),
                       "condition number of the pNTK", condition),
               over_depth(study, "largest learning rate, predicted by the pNTK", "", maximal_rate), measured_panel,
               curves_panel(study)},
              440, 400, 3);
}

std::string trainability_csv(const TrainabilityStudy& study) {
  std::string out =
      "depth,gain,seed,condition,condition_entk,maximal_rate,maximal_rate_entk,predicted_loss,gradient,measured_rate";
  for (const double rate : tried_rates)
    for (const char* what : {"rose", "above", "ended_above", "loss", "accuracy"})
      out.append(",").append(what).append("_at_").append(significant(rate, 2));
  out += "\n";
  for (const TrainabilityRun& run : study.runs) {
    const Foreknown& k = run.known;
    out += std::to_string(run.depth) + "," + significant(run.gain, 17) + "," + std::to_string(run.seed);
    for (const double value : {k.condition, k.condition_entk, k.maximal_rate, k.maximal_rate_entk, k.predicted_loss,
                               k.gradient, run.measured_rate})
      out.append(",").append(significant(value, 17));
    for (const TriedRate& tried : run.tried) {
      for (const bool holds : {tried.rose, tried.above, tried.ended_above}) out += holds ? ",1" : ",0";
      out.append(",").append(significant(tried.losses.back(), 17));
      out.append(",").append(significant(tried.accuracy, 17));
    }
    out += "\n";
  }
  return out;
}

std::string trainability_report(const TrainabilityStudy& study) {
  const TrainabilitySettings& s = study.settings;
  Page page("Which networks can be trained, and how fast?",
            "Networks of several depths, with initial weights of several sizes, are trained on " +
                plural(study.task.y.size(), "image") + " of " + escaped(study.task.title) +
                ". Their kernels say before which train well, and at which rate descent diverges.");
  page.fact(with_error(study.correlation(condition), 2), "rank correlation of condition number and loss");
  page.fact(with_error(study.correlation(predicted_loss), 2), "of predicted and actual loss");
  page.fact(fixed(measured_rates(study, false).value, 2) + " ± " + fixed(measured_rates(study, false).deviation, 2),
            "measured / predicted largest rate (standard deviation)");
  page.section("What was found");
  page.paragraph(say_condition(study));
  page.paragraph(say_rates(study));
  page.figure(
      trainability_figure(study),
      "Geometric means over " + plural(s.seeds, "seed") +
          "; at the right on top each dot is one network. Lower right: first seed.",
      "Condition number, loss and largest learning rate against the depth for several gains; losses at four rates");
  page.table(correlations_table(study), "With standard errors of the mean of the seeds.");
  page.table(rates_table(study),
             "All networks. In the linearized network the loss never rises below 1 and diverges above.");
  page.table(networks_table(study),
             "Each depth and gain: geometric means over the seeds; mean accuracy on test images.");
  page.section("How it was done");
  page.paragraph(
      "Fully connected networks of width " + std::to_string(s.width) + " with " + s.activation +
      " and without biases, in the NTK parameterization: the gain is the standard deviation of a weight times "
      "the root of its number of inputs. They are trained by gradient descent on all images at once, on the "
      "mean squared error with a 1 at the label. The largest rate is N O / λ, with the largest eigenvalue λ of "
      "the kernel. The measured one is found by halving an interval of rates, in trainings of 40 steps.");
  page.properties(
      {{"Command", "<code>" + escaped(s.command) + "</code>"},
       {"All options that change numbers", "<code>" + escaped(options_of(study)) + "</code>"},
       {"Data", said_of_data(study.task)},
       {"Time of everything", seconds(study.seconds) + " on " + escaped(processor())},
       {"Beside this page", "<code>trainability.csv</code>, <code>trainability.svg</code>"},
       {"Sources of the method",
        "Xiao, Pennington, Schoenholz: Disentangling Trainability and Generalization in Deep Neural Networks, "
        "ICML 2020. Lewkowycz, Bahri, Dyer, Sohl-Dickstein, Gur-Ari: The Large Learning Rate Phase of Deep "
        "Learning, 2020"}});
  return page.html();
}

}  // namespace xtangent::examples
