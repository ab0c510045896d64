#pragma once

#include <string>
#include <vector>

#include "examples/common/claims.hpp"
#include "examples/landscape/experiment.hpp"

namespace xtangent::examples {

/// The barrier below which two networks count as connected by a line, as a fraction of the test images.
inline constexpr double connected = 0.02;
/// The difference within which two accuracies count as the same.
inline constexpr double same_accuracy = 0.005;

/// The last checkpoint that is not behind this epoch.
std::size_t checkpoint_at(const LandscapeStudy& study, double epoch);
/// The checkpoint from which on the mean barrier stays below `connected`; the last one if there is none before.
std::size_t connected_from(const LandscapeStudy& study);
/// The first checkpoint whose kernel reads as many test images, to `same_accuracy`, as this; none: their number.
std::size_t kernel_reads(const LandscapeStudy& study, double accuracy);
/// Rank correlation of two measures over all checkpoints but the last, over the seeds.
Mean correlation(const LandscapeStudy& study, double Checkpoint::*a, double Checkpoint::*b);
/// On the few images: rank correlation, over pairs of checkpoints, of the distances of the kernel and of the eNTK, and
/// the ratio of their sums, over the seeds.
struct Agreement {
  Mean correlation, ratio;
};
Agreement agreement(const LandscapeStudy& study);
/// How the velocity goes on after the first epochs: as a power of the epoch.
PowerLaw later_velocity(const LandscapeStudy& study);

/// What the source claims, and whether it held here.
std::vector<Claim> landscape_claims(const LandscapeStudy& study);
/// What the kernel reads at the beginning and at the end, beside the network and the last layer.
std::string say_accuracies(const LandscapeStudy& study);

}  // namespace xtangent::examples
