#pragma once

#include <array>
#include <tuple>
#include <utility>
#include <vector>

#include "autodiff/array.hpp"
#include "autodiff/var.hpp"

/// Networks of several inputs, such as token ids and their mask, or the features of nodes and an adjacency matrix.
///
/// All inputs of an example stand side by side in one row of one array (N, total). So everything that takes examples
/// takes those of several inputs: training, kernels, operators, stores and gradients with respect to the inputs. The
/// network says what its inputs are, and its `forward` has one argument for each:
///
///   struct Classifier : nn::Module<Classifier> {
///     nn::Embedding words{1000, 32};
///     nn::Linear head{32, 4};
///     template <class Visit> void children(Visit&& visit) const { visit("words", words); visit("head", head); }
///     std::array<Shape, 2> inputs() const { return {Shape{20}, Shape{20}}; }   // ids and a mask, of one example
///     template <class T> Var<T> forward(nn::Scope<T> p, const Var<T>& ids, const Var<T>& mask) const {
///       return head(p["head"], nn::masked_mean(words(p["words"], ids), mask));
///     }
///   };
///   const auto y = net(params, nn::join_inputs<float>({ids, mask}));
namespace xtangent::nn {

/// Arrays with the same N examples as one (N, total): each row holds the elements of all inputs of an example, one
/// input after the other. Throws shape_error for no arrays and for different numbers of examples. Cost: a copy.
template <class T>
Array<T> join_inputs(const std::vector<Array<T>>& arrays);

/// The inputs of the given shapes, without the axis of examples, out of x (N, total). Throws shape_error if the sizes
/// do not add up.
template <class T>
std::vector<Var<T>> split_inputs(const Var<T>& x, const std::vector<Shape>& shapes);

}  // namespace xtangent::nn
