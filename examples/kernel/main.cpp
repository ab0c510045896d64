// Computes the kernel of a network on published images as a NumPy file. Shows the plan first, then a progress bar. With
// a store, an interrupted run can go on.
#include <signal.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>

#include "examples/common/program.hpp"
#include "examples/common/threads.hpp"
#include "examples/kernel/computation.hpp"
#include "xtangent.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

volatile std::sig_atomic_t signal_seen = 0;

// The first Ctrl-C ends the program after the present piece of work, and a second one ends it at once.
void listen_to_signals() {
  struct sigaction action = {};
  action.sa_handler = [](int number) { signal_seen = number; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void add_options(CLI::App& app, Settings& s) {
  app.add_option("--network", s.network, "mlp, lenet, convnet, resnet18, wide_resnet16, vit or mixer")
      ->capture_default_str();
  app.add_option("--width", s.width, "Factor of the numbers of channels and features; the default is the trainer's");
  app.add_option("--weights", s.weights, "Safetensors file, of the trainer or of PyTorch; without: initial parameters");
  app.add_option("--data", s.data, "digits, mnist, fashion, cifar10, or a folder with the files of one of them")
      ->capture_default_str();
  app.add_option("--n", s.n, "The first training images, in the order of their file; 0: all")->capture_default_str();
  app.add_option("--test", s.test, "The first test images: a second kernel, test x train, in K_test.npy")
      ->capture_default_str();
  app.add_option("--readout", s.readout, "pseudo, full, trace, diagonal, single:OUTPUT, signs:SEED or signs:SEEDxCOUNT")
      ->capture_default_str();
  app.add_option("--memory", s.memory, "At most this much: 512M, 2G, 1.5GiB; the default is half of what is free");
  app.add_option("--out", s.out, "NumPy file")->capture_default_str();
  app.add_option("--store", s.store,
                 "Folder for finished tiles: a run that was interrupted goes on, a kernel may exceed the memory");
  app.add_flag("--double", s.in_double, "Compute in double");
  app.add_flag("--dry-run", s.dry_run, "Show the plan only");
  app.add_option("--seed", s.seed, "Of the initial parameters")->capture_default_str();
  app.add_option("--threads", s.threads, "0: as many as the machine has")->capture_default_str();
  for (CLI::Option* option : app.get_options())
    if (option->get_type_name().find("UINT") != std::string::npos) option->check(CLI::NonNegativeNumber);
}

// The command line, quoted for a shell.
std::string command_line(int argc, char** argv) {
  const char* name = std::getenv("XTANGENT_COMMAND");
  std::string out = name ? name : argv[0];
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool plain =
        word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=,+-") ==
            std::string::npos &&
        !word.empty();
    std::string quoted = "'";
    for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    out += " " + (plain ? word : quoted + "'");
  }
  return out;
}

// What to do about an error, in the program's own options.
const char* advice(const std::exception& failure) {
  if (dynamic_cast<const memory_error*>(&failure))
    return "Here that is --memory, --n and --readout; --store DIR leaves the kernel on the disk.";
  if (dynamic_cast<const parameter_error*>(&failure)) return "Are --network, --width and --data those of the weights?";
  return "";
}

int run(int argc, char** argv, const Settings& settings) {
  try {
    const ThreadLimit limit(settings.threads);
    listen_to_signals();
    compute(settings, [] { return signal_seen != 0; });
    return 0;
  } catch (const Interrupted&) {
    if (settings.store.empty())
      std::fprintf(stderr, "\nInterrupted: nothing is left. With --store DIR, another run goes on from there.\n");
    else
      std::fprintf(stderr, "\nInterrupted: finished tiles are in %s. To go on:\n  %s\n", settings.store.c_str(),
                   command_line(argc, argv).c_str());
    return 130;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "kernel: [kernel] not enough memory. Choose a smaller --n or --memory.\n");
  } catch (const std::exception& failure) {
    const std::string more = advice(failure);
    std::fprintf(stderr, "kernel: %s%s%s\n", failure.what(), more.empty() ? "" : "\n", more.c_str());
  }
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  if (const auto status = parse_options(
          argc, argv, "Computes a neural tangent kernel of a network on images, and writes it as a NumPy file.",
          settings, add_options))
    return *status;
  return run(argc, argv, settings);
}
