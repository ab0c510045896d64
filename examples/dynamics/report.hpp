#pragma once

#include "examples/dynamics/experiment.hpp"

namespace xtangent::examples {

/// What a run found, in a few lines for the terminal.
std::string dynamics_summary(const DynamicsStudy& study);
/// How far predicted and trained outputs lie apart in the widest networks, and how that falls with the width.
std::string say_apart(const DynamicsStudy& study, TrainingLoss loss);

std::string dynamics_figure(const DynamicsStudy& study);
std::string dynamics_report(const DynamicsStudy& study);
/// loss,width,seed,rate,by,step,train_loss,test_loss,accuracy,apart
std::string dynamics_csv(const DynamicsStudy& study);

}  // namespace xtangent::examples
