#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "autodiff/op.hpp"

/// Sums of products over named axes.
namespace xtangent {

/// NumPy's and PyTorch's einsum: einsum("nij,jk->nik", {x, w}). Each axis has a letter, and letters that the result
/// does not name are summed over; without "->" the result has the letters that occur once, in alphabetical order. A
/// letter twice in one operand takes the diagonal of its axes: einsum("ii", {x}) is the trace. "..." stands for all
/// axes that have no letter, which broadcast from the right as in arithmetic: einsum("...ij,...jk->...ik", {x, y}).
/// Without "->" they come first in the result; if the result does not name them, they are summed over, as in PyTorch.
/// Spaces do not count. The operands are multiplied from left to right, each time by one matrix product, or by an
/// elementwise product where nothing is summed. Examples stay apart where their letter is in the result; with that
/// letter in front of the result, and not in a parameter, gradients of examples are factored. Throws shape_error.
template <class T>
Var<T> einsum(const std::string& spec, Vars<T> operands);
template <class T>
Var<T> einsum(const std::string& spec, const std::vector<Var<T>>& operands) {
  return einsum(spec, Vars<T>(operands));
}
template <class T>
Var<T> einsum(const std::string& spec, std::initializer_list<Var<T>> operands) {
  return einsum(spec, Vars<T>(operands.begin(), operands.size()));
}

}  // namespace xtangent
