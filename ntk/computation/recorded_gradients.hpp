#pragma once

#include <vector>

#include "nn/module.hpp"
#include "ntk/computation/cotangents.hpp"

namespace xtangent::ntk {

/// The gradient of each example with respect to one parameter, as Vars that can be differentiated again.
///
/// Legend: K probes (columns of the readout), N examples, P elements of the parameter, C numbers in a left factor, I
/// numbers in a right factor.
template <class T>
struct RecordedGradient {
  enum class Form {
    outer,  ///< the gradient is the outer product of left (K, N, C) and right (N, I), and P = C I
    dense,  ///< left is the gradient (K, N, P)
  };
  Form form = Form::dense;
  Var<T> left, right;
};

/// R^T J of a network at examples x (N, ...), parameter by parameter in the order of params.infos(). It comes from a
/// reverse sweep, which is recorded if x or a parameter is on a tape. `left` is undefined if the output does not depend
/// on the parameter.
///
/// A parameter that is used once, and whose factor is an outer product of the cotangent and the input, keeps that form,
/// so that nothing of size N P is made. The gradient of a bias is the cotangent itself. All others are dense, and are
/// computed one example after the other if the op has no better rule. `parameters` are Vars in the order of
/// params.infos(); if there are none, the values in params are used. `readout` is that of one side of the kernel, on
/// which the first example has the number `first`.
///
/// Throws batch_error (x is on a tape without the mark of examples, or an op mixes examples), tape_error (Vars are on
/// two tapes or in streaming forward mode), shape_error, and what the network throws.
template <class T>
std::vector<RecordedGradient<T>> recorded_gradients(const nn::ModuleBase& net, const nn::Parameters<T>& params,
                                                    Vars<T> parameters, const Var<T>& x, const Cotangents<T>& readout,
                                                    std::size_t first = 0);

}  // namespace xtangent::ntk
