#pragma once

#include <functional>
#include <string>
#include <vector>

#include "nn/exported/call.hpp"

namespace xtangent::nn::exported {

/// Is called with the path, the type and the last result of each module, as its nodes end.
template <class T>
using ModuleObserver = std::function<void(const std::string& path, const std::string& type, const Var<T>& result)>;

/// Runs a graph on the values of its inputs, and returns those of its outputs. `on` is a Var on the tape of the run, if
/// there is one, by which messages of ops name the module. Throws shape_error and data_error naming the module, and
/// data_error for a call that this library does not do.
template <class T>
Values<T> run(const Graph& graph, const Values<T>& inputs, const Var<T>& on,
              const ModuleObserver<T>* observer = nullptr);

/// The ops of a graph, and of graphs inside of it, that this library does not know: each once, with the modules that
/// call it. Empty if it knows all.
std::string unknown_ops(const Graph& graph);

}  // namespace xtangent::nn::exported
