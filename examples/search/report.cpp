#include "examples/search/report.hpp"

#include <cmath>

#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/machine.hpp"
#include "examples/common/page.hpp"

namespace xtangent::examples {
namespace {

constexpr Family families[] = {Family::fully_connected, Family::convolutional};
constexpr const char* colors[] = {"#c8641b", "#1f5fbf"};  // of the families
constexpr int markers[] = {9, 7};
constexpr const char *kernel_color = "#1f5fbf", *other_color = "#8b95a5";
constexpr std::size_t fewest = 3;  // networks of which there is a ranking

std::size_t count_of(const SearchStudy& study, std::optional<Family> family) {
  std::size_t out = 0;
  for (const Candidate& candidate : study.candidates) out += !family || candidate.architecture.family == *family;
  return out;
}

std::string between(const Interval& interval) { return power(interval.low) + " to " + power(interval.high); }
std::string with_interval(double value, const Interval& interval) {
  return power(value) + " (" + between(interval) + ")";
}

// "a, b and c"
std::string listed(const std::vector<std::string>& items) {
  std::string out;
  for (std::size_t i = 0; i < items.size(); ++i)
    out.append(i == 0 ? "" : i + 1 < items.size() ? ", " : " and ").append(items[i]);
  return out;
}

// "alignment" for "the alignment"
std::string without_article(const std::string& name) { return name.starts_with("the ") ? name.substr(4) : name; }

Intervals tau_panel(const SearchStudy& study, const std::string& title, std::optional<Family> family) {
  Intervals out{title + ", " + plural(count_of(study, family), "network"), "Kendall's tau", {}};
  for (const Score& score : scores()) {
    const Ranking r = ranking(study, score, family);
    out.rows.push_back({without_article(score.name), r.tau, r.interval.low, r.interval.high,
                        score.seconds ? kernel_color : other_color});
  }
  return out;
}

using Value = double (*)(const SearchStudy&, const SearchRun&);

// The mean over the seeds, by the logarithm where an axis is logarithmic. Infinity where one is infinite.
double averaged(const SearchStudy& study, std::size_t candidate, Value value, bool logarithm) {
  double sum = 0;
  for (std::size_t seed = 0; seed < study.settings.seeds; ++seed) {
    const double x = value(study, study.run(candidate, seed));
    sum += logarithm ? std::log(x) : x;
  }
  const double mean = sum / static_cast<double>(study.settings.seeds);
  return logarithm ? std::exp(mean) : mean;
}

double condition(const SearchStudy&, const SearchRun& run) { return run.scores.condition; }

std::size_t singular_kernels(const SearchStudy& study) {
  std::size_t out = 0;
  for (std::size_t i = 0; i < study.candidates.size(); ++i) out += std::isinf(averaged(study, i, condition, true));
  return out;
}

Panel error_panel(const SearchStudy& study, const std::string& id, const std::string& label, bool logarithm,
                  Value value) {
  std::string title;
  for (const Score& score : scores())
    if (score.id == id) {
      const Ranking r = ranking(study, score);
      title = "tau " + with_interval(r.tau, r.interval);
    }
  Panel out{title, label, "test error, %", {}};
  out.log_x = logarithm;
  out.log_y = true;
  for (std::size_t f = 0; f < std::size(families); ++f) {
    Series dots{name_of(families[f]), {}, colors[f], markers[f]};
    dots.line = false;
    for (std::size_t i = 0; i < study.candidates.size(); ++i)
      if (study.candidates[i].architecture.family == families[f])
        dots.points.emplace_back(averaged(study, i, value, logarithm), 100 * (1 - study.accuracy(i)));
    out.series.push_back(std::move(dots));
  }
  return out;
}

Table ranking_table(const SearchStudy& study) {
  Table table;
  table.head = {"known before training",   "all networks", "fully connected", "convolutional",
                "less that of parameters", "seed by seed"};
  for (const Score& score : scores()) {
    std::vector<std::string> row = {without_article(score.name)};
    for (const std::optional<Family> family : {std::optional<Family>(), {families[0]}, {families[1]}}) {
      const Ranking r = ranking(study, score, family);
      row.push_back(count_of(study, family) < fewest ? "–" : with_interval(r.tau, r.interval));
    }
    const Advantage a = advantage(study, score);
    row.push_back(score.id == parameter_count().id ? "–" : with_interval(a.difference, a.interval));
    row.push_back(with_error(ranking(study, score).seeds, 2));
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table choice_table(const SearchStudy& study) {
  Table table;
  table.head = {"chosen by", "test accuracy, %", "below the best, points", "one core, a network",
                "trainings take so many times as long"};
  const double best = best_accuracy(study);
  const auto row = [&](const std::string& name, const std::string& accuracy, double value, const std::string& time,
                       const std::string& times) {
    table.rows.push_back({name, accuracy, fixed(100 * (best - value), 1), time, times});
  };
  for (const Score& score : scores()) {
    const Mean chosen = choice(study, score);
    const double time = score.seconds ? mean_seconds(study, score) : 0;
    row(without_article(score.name), with_error(chosen, 1, 100), chosen.value, score.seconds ? seconds(time) : "–",
        score.seconds ? significant(training_seconds(study) / time, 2) : "–");
  }
  row("chance, on average", fixed(100 * mean_accuracy(study), 1), mean_accuracy(study), "–", "–");
  row("training of all", fixed(100 * best, 1), best, seconds(training_seconds(study)), "1");
  return table;
}

Table networks_table(const SearchStudy& study) {
  Table table;
  table.head = {"network",          "parameters",       "FLOP",     "condition number", "alignment",
                "cross-validation", "leave-one-out, %", "evidence", "accuracy, %"};
  for (std::size_t i = 0; i < study.candidates.size(); ++i) {
    const Candidate& c = study.candidates[i];
    const auto mean = [&](bool logarithm, Value value) { return averaged(study, i, value, logarithm); };
    std::vector<double> accuracies;
    for (std::size_t seed = 0; seed < study.settings.seeds; ++seed) accuracies.push_back(study.run(i, seed).accuracy);
    table.rows.push_back(
        {c.architecture.name(), grouped(static_cast<double>(c.parameters)), significant(c.flop, 3),
         std::isinf(mean(true, condition)) ? "singular" : significant(mean(true, condition), 3),
         fixed(mean(false, [](const SearchStudy&, const SearchRun& r) { return r.scores.alignment; }), 3),
         significant(mean(true, [](const SearchStudy&, const SearchRun& r) { return r.scores.generalization; }), 3),
         fixed(100 * mean(false, [](const SearchStudy&, const SearchRun& r) { return r.scores.leave_one_out; }), 1),
         grouped(mean(false, [](const SearchStudy&, const SearchRun& r) { return r.scores.evidence; })),
         with_error(mean_of(accuracies), 1, 100)});
  }
  return table;
}

std::string options_of(const SearchStudy& study) {
  const SearchSettings& s = study.settings;
  std::string out = s.data_set;
  for (const auto& [name, value] :
       {std::pair("networks", s.networks), std::pair("n", s.n), std::pair("test", s.test),
        std::pair("scored", s.scored), std::pair("seeds", s.seeds), std::pair("epochs", s.epochs),
        std::pair("batch-size", s.batch_size), std::pair("seed", std::size_t{s.seed})})
    out.append(" --").append(name).append(" ").append(std::to_string(value));
  return out + " --learning-rate " + digits_of(s.learning_rate);
}

std::size_t diverged_trainings(const SearchStudy& study) {
  std::size_t out = 0;
  for (const SearchRun& run : study.runs) out += run.diverged;
  return out;
}

void describe(Page& page, const SearchStudy& study) {
  const SearchSettings& s = study.settings;
  page.section("How it was done");
  page.paragraph(
      "Fully connected networks have 1, 2, 4 or 8 hidden layers of 32 or 256 features with relu, tanh or gelu. "
      "Convolutional ones have 1, 2 or 4 convolutions to 8 or 24 channels, with kernels of 3 × 3 or 5 × 5, relu, none "
      "or group norm, and either 2 × 2 max pooling behind the first two or global average pooling at the end. All "
      "begin with PyTorch's initialization. The first convolution has stride 2 where images are larger than 16 "
      "pixels.");
  page.paragraph(
      "The scores are from the pNTK K of the initial network on " + plural(study.scored(), "training image") +
      ", all classes equally often. The alignment is that of the centered K with the kernel that is 1 between "
      "images of one class. Generalized cross-validation and the leave-one-out accuracy are of the regression "
      "with K from the outputs of the initial network, with the ridge of 10<sup>−4</sup> to 1 of the mean of "
      "K's diagonal for which the former is least. The evidence is the log density of what is missing to the "
      "targets under the Gaussian process with the most likely variance and noise. Scores together are sums of the "
      "ranks by each.");
  page.paragraph("Each network is trained by Adam for " + plural(s.epochs, "epoch") + " of " +
                 plural(study.task.y.size(), "image") + " in batches of " + std::to_string(s.batch_size) +
                 ", by cross-entropy, with a rate of " + significant(s.learning_rate, 2) +
                 " that falls to 0 along a cosine. The rate is the same for all networks and tuned for none, so the "
                 "accuracies are those of one recipe and not the best that each network can reach. Ranks are averaged "
                 "over the seeds, and so are accuracies. Intervals are 95 % of 1,000 samples of the networks with "
                 "replacement (bootstrap): what other networks like these may give.");
  page.properties(
      {{"Command", "<code>" + escaped(s.command) + "</code>"},
       {"All options that change numbers", "<code>" + escaped(options_of(study)) + "</code>"},
       {"Data", said_of_data(study.task)},
       {"Trainings that diverged", std::to_string(diverged_trainings(study))},
       {"Time of everything", seconds(study.seconds) + " on " + escaped(processor())},
       {"Beside this page", "<code>search.csv</code>, <code>search.svg</code>, <code>scores.svg</code>"},
       {"Sources of the method",
        "Chen, Gong, Wang: Neural Architecture Search on ImageNet in Four GPU Hours, ICLR 2021 (condition number). "
        "Cortes, "
        "Mohri, Rostamizadeh: Algorithms for Learning Kernels Based on Centered Alignment, JMLR 2012. Golub, Heath, "
        "Wahba: Generalized Cross-Validation, Technometrics 1979. Rasmussen and Williams: Gaussian Processes for "
        "Machine Learning, 2006 (evidence, leave-one-out)"}});
}

}  // namespace

std::string say_ranking(const SearchStudy& study) {
  std::vector<std::string> kernel, others;
  for (const Score& score : scores()) {
    const Ranking r = ranking(study, score);
    (score.seconds ? kernel : others).push_back(with_interval(r.tau, r.interval) + " for " + score.name);
  }
  std::string out = "Over " + plural(study.candidates.size(), "network") +
                    ", Kendall's tau between a score of the initial "
                    "network by its pNTK and the test accuracy after training is (with 95 % intervals) " +
                    listed(kernel) + ". Without a kernel it is " + listed(others) + ".";
  if (const std::optional<double> again = repeatability(study))
    out += " The accuracies with two seeds have " + power(*again) + ".";
  return out;
}

std::string say_advantage(const SearchStudy& study) {
  std::string out;
  for (const auto& [where, family] : {std::pair<const char*, std::optional<Family>>("Over all networks", {}),
                                      {"Among the fully connected ones", families[0]},
                                      {"Among the convolutional ones", families[1]}}) {
    if (count_of(study, family) < fewest) continue;
    std::vector<std::string> better, alike, worse;
    for (const Score& score : scores()) {
      if (!score.seconds) continue;
      const Advantage a = advantage(study, score, family);
      (a.better() ? better : a.worse() ? worse : alike).push_back(score.name);
    }
    out.append(out.empty() ? "" : " ").append(where).append(", better than the number of parameters: ");
    out += better.empty() ? "none of the scores by the kernel" : listed(better);
    if (!worse.empty()) out += "; worse: " + listed(worse);
    if (!alike.empty()) out += "; no difference shown: " + listed(alike);
    out += ".";
  }
  return out;
}

std::string say_choice(const SearchStudy& study) {
  std::vector<std::string> items;
  for (const Score& score : scores())
    items.push_back(with_error(choice(study, score), 1, 100) + " % (" + without_article(score.name) + ")");
  return "The networks that the scores choose have a test accuracy of " + listed(items) + ". The best one has " +
         fixed(100 * best_accuracy(study), 1) + " %, one by chance " + fixed(100 * mean_accuracy(study), 1) + " %.";
}

std::string say_costs(const SearchStudy& study) {
  double least = INFINITY, most = 0;
  for (const Score& score : scores())
    if (score.seconds) {
      least = std::min(least, mean_seconds(study, score));
      most = std::max(most, mean_seconds(study, score));
    }
  const double training = training_seconds(study);
  return "A score of one network takes " + seconds(least) + " to " + seconds(most) +
         " of one core with its kernel, a training " + seconds(training) + ": " + significant(training / most, 2) +
         " to " + significant(training / least, 2) + " times as long.";
}

std::string search_summary(const SearchStudy& study) {
  std::string out =
      say_ranking(study) + "\n" + say_advantage(study) + "\n" + say_choice(study) + "\n" + say_costs(study) + "\n";
  if (const std::size_t count = diverged_trainings(study))
    out += plural(count, "training") + " diverged and " + (count == 1 ? "counts" : "count") + " as guessing.\n";
  return out;
}

std::string search_figure(const SearchStudy& study) {
  return draw(std::vector<Intervals>{tau_panel(study, "all", {}), tau_panel(study, name_of(families[0]), families[0]),
                                     tau_panel(study, name_of(families[1]), families[1])},
              340, 330);
}

std::string scores_figure(const SearchStudy& study) {
  using Study = const SearchStudy&;
  using Run = const SearchRun&;
  std::vector<Panel> panels = {
      error_panel(study, "condition", "condition number", true, condition),
      error_panel(study, "alignment", "alignment", false, [](Study, Run r) { return r.scores.alignment; }),
      error_panel(study, "generalization", "generalized cross-validation", false,
                  [](Study, Run r) { return r.scores.generalization; }),
      error_panel(study, "leave_one_out", "leave-one-out accuracy", false,
                  [](Study, Run r) { return r.scores.leave_one_out; }),
      error_panel(study, "evidence", "evidence", false, [](Study, Run r) { return r.scores.evidence; }),
      error_panel(study, "parameters", "parameters", true, parameter_count().goodness)};
  equal_axes(panels);
  return draw(panels, 440, 380, 3);
}

std::string search_csv(const SearchStudy& study) {
  std::string out =
      "network,family,depth,width,activation,kernel,pooling,norm,seed,parameters,flop,condition,alignment,"
      "generalization,"
      "ridge,leave_one_out,evidence,rank_sum,rank_sum_with_parameters,accuracy,diverged,kernel_seconds,condition_"
      "seconds,alignment_seconds,"
      "generalization_seconds,leave_one_out_seconds,evidence_seconds,training_seconds\n";
  for (const SearchRun& run : study.runs) {
    const Candidate& c = study.candidates[run.candidate];
    const Architecture& a = c.architecture;
    const InitialScores& s = run.scores;
    out += a.name() + "," + name_of(a.family) + "," + std::to_string(a.depth) + "," + std::to_string(a.width) + "," +
           a.activation + "," + std::to_string(a.kernel) + "," + a.pooling + "," + a.norm + "," +
           std::to_string(run.seed) + "," + std::to_string(c.parameters);
    for (const double value : {c.flop, s.condition, s.alignment, s.generalization, s.ridge, s.leave_one_out, s.evidence,
                               run.rank_sum, run.rank_sum_with_parameters, run.accuracy})
      out.append(",").append(significant(value, 17));
    out += run.diverged ? ",1" : ",0";
    for (const double value : {s.seconds.kernel, s.seconds.condition, s.seconds.alignment, s.seconds.generalization,
                               s.seconds.leave_one_out, s.seconds.evidence, run.seconds})
      out.append(",").append(significant(value, 6));
    out += "\n";
  }
  return out;
}

std::string search_report(const SearchStudy& study) {
  Page page("Which network should be trained?", plural(study.candidates.size(), "network") + " for " +
                                                    escaped(study.task.title) +
                                                    " are ranked before training by scores from the kernel of one "
                                                    "batch, and then trained, all by the same recipe.");
  const Score* best = &scores().front();
  for (const Score& score : scores())
    if (score.seconds && ranking(study, score).tau > ranking(study, *best).tau) best = &score;
  page.fact(power(ranking(study, *best).tau), "Kendall's tau of " + best->name + ", the highest by a kernel");
  page.fact(power(ranking(study, scores().front()).tau), "of " + scores().front().name);
  page.fact(power(ranking(study, parameter_count()).tau), "of " + parameter_count().name);
  page.fact(significant(training_seconds(study) / mean_seconds(study, *best), 2),
            "times the seconds of that score: a training");
  page.section("What was found");
  page.paragraph(say_ranking(study));
  page.paragraph(say_advantage(study));
  page.paragraph(say_choice(study));
  page.paragraph(say_costs(study));
  page.figure(search_figure(study),
              "Blue: scores by the pNTK of one batch. Gray: what needs no kernel. Together: sums of ranks.",
              "Kendall's tau of each score with an interval, over all networks and over either family");
  page.table(ranking_table(study),
             "Kendall's tau with test accuracy, 1 where a score ranks as training does, with 95 % "
             "intervals; at the right the mean of the seeds with its standard error.");
  page.figure(scores_figure(study),
              "Each dot is a network, its values averaged over " + plural(study.settings.seeds, "seed") +
                  ". Of those whose kernel is singular (" + std::to_string(singular_kernels(study)) +
                  ") there is none in the first panel; they rank last there.",
              "Test error against five scores and against the number of parameters");
  page.table(choice_table(study),
             "The network that each score puts first: its accuracy over all seeds, the mean of the "
             "choices of the seeds with its standard error.");
  page.table(networks_table(study), "All networks, averaged over the seeds; accuracy with its standard error.");
  describe(page, study);
  return page.html();
}

}  // namespace xtangent::examples
