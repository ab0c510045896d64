#include "examples/active/report.hpp"

#include <cmath>

#include "examples/active/selection.hpp"
#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/machine.hpp"
#include "examples/common/page.hpp"
#include "examples/common/statistics.hpp"

namespace xtangent::examples {
namespace {

constexpr const char* colors[] = {"#5b6675", "#c8641b", "#8a3ea8", "#1f5fbf"};
constexpr int markers[] = {4, 9, 11, 7};

std::string percents(const Mean& mean) { return with_error(mean, 1, 100); }

Panel accuracy_panel(const ActiveStudy& study) {
  Panel out{"accuracy on the test images", "labels", "%", {}};
  const std::vector<double> labels = study.labels();
  for (std::size_t i = 0; i < selections().size(); ++i) {
    Series line{selections()[i].name, {}, colors[i], markers[i]};
    for (std::size_t round = 0; round < labels.size(); ++round)
      line.points.emplace_back(labels[round], 100 * mean_of(study.accuracies(selections()[i].id, round)).value);
    out.series.push_back(std::move(line));
  }
  return out;
}

Panel difference_panel(const ActiveStudy& study) {
  Panel out{"the same, less that of random images", "labels", "points, with standard errors", {}};
  const std::vector<double> labels = study.labels();
  for (std::size_t i = 1; i < selections().size(); ++i) {
    Series line{selections()[i].name, {}, colors[i], markers[i]};
    std::vector<Series> bars;
    for (std::size_t round = 1; round < labels.size(); ++round) {
      const Mean mean =
          mean_difference(study.accuracies(selections()[i].id, round), study.accuracies(selections()[0].id, round));
      // The bars of one number of labels stand side by side.
      const double x = labels[round] + (static_cast<double>(i) - 2) * 0.01 * labels.back();
      line.points.emplace_back(x, 100 * mean.value);
      bars.push_back({"", {{x, 100 * (mean.value - mean.error)}, {x, 100 * (mean.value + mean.error)}}, colors[i], 0});
    }
    out.series.push_back(std::move(line));
    for (Series& bar : bars) out.series.push_back(std::move(bar));
  }
  out.series.push_back({"", {{labels[1] * 0.98, 0}, {labels.back() * 1.01, 0}}, "#aab3bf", 0, true});
  return out;
}

Panel foresight_panel(const ActiveStudy& study) {
  Panel out{"one more label: rank correlation " + fixed(study.foresight.correlations.front(), 2),
            "predicted change of the outputs",
            "change by training",
            {}};
  Series dots{"", study.foresight.examples, colors[3], 7};
  dots.line = false;
  out.series.push_back(std::move(dots));
  return out;
}

Table curves_table(const ActiveStudy& study) {
  Table table;
  table.head = {"labels"};
  for (const Selection& selection : selections()) table.head.push_back(selection.name + ", %");
  table.text_columns = 0;
  const std::vector<double> labels = study.labels();
  for (std::size_t round = 0; round < labels.size(); ++round) {
    std::vector<std::string> row = {grouped(labels[round])};
    for (const Selection& selection : selections())
      row.push_back(percents(mean_of(study.accuracies(selection.id, round))));
    table.rows.push_back(std::move(row));
  }
  std::vector<std::string> mean = {"mean of the rounds"};
  for (const Selection& selection : selections())
    mean.push_back(percents(mean_of(study.mean_accuracies(selection.id))));
  table.rows.push_back(std::move(mean));
  return table;
}

Table costs_table(const ActiveStudy& study) {
  const ActiveCosts& c = study.costs;
  Table table;
  table.head = {"look-ahead", "time", "of which measured"};
  table.rows = {
      {"kernels", seconds(c.kernels), "all"},
      {"one more row of the factor for each choice", seconds(c.bordered), "all"},
      {"a factorization for each candidate of each choice", seconds(c.one_by_one),
       plural(c.refactorings, "factorization")},
      {"a training for each candidate of each choice", seconds(c.retrained), plural(c.trainings, "training")}};
  return table;
}

std::string options_of(const ActiveStudy& study) {
  const ActiveSettings& s = study.settings;
  std::string out = s.data_set + " --network " + study.task.network + " --width " + digits_of(study.task.width);
  for (const auto& [name, value] :
       {std::pair("pool", s.pool), std::pair("test", s.test), std::pair("start", s.start),
        std::pair("acquire", s.acquire), std::pair("rounds", s.rounds), std::pair("seeds", s.seeds),
        std::pair("steps", s.steps), std::pair("batch-size", s.batch_size), std::pair("trials", s.trials),
        std::pair("seed", std::size_t{s.seed})})
    out.append(" --").append(name).append(" ").append(std::to_string(value));
  return out + " --learning-rate " + digits_of(s.learning_rate) + " --ridge " + digits_of(s.ridge);
}

}  // namespace

std::string say_selections(const ActiveStudy& study) {
  const std::vector<double> ahead = study.mean_accuracies("look-ahead");
  std::string out = "Averaged over the rounds the look-ahead reaches " + percents(mean_of(ahead)) + " %.";
  for (const char* other : {"random", "margin", "entropy"}) {
    const Mean difference = mean_difference(ahead, study.mean_accuracies(other));
    out.append(" Beside ").append(other).append(other == std::string("random") ? " images" : "").append(" that is ");
    out += signed_with_error(difference, 1, 100) + " points: " +
           (differs(difference) ? (difference.value > 0 ? "better" : "worse") : "no difference that these seeds show") +
           ".";
  }
  return out;
}

std::string say_foresight(const ActiveStudy& study) {
  const Mean mean = mean_of(study.foresight.correlations);
  return "The change that the look-ahead predicts and the change that training with one more label makes have a rank "
         "correlation of " +
         fixed(mean.value, 2) + (mean.count > 1 ? " ± " + fixed(mean.error, 2) : "") + " over " +
         plural(study.foresight.examples.size(), "image") + " each in " +
         plural(study.foresight.correlations.size(), "network") + ".";
}

std::string say_costs(const ActiveStudy& study) {
  const ActiveCosts& c = study.costs;
  const double ours = c.kernels + c.bordered;
  return "To choose " + plural(study.settings.acquire, "image") + " of " + grouped(static_cast<double>(c.candidates)) +
         " with " + grouped(static_cast<double>(c.labelled)) + " labelled ones takes " + seconds(ours) +
         " with its kernels. A factorization for each candidate would take " +
         significant((c.kernels + c.one_by_one) / ours, 2) + " times as long, and training " +
         significant(c.retrained / ours, 2) + " times.";
}

std::string active_summary(const ActiveStudy& study) {
  return say_selections(study) + "\n" + say_foresight(study) + "\n" + say_costs(study) + "\n";
}

std::string active_figure(const ActiveStudy& study) {
  return draw({accuracy_panel(study), difference_panel(study), foresight_panel(study)}, 440, 380);
}

std::string active_csv(const ActiveStudy& study) {
  std::string out = "selection,seed,labels,accuracy\n";
  const std::vector<double> labels = study.labels();
  for (const ActiveCurve& curve : study.curves)
    for (std::size_t round = 0; round < labels.size(); ++round)
      out.append(curve.selection + "," + std::to_string(curve.seed) + "," +
                 std::to_string(study.settings.start + round * study.settings.acquire) + "," +
                 significant(curve.accuracy[round], 17) + "\n");
  return out;
}

std::string active_report(const ActiveStudy& study) {
  const ActiveSettings& s = study.settings;
  Page page("Which images should get a label next?",
            "A network for " + escaped(study.task.title) + " begins with " + plural(s.start, "labelled image") +
                " and asks for " + std::to_string(s.acquire) + " more in each of " + plural(s.rounds, "round") +
                ". The look-ahead asks for those whose most likely label would change its outputs most, which the "
                "kernel tells without training.");
  page.fact(percents(mean_of(study.mean_accuracies("look-ahead"))) + " %", "look-ahead, mean of the rounds");
  page.fact(percents(mean_of(study.mean_accuracies("random"))) + " %", "random images");
  page.fact(fixed(mean_of(study.foresight.correlations).value, 2), "rank correlation of predicted and actual changes");
  page.section("What was found");
  page.paragraph(say_selections(study));
  page.figure(active_figure(study),
              "Means of " + plural(s.seeds, "seed") +
                  ", which share their first network and images among the selections. Right: half of the way, first "
                  "seed.",
              "Accuracy against the number of labels, differences from random images, predicted and actual changes");
  page.paragraph(say_foresight(study));
  page.table(curves_table(study), "Accuracy on the test images, with the standard error of the mean of the seeds.");
  page.section("What it costs");
  page.paragraph(say_costs(study));
  page.table(costs_table(study), "Times of one round, half of the way, on " + escaped(processor()) +
                                     ". Those of which only some were measured are multiples of these.");
  page.section("How it was done");
  page.paragraph(
      "Each network is trained anew by Adam on squared error with a 1 at the label, for " + plural(s.steps, "step") +
      ", so that regression with its kernel is its linearization. Margin asks for the images with the smallest "
      "difference of the two largest outputs, and entropy for those with the largest entropy of the outputs as "
      "probabilities. Trained changes come from going on to train at a tenth of the learning rate, with the new "
      "image and, to compare with, without it.");
  page.properties(
      {{"Command", "<code>" + escaped(s.command) + "</code>"},
       {"All options that change numbers", "<code>" + escaped(options_of(study)) + "</code>"},
       {"Network", study.task.network + ", " + grouped(static_cast<double>(study.parameters)) + " parameters"},
       {"Data", said_of_data(study.task)},
       {"Time of everything", seconds(study.seconds)},
       {"Beside this page", "<code>accuracy.csv</code>, <code>active.svg</code>"},
       {"Source of the method",
        "Mohamadi, Bae, Sutherland: Making Look-Ahead Active Learning Strategies Feasible with Neural "
        "Tangent Kernels, NeurIPS 2022"}});
  return page.html();
}

}  // namespace xtangent::examples
