#pragma once

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "autodiff/blas_core.hpp"
#include "autodiff/kernels/blas.hpp"
#include "examples/common/options.hpp"

namespace xtangent::examples {

/// What a program says of itself.
struct Program {
  std::string name;         ///< "kernel", for people `./run kernel`
  std::string description;  ///< one sentence
  /// At the end of --help: arguments, and what they do.
  std::vector<std::pair<std::string, std::string>> examples;
  std::string smaller;    ///< what helps where memory runs out
  std::string more = {};  ///< lines of --help between the options and the examples
};

/// Thrown where Ctrl-C ended the work.
struct Interrupted : std::runtime_error {
  Interrupted() : std::runtime_error("interrupted") {}
};

/// Exit status that asks ./run for the handwritten digits: it fetches them, and runs the program again.
inline constexpr int needs_digits = 75;

/// The command line as a person writes it: ./run NAME and the arguments as a shell reads them. $XTANGENT_COMMAND stands
/// for the name where ./run set it, else argv[0].
std::string command_line(int argc, char** argv);

/// Reads the options into the app's variables. The exit status where the program ends there: 0 after --help, 1 after
/// wrong options, which are answered in a line or two.
std::optional<int> parse(CLI::App& app, const Program& program, int argc, char** argv);

/// What main of every program begins with: the kernels of OpenBLAS that fit, and the options, which add_options gives
/// to the app.
template <class Settings>
std::optional<int> parse_options(int argc, char** argv, const Program& program, Settings& settings,
                                 void (*add_options)(CLI::App&, Settings&)) {
  use_fitting_blas_core(argv);
  CLI::App app;
  add_options(app, settings);
  return parse(app, program, argc, argv);
}

/// Runs a program: every error is a line on stderr and exit status 1. `advice` may add a line on an error, in the
/// program's own options; Interrupted is its own to answer.
int run_program(const Program& program, const std::function<void()>& run,
                const std::function<std::string(const std::exception&)>& advice = {});

}  // namespace xtangent::examples
