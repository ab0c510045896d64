#pragma once

#include <functional>

#include "examples/landscape/experiment.hpp"

namespace xtangent::examples {

/// Trains a network for some epochs. `order` is the seed of the order of the images; `after` is called after each
/// epoch.
nn::Parameters<float> train_on(const LandscapeTask& task, const LandscapeSettings& settings,
                               const nn::Parameters<float>& from, std::size_t epochs, std::uint64_t order,
                               const std::function<void(std::size_t epoch, const nn::Parameters<float>&)>& after = {});

/// Trains two networks on from a checkpoint, with other orders than their parent's, and looks at the line between
/// them. Fills in the last three numbers of the checkpoint.
void look_at_children(const LandscapeTask& task, const LandscapeSettings& settings, const nn::Parameters<float>& parent,
                      std::uint64_t seed, Checkpoint& checkpoint);

}  // namespace xtangent::examples
