#pragma once

#include "autodiff/op.hpp"

/// How sweeps and streaming forward mode call the rules of an op: with a probe axis where the op takes one and once a
/// probe where it does not, and with a check of what comes back.
namespace xtangent {

/// op.vjp for ybar in the shape of y, or with one probe axis in front; results have the same probe axis.
/// Throws rule_error for a wrong number of cotangents or one of a wrong shape.
template <class T>
std::vector<Var<T>> call_vjp(const Op<T>& op, Vars<T> x, const Var<T>& y, const Var<T>& ybar, const Wanted& wanted);

/// op.jvp for tangents in the shapes of x, or all of them with one probe axis. Throws rule_error for a wrong shape.
template <class T>
Var<T> call_jvp(const Op<T>& op, Vars<T> x, const Var<T>& y, Vars<T> dx);

}  // namespace xtangent
