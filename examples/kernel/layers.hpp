#pragma once

#include "examples/kernel/work.hpp"

namespace xtangent::examples {

/// The kernels of the layers of a network on the training images, computed in one pass. Writes each as
/// K_layers/NAME.npy beside K.npy, and a picture of their shares of the trace, K_layers.svg. Throws Interrupted between
/// pieces of work, and what kernels and writing throw.
template <class T>
void compute_layers(const Settings& settings, const Work<T>& work);

}  // namespace xtangent::examples
