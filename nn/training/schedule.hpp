#pragma once

#include <functional>
#include <string_view>
#include <vector>

/// Schedules: how the learning rate changes during a training. All throw option_error for a fraction outside of [0, 1],
/// fractions that do not rise, and a factor that is negative or not finite.
namespace xtangent::nn {

/// The factor of the learning rate as a function of the fraction, in [0, 1), of all updates that are done. Any
/// function can be used; namespace `schedule` has the usual ones.
using Schedule = std::function<double(double)>;

namespace schedule {

/// The factor is always 1.
Schedule constant();

struct StepOptions {
  std::vector<double> at = {0.5, 0.75};  ///< rising fractions of all updates
  double factor = 0.1;                   ///< multiplies the rate at each of them
};
/// The rate is multiplied by a factor at some points: PyTorch's MultiStepLR.
Schedule step(StepOptions options = {});

struct CosineOptions {
  double last = 0.0;  ///< factor of the rate at the end
};
/// The factor falls from 1 to `last` along half a cosine (Loshchilov and Hutter 2017): PyTorch's CosineAnnealingLR.
Schedule cosine(CosineOptions options = {});

struct LinearOptions {
  double first = 1.0, last = 0.0;
};
/// The factor goes from `first` to `last` along a straight line: PyTorch's LinearLR.
Schedule linear(LinearOptions options = {});

struct WarmUpOptions {
  double part = 0.05;  ///< fraction of all updates in which the rate rises
  double first = 0.0;  ///< factor of the rate at the beginning
};
/// The factor rises from `first` to 1 along a straight line, then follows all of another schedule in the updates that
/// are left: PyTorch's SequentialLR.
Schedule warm_up(Schedule then = cosine(), WarmUpOptions options = {});

struct OneCycleOptions {
  double part = 0.3;         ///< fraction of all updates in which the rate rises
  double first = 1.0 / 25;   ///< factor of the rate at the beginning
  double last = 1.0 / 25e4;  ///< factor of the rate at the end
};
/// The factor rises and falls again, each along half a cosine (Smith 2018): PyTorch's OneCycleLR. As there, the rate of
/// the optimizer is the largest one.
Schedule one_cycle(OneCycleOptions options = {});

/// The schedule of a name, with its usual options: constant, step, cosine, linear, warm_up or one_cycle. The last two
/// are also known as warmup and onecycle. Throws option_error, which lists the names.
Schedule parse(std::string_view name);

}  // namespace schedule
}  // namespace xtangent::nn
