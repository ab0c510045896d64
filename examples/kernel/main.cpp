// Computes the kernel of a network on published images as a NumPy file. Shows the plan first, then a progress bar. With
// a store, an interrupted run can go on.
#include <string>

#include "examples/common/program.hpp"
#include "examples/common/threads.hpp"
#include "examples/kernel/computation.hpp"
#include "examples/kernel/sharing.hpp"
#include "examples/kernel/work_options.hpp"
#include "xtangent.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

const Program program = {
    "kernel",
    "Computes a neural tangent kernel of a network on images or on arrays, and writes it as a NumPy file.",
    {{"", "the pNTK of a fully connected network on the first 1,000 handwritten digits, results/kernel/K.npy"},
     {"--network convnet --readout full --n 100 --test 50 --store results/kernel/tiles",
      "the eNTK of a convolutional network, and that of 50 test images with these; to go on after Ctrl-C: the same"},
     {"--network resnet18 --data cifar10 --n 10000 --store /shared/tiles --share",
      "on any number of machines: each takes what is left; or --shard 1/4, docs/scale.md"},
     {"--network lenet --readout loss --per-layer",
      "gradients of each image's loss, by layers; also: margin, log_probability, labels, lpntk, fisher:SEED"},
     {"--network lenet --data mnist --weights results/train/mnist-lenet/weights.safetensors --memory 2G",
      "after ./run train mnist: the kernel of the trained network"},
     {"--network text --inputs tokens.npy --inputs mask.npy --labels y.npy --readout loss",
      "the Gram of loss gradients of a network with two inputs: tokens (N, T) and a mask (N, T)"},
     {"--model net.pt2 --inputs x.npy --readout full", "the eNTK of a network that PyTorch exported"}},
    "Choose a smaller --n or --memory."};

void add_options(CLI::App& app, Settings& s) {
  work_options(app, s, "The first test images: a second kernel, test x train, in K_test.npy",
               "The same for a second kernel, test x train, in K_test.npy");
  option(app, "--readout", s.readout, "NAME",
         "pseudo, full, trace, diagonal, single:OUTPUT, signs:SEEDxCOUNT, or loss, below")
      ->capture_default_str();
  option(app, "--parameters", s.parameters, "NAMES",
         "Only these, between commas: 'layer4.*,!*.bias' (* is any text, ! excludes)")
      ->default_str("all");
  option(app, "--metric", s.metric, "FILE",
         "Weights in a NumPy file, one for each element or array; or a checkpoint by Adam")
      ->check(named())
      ->default_str("none");
  app.add_flag("--per-layer", s.per_layer, "The kernel of each layer, in K_layers/, and a picture of their shares")
      ->excludes(app.get_option("--test"))
      ->excludes(app.get_option("--test-inputs"));
  option(app, "--precision", s.precision, "NAME",
         "exact, or bfloat16 for gradients of large weights: faster with AVX512-BF16 or AMX")
      ->capture_default_str();
  option(app, "--memory", s.memory, "SIZE", "For the kernel, beside the program and its images: 512M, 2G, 1.5GiB")
      ->default_str("half of free, 2G if shared");
  option(app, "--out", s.out, "FILE", "NumPy file")->check(named())->capture_default_str();
  option(app, "--store", s.store, "DIR", "For finished tiles: a run goes on, a kernel may exceed the memory")
      ->check(named())
      ->default_str("none");
  sharing_options(app, s.sharing, app.get_option("--store"));
  app.add_flag("--double", s.in_double, "Compute in double");
  app.add_flag("--dry-run", s.dry_run, "Show the plan only");
  seed_option(app, s.seed, "Seed of the initial parameters");
  threads_option(app, s.threads);
}

// What to do about an error, in the program's own options.
std::string advice(const std::exception& failure) {
  if (dynamic_cast<const memory_error*>(&failure))
    return "Here that is --memory, --n and --readout; --store DIR leaves the kernel on the disk.";
  const bool pattern = std::string(failure.what()).find("pattern") != std::string::npos;
  if (dynamic_cast<const parameter_error*>(&failure) && !pattern)
    return "Are --network, --width and --data, or --classes and --vocabulary, those of the weights?";
  return "";
}

void run(const Settings& settings, const std::string& command) {
  const ThreadLimit limit(settings.threads);
  answer_interruptions(settings.store.empty()
                           ? "nothing is left. With --store DIR, another run goes on from there."
                           : "finished tiles are in " + settings.store.string() + ". To go on:\n  " + command);
  compute(settings);
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  if (const auto status = parse_options(argc, argv, program, settings, add_options)) return *status;
  return run_program(
      program, argv, [&] { run(settings, command_line(argc, argv)); }, advice);
}
