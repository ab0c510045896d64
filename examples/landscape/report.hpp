#pragma once

#include "examples/landscape/experiment.hpp"

namespace xtangent::examples {

/// What a run found, in a few lines for the terminal.
std::string landscape_summary(const LandscapeStudy& study);

/// What goes along with training, and the distances between the kernels of all checkpoints.
std::string landscape_figure(const LandscapeStudy& study);
std::string distances_figure(const LandscapeStudy& study);
std::string landscape_report(const LandscapeStudy& study);
/// One line for each seed and checkpoint:
/// seed,epoch,accuracy,kernel,linearized,last_layer,velocity,velocity_few,velocity_entk,alignment,effective_rank,
/// largest_eigenvalue,barrier,loss_barrier,children
std::string landscape_csv(const LandscapeStudy& study);
/// seed,epoch,other,kernel,few,entk
std::string distances_csv(const LandscapeStudy& study);

}  // namespace xtangent::examples
