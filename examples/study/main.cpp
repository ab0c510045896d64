// Measures what the theory says of the pNTK, claim by claim, and writes a report. Interrupted, it goes on from its
// tables.
#include <string>

#include "autodiff/error.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/program.hpp"
#include "examples/common/threads.hpp"
#include "examples/study/part.hpp"
#include "examples/study/run.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

std::string parts() {
  std::string out = "Parts:";
  for (const Part& part : study_parts()) {
    std::string name = part.name;
    name.resize(12, ' ');
    out.append("\n  ").append(name).append(part.what);
  }
  return out;
}

Program program() {
  return {
      "study",
      "Measures what is claimed of the pNTK, and writes a report that says which claims held.",
      {{"", "MNIST and CIFAR-10 where they are, else the digits; results/study/report.html, in 15 minutes"},
       {"--full", "more networks, widths and seeds, in three hours; goes on after Ctrl-C, and from the quick study"},
       {"--part width --data digits --networks mlp --out results/digits", "one part, one network, one set of images"},
       {"--report", "the report anew, from the tables in results/study/"}},
      "Choose smaller --widths or --n.",
      parts()};
}

void add_options(CLI::App& app, StudySettings& s) {
  app.add_flag_callback(
      "--quick", [&s] { s.full = false; }, "Few seeds, each network on one set of images (the default)");
  app.add_flag("--full", s.full, "All of it")->excludes(app.get_option("--quick"));
  option(app, "--part", s.parts, "NAME,...", "Only these, below")->delimiter(',')->check(named())->default_str("all");
  option(app, "--data", s.data, "SET,...", "digits, mnist, fashion, cifar10, or folders with their files")
      ->delimiter(',')
      ->check(named())
      ->default_str("what is there");
  option(app, "--networks", s.networks, "NAME,...", "Of mlp, convnet, resnet18, wide_resnet16")
      ->delimiter(',')
      ->check(named())
      ->default_str("all");
  option(app, "--widths", s.widths, "N,...", "Features of the last hidden layer, multiples of 8")
      ->delimiter(',')
      ->check(whole(1))
      ->default_str("64 to 4096, 32 to 512");
  option(app, "--n", s.n, "N", "Images of each kernel; fewer than usual also shorten trainings")
      ->check(whole(1))
      ->default_str("100, 30 of residual networks");
  option(app, "--seeds", s.seeds, "N", "Initializations of each network")->check(whole(1))->default_str("by parts");
  option(app, "--out", s.out, "DIR", "For the tables and the report; a run goes on from its tables")
      ->check(named())
      ->capture_default_str();
  option(app, "--scale", s.scale, "DIR", "Where ./run scale has left its tables")
      ->check(named())
      ->default_str("results/scale, else docs/data");
  CLI::Option* report = app.add_flag("--report", s.report, "Only make the report, from the tables");
  for (const char* name : {"--part", "--data", "--networks", "--widths", "--n", "--seeds", "--full", "--scale"})
    report->excludes(app.get_option(name));
  app.add_flag("--dry-run", s.dry_run, "Only show the plan")->excludes(app.get_option("--report"));
  seed_option(app, s.seed, "Seed of the first initialization");
  threads_option(app, s.threads);
}

}  // namespace

int main(int argc, char** argv) {
  StudySettings settings;
  const Program about = program();
  if (const auto status = parse_options(argc, argv, about, settings, add_options)) return *status;
  settings.command = command_line(argc, argv);
  const bool scale_is_named = !settings.scale.empty();
  if (!scale_is_named)
    settings.scale = std::filesystem::exists("results/scale/scale.csv") ? "results/scale" : "docs/data";
  answer_interruptions("what was measured is in " + settings.out.string() + ". To go on:\n  " + settings.command);
  return run_program(about, argv, [&] {
    if (scale_is_named && !std::filesystem::exists(settings.scale / "scale.csv"))
      throw xtangent::data_error("[study] --scale: " + settings.scale.string() +
                                 " has no scale.csv. Name the folder --out of ./run scale.");
    const ThreadLimit limit(settings.threads);
    run_study(settings);
  });
}
