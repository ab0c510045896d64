#pragma once

#include <string>
#include <vector>

#include "ntk/contraction/rule.hpp"
#include "ntk/planning/model.hpp"
#include "ntk/readout.hpp"

namespace xtangent::ntk {

/// One use of a parameter in the order of a reverse sweep.
struct TracedUse {
  std::string parameter;  ///< its name
  std::string op;
  std::size_t index = 0;  ///< of the parameter
  UseShape shape;
  bool shares_left = false;  ///< its left factors are those of the use before it
};

/// What plans are made of: a network's uses of parameters, its work and its memory, found by sending two examples
/// through it (two, so that ops which mix examples show).
struct Profile {
  std::vector<TracedUse> uses;
  std::size_t outputs = 0, parameters = 0;
  double forward_flop = 0;      ///< of one example
  double backward_flop = 0;     ///< of one example and probe, without the gradients of parameters
  double activation_bytes = 0;  ///< of one example: all that a recording keeps
  double sweep_bytes = 0;       ///< of one example: the most that a reverse sweep of all probes holds
  double parameter_bytes = 0, largest_parameter_bytes = 0;
  std::string description;   ///< op after op with shapes
  std::string output_bytes;  ///< the bits of the two outputs: what differs when an op's settings do
};

/// Throws shape_error (an output that is not (N, O), no parameters), what readout.weights and recording throw.
template <class T>
Profile trace(const Model<T>& model, const Array<T>& x, const Readout& readout);

}  // namespace xtangent::ntk
