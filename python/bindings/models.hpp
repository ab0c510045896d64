#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "nn/module.hpp"

namespace xtangent::python {

/// The network of nn/models/ with this name, and with the options of its function in C++. Throws option_error for a
/// name or an option that it does not have, with those that there are, and what the function throws.
nn::AnyModule model(const std::string& name, const pybind11::dict& options);
std::vector<std::string> model_names();

}  // namespace xtangent::python
