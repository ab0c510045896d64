#include "examples/study/run.hpp"

#include <algorithm>
#include <cstdio>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "examples/common/figure.hpp"
#include "examples/common/format.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/machine.hpp"
#include "examples/common/progress.hpp"
#include "examples/common/stopwatch.hpp"
#include "examples/study/part.hpp"
#include "examples/study/report.hpp"
#include "examples/study/workplace.hpp"
#include "nn/data/file.hpp"

namespace xtangent::examples {
namespace {

// What is known of a run beside its measurements, for the end of the report.
const MeasurementColumns about_columns = {{"name", "value"}, {}};

Tables read_tables(const std::filesystem::path& folder) {
  Tables out;
  for (const Part& part : study_parts())
    for (const auto& [name, columns] : part.tables) out.emplace(name, Measurements(folder / (name + ".csv"), columns));
  out.emplace("about", Measurements(folder / "about.csv", about_columns));
  return out;
}

std::vector<const Part*> chosen_parts(const StudySettings& settings) {
  std::vector<const Part*> out;
  std::string names;
  for (const Part& part : study_parts()) {
    names += (names.empty() ? "" : ", ") + part.name;
    if (settings.parts.empty() || std::count(settings.parts.begin(), settings.parts.end(), part.name))
      out.push_back(&part);
  }
  for (const std::string& name : settings.parts)
    if (std::none_of(out.begin(), out.end(), [&](const Part* part) { return part->name == name; }))
      throw option_error("[study] no part '" + name + "'. There are " + names + ".");
  for (const std::string& name : settings.networks) study_network(name);
  return out;
}

// The units of a part, and how many of them and of their seconds are done.
struct PlannedPart {
  const Part* part = nullptr;
  std::vector<Unit> units;
  std::vector<bool> done = {};
  double seconds = 0, seconds_done = 0;
  std::size_t count_done = 0;
};

PlannedPart planned(const Part& part, const Tables& tables, Workplace& place) {
  PlannedPart out{.part = &part, .units = part.units(place)};
  for (const Unit& unit : out.units) {
    const bool done = !unit.always && tables.at(unit.table).count(unit.keys) == unit.rows;
    out.done.push_back(done);
    out.count_done += done;
    out.seconds += unit.seconds;
    out.seconds_done += done ? unit.seconds : 0;
  }
  return out;
}

// Seconds as minutes or hours where there are many.
std::string long_time(double value) {
  if (value < 90) return seconds(value);
  return value < 5400 ? fixed(value / 60, 0) + " min" : fixed(value / 3600, 1) + " h";
}

void show(const std::vector<PlannedPart>& plan) {
  double left = 0;
  for (const PlannedPart& p : plan) {
    left += p.seconds - p.seconds_done;
    std::printf("%-12s %s: %s, %zu done before, about %s left\n", p.part->name.c_str(), p.part->what.c_str(),
                plural(p.units.size(), "unit").c_str(), p.count_done, long_time(p.seconds - p.seconds_done).c_str());
  }
  std::printf("about %s in all\n", long_time(left).c_str());
  std::fflush(stdout);
}

void measure(const std::vector<PlannedPart>& plan, Tables& tables) {
  double total = 0;
  for (const PlannedPart& p : plan) total += p.seconds;
  if (total == 0) return;
  Progress bar(total);
  for (const PlannedPart& p : plan) bar.skip(p.seconds_done);
  for (const PlannedPart& p : plan)
    for (std::size_t i = 0; i < p.units.size(); ++i) {
      if (p.done[i]) continue;
      const Unit& unit = p.units[i];
      bar.step(p.part->name + ": " + unit.what, unit.seconds, 1, "units");
      const std::vector<Measurement> rows = unit.measure();
      with_patience([&] { tables.at(unit.table).put(unit.keys, rows); });
      bar.update(1);
    }
  bar.finish();
}

// Entries of the tables have no commas.
std::string without_commas(std::string text) {
  std::replace(text.begin(), text.end(), ',', ';');
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

void describe(Workplace& place, Measurements& about) {
  const auto say = [&](const std::string& name, const std::string& value) {
    about.put({name}, {{{name, without_commas(value)}, {}}});
  };
  for (const std::string& data : place.data()) {
    const nn::LabeledImages& train = place.images(data).train;
    say("Images: " + data, train.name + ". Source: " + train.source + ". License: " + train.license);
  }
  say("Version", std::string("xtangent ") + XTANGENT_VERSION);
  say("Processor", processor());
  say("Threads", std::to_string(kernels::thread_count()));
  say("OpenBLAS kernels", kernels::blas_core().core);
  if (const auto& scale = place.settings().scale; std::filesystem::exists(scale / "scale.csv"))
    say("Tables about all of CIFAR-10", scale.string());
  say("Command of the last run that measured", place.settings().command);
}

void write_report(const Tables& tables, const std::filesystem::path& folder) {
  const std::string html = study_report(tables);
  with_patience([&] { nn::write_file(folder / "report.html", {html}); });
  std::printf("Report: %s\n", (folder / "report.html").c_str());
}

}  // namespace

void run_study(const StudySettings& settings) {
  require_gnuplot();
  const std::vector<const Part*> parts = chosen_parts(settings);
  Tables tables = read_tables(settings.out);
  if (settings.report) return write_report(tables, settings.out);
  Workplace place(settings);
  for (const std::string& data : place.data()) place.images(data);
  std::vector<PlannedPart> plan;
  for (const Part* part : parts) plan.push_back(planned(*part, tables, place));
  show(plan);
  if (settings.dry_run) return;
  with_patience([&] { nn::require_writable_file(settings.out / "report.html"); });
  const bool missing =
      std::any_of(plan.begin(), plan.end(), [](const auto& p) { return p.count_done < p.units.size(); });
  if (missing) {
    with_patience([&] { describe(place, tables.at("about")); });
    measure(plan, tables);
  }
  write_report(tables, settings.out);
}

}  // namespace xtangent::examples
