#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>
#include <optional>
#include <string>

#include "autodiff/blas_core.hpp"

namespace xtangent::examples {

/// What main of every program begins with: the kernels of OpenBLAS that fit, and the options, which add_options gives
/// to the app. The exit status where the program ends there: wrong options, --help.
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

/// Runs a program: every error is a line on stderr and exit status 1. `smaller`: what helps where memory runs out.
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
