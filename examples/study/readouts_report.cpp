#include "examples/study/readouts_report.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

#include "examples/common/format.hpp"
#include "examples/common/statistics.hpp"
#include "examples/study/series.hpp"

namespace xtangent::examples {
namespace {

struct ReadoutName {
  const char *name, *title, *color;
  int marker;
};
constexpr ReadoutName readouts[] = {{"sum", "sum of logits (pNTK)", pntk_color, 7},
                                    {"signs", "random signs", "#c8641b", 5},
                                    {"single", "single logit", "#9aa4b2", 9},
                                    {"trace", "trace", "#0b7a75", 13},
                                    {"head-aware", "head-aware", "#8a3ea8", 11}};

// Values of a column over the seeds.
std::vector<double> over_seeds(const Measurements& table, const RowsOfCase& one, const std::string& readout,
                               double decay, double epoch, const std::string& name) {
  std::vector<double> out;
  const std::string width = table.key(*one.rows.back(), "width");  // the last one that was measured
  for (const Measurement* row : one.rows)
    if (table.key(*row, "readout") == readout && table.key(*row, "width") == width &&
        std::stod(table.key(*row, "decay")) == decay && std::stod(table.key(*row, "epoch")) == epoch)
      out.push_back(table.value(*row, name));
  return out;
}

struct Interval {
  double mean = NAN, low = NAN, high = NAN;
};

// The geometric mean with its 95 % interval (Student's t over the seeds).
Interval geometric(const std::vector<double>& values) {
  std::vector<double> logs;
  for (const double value : values)
    if (value > 0) logs.push_back(std::log(value));
  Interval out;
  if (logs.empty()) return out;
  const Mean mean = mean_of(logs);
  out.mean = std::exp(mean.value);
  if (mean.count < 2) return out;
  const double t = boost::math::quantile(boost::math::students_t(static_cast<double>(mean.count - 1)), 0.975);
  out.low = std::exp(mean.value - t * mean.error);
  out.high = std::exp(mean.value + t * mean.error);
  return out;
}

std::string text(const Interval& i) {
  return significant(i.mean, 2) + (std::isnan(i.low)
                                       ? std::string(" without an interval")
                                       : ", 95 % interval " + significant(i.low, 2) + " to " + significant(i.high, 2));
}

// What is asked of one case: the last epoch, and the strongest weight decay.
struct End {
  const Measurements& table;
  const RowsOfCase& one;
  double epoch, decay;

