#pragma once

#include <vector>

#include "nn/module.hpp"

namespace xtangent::ntk {

/// The gradient of each example with respect to one parameter, as Vars that can be differentiated again.
///
/// Legend: C probes (columns of a readout), N examples, P elements of the parameter.
template <class T>
struct RecordedGradient {
  enum class Form {
    outer,  ///< left (C, N, A) times right (N, B): the gradient is their outer product, P = A B
    dense,  ///< left (C, N, P)
  };
  Form form = Form::dense;
  Var<T> left, right;
};

/// R^T J of a network at examples x (N, ...), parameter by parameter in the order of params.infos(): by a reverse sweep
/// that is recorded where x or a parameter stands on a tape, else computed only. An undefined `left`: no dependence.
///
/// A parameter of one use whose factor is an outer product of the cotangent and the input keeps that form, so that
/// nothing of size N P is made; a bias is the cotangent itself; all others are dense, one example after the other where
/// the op has no better rule. `parameters`: Vars in the order of params.infos(), or none for the values in params.
/// `readout` is R (O, C).
///
/// Throws batch_error (x on a tape without the mark of examples, or an op that mixes them), tape_error (Vars of two
/// tapes, or in streaming forward mode), shape_error, and what the network throws.
template <class T>
std::vector<RecordedGradient<T>> recorded_gradients(const nn::ModuleBase& net, const nn::Parameters<T>& params,
                                                    Vars<T> parameters, const Var<T>& x, const Array<double>& readout);

}  // namespace xtangent::ntk
