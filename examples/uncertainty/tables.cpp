#include "examples/uncertainty/tables.hpp"

#include <algorithm>
#include <cmath>

#include "examples/common/format.hpp"

namespace xtangent::examples {
namespace {

using Value = double (*)(const UncertaintyRun&);
double accuracy(const UncertaintyRun& run) { return run.fitness.accuracy; }
double nll(const UncertaintyRun& run) { return run.fitness.nll; }
double brier(const UncertaintyRun& run) { return run.fitness.brier; }
double calibration(const UncertaintyRun& run) { return run.fitness.calibration; }
double auroc(const UncertaintyRun& run) { return run.auroc; }
double auroc_uncertainty(const UncertaintyRun& run) { return run.auroc_uncertainty; }
double time(const UncertaintyRun& run) { return run.judgement.seconds; }

// "0.31 ± 0.01, lower than the network's by 0.05 ± 0.01", seed by seed.
std::string beside(const UncertaintyStudy& study, Method method, Method other, Value value, int decimals) {
  const Mean difference = study.difference(method, other, value);
  const std::string whose = other == Method::network ? "the network's" : "the ensemble's";
  std::string out = with_error(study.mean(method, value), decimals) + " (";
  if (study.settings.seeds > 1 && !differs(difference))
    out += "no different from " + whose + " beyond the spread: ";
  else
    out += (difference.value < 0 ? "below " : "above ") + whose + ": ";
  return out + signed_with_error(difference, decimals) + ")";
}

// The method with the smallest or largest mean.
Method best(const UncertaintyStudy& study, Value value, bool smallest) {
  Method out = methods().front().method;
  for (const MethodName& m : methods()) {
    const double difference = study.mean(m.method, value).value - study.mean(out, value).value;
    if (smallest ? difference < 0 : difference > 0) out = m.method;
  }
  return out;
}

std::vector<TriedVariance> tried_by(const UncertaintyStudy& study, Method method) {
  std::vector<TriedVariance> out;
  for (const TriedVariance& t : study.tried)
    if (t.method == method) out.push_back(t);
  return out;
}

struct Choice {
  TriedVariance chosen, hindsight;
};
Choice choice_of(const UncertaintyStudy& study, Method method) {
  const std::vector<TriedVariance> all = tried_by(study, method);
  return {*std::max_element(all.begin(), all.end(),
                            [](const auto& a, const auto& b) { return a.log_evidence < b.log_evidence; }),
          *std::min_element(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.nll < b.nll; })};
}

}  // namespace

Table methods_table(const UncertaintyStudy& study) {
  Table table;
  table.head = {"method", "accuracy", "NLL", "Brier score", "calibration", "AUROC", "AUROC, uncertainty", "seconds"};
  for (const MethodName& m : methods()) {
    const Mean uncertainty = study.mean(m.method, auroc_uncertainty);
    table.rows.push_back({m.name, with_error(study.mean(m.method, accuracy), 1, 100) + " %",
                          with_error(study.mean(m.method, nll), 3), with_error(study.mean(m.method, brier), 3),
                          with_error(study.mean(m.method, calibration), 3), with_error(study.mean(m.method, auroc), 3),
                          std::isnan(uncertainty.value) ? "" : with_error(uncertainty, 3),
                          fixed(study.mean(m.method, time).value, 2)});
  }
  return table;
}

Table variances_table(const UncertaintyStudy& study) {
  Table table;
  table.head = {"kernel", "variance by the evidence", "its NLL", "best in hindsight", "its NLL"};
  for (const MethodName& m : methods())
    if (!tried_by(study, m.method).empty()) {
      const Choice choice = choice_of(study, m.method);
      table.rows.push_back({m.name, significant(choice.chosen.variance), fixed(choice.chosen.nll, 3),
                            significant(choice.hindsight.variance), fixed(choice.hindsight.nll, 3)});
    }
  return table;
}

std::string say_fit(const UncertaintyStudy& study) {
  std::string out = "On " + plural(study.task.images.y_test.size(), "test image") +
                    " the mean negative log-likelihood of the trained network is " +
                    with_error(study.mean(Method::network, nll), 3) + ". That of an ensemble of " +
                    std::to_string(study.settings.ensemble) + " is " +
                    beside(study, Method::ensemble, Method::network, nll, 3);
  for (const Method method : {Method::temperature, Method::laplace_entk, Method::laplace_held_out, Method::gp_initial})
    out += "; " + name_of(method).name + ": " + beside(study, method, Method::network, nll, 3);
  const Method calibrated = best(study, calibration, true);
  out += ". The smallest calibration error is " + with_error(study.mean(calibrated, calibration), 3) + ", by ";
  out +=
      name_of(calibrated).name + "; the network's is " + with_error(study.mean(Method::network, calibration), 3) + ".";
  return out;
}

std::string say_other(const UncertaintyStudy& study) {
  std::string out = "The confidence of the network tells the " + escaped(study.task.other_title) +
                    " from the test images with an area under the curve of " +
                    with_error(study.mean(Method::network, auroc), 3) + ", that of the ensemble with " +
                    beside(study, Method::ensemble, Method::network, auroc, 3) + ", " +
                    name_of(Method::laplace_entk).name + " with " +
                    beside(study, Method::laplace_entk, Method::network, auroc, 3) + ". By their own uncertainty it is";
  const char* between = " ";
  for (const Method method : {Method::ensemble, Method::laplace_last, Method::laplace_entk, Method::gp_initial}) {
    out += between + with_error(study.mean(method, auroc_uncertainty), 3) + " (" + name_of(method).name + ")";
    between = ", ";
  }
  return out + ".";
}

std::string say_evidence(const UncertaintyStudy& study) {
  std::string out =
      "The prior's variance that the evidence chooses, for the first seed, has a negative log-likelihood of";
  for (const Method method : {Method::laplace_last, Method::laplace_pntk, Method::laplace_entk}) {
    const Choice choice = choice_of(study, method);
    out += (method == Method::laplace_last   ? " "
            : method == Method::laplace_entk ? " and "
                                             : ", ") +
           fixed(choice.chosen.nll, 3) + " (" + name_of(method).name +
           "; the best variance in hindsight: " + fixed(choice.hindsight.nll, 3) + ")";
  }
  return out + " on " + plural(study.judged_for_variances, "test image") + ".";
}

}  // namespace xtangent::examples