  std::vector<double> values(const std::string& readout, const std::string& name, double with_decay) const {
    return over_seeds(table, one, readout, with_decay, epoch, name);
  }
  std::vector<double> values(const std::string& readout, const std::string& name) const {
    return values(readout, name, decay);
  }
  double mean(const std::string& readout, const std::string& name) const {
    return mean_of(values(readout, name)).value;
  }
  Interval ratio(const std::string& a, const std::string& b) const {
    std::vector<double> out = values(a, "frobenius");
    const std::vector<double> below = values(b, "frobenius");
    for (std::size_t i = 0; i < out.size() && i < below.size(); ++i) out[i] /= below[i];
    return geometric(out);
  }
};

End end_of(const Measurements& table, const RowsOfCase& one) {
  return {table, one, one.numbers(table, "epoch").back(), one.numbers(table, "decay").back()};
}

void add_claims(Section& out, const End& end) {
  const std::string of = end.one.title;
  const Interval with = geometric(end.values("sum", "share_below"));
  out.claims.push_back(
      {"After long training with weight decay the sum of the logits has lost more than half of its gradient below the "
       "head",
       of, "it keeps " + text(with) + " of the mean logit's squared gradient",
       lies_between(with.low, with.high, -INFINITY, 0.5)});
  const Interval without = geometric(end.values("sum", "share_below", 0));
  out.claims.push_back({"Without weight decay it keeps more than half of it", of, text(without),
                        lies_between(without.low, without.high, 0.5, INFINITY)});
  const auto better = [&](const char* words, const char* a, const char* b) {
    const Interval ratio = end.ratio(a, b);
    out.claims.push_back({words, of, "ratio of the relative Frobenius differences " + text(ratio),
                          lies_between(ratio.low, ratio.high, -INFINITY, 1)});
  };
  better("After long training with weight decay, random signs approximate the eNTK better than the sum", "signs",
         "sum");
  better("There the trace approximates it better than random signs", "trace", "signs");
  better("There the head-aware kernel approximates it better than the trace", "head-aware", "trace");
}

// What a user should take, by the numbers of this case.
std::string guidance(const End& end) {
  const auto closest = [&](std::initializer_list<const char*> names) {
    return std::string(*std::min_element(names.begin(), names.end(), [&](const char* a, const char* b) {
      return end.mean(a, "frobenius") < end.mean(b, "frobenius");
    }));
  };
  const std::string cheap = closest({"sum", "signs", "single"}),
                    all = closest({"sum", "signs", "single", "trace", "head-aware"});
  const auto title = [](const std::string& name) -> std::string {
    return std::ranges::find(readouts, name, &ReadoutName::name)->title;
  };
  const double share = geometric(end.values("sum", "share_below")).mean;
  std::string out = "<b>Guidance, " + escaped(end.one.title) + ":</b> ";
  out += share < 0.5
             ? "the sum of the logits has degenerated (" + significant(share, 2) +
                   " of a logit's squared gradient below the head is left), so that a network trained like this "
                   "should be read by another readout. "
             : "the sum of the logits has not degenerated (" + significant(share, 2) +
                   " of a logit's squared gradient below the head), and stays usable. ";
  out += "Of the readouts with one probe, " + title(cheap) + " was the closest to the eNTK (relative difference " +
         significant(end.mean(cheap, "frobenius"), 2) + ", sum " + significant(end.mean("sum", "frobenius"), 2) +
         "), and of all, " + title(all) + " (" + significant(end.mean(all, "frobenius"), 2) + "). Kernel regression: ";
  for (const ReadoutName& r : readouts)
    out += std::string(&r == readouts ? "" : ", ") + r.title + " " + percent(end.mean(r.name, "accuracy_kernel"));
  return out + ", the eNTK " + percent(end.mean("sum", "accuracy_entk")) + ", the network itself " +
         percent(end.mean("sum", "accuracy_network")) + ".";
}

Panel along(const Measurements& table, const RowsOfCase& one, double decay, const std::string& name,
            const std::string& y_label, bool log_y) {
  Panel out{.title = one.title + ", weight decay " + significant(decay, 1),
            .x_label = "epoch",
            .y_label = y_label,
            .series = {}};
  out.log_y = log_y;
  for (const ReadoutName& r : readouts) {
    if (name == "share_below" && std::string(r.name) == "head-aware") continue;  // that of the trace
    Series line{.title = r.title, .points = {}, .color = r.color, .marker = r.marker};
    for (const double epoch : one.numbers(table, "epoch"))
      line.points.emplace_back(epoch, mean_of(over_seeds(table, one, r.name, decay, epoch, name)).value);
    out.series.push_back(std::move(line));
  }
  return out;
}

std::string figure(const Measurements& table, const std::vector<RowsOfCase>& cases, const std::string& name,
                   const std::string& y_label, bool log_y) {
  std::vector<Panel> panels;
  for (const RowsOfCase& one : cases)
    for (const double decay : {0.0, one.numbers(table, "decay").back()})
      panels.push_back(along(table, one, decay, name, y_label, log_y));
  equal_axes(panels);
  return draw(panels, 500, 380, 2);
}

Table numbers(const Measurements& table, const std::vector<RowsOfCase>& cases) {
  Table out;
  out.head = {"network",
              "readout",
              "weight<br>decay",
              "gradient's<br>share",
              "below<br>the head",
              "relative<br>Frobenius",
              "difference<br>to the trace",
              "difference of<br>predictions",
              "accuracy of<br>regression"};
  out.text_columns = 2;
  for (const RowsOfCase& one : cases)
    for (const double decay : one.numbers(table, "decay"))
      for (const ReadoutName& r : readouts) {
        const auto cell = [&](const char* name) {
          // It is made from the trace, and has no gradient of its own.
          if (std::string(r.name) == "head-aware" && name != std::string("frobenius") &&
              name != std::string("difference") && name != std::string("accuracy_kernel"))
            return std::string("–");
          const Mean m = mean_of(over_seeds(table, one, r.name, decay, one.numbers(table, "epoch").back(), name));
          return significant(m.value, 2) + " ± " + significant(m.deviation, 1);
        };
        out.rows.push_back({one.title, r.title, significant(decay, 1), cell("share"), cell("share_below"),
                            cell("frobenius"), cell("trace_difference"), cell("difference"), cell("accuracy_kernel")});
      }
  return out;
}

}  // namespace

Section report_readouts(const Tables& tables) {
  const Measurements& table = tables.at("readouts");
  Section out;
  out.title = "Readouts after long training";
  const std::vector<RowsOfCase> cases = rows_by_case(table);
  if (cases.empty()) return out;
  out.paragraphs.push_back(
      "Networks trained for long with cross-entropy by gradient descent with momentum, without weight decay and with. "
      "Kernels K = vᵀ Θ v by five readouts v are compared with the eNTK, with the trace kernel, and by regression on "
      "100 "
      "other images. The share is the squared gradient of a readout over that of the mean single logit; the last layer "
      "adds the same to all, so that it is given also below it. Softmax does not see the sum of the logits: nothing "
      "holds the sum of the head's rows against the decay.");
  for (const RowsOfCase& one : cases) {
    add_claims(out, end_of(table, one));
    out.paragraphs.push_back(guidance(end_of(table, one)));
  }
  out.figures.push_back({figure(table, cases, "share_below", "share of the squared gradient", true),
                         "Squared gradients below the head, over those of the mean logit: means over the seeds.",
                         "Shares of the gradients along training"});
  out.figures.push_back({figure(table, cases, "frobenius", "‖Θ − K⊗I‖_F / ‖Θ‖_F", false),
                         "Relative differences of the kernels to the eNTK along training.",
                         "Relative differences of five readouts along training"});
  out.tables.emplace_back(numbers(table, cases),
                          "After the last epoch: means over the seeds, with their standard deviation.");
  return out;
}

}  // namespace xtangent::examples
