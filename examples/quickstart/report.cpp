#include "examples/quickstart/report.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "examples/common/format.hpp"
#include "examples/common/page.hpp"
#include "examples/quickstart/figures.hpp"
#include "examples/quickstart/sentences.hpp"

namespace xtangent::examples {
namespace {

std::string cell(double value, int digits = 3) {
  return std::isfinite(value) ? significant(value, digits) : "singular";
}
std::string mib(double value) { return significant(value / (1024.0 * 1024.0), 3); }
std::string with_error(const Fit& fit, const char* between) {
  return power(fit.slope) + (std::isfinite(fit.error) ? between + fixed(fit.error, 2) : "");
}
std::string code(const std::string& text) { return std::string("<code>").append(escaped(text)).append("</code>"); }

// A row for each network, which begins with its name and width.
template <class Cells>
Table by_network(const Experiment& e, bool trained, std::vector<std::string> head, const Cells& cells) {
  Table table;
  table.head = {"network", "width"};
  table.head.insert(table.head.end(), head.begin(), head.end());
  for (const std::string& kind : kinds(e))
    for (const NetworkResult* n : of_kind(e, kind)) {
      std::vector<std::string> row = {n->name, std::to_string(n->width)};
      for (const std::string& text : cells(trained ? n->trained : n->init)) row.push_back(text);
      table.rows.push_back(std::move(row));
    }
  return table;
}

Table kernel_numbers(const Experiment& e, bool trained) {
  return by_network(
      e, trained,
      {"relative<br>Frobenius", "λ<sub>max</sub><br>difference", "diagonal by<br>off-diagonal", "condition<br>eNTK",
       "condition<br>pNTK", "time<br>eNTK", "time<br>pNTK", "MiB<br>eNTK", "MiB<br>pNTK"},
      [](const Comparison& c) {
        return std::vector<std::string>{fixed(c.relative_frobenius, 3),
                                        fixed(c.lambda_max_difference, 3),
                                        cell(c.diagonality, 2),
                                        cell(c.condition_entk, 2),
                                        cell(c.condition_pntk, 2),
                                        seconds(c.seconds_entk),
                                        seconds(c.seconds_pntk),
                                        mib(c.bytes_entk),
                                        mib(c.bytes_pntk)};
      });
}

Table regression_numbers(const Experiment& e, bool trained) {
  return by_network(
      e, trained,
      {"accuracy<br>eNTK", "accuracy<br>pNTK", "same class<br>from both", "with ridge<br>eNTK", "with ridge<br>pNTK"},
      [](const Comparison& c) {
        return std::vector<std::string>{percent(c.accuracy_entk), percent(c.accuracy_pntk), percent(c.agreement),
                                        percent(c.accuracy_entk_ridge), percent(c.accuracy_pntk_ridge)};
      });
}

Table networks(const Experiment& e) {
  Table table;
  table.head = {"network",          "width",        "parameters", "learning rate", "training", "loss, first epoch",
                "loss, last epoch", "test accuracy"};
  for (const std::string& kind : kinds(e))
    for (const NetworkResult* n : of_kind(e, kind))
      table.rows.push_back({n->name, std::to_string(n->width), grouped(static_cast<double>(n->parameters)),
                            significant(n->learning_rate, 2), seconds(n->seconds_training),
                            significant(n->losses.front()), significant(n->losses.back()), percent(n->test_accuracy)});
  return table;
}

Table exponents(const Experiment& e) {
  Table table;
  table.head = {"network", "when", "exponent", "standard error", "95 % interval", "against −1/2"};
  table.text_columns = 2;
  for (const Fit& fit : e.fits) {
    const bool judged = std::isfinite(fit.error);
    table.rows.push_back({fit.name, fit.trained ? "after training" : "at initialization", power(fit.slope),
                          judged ? fixed(fit.error, 2) : "–", judged ? power(fit.low) + " to " + power(fit.high) : "–",
                          verdict(fit)});
  }
  return table;
}

void add_facts(Page& page, const Experiment& e) {
  for (const Fit& fit : e.fits)
    if (!fit.trained)
      page.fact(with_error(fit, "&nbsp;±&nbsp;"), "exponent of the difference against the width at initialization, " +
                                                      fit.name + "; against −1/2: " + verdict(fit));
  const auto widest = of_kind(e, kinds(e).front()).back();
  page.fact(percent(widest->init.relative_frobenius), "relative difference at width " + std::to_string(widest->width) +
                                                          ", " + widest->name + ", at initialization");
  double least = 1, entk = 0, pntk = 0;
  for (const NetworkResult& n : e.networks) {
    least = std::min(least, n.test_accuracy);
    entk += n.init.seconds_entk + n.trained.seconds_entk;
    pntk += n.init.seconds_pntk + n.trained.seconds_pntk;
  }
  page.fact(percent(least), "least test accuracy of the " + plural(e.networks.size(), "network"));
  if (pntk > 0)
    page.fact(significant(entk / pntk, 2) + " ×",
              "time of all eNTKs by time of all pNTKs, " + seconds(entk) + " and " + seconds(pntk));
}

void add_data(Page& page, const Experiment& e) {
  page.section("The data and the networks");
  page.paragraph(escaped(e.data) + ": " + plural(e.fit_images, "image") + " to train on, " +
                 plural(e.test_images, "image") + " to test. Source: " + escaped(e.source) +
                 ". License: " + escaped(e.license) + ".");
  page.figure(images_figure(e), "One training image of each class.", "Small images of each class");
  page.properties(e.architectures);
  page.paragraph(say_training(e));
  if (const std::string diverged = say_divergence(e); !diverged.empty())
    page.paragraph("<b>" + escaped(diverged) + "</b>");
  page.table(networks(e), "The networks. The width is the number of features before the last layer.");
}

void add_kernels(Page& page, const Experiment& e) {
  const std::string which = "the " + e.pictures.name + " network of width " + std::to_string(e.pictures.width);
  page.section("What the kernels look like");
  page.paragraph(say_blocks(e));
  page.figure(pair_figure(e),
              "The eNTK between two images, of " + which +
                  ": four blocks, one row and column for each "
                  "output.",
              "Heat maps of the eNTK of two images");
  page.paragraph(say_matrices(e));
  page.figure(matrices_figure(e),
              "Kernels between " + plural(e.kernel_train, "training image") + " after training, of " + which + ".",
              "Heat maps of both kernels, sorted by class");
}

void add_comparison(Page& page, const Experiment& e) {
  page.section("How close the pNTK is to the eNTK");
  page.paragraph(say_frobenius(e));
  page.figure(frobenius_figure(e),
              "Relative Frobenius difference against the width, both axes logarithmic; solid lines "
              "are least-squares fits.",
              "Relative Frobenius difference against width");
  if (!e.fits.empty())
    page.table(
        exponents(e),
        "Exponents of the relative difference, by least squares on the logarithms. They agree with −1/2 where it lies "
        "in the interval.");
  page.section("Eigenvalues");
  page.paragraph(say_spectrum(e));
  page.figure(spectrum_figure(e), "Difference of the largest eigenvalues, and condition numbers of both kernels.",
              "Eigenvalues against width");
  page.section("Kernel regression");
  page.paragraph(say_regression(e));
  page.figure(accuracy_figure(e),
              "Test accuracy of the networks and of regression with their kernels, without a ridge and with one of " +
                  significant(100 * regression_ridge, 1) + " % of the mean diagonal.",
              "Test accuracies against width");
  page.section("Time and memory");
  page.paragraph(say_cost(e));
  page.figure(cost_figure(e), "One kernel between " + plural(e.kernel_train, "training image") + ", after training.",
              "Time and memory against width");
}

void add_numbers(Page& page, const Experiment& e) {
  page.section("All numbers");
  for (const bool trained : {false, true}) {
    const std::string when = trained ? "after training" : "at initialization";
    page.table(kernel_numbers(e, trained), "Kernels " + when + ".");
    page.table(regression_numbers(e, trained), "Test accuracy of kernel regression " + when + ".");
  }
  page.section("How to get these numbers again");
  std::string widths;
  for (std::size_t w : e.settings.widths) widths.append(widths.empty() ? "" : ",").append(std::to_string(w));
  std::string options = "--widths " + widths;
  const Settings& s = e.settings;
  if (!s.data.empty()) options += " --data " + s.data.string();
  for (const auto& [name, value] :
       {std::pair("n", s.n_train), std::pair("test", s.n_test), std::pair("fit-images", s.fit_images),
        std::pair("epochs", s.epochs), std::pair("batch-size", s.batch_size), std::pair("seed", std::size_t(s.seed))})
    options.append(" --").append(name).append(" ").append(std::to_string(value));
  options += " --learning-rate " + digits_of(s.learning_rate);
  page.properties(
      {{"Command", code(escaped(e.command))},
       {"All options that change numbers", code(escaped(options))},
       {"Version", "xtangent " + e.version},
       {"Seed", std::to_string(e.settings.seed)},
       {"Processor", escaped(e.processor)},
       {"Threads", std::to_string(e.threads)},
       {"OpenBLAS kernels", escaped(e.blas_core)},
       {"Precision", "networks and gradients float, kernels double"},
       {"Time of everything", seconds(e.seconds)},
       {"Kernels beside this page", plural(e.files.size(), "file") + " in " + code("kernels/") +
                                        ", named by network, width, time and kernel, such as " + code(e.files.back()) +
                                        "; " + code("_test") + " marks test images against training images"},
       {"Numbers for programs", code("report.json")},
       {"Source of the method",
        "Mohamadi, Bae, Sutherland: A Fast, Well-Founded Approximation to the Empirical Neural "
        "Tangent Kernel, ICML 2023"}});
}

nlohmann::ordered_json finite(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

nlohmann::ordered_json json_of(const Comparison& c) {
  return {{"relative_frobenius", c.relative_frobenius},
          {"lambda_max_difference", c.lambda_max_difference},
          {"condition_entk", finite(c.condition_entk)},
          {"condition_pntk", finite(c.condition_pntk)},
          {"accuracy_entk", c.accuracy_entk},
          {"accuracy_pntk", c.accuracy_pntk},
          {"seconds_entk", c.seconds_entk},
          {"seconds_pntk", c.seconds_pntk},
          {"accuracy_entk_ridge", c.accuracy_entk_ridge},
          {"accuracy_pntk_ridge", c.accuracy_pntk_ridge},
          {"diagonality", finite(c.diagonality)},
          {"bytes_entk", static_cast<std::uint64_t>(c.bytes_entk)},
          {"bytes_pntk", static_cast<std::uint64_t>(c.bytes_pntk)}};
}

}  // namespace

std::string report_html(const Experiment& e) {
  Page page(
      "How close is the pNTK to the eNTK?",
      "The empirical neural tangent kernel (eNTK) of a network with " + plural(e.outputs, "output") +
          " against its approximation by the sum of the outputs (pNTK), for networks of growing width, before and "
          "after training on " +
          escaped(e.data) + ".");
  add_facts(page, e);
  add_data(page, e);
  add_kernels(page, e);
  add_comparison(page, e);
  add_numbers(page, e);
  return page.html();
}

std::string report_json(const Experiment& e) {
  nlohmann::ordered_json out;
  out["data"] = e.data;
  out["n_train"] = e.kernel_train;
  out["widths"] = e.settings.widths;
  out["slope_frobenius"] = finite(e.slope);
  out["fits"] = nlohmann::ordered_json::array();
  for (const Fit& f : e.fits)
    out["fits"].push_back({{"name", f.name},
                           {"state", f.trained ? "trained" : "init"},
                           {"slope", f.slope},
                           {"standard_error", finite(f.error)},
                           {"low", finite(f.low)},
                           {"high", finite(f.high)}});
  out["networks"] = nlohmann::ordered_json::array();
  for (const NetworkResult& n : e.networks)
    out["networks"].push_back({{"name", n.name},
                               {"width", n.width},
                               {"test_accuracy", n.test_accuracy},
                               {"init", json_of(n.init)},
                               {"trained", json_of(n.trained)}});
  return out.dump(2) + "\n";
}

std::string overview_svg(const Experiment& e) {
  return "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" + overview_figure(e) + "\n";
}

std::string summary(const Experiment& e) {
  std::string out;
  char line[200];
  std::snprintf(line, sizeof line, "%-16s %6s %9s | %-22s | %-22s | %-15s\n", "", "", "test", "rel. Frobenius",
                "lambda_max diff.", "seconds");
  out += line;
  std::snprintf(line, sizeof line, "%-16s %6s %9s | %10s %11s | %10s %11s | %7s %7s\n", "network", "width", "accuracy",
                "init", "trained", "init", "trained", "eNTK", "pNTK");
  out += line;
  for (const std::string& kind : kinds(e))
    for (const NetworkResult* n : of_kind(e, kind)) {
      std::snprintf(line, sizeof line, "%-16s %6zu %8.1f%% | %10.3f %11.3f | %10.3f %11.3f | %7.3f %7.3f\n",
                    n->name.c_str(), n->width, 100 * n->test_accuracy, n->init.relative_frobenius,
                    n->trained.relative_frobenius, n->init.lambda_max_difference, n->trained.lambda_max_difference,
                    n->trained.seconds_entk, n->trained.seconds_pntk);
      out += line;
    }
  if (!e.fits.empty()) out += "\n";
  for (const Fit& fit : e.fits)
    if (!fit.trained) {
      const std::string error = std::isfinite(fit.error) ? " +- " + fixed(fit.error, 2) : "";
      out += "difference at initialization, " + fit.name + ": width^(" + fixed(fit.slope, 2) + error +
             "); against -1/2: " + verdict(fit) + "\n";
    }
  if (const std::string diverged = say_divergence(e); !diverged.empty()) out += "\nwarning: " + diverged + "\n";
  return out;
}

}  // namespace xtangent::examples
