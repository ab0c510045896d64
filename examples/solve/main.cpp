// Kernel regression with a stored kernel, which may be larger than the memory, or with the eNTK of a network. Under
// mpirun, its processes share the work.
#include "examples/common/program.hpp"
#include "examples/common/threads.hpp"
#include "examples/kernel/sharing.hpp"
#include "examples/kernel/work_options.hpp"
#include "examples/solve/computation.hpp"
#include "examples/solve/features.hpp"
#include "examples/solve/network.hpp"
#include "examples/solve/ranks.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

const Program program = {
    "solve",
    "Kernel regression for each ridge, with a stored kernel, with features, or with the eNTK of a network, which is "
    "never formed.",
    {{"--store results/kernel --data mnist --ridge 1e-4,1e-3,1e-2",
      "three ridges for the kernel of ./run kernel --store results/kernel, with the accuracy on its test images"},
     {"--store K --labels y.npy --memory 2G --float", "weights for labels of your own, with a factor in float"},
     {"--features results/features --data cifar10 --float", "the same with features of ./run features --data cifar10"},
     {"--network lenet --data mnist --n 5000 --test 1000 --ridge 1e-3",
      "the eNTK of a network, 50,000 x 50,000, which is never formed; mpirun -n 4 ./run solve ...: by 4 processes"}},
    "Choose a smaller --memory only if the tiles of the kernel allow it, or --float."};

void add_options(CLI::App& app, SolveSettings& s) {
  CLI::Option* store =
      option(app, "--store", s.store, "DIR", "The folder that ./run kernel --store was given, or one stored kernel")
          ->check(named())
          ->capture_default_str();
  option(app, "--features", s.features, "DIR", "The folder --out of ./run features; the kernel is that of its features")
      ->check(named())
      ->excludes(store)
      ->default_str("none");
  work_options(app, s.work, "The first test images, with a network", "The same for predictions, with a network");
  app.get_option("--network")->excludes(store)->excludes("--features")->default_str("none");
  app.get_option("--model")->excludes(store)->excludes("--features");
  app.get_option("--data")
      ->description("Labels, or images for a network: digits, mnist, fashion, cifar10, or a folder")
      ->default_str("none");
  app.get_option("--n")->description("With a network or features: the first N training examples; 0: all");
  CLI::Option* labels = app.get_option("--labels");
  labels->description("NumPy file: whole labels (N,), or numbers (N,) or (N, outputs) to fit");
  labels->remove_needs(app.get_option("--inputs"));
  labels->excludes(app.get_option("--data"));
  CLI::Option* test_labels = app.get_option("--test-labels");
  test_labels->description("The same for the test inputs, or the rows of the test kernel");
  test_labels->remove_needs(app.get_option("--test-inputs"));
  test_labels->excludes(app.get_option("--data"));
  option(app, "--outputs", s.outputs, "FILE",
         "With a store: the network's own outputs (N, outputs), from which it learns")
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
      ->default_str("half of free, 2G if shared");
  app.add_flag("--float", s.single, "Factors and products in float, in half of the time; refined in double");
  option(app, "--precision", s.work.precision, "NAME",
         "Of a kernel of features: exact, or bfloat16, faster on AMD with AVX512-BF16 or with AMX")
      ->needs(app.get_option("--features"))
      ->capture_default_str();
  option(app, "--preconditioner", s.preconditioner, "NAME", "With a network: none, pseudo, trace, outputs or nearest")
      ->capture_default_str();
  option(app, "--tolerance", s.tolerance, "X", "With a network: the residual, in units of what is fitted")
      ->check(positive())
      ->capture_default_str();
  count_option(app, "--iterations", s.iterations, 1, "With a network: at most so many iterations");
  option(app, "--out", s.out, "DIR", "Folder for weights, predictions and, while it works, the factors")
      ->check(named())
      ->capture_default_str();
  app.add_flag("--keep", s.keep, "Leave the factors, and the kernels of features, in --out, for the next time");
  sharing_options(app, s.work.sharing, app.get_option("--features"));
  app.get_option("--share")->description("With features: form their kernel with all processes that do so, and end");
  app.get_option("--shard")->description("With features: form the I-th of N parts of their kernel, and end; or auto");
  seed_option(app, s.work.seed, "Seed of a network's initial parameters");
  threads_option(app, s.threads);
  app.callback([&app, &s] {
    for (const char* name : {"--preconditioner", "--tolerance", "--iterations"})
      if (app.count(name) > 0 && !s.with_network())
        throw CLI::ValidationError(name, "is for a network, which --network or --model names");
  });
}

// What is left of a run that was ended, and how to go on.
std::string left_by(const SolveSettings& s, const ntk::Communicator& ranks, const std::string& command) {
  const std::string again = "To begin again:\n  " + command;
  if (s.with_network()) return "weights of finished ridges are in " + s.out.string() + ". " + again;
  if (!s.features.empty()) return "finished tiles are in " + s.out.string() + ". To go on:\n  " + command;
  if (ranks.size() > 1) return "the kernel is as it was. " + again;
  return "finished tiles of the factor are in " + s.out.string() + ". To go on:\n  " + command;
}

void run(const SolveSettings& settings, const std::string& command) {
  // Processes that share the kernel of features meet in its folder alone.
  const std::shared_ptr<ntk::Communicator> ranks =
      settings.shares() ? std::make_shared<ntk::SingleRank>() : start_ranks();
  const ThreadLimit limit(settings.threads ? settings.threads : ranks->size() > 1 ? ranks->threads() : 0);
  answer_interruptions(left_by(settings, *ranks, command));
  with_ranks(program.name, *ranks, [&] {
    if (settings.with_network()) return solve_network(settings, ranks);
    settings.features.empty() ? solve(settings, ranks) : solve_features(settings, ranks);
  });
}

}  // namespace

int main(int argc, char** argv) {
  SolveSettings settings;
  if (const auto status = parse_options(argc, argv, program, settings, add_options)) return *status;
  return run_program(program, argv, [&] { run(settings, command_line(argc, argv)); });
}
