#pragma once

#include <string>
#include <vector>

#include "nn/parameters.hpp"

namespace xtangent::nn {

/// For each trainable array of a network whether it is among those that `patterns` name. A pattern is a name in which *
/// stands for any text, dots included, and ? for any character: "layer4.*", "*.bias". With ! in front it excludes what
/// it matches. Later patterns win over earlier ones. If the first one excludes, it excludes from all arrays; an empty
/// list means all of them. An array that is tied answers to each of its names.
///
/// Throws parameter_error for a pattern that matches no array, listing names that are similar, and when nothing is
/// left.
std::vector<bool> chosen_parameters(const Layout& layout, const std::vector<std::string>& patterns);

}  // namespace xtangent::nn
