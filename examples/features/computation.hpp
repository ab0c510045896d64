#pragma once

#include "examples/features/settings.hpp"
#include "examples/kernel/work.hpp"
#include "ntk/features.hpp"

namespace xtangent::examples {

/// What the settings ask for, as options of the library.
template <class T>
ntk::FeatureOptions feature_options(const FeatureSettings& s, const Work<T>& work);
/// The readout of the training examples, and that of the test examples. Throw what readout_of throws.
template <class T>
ntk::Readout training_readout(const FeatureSettings& s, const Work<T>& work);
template <class T>
ntk::Readout test_readout(const FeatureSettings& s, const Work<T>& work);

/// Does all that the program is asked for.
void compute(const FeatureSettings& settings);

}  // namespace xtangent::examples
