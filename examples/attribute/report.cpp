#include "examples/attribute/report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "examples/attribute/figures.hpp"
#include "examples/attribute/sentences.hpp"
#include "examples/common/format.hpp"
#include "examples/common/page.hpp"

namespace xtangent::examples {
namespace {

std::string code(const std::string& text) { return std::string("<code>").append(escaped(text)).append("</code>"); }

std::string spread(const std::vector<double>& values) {
  const Mean mean = mean_of(values);
  return percent(mean.value) + (values.size() > 1 ? " ± " + fixed(100 * mean.deviation, 1) : "");
}

void add_facts(Page& page, const Study& s) {
  const auto fact = [&](const Method& method, const std::string& what) {
    page.fact(with_error(mean_of(method.lds), 2), what);
  };
  fact(s.exact(), "linear datamodeling score of exact scores");
  for (const Method& method : s.methods)
    if (method.id.rfind("projected", 0) == 0) fact(method, "of gradients " + method.name + " numbers");
  const FlipStudy& flips = s.flips.back();
  page.fact(percent(mean_of(flips.rankings[0].found_in(0.1)).value),
            "of the flipped labels in the first 10 % by self-influence");
  page.fact(percent(mean_of(flips.rankings[1].found_in(0.1)).value), "of them in the first 10 % by the loss");
}

Table datamodel_table(const Study& s) {
  Table table;
  table.head = {"scores",       "mean",   "standard error", "difference from exact",
                "lowest tenth", "median", "highest tenth",  "time"};
  for (const Method& method : s.methods) {
    std::vector<double> sorted = method.lds;
    std::sort(sorted.begin(), sorted.end());
    const auto quantile = [&](double q) {
      return fixed(sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))], 2);
    };
    const Mean mean = mean_of(method.lds), difference = mean_difference(method.lds, s.exact().lds);
    table.rows.push_back(
        {method.name, fixed(mean.value, 3), fixed(mean.error, 3),
         method.id == "exact" ? "–"
                              : (difference.value < 0 ? "−" : "+") + fixed(std::abs(difference.value), 3) + " ± " +
                                    fixed(difference.error, 3),
         quantile(0.1), quantile(0.5), quantile(0.9), method.seconds > 0 ? seconds(method.seconds) : "–"});
  }
  return table;
}

Table flips_table(const Study& s) {
  Table table;
  table.head = {"ranking", "training", "found in the first 10 %", "found in the first 20 %"};
  table.text_columns = 2;
  for (const FlipStudy& flips : s.flips)
    for (const Ranking& ranking : flips.rankings)
      table.rows.push_back(
          {ranking.name, plural(flips.epochs, "epoch"), spread(ranking.found_in(0.1)), spread(ranking.found_in(0.2))});
  return table;
}

std::string options_of(const Study& s) {
  const AttributeSettings& a = s.settings;
  std::string projections;
  for (const std::size_t k : a.projections)
    projections.append(projections.empty() ? "" : ",").append(std::to_string(k));
  std::string out = a.data_set + " --network " + s.task.network + " --width " + digits_of(s.task.width);
  for (const auto& [name, value] : {std::pair("n", a.n), std::pair("test", a.test), std::pair("epochs", a.epochs),
                                    std::pair("batch-size", a.batch_size), std::pair("subsets", a.subsets),
                                    std::pair("repeats", a.repeats), std::pair("ensemble", a.ensemble),
                                    std::pair("flip-seeds", a.flip_seeds), std::pair("seed", std::size_t{a.seed})})
    out.append(" --").append(name).append(" ").append(std::to_string(value));
  return out + " --learning-rate " + digits_of(a.learning_rate) + " --ridge " + digits_of(a.ridge) + " --flipped " +
         digits_of(a.flipped) + " --projections " + projections;
}

