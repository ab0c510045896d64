#include "examples/dynamics/report.hpp"

#include <cmath>

#include "examples/common/figure.hpp"
#include "examples/common/fit.hpp"
#include "examples/common/format.hpp"
#include "examples/common/machine.hpp"
#include "examples/common/page.hpp"

namespace xtangent::examples {
namespace {

constexpr TrainingLoss losses[] = {TrainingLoss::squared_error, TrainingLoss::cross_entropy};
constexpr const char* colors[] = {"#27313f", entk_color, pntk_color, "#8a3ea8"};  // in the order of the tellers
constexpr int markers[] = {7, 0, 0, 0};

// The training loss of the first seed against steps, which begin at 1 on a logarithmic axis, and the test loss of the
// training itself.
Panel curves_panel(const DynamicsStudy& study, TrainingLoss loss, std::size_t width) {
  Panel out{name_of(loss) + ", width " + std::to_string(width), "steps", "loss", {}};
  out.log_x = true;
  out.log_y = true;
  const DynamicsRun& run = *study.runs_of(loss, width).front();
  for (std::size_t i = 0; i < tellers().size(); ++i) {
    const LossCurve& curve = run.curve(tellers()[i].told);
    Series train{tellers()[i].name, {}, colors[i], markers[i]}, test{"", {}, colors[i], 0, true};
    train.line = tellers()[i].told != Told::training;
    train.width = 1.8;
    for (std::size_t step = 1; step < study.steps.size(); ++step) {
      train.points.emplace_back(study.steps[step], curve.train_loss[step]);
      test.points.emplace_back(study.steps[step], curve.test_loss[step]);
    }
    out.series.push_back(std::move(train));
    if (tellers()[i].told != Told::last_layer) out.series.push_back(std::move(test));
  }
  out.series.push_back({"of test images", {}, colors[0], 0, true});
  return out;
}

std::vector<std::vector<std::pair<double, double>>> over_widths(const DynamicsStudy& study, TrainingLoss loss,
                                                                Told told) {
  std::vector<std::vector<std::pair<double, double>>> out(study.settings.seeds);
  for (std::size_t width : study.settings.widths)
    for (const DynamicsRun* run : study.runs_of(loss, width))
      out[run->seed].emplace_back(width, run->curve(told).apart.back());
  return out;
}

Panel apart_panel(const DynamicsStudy& study, TrainingLoss loss) {
  Panel out{"distance on test images, at the end", "width", "relative to the change by training", {}};
  out.log_x = true;
  out.log_y = true;
  for (std::size_t width : study.settings.widths) out.x_ticks.push_back(static_cast<double>(width));
  for (std::size_t i = 1; i < tellers().size(); ++i) {
    Series line{tellers()[i].name, {}, colors[i], 7};
    for (std::size_t width : study.settings.widths)
      line.points.emplace_back(width, study.apart(loss, width, tellers()[i].told).value);
    Series seeds{i == 1 ? "single seeds" : "", {}, colors[i], 1};
    seeds.line = false;
    for (const auto& points : over_widths(study, loss, tellers()[i].told))
      seeds.points.insert(seeds.points.end(), points.begin(), points.end());
    out.series.push_back(std::move(line));
    out.series.push_back(std::move(seeds));
  }
  return out;
}

std::string slope_of(const DynamicsStudy& study, TrainingLoss loss, Told told) {
  const PowerLaw law = fit_power_law(over_widths(study, loss, told));
  if (std::isnan(law.slope)) return "";
  return power(law.slope) + (std::isnan(law.error) ? "" : " ± " + fixed(law.error, 2));
}

Table apart_table(const DynamicsStudy& study) {
  Table table;
  table.head = {"loss", "width"};
  for (const Teller& teller : tellers())
    table.head.push_back(teller.told == Told::training ? "accuracy" : "outputs by " + teller.name);
  for (std::size_t i = 1; i < tellers().size(); ++i) table.head.push_back("loss by " + tellers()[i].name);
  for (const TrainingLoss loss : losses)
    for (std::size_t width : study.settings.widths) {
      std::vector<std::string> row = {name_of(loss), std::to_string(width)};
      std::vector<double> accuracies;
      for (const DynamicsRun* run : study.runs_of(loss, width))
        accuracies.push_back(run->curve(Told::training).accuracy.back());
      row.push_back(with_error(mean_of(accuracies), 1, 100) + " %");
      for (std::size_t i = 1; i < tellers().size(); ++i)
        row.push_back(with_error(study.apart(loss, width, tellers()[i].told), 3));
      for (std::size_t i = 1; i < tellers().size(); ++i)
        row.push_back(with_error(study.loss_gap(loss, width, tellers()[i].told), 3));
      table.rows.push_back(std::move(row));
    }
  return table;
}

std::string options_of(const DynamicsStudy& study) {
  const DynamicsSettings& s = study.settings;
  std::string out = s.data_set + " --network " + s.network + " --widths ";
  for (std::size_t i = 0; i < s.widths.size(); ++i) out.append(i ? "," : "").append(std::to_string(s.widths[i]));
  for (const auto& [name, value] : {std::pair("n", s.n), std::pair("test", s.test), std::pair("seeds", s.seeds),
                                    std::pair("steps", s.steps), std::pair("seed", std::size_t{s.seed})})
    out.append(" --").append(name).append(" ").append(std::to_string(value));
  return out + " --rate " + digits_of(s.rate);
}

}  // namespace

std::string say_apart(const DynamicsStudy& study, TrainingLoss loss) {
  const std::size_t width = study.settings.widths.back();
  std::string out = "After " + plural(study.steps.back(), "step") + " with " + name_of(loss) + " at width " +
                    grouped(static_cast<double>(width)) +
                    ", the predicted outputs on the test images and those of the trained network differ by ";
  out += with_error(study.apart(loss, width, Told::entk), 3) + " of what training has changed by the eNTK, by " +
         with_error(study.apart(loss, width, Told::pntk), 3) + " by the pNTK, and by " +
         with_error(study.apart(loss, width, Told::last_layer), 3) + " by the last layer alone.";
  const std::string exact = slope_of(study, loss, Told::entk), pseudo = slope_of(study, loss, Told::pntk);
  if (!exact.empty() && !pseudo.empty())
    out += " They fall as the width to the power " + exact + " by the eNTK and " + pseudo + " by the pNTK.";
  return out + " The training loss is never further from the prediction than " +
         with_error(study.loss_gap(loss, width, Told::entk), 3) + " of its first value by the eNTK and " +
         with_error(study.loss_gap(loss, width, Told::pntk), 3) + " by the pNTK.";
}

std::string dynamics_summary(const DynamicsStudy& study) {
  return say_apart(study, losses[0]) + "\n" + say_apart(study, losses[1]) + "\n";
}

std::string dynamics_figure(const DynamicsStudy& study) {
  std::vector<Panel> panels;
  for (const TrainingLoss loss : losses) {
    std::vector<Panel> curves = {curves_panel(study, loss, study.settings.widths.front()),
                                 curves_panel(study, loss, study.settings.widths.back())};
    equal_axes(curves);
    panels.insert(panels.end(), curves.begin(), curves.end());
    panels.push_back(apart_panel(study, loss));
  }
  return draw(panels, 440, 380, 3);
}

std::string dynamics_csv(const DynamicsStudy& study) {
  std::string out = "loss,width,seed,rate,by,step,train_loss,test_loss,accuracy,apart\n";
  for (const DynamicsRun& run : study.runs)
    for (const Teller& teller : tellers()) {
      const LossCurve& curve = run.curve(teller.told);
      for (std::size_t i = 0; i < study.steps.size(); ++i) {
        out.append(name_of(run.loss) + "," + std::to_string(run.width) + "," + std::to_string(run.seed) + "," +
                   significant(run.rate, 17) + "," + teller.id + "," + std::to_string(study.steps[i]));
        for (const auto* values : {&curve.train_loss, &curve.test_loss, &curve.accuracy, &curve.apart})
          out.append(",").append(significant((*values)[i], 17));
        out += "\n";
      }
    }
  return out;
}

std::string dynamics_report(const DynamicsStudy& study) {
  const DynamicsSettings& s = study.settings;
  Page page("Is training what the kernel says?",
            "Networks of several widths are trained on " + plural(study.task.y.size(), "image") + " of " +
                escaped(study.task.title) +
                ". The loss at each step is also predicted before training, from a kernel of the initial network.");
  for (const TrainingLoss loss : losses)
    page.fact(with_error(study.apart(loss, s.widths.back(), Told::pntk), 3),
              "distance by the pNTK, " + name_of(loss) + ", width " + std::to_string(s.widths.back()));
  page.section("What was found");
  page.paragraph(say_apart(study, losses[0]));
  page.paragraph(say_apart(study, losses[1]));
  page.figure(
      dynamics_figure(study),
      "Left and in the middle: loss on the training images (dots: training; lines: predictions) and, dashed, on "
      "the test images, for the first seed. Right: means over " +
          plural(s.seeds, "seed") + ", which are the crosses.",
      "Loss curves of training and of predictions at two widths, and their distance against the width");
  page.table(
      apart_table(study),
      "At the end: accuracy of the trained networks on the test images; distance of the predicted outputs there, "
      "relative to their change by training; and the largest distance of the training losses over all steps, "
      "relative to the first loss. With standard errors of the mean of the seeds.");
  page.section("How it was done");
  page.paragraph(
      "Each network is trained by gradient descent on all images at once, in the NTK parameterization with standard "
      "deviation √2 of the weights and 0.1 of the biases. The rate is " +
      significant(s.rate, 3) +
      " of the largest one at which the linearized network does not diverge, by the largest eigenvalue of its eNTK; "
      "for the cross-entropy by the bound 1/2 of its curvature. Predictions are those of the same descent of the "
      "linearized network (ntk::LossDynamics). The last layer alone is the network of which only the last weight is "
      "trained: what there would be to predict without the layers below.");
  page.properties(
      {{"Command", "<code>" + escaped(s.command) + "</code>"},
       {"All options that change numbers", "<code>" + escaped(options_of(study)) + "</code>"},
       {"Data", said_of_data(study.task)},
       {"Time of everything", seconds(study.seconds) + " on " + escaped(processor())},
       {"Beside this page", "<code>dynamics.csv</code>, <code>dynamics.svg</code>"},
       {"Source of the method",
        "Lee, Xiao, Schoenholz, Bahri, Novak, Sohl-Dickstein, Pennington: Wide Neural Networks of Any Depth "
        "Evolve as Linear Models Under Gradient Descent, NeurIPS 2019"}});
  return page.html();
}

}  // namespace xtangent::examples
