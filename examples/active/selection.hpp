#pragma once

#include <functional>

#include "examples/active/task.hpp"
#include "ntk/look_ahead.hpp"

/// Ways to choose the images that get a label next.
namespace xtangent::examples {

/// Where a run stands: its network, the images with labels, and the others.
struct Standing {
  const ActiveTask& task;
  const ActiveSettings& settings;
  const nn::Parameters<float>& params;
  const Numbers& labelled;    ///< images with a label
  const Numbers& candidates;  ///< images without
  std::uint64_t seed;         ///< for what is drawn
};

struct Selection {
  std::string id, name;  ///< "look-ahead"
  /// `count` of the candidates, as positions in standing.candidates.
  Numbers (*choose)(const Standing& standing, std::size_t count);
};

/// random, margin, entropy, look-ahead; random is the first.
const std::vector<Selection>& selections();

/// pNTKs of n labelled images and m candidates: (n, n), (m, n) and (m, m).
struct StandingKernels {
  Array<double> labelled, cross, candidates;
};
StandingKernels kernels_of(const Standing& standing);
/// The linearized network at the candidates, by regression with these kernels on the labelled images.
ntk::LookAhead look_ahead(const Standing& standing, const StandingKernels& kernels);
/// The most likely labels at these outputs (M, O), as targets (M, O).
Array<double> likely_targets(const Array<double>& outputs);

/// `count` points, one after the other: the one whose most likely label would change the outputs most, which then
/// counts as known.
Numbers choose_ahead(ntk::LookAhead& points, std::size_t count);

}  // namespace xtangent::examples
