// Kernel regression with a stored kernel, which may be larger than the memory.
#include "examples/common/program.hpp"
#include "examples/common/threads.hpp"
#include "examples/solve/computation.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

const Program program = {
    "solve",
    "Factors a stored kernel on the disk, and computes the weights and the evidence of kernel regression for each "
    "ridge.",
    {{"--store results/kernel --data mnist --ridge 1e-4,1e-3,1e-2",
      "three ridges for the kernel of ./run kernel --store results/kernel, with the accuracy on its test images"},
     {"--store K --labels y.npy --memory 2G --float", "weights for labels of your own, with a factor in float"}},
    "Choose a smaller --memory only if the tiles of the kernel allow it, or --float."};

void add_options(CLI::App& app, SolveSettings& s) {
  option(app, "--store", s.store, "DIR", "The folder that ./run kernel --store was given, or one stored kernel")
      ->check(named())
      ->capture_default_str();
  CLI::Option* data =
      option(app, "--data", s.data, "SET", "Labels of digits, mnist, fashion, cifar10, or of a folder with such files")
          ->check(named())
          ->default_str("none");
  option(app, "--labels", s.labels, "FILE", "NumPy file: whole labels (N,), or numbers (N,) or (N, outputs) to fit")
      ->check(named())
      ->excludes(data)
      ->default_str("none");
  option(app, "--test-labels", s.test_labels, "FILE", "The same for the rows of the test kernel")
      ->check(named())
      ->excludes(data)
      ->default_str("none");
  option(app, "--outputs", s.outputs, "FILE",
         "NumPy file (N, outputs): the network's own outputs, from which it learns")
      ->check(named())
      ->default_str("zero");
  option(app, "--test-outputs", s.test_outputs, "FILE", "The same for the rows of the test kernel")
      ->check(named())
      ->default_str("zero");
  option(app, "--ridge", s.ridges, "X,...", "Ridges, in units of the mean of the kernel's diagonal")
      ->delimiter(',')
      ->check(not_negative())
      ->default_str("0.001");
  option(app, "--memory", s.memory, "SIZE", "Beside the program and the labels: 512M, 2G, 1.5GiB")
      ->default_str("half of what is free");
  app.add_flag("--float", s.single,
               "Factor in float: half of the time and of the disk; solutions are refined in double");
  option(app, "--out", s.out, "DIR", "Folder for weights, predictions and, while it works, the factors")
      ->check(named())
      ->capture_default_str();
  app.add_flag("--keep", s.keep, "Leave the factors in --out, for the next time");
  threads_option(app, s.threads);
}

void run(const SolveSettings& settings, const std::string& command) {
  const ThreadLimit limit(settings.threads);
  answer_interruptions("finished tiles of the factor are in " + settings.out.string() + ". To go on:\n  " + command);
  solve(settings);
}

}  // namespace

int main(int argc, char** argv) {
  SolveSettings settings;
  if (const auto status = parse_options(argc, argv, program, settings, add_options)) return *status;
  return run_program(program, argv, [&] { run(settings, command_line(argc, argv)); });
}
