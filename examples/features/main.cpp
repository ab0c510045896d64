// Writes projected gradients of a network on images or arrays into a folder of NumPy files, or compares them with the
// exact kernel.
#include <string>

#include "examples/common/program.hpp"
#include "examples/common/threads.hpp"
#include "examples/features/computation.hpp"
#include "examples/kernel/sharing.hpp"
#include "examples/kernel/work_options.hpp"
#include "xtangent.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

const Program program = {
    "features",
    "Projects the gradient of each example to k numbers, whose inner products make the kernel, into NumPy files.",
    {{"", "8,192 numbers for each of the first 1,000 handwritten digits, in results/features/train/"},
     {"--data cifar10 --network resnet18 --n 0 --k 65536",
      "features of all of CIFAR-10, 13 GB; the same command goes on after Ctrl-C"},
     {"--data cifar10 --network resnet18 --n 0 --k 65536 --out /shared/phi --share",
      "on any number of machines: each takes the files that are left; or --shard 1/4, docs/scale.md"},
     {"--readout margin --test 200 --k 4096", "what TRAK's scores are made of, and the same for 200 test images"},
     {"--network convnet --n 400 --test 200 --study 512,2048,8192",
      "errors beside the exact kernel, with anchors and by the split of k, in results/features/study.svg"}},
    "Choose a smaller --n, --k or --memory."};

void add_options(CLI::App& app, FeatureSettings& f) {
  Settings& s = f.work;
  count_option(app, "--k", f.k, 1, "Numbers to which gradients are projected");
  count_option(app, "--anchors", f.anchors, 0, "Examples whose kernels are exact; each adds numbers to every row");
  option(app, "--split", f.split, "NAME",
         "How k is divided among the arrays of parameters: pooled, equal, size or trace")
      ->capture_default_str();
  work_options(app, s, "The first test images, with the same projection, in test/", "The same for test examples");
  option(app, "--readout", s.readout, "NAME", "As ./run kernel has them: pseudo, full, trace, margin, loss, ...")
      ->capture_default_str();
  option(app, "--parameters", s.parameters, "NAMES",
         "Only these, between commas: 'layer4.*,!*.bias' (* is any text, ! excludes)")
      ->default_str("all");
  option(app, "--study", f.study, "K,...", "Compare with the exact kernel instead, for each of these numbers")
      ->delimiter(',')
      ->check(whole(1))
      ->default_str("none");
  count_option(app, "--repeats", f.repeats, 1, "Seeds of the signs for each number of --study");
  option(app, "--ridge", f.ridge, "X",
         "Ridge of the regressions of --study, relative to the mean of the kernel's diagonal")
      ->check(not_negative())
      ->capture_default_str();
  option(app, "--memory", s.memory, "SIZE", "Beside the program and its images: 512M, 2G, 1.5GiB")
      ->default_str("half of free, 2G if shared");
  option(app, "--out", f.out, "DIR", "Folder; features go to train/ and test/ in it, where a run goes on")
      ->check(named())
      ->capture_default_str();
  count_option(app, "--part", f.part, 0, "Examples in a file; 0: as many as make about 256 MiB");
  sharing_options(app, s.sharing, nullptr);
  for (const char* name : {"--share", "--shard", "--k", "--anchors", "--split", "--part"})
    app.get_option(name)->excludes(app.get_option("--study"));
  for (const char* name : {"--repeats", "--ridge"}) app.get_option(name)->needs(app.get_option("--study"));
  app.add_flag("--double", s.in_double, "Compute in double")->excludes(app.get_option("--study"));
  seed_option(app, s.seed, "Seed of the initial parameters and of the signs");
  threads_option(app, s.threads);
}

void run(const FeatureSettings& settings, const std::string& command) {
  const ThreadLimit limit(settings.work.threads);
  answer_interruptions(settings.study.empty()
                           ? "finished files are in " + settings.out.string() + ". To go on:\n  " + command
                           : "nothing is left. To begin again:\n  " + command);
  compute(settings);
}

}  // namespace

int main(int argc, char** argv) {
  FeatureSettings settings;
  if (const auto status = parse_options(argc, argv, program, settings, add_options)) return *status;
  return run_program(program, argv, [&] { run(settings, command_line(argc, argv)); });
}
