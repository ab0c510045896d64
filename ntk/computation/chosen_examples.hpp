#pragma once

#include <vector>

#include "ntk/per_example.hpp"

namespace xtangent::ntk {

/// The readout of the examples with these numbers, as one of its own: for a common readout that readout, and for one of
/// labels that of their labels.
Readout of_examples(const Readout& readout, std::vector<std::size_t> numbers);

}  // namespace xtangent::ntk
