#pragma once

#include <functional>
#include <vector>

/// How the learning rate changes during a training.
namespace xtangent::nn {

/// Factor of the learning rate as a function of the fraction of all updates that are done, in [0, 1).
/// Any function will do; those of namespace `schedule` are the usual ones.
using Schedule = std::function<double(double)>;

namespace schedule {

/// The rate as it is.
Schedule constant();

struct StepOptions {
  std::vector<double> at = {0.5, 0.75};  ///< fractions, rising
  double factor = 0.1;                   ///< at each of them
};
/// Falls by a factor at some points: PyTorch's MultiStepLR.
Schedule step(StepOptions options = {});

struct CosineOptions {
  double last = 0.0;  ///< factor at the end
};
/// From 1 to `last` along half a cosine (Loshchilov and Hutter 2017): PyTorch's CosineAnnealingLR.
Schedule cosine(CosineOptions options = {});

struct LinearOptions {
  double first = 1.0, last = 0.0;
};
/// A straight line: PyTorch's LinearLR.
Schedule linear(LinearOptions options = {});

struct WarmUpOptions {
  double part = 0.05;  ///< of all updates
  double first = 0.0;  ///< factor at the beginning
};
/// A straight line from `first` to 1, then all of another schedule in the part that is left: PyTorch's SequentialLR.
Schedule warm_up(Schedule then = cosine(), WarmUpOptions options = {});

struct OneCycleOptions {
  double part = 0.3;         ///< of all updates, in which the rate rises
  double first = 1.0 / 25;   ///< factor at the beginning
  double last = 1.0 / 25e4;  ///< factor at the end
};
/// Up and down again along half a cosine each (Smith 2018): PyTorch's OneCycleLR, whose rate is the largest one here
/// too.
Schedule one_cycle(OneCycleOptions options = {});

// All throw option_error for a fraction outside of [0, 1], fractions that do not rise, and a factor that is negative or
// not finite.
}  // namespace schedule
}  // namespace xtangent::nn
