#pragma once

#include <cstdint>
#include <filesystem>
#include <utility>
#include <vector>

#include "autodiff/array.hpp"

/// A physics-informed network for the heat equation, trained with and without loss weights from its kernels' traces.
namespace xtangent::examples {

struct PinnSettings {
  double diffusivity = 0.05;   ///< nu in u_t = nu u_xx
  std::size_t modes = 4;       ///< u(x, 0) = sin(pi x) + sin(modes pi x) / 2
  std::size_t width = 50;      ///< units in each of the three hidden layers
  std::size_t boundary = 200;  ///< points at t = 0, x = 0 and x = 1
  std::size_t interior = 400;  ///< points where the equation has to hold
  std::size_t steps = 2000;    ///< that Adam takes, on all points
  double learning_rate = 2e-3;
  std::size_t update_every = 100;  ///< steps between updates of the weights
  std::size_t seeds = 3;           ///< networks of each kind
  std::uint64_t seed = 1;
  std::filesystem::path out = "results/pinn";
  std::size_t threads = 0;  ///< 0: as many as the machine has
};

/// One training.
struct PinnRun {
  bool weighted = false;
  /// (step, value), every `update_every` steps: the relative L2 error on a grid, the weights of both losses, and the
  /// traces of the kernels of the boundary values and of the residuals.
  std::vector<std::pair<double, double>> error, boundary_weight, residual_weight, boundary_trace, residual_trace;
  Array<double> solution;  ///< (x, t) on the grid
};

struct PinnStudy {
  std::vector<PinnRun> runs;  ///< for each seed one without and one with weights
  Array<double> exact;        ///< (x, t) on the grid
  double seconds = 0;
};

/// Trains all networks. Throws Interrupted between steps, and what training and kernels throw.
PinnStudy study(const PinnSettings& settings);

}  // namespace xtangent::examples
