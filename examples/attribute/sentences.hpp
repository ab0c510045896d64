#pragma once

#include "examples/attribute/study.hpp"

/// The sentences of the report. They say only what its numbers show.
namespace xtangent::examples {

/// Whether the first of two sets of paired values has the larger mean.
enum class Verdict { more, fewer, alike };
/// By the mean of the differences and twice its standard error; `alike` for a single pair.
Verdict compare(const std::vector<double>& a, const std::vector<double>& b);

std::string say_training(const Study& study);
std::string say_influences(const Study& study);
/// How the methods' linear datamodeling scores compare with that of the exact one.
std::string say_datamodel(const Study& study);
std::string say_ridges(const Study& study);
/// What was done with the labels.
std::string say_flips(const Study& study);
/// Which of self-influence and the loss finds more of the flipped labels.
std::string say_found(const FlipStudy& flips);

}  // namespace xtangent::examples
