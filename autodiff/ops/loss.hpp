#pragma once

#include <cstddef>
#include <initializer_list>
#include <vector>

#include "autodiff/op.hpp"

/// Losses. The first argument is the output of the network. `Reduction::none` keeps examples apart; the others mix
/// them. Targets that are constants take the batch mark of the prediction. Cost: a few passes over the prediction.
namespace xtangent {

enum class Reduction { mean, sum, none };

/// -log softmax(logits)[label] for logits (N, O) and N labels, or logits (..., O) and as many labels as they have rows.
/// The result is a scalar, or (N,) with Reduction::none. Throws shape_error for another number of labels or a mean over
/// no rows, data_error naming the example and the label where a label is not below O.
template <class T>
Var<T> cross_entropy(const Var<T>& logits, const std::vector<std::size_t>& labels,
                     Reduction reduction = Reduction::mean);
template <class T>
Var<T> cross_entropy(const Var<T>& logits, std::initializer_list<std::size_t> labels,
                     Reduction reduction = Reduction::mean) {
  return cross_entropy(logits, std::vector<std::size_t>(labels), reduction);
}
/// -sum_o probabilities[o] log softmax(logits)[o] for probabilities of the shape of the logits, which may stand on a
/// tape. The mean runs over rows. Throws shape_error.
template <class T>
Var<T> cross_entropy(const Var<T>& logits, const Var<T>& probabilities, Reduction reduction = Reduction::mean);

/// (prediction - target)^2; the mean runs over all elements. Throws shape_error unless both have one shape.
template <class T>
Var<T> mean_squared_error(const Var<T>& prediction, const Var<T>& target, Reduction reduction = Reduction::mean);

/// -(t log sigmoid(x) + (1 - t) log(1 - sigmoid(x))) for targets t in [0, 1]; finite for any finite x. The mean runs
/// over all elements. Throws shape_error unless both have one shape.
template <class T>
Var<T> binary_cross_entropy_with_logits(const Var<T>& logits, const Var<T>& targets,
                                        Reduction reduction = Reduction::mean);

}  // namespace xtangent
