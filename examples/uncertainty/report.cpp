#include "examples/uncertainty/report.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/machine.hpp"
#include "examples/uncertainty/tables.hpp"
#include "nn/training/evaluate.hpp"

namespace xtangent::examples {
namespace {

constexpr const char* colors[] = {"#27313f",  "#8b95a5", "#b3203a",  "#9aa320", "#5bb5e0",
                                  entk_color, "#d8a26f", pntk_color, "#8a3ea8"};  // in the order of the methods

// A few of the methods, since more cannot be told apart.
bool in_figure(Method method) {
  return method == Method::network || method == Method::ensemble || method == Method::laplace_entk ||
         method == Method::laplace_held_out || method == Method::gp_initial;
}

// Accuracy against confidence, of the images of all seeds together.
Panel reliability_panel(const UncertaintyStudy& study) {
  Panel out{"calibration on the test images", "confidence", "accuracy", {}};
  out.series.push_back({"", {{0, 0}, {1, 1}}, "#aab3bf", 0, true});
  for (std::size_t i = 0; i < methods().size(); ++i) {
    std::vector<Bin> all;
    for (const UncertaintyRun* run : study.runs_of(methods()[i].method)) {
      const std::vector<Bin> bins = reliability(run->judgement.test, study.task.images.y_test);
      all.resize(bins.size());
      for (std::size_t b = 0; b < bins.size(); ++b) {
        const double count = static_cast<double>(bins[b].count);
        all[b].confidence += count * bins[b].confidence;
        all[b].accuracy += count * bins[b].accuracy;
        all[b].count += bins[b].count;
      }
    }
    if (!in_figure(methods()[i].method)) continue;
    Series line{methods()[i].name, {}, colors[i], 7};
    for (const Bin& bin : all)
      if (bin.count >= 10)  // fewer say nothing
        line.points.emplace_back(bin.confidence / static_cast<double>(bin.count),
                                 bin.accuracy / static_cast<double>(bin.count));
    out.series.push_back(std::move(line));
  }
  out.x_range = out.y_range = {0, 1};
  return out;
}

// For the first seed, by the method's own uncertainty, or by the confidence where it has none.
Panel curves_panel(const UncertaintyStudy& study) {
  Panel out{"the other images found, by uncertainty",
            "share of test images taken for others",
            "share of the others found",
            {}};
  out.series.push_back({"", {{0, 0}, {1, 1}}, "#aab3bf", 0, true});
  for (std::size_t i = 0; i < methods().size(); ++i) {
    if (!in_figure(methods()[i].method)) continue;
    const Judgement& j = study.runs_of(methods()[i].method).front()->judgement;
    const auto uncertainty = [](const Verdicts& verdicts) {
      return verdicts.uncertainty.empty() ? verdicts.by_confidence() : verdicts.uncertainty;
    };
    Series line{methods()[i].name, operating_curve(uncertainty(j.test), uncertainty(j.other)), colors[i], 0};
    line.width = 1.8;
    out.series.push_back(std::move(line));
  }
  out.x_range = out.y_range = {0, 1};
  return out;
}

// The evidence of small variances falls without end, and what happens near the greatest would not be seen.
double shown_evidence(double of_an_image) { return of_an_image > -3 ? of_an_image : std::nan(""); }

Panel variances_panel(const UncertaintyStudy& study, const std::string& title,
                      const std::function<double(const TriedVariance&)>& value) {
  Panel out{title, "variance of the prior", "", {}};
  out.log_x = true;
  for (std::size_t i = 0; i < methods().size(); ++i) {
    Series line{methods()[i].name, {}, colors[i], 7}, chosen{"", {}, colors[i], 6};
    const TriedVariance* best = nullptr;
    for (const TriedVariance& t : study.tried)
      if (t.method == methods()[i].method) {
        if (std::isfinite(value(t))) line.points.emplace_back(t.variance, value(t));
        if (!best || t.log_evidence > best->log_evidence) best = &t;
      }
    if (!best) continue;
    chosen.line = false;
    chosen.marker = 13;  // a diamond
    chosen.points.emplace_back(best->variance, value(*best));
    line.marker = 0;
    line.width = 1.8;
    out.series.push_back(std::move(line));
    out.series.push_back(std::move(chosen));
  }
  return out;
}

std::string options_of(const UncertaintyStudy& study) {
  const UncertaintySettings& s = study.settings;
  std::string out = s.data_set + " --other " + s.other + " --network " + s.network;
  for (const auto& [name, value] :
       {std::pair("n", s.n), std::pair("held-out", s.held_out), std::pair("test", s.test),
        std::pair("ensemble", s.ensemble), std::pair("seeds", s.seeds), std::pair("epochs", s.epochs),
        std::pair("batch-size", s.batch_size), std::pair("seed", std::size_t{s.seed})})
    out.append(" --").append(name).append(" ").append(std::to_string(value));
  return out + " --width " + digits_of(study.task.width) + " --learning-rate " + digits_of(s.learning_rate) +
         " --decay " + digits_of(s.decay);
}

void append(std::string& out, const std::vector<double>& values) {
  for (const double value : values) out.append(",").append(std::isnan(value) ? "" : significant(value, 17));
}

}  // namespace

std::string uncertainty_summary(const UncertaintyStudy& study) {
  return say_fit(study) + "\n" + say_other(study) + "\n" + say_evidence(study) + "\n";
}

std::string uncertainty_figure(const UncertaintyStudy& study) {
  const double images = static_cast<double>(study.settings.n);
  return draw(
      {reliability_panel(study), curves_panel(study),
       variances_panel(study, "evidence for an image, logarithm",
                       [&](const TriedVariance& t) { return shown_evidence(t.log_evidence / images); }),
       variances_panel(study, "negative log-likelihood, test images", [](const TriedVariance& t) { return t.nll; })},
      520, 420, 2);
}

std::string uncertainty_csv(const UncertaintyStudy& study) {
  std::string out = "seed,method,accuracy,nll,brier,calibration,auroc,auroc_uncertainty,variance,noise,seconds\n";
  for (const UncertaintyRun& run : study.runs) {
    const Fitness& f = run.fitness;
    out += std::to_string(run.seed) + "," + name_of(run.method).id;
    append(out, {f.accuracy, f.nll, f.brier, f.calibration, run.auroc, run.auroc_uncertainty, run.judgement.variance,
                 run.judgement.noise});
    append(out, {run.judgement.seconds});
    out += "\n";
  }
  return out;
}

std::string verdicts_csv(const UncertaintyStudy& study) {
  std::string out = "seed,method,set,image,label,confidence,uncertainty,nll,right\n";
  for (const UncertaintyRun& run : study.runs)
    for (const bool test : {true, false}) {
      const Verdicts& v = test ? run.judgement.test : run.judgement.other;
      const std::vector<double> confidences = v.confidences();
      const std::vector<std::size_t> said = nn::argmax(v.probabilities);
      for (std::size_t i = 0; i < confidences.size(); ++i) {
        const std::size_t label = test ? study.task.images.y_test[i] : 0;
        out += std::to_string(run.seed) + "," + name_of(run.method).id + (test ? ",test," : ",other,") +
               std::to_string(i) + ",";
        if (test) out += std::to_string(label);
        append(out, {confidences[i], v.uncertainty.empty() ? std::nan("") : v.uncertainty[i],
                     test ? -std::log(std::max(1e-12, v.probabilities(i, label))) : std::nan("")});
        out += test ? said[i] == label ? ",1\n" : ",0\n" : ",\n";
      }
    }
  return out;
}

std::string variances_csv(const UncertaintyStudy& study) {
  std::string out = "method,variance,log_evidence,nll\n";
  for (const TriedVariance& t : study.tried) {
    out += name_of(t.method).id;
    append(out, {t.variance, t.log_evidence, t.nll});
    out += "\n";
  }
  return out;
}

std::string uncertainty_report(const UncertaintyStudy& study) {
  const UncertaintySettings& s = study.settings;
  Page page("How certain is the network?",
            "A network is trained on " + plural(s.n, "image") + " of " + escaped(study.task.images.title) +
                ". Several methods say how probable each class is, for test images and for images that belong to no "
                "class: " +
                escaped(study.task.other_title) + ".");
  const auto fact = [&](Method method, const std::string& what) {
    page.fact(with_error(study.mean(method, [](const UncertaintyRun& run) { return run.fitness.nll; }), 3), what);
  };
  fact(Method::network, "negative log-likelihood of the network");
  fact(Method::ensemble, "of an ensemble");
  fact(Method::gp_initial, "of a Gaussian process with the pNTK");
  page.section("What was found");
  page.paragraph(say_fit(study));
  page.paragraph(say_other(study));
  page.paragraph(say_evidence(study));
  page.figure(uncertainty_figure(study),
              "Above: accuracy of images by their confidence, all seeds together; and the others among all images, for "
              "the first seed. Below, for the first seed: evidence and likelihood for other variances of the prior. "
              "Diamonds: the variance that the evidence chooses. Dots above are bins of at least ten images.",
              "Calibration, recognition of other images, evidence and likelihood against the prior's variance");
  page.table(
      methods_table(study),
      "Means over " + plural(s.seeds, "choice") +
          " of training images with standard errors. NLL: negative log-likelihood. Calibration: expected "
          "calibration error. AUROC: how well the other images are told from the test images by confidence, and "
          "by the method's own uncertainty. The seconds are those of judging, without the training of a network, "
          "which took " +
          seconds(study.training_seconds) + ".");
  page.table(variances_table(study), "Laplace's approximation for the first seed, on " +
                                         plural(study.judged_for_variances, "test image") + ".");
  page.section("How it was done");
  page.paragraph(
      "The networks are trained by SGD with momentum and weight decay. The temperature, and the variance of the row "
      "<em>held "
      "out</em>, are chosen by " +
      plural(s.held_out, "further image") +
      ". Laplace's approximation takes the posterior of "
      "all parameters, or of the last layer's, as Gaussian around the trained ones, and the network as linear there "
      "(ntk::Laplace); the pNTK stands for the eNTK as K ⊗ I. Its probabilities are expected softmaxes by MacKay's "
      "formula. A process is Gaussian with the pNTK as its covariance, for one-hot labels; a class is as probable as "
      "it "
      "is that its output is the largest. The evidence chooses the variance of each prior, and of the processes' "
      "noise. "
      "Uncertainty is the mean variance of the outputs; of the ensemble it is the entropy of the mean probabilities "
      "less the "
      "mean entropy.");
  page.properties(
      {{"Command", "<code>" + escaped(s.command) + "</code>"},
       {"All options that change numbers", "<code>" + escaped(options_of(study)) + "</code>"},
       {"Data", said_of_data(study.task.images)},
       {"Time of everything", seconds(study.seconds) + " on " + escaped(processor())},
       {"Beside this page",
        "<code>uncertainty.csv</code>, <code>verdicts.csv</code>, <code>variances.csv</code>, "
        "<code>uncertainty.svg</code>"},
       {"Sources of the methods",
        "Immer, Korzepa, Bauer: Improving Predictions of Bayesian Neural Nets via Local Linearization, AISTATS 2021. "
        "Lakshminarayanan, Pritzel, Blundell: Simple and Scalable Predictive Uncertainty Estimation using Deep "
        "Ensembles, NeurIPS 2017. Rasmussen, Williams: Gaussian Processes for Machine Learning, 2006"}});
  return page.html();
}

}  // namespace xtangent::examples
