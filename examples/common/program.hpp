#pragma once

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "autodiff/blas_core.hpp"
#include "autodiff/kernels/blas.hpp"
#include "examples/common/interruption.hpp"
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

/// The command line as a person writes it: ./run NAME and the arguments as a shell reads them. $XTANGENT_COMMAND stands
/// for the name where ./run set it, else argv[0].
std::string command_line(int argc, char** argv);

/// Reads the options into the app's variables. The exit status where the program ends there: 0 after --help, 1 after
/// wrong options, which are answered in a line or two.
std::optional<int> parse(CLI::App& app, const Program& program, int argc, char** argv);

/// Opens those of the descriptors 0 to 2 that are closed, to nowhere. Otherwise the next file that is opened, a
/// checkpoint perhaps, would take the place of one and get what is printed.
void open_standard_streams();

/// What main of every program begins with: the standard streams, the kernels of OpenBLAS that fit, an answer to Ctrl-C,
/// and the options, which add_options gives to the app.
template <class Settings>
std::optional<int> parse_options(int argc, char** argv, const Program& program, Settings& settings,
                                 void (*add_options)(CLI::App&, Settings&)) {
  open_standard_streams();
  use_fitting_blas_core(argv);
  answer_interruptions("nothing new is left. To begin again:\n  " + command_line(argc, argv));
  CLI::App app;
  add_options(app, settings);
  return parse(app, program, argc, argv);
}

/// Runs a program and returns its exit status. Every error is a line on stderr and status 1, standard output that could
/// not be written too; `advice` may add a line on an error, in the program's own options. After a signal that was noted
/// it is 130 or 143. Where the handwritten digits are missing, ./run, if it has started the program, replaces it, gets
/// them, and starts the program with `argv` again.
int run_program(const Program& program, char** argv, const std::function<void()>& run,
                const std::function<std::string(const std::exception&)>& advice = {});

}  // namespace xtangent::examples