void add_end(Page& page, const Study& s) {
  page.section("How to get these numbers again");
  page.properties(
      {{"Command", code(s.settings.command)},
       {"All options that change numbers", code(options_of(s))},
       {"Data", escaped(s.task.title) + ". Source: " + escaped(s.task.train.source) +
                    ". License: " + escaped(s.task.train.license)},
       {"Time of everything", seconds(s.seconds) + ", " + seconds(s.seconds_training) + " of it for " +
                                  plural(s.subsets.size() * s.settings.repeats + s.settings.ensemble, "training")},
       {"Beside this page", code("report.json") + ", " + code("lds.csv") + ", " + code("flips.csv") + ", " +
                                code("flipped_images.csv") + ", " + code("images.csv") + ", the exact scores in " +
                                code("scores.npy") + " (test images in rows), the halves in " + code("subsets.npy") +
                                ", the margins of retrained networks in " + code("margins.npy") +
                                ", and the network in " + code("weights.safetensors")},
       {"Source of the method",
        "Park, Georgiev, Ilyas, Leclerc, Madry: TRAK: Attributing Model Behavior at Scale, ICML 2023"}});
}

}  // namespace

std::string report_html(const Study& s) {
  Page page("Which training images does a prediction come from?",
            "Scores of " + plural(s.task.y.size(), "training image") + " of " + escaped(s.task.title) + " for " +
                plural(s.task.y_test.size(), "test image") +
                ", by TRAK without its projection: the kernel of a network's "
                "margins takes the place of " +
                grouped(static_cast<double>(s.parameters)) + " × " + grouped(static_cast<double>(s.parameters)) +
                " numbers. And two tests of what such scores are worth.");
  add_facts(page, s);
  page.section("The network and its images");
  page.paragraph(say_training(s));
  page.paragraph(say_influences(s));
  const Unit unit = unit_of_scores(s);
  page.figure(
      influences_figure(s),
      "Test images, and the training images with the highest and the lowest exact scores. Below each: its label, "
      "and its score for the test image on the left" +
          (unit.name.empty() ? "." : ", in units of " + unit.name + "."),
      "Test images beside training images that help and harm them");
  page.section("Do the scores predict what other training sets do?");
  page.paragraph(say_datamodel(s));
  page.figure(datamodel_figure(s),
              "Left: the test image with the median score, a point for each half. Right: the linear "
              "datamodeling score against the ridge.",
              "Predicted against actual margins; scores against the ridge");
  page.paragraph(say_ridges(s));
  page.table(datamodel_table(s),
             "Linear datamodeling scores over " + plural(s.task.y_test.size(), "test image") + " and " +
                 plural(s.subsets.size(), "retrained network") +
                 ". Standard errors are over test images, for these retrained networks; the differences "
                 "are taken test image by test image.");
  page.section("Do they find wrong labels?");
  page.paragraph(say_flips(s));
  page.figure(flips_figure(s), "Flipped labels found, mean over " + plural(s.settings.flip_seeds, "seed") + ".",
              "Share of flipped labels found against the share of images looked at");
  for (const FlipStudy& flips : s.flips) page.paragraph(say_found(flips));
  page.table(flips_table(s), "Share of the flipped labels found, mean ± standard deviation over " +
                                 plural(s.settings.flip_seeds, "seed") + ".");
  add_end(page, s);
  return page.html();
}

std::string summary(const Study& s) {
  std::string out;
  char line[200];
  std::snprintf(line, sizeof line, "Linear datamodeling score, %zu test images, %zu halves, %s on each:\n",
                s.task.y_test.size(), s.subsets.size(), plural(s.settings.repeats, "network").c_str());
  out += line;
  for (const Method& method : s.methods)
    out += "  " + method.name + std::string(30 - std::min<std::size_t>(29, method.name.size()), ' ') +
           with_error(mean_of(method.lds), 3) + "\n";
  for (const FlipStudy& flips : s.flips) {
    out += "Flipped labels (" + percent(s.settings.flipped) + ") found in the first 10 % and 20 % of the images, " +
           plural(flips.epochs, "epoch") + ", " + plural(s.settings.flip_seeds, "seed") + ":\n";
    for (const Ranking& ranking : flips.rankings)
      out += "  " + ranking.name + std::string(30 - ranking.name.size(), ' ') + spread(ranking.found_in(0.1)) + "   " +
             spread(ranking.found_in(0.2)) + "\n";
  }
  return out;
}

}  // namespace xtangent::examples
