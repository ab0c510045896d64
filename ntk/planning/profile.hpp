#pragma once

#include <string>
#include <vector>

#include "ntk/contraction/shapes.hpp"
#include "ntk/planning/model.hpp"
#include "ntk/readout.hpp"

namespace xtangent::ntk {

/// One use of a parameter that a reverse sweep finds.
struct ProfiledUse {
  std::string parameter;  ///< its name
  std::string op;
  std::size_t index = 0;  ///< the parameter's number
  UseShape shape;
  bool shares_left = false;  ///< its left factors are those of the use before it
};

/// What a network's recordings and sweeps take, from two examples sent through it (two, so that ops which mix examples
/// show). What depends on examples is for one of them.
struct Profile {
  std::vector<ProfiledUse> uses;  ///< in the order of a reverse sweep
  std::size_t outputs = 0, parameters = 0;
  double forward_flop = 0;
  double backward_flop = 0;     ///< for one probe, without the gradients of parameters
  double product_flop = 0;      ///< of a kernel-vector product: one probe pulled back to the parameters and pushed on
  double fixed_bytes = 0;       ///< values of a recording that do not depend on examples, parameters aside
  double activation_bytes = 0;  ///< all that a recording keeps
  double sweep_bytes = 0;       ///< the most that a reverse sweep with the readout's probes holds
  double tangent_bytes = 0;     ///< for one probe: all tangents of a forward sweep, and temporaries
  double parameter_bytes = 0, largest_parameter_bytes = 0;
  std::string description;   ///< op after op with shapes
  std::string output_bytes;  ///< the bits of the two outputs: what differs when an op's settings do
};

/// `who` names the caller in messages. Throws shape_error (an output that is not (N, O), no parameters), batch_error
/// (an op mixes examples), what readout.weights and recording throw.
template <class T>
Profile profile(const char* who, const Model<T>& model, const Array<T>& x, const Readout& readout);

}  // namespace xtangent::ntk
