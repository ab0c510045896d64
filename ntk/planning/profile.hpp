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
  std::size_t index = 0;  ///< the number of the parameter
  UseShape shape;
  bool shares_left = false;  ///< its left factors are those of the use before it
  bool elementwise = false;  ///< the metric has a number for each element of the parameter
  double metric = 1;         ///< or one for all of them
};

/// What recordings and sweeps of a network take. The shapes of two examples are sent through the network, so that ops
/// which mix examples show. Numbers that depend on examples are for one example.
struct Profile {
  std::vector<ProfiledUse> uses;  ///< in the order of a reverse sweep
  std::size_t outputs = 0, parameters = 0;
  double forward_flop = 0;
  double backward_flop = 0;                            ///< for one probe, without the gradients of parameters
  double forward_elements = 0, backward_elements = 0;  ///< of arrays that are made by the ops, as the FLOP
  double product_flop = 0;  ///< for one probe that is pulled back to the parameters and pushed forward
  double fixed_bytes = 0;   ///< values and constants of a recording that do not depend on examples, without parameters
  double activation_bytes = 0;    ///< everything that a recording keeps
  double sweep_bytes = 0;         ///< the most that a reverse sweep with all probes of the rows holds
  double column_sweep_bytes = 0;  ///< the same with those of the columns
  double tangent_bytes = 0;       ///< for one probe, all tangents and temporaries of a forward sweep
  double metric_bytes = 0;        ///< a metric's numbers in double, and their square roots
  double parameter_bytes = 0, largest_parameter_bytes = 0;
  std::string description;  ///< the ops in order, with shapes
};

/// Makes a profile. Messages name the caller `who`. Throws shape_error (the output is not (N, ...), or there are no
/// parameters), batch_error (an op mixes examples), and what readout.check and the recording throw.
template <class T>
Profile profile(const char* who, const Model<T>& model, const Array<T>& x, const Readout& readout);

}  // namespace xtangent::ntk
