#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>
#include <optional>
#include <string>

#include "autodiff/blas_core.hpp"

namespace xtangent::examples {

/// The beginning of main of every program: chooses OpenBLAS's kernels and parses the options, which add_options adds to
/// the app. Returns an exit status if the program ends here, for wrong options or --help.
template <class Settings>
std::optional<int> parse_options(int argc, char** argv, const char* description, Settings& settings,
                                 void (*add_options)(CLI::App&, Settings&)) {
  use_fitting_blas_core(argv);
  CLI::App app{description};
  add_options(app, settings);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& wrong) {
    return app.exit(wrong) == 0 ? 0 : 1;
  }
  return std::nullopt;
}

/// Runs a program. Every error becomes a line on stderr and exit status 1. `smaller` says what to do when memory runs
/// out.
template <class Run>
int run_program(const char* name, const char* smaller, const Run& run) {
  try {
    run();
    return 0;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "%s: [%s] not enough memory. %s\n", name, name, smaller);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", name, failure.what());
  }
  return 1;
}

}  // namespace xtangent::examples
