#pragma once

#include <functional>
#include <string>

#include "nn/exported/graph.hpp"

/// Which values of a graph share their elements, for ops that change an array in place: `views`, `shared` and
/// `last_used`. `inner` says that the graph stands inside of another one. Throws data_error for a change whose reach a
/// graph does not tell: of an array of the graph around it, or of one that a later value shares only sometimes.
namespace xtangent::nn::exported {

void find_aliases(Graph& graph, bool inner);

/// "relu_" of "aten.relu_.default".
std::string base_name(const std::string& op);
/// Whether an op of this name changes its first argument, as "aten.relu_.default" does.
bool changes_in_place(const std::string& op);
/// Calls `use` with each value in an argument or a result.
void each_reference(const Argument::What& what, const std::function<void(std::size_t)>& use);

}  // namespace xtangent::nn::exported
