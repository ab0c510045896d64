#pragma once

#include <functional>
#include <string>
#include <vector>

#include "nn/data/dataset.hpp"
#include "nn/module.hpp"

/// Evaluation of networks on many examples.
namespace xtangent::nn {

/// net(params, x), computed in parts of `batch` examples, several of them at a time: (N, ...) to (N, ...). Only the
/// activations of a few parts are in memory. Throws what evaluation throws, and option_error for a batch of 0.
template <class T>
Array<T> predict(const ModuleBase& net, const Parameters<T>& params, const Array<T>& x, std::size_t batch = 256);
template <class T, class E>
Array<T> predict(const ModuleBase& net, const Parameters<T>& params, const xt::xexpression<E>& x,
                 std::size_t batch = 256) {
  return predict(net, params, Array<T>(x), batch);
}

/// The same for all images of a data set, without random changes.
template <class T>
Array<T> predict(const ModuleBase& net, const Parameters<T>& params, const Dataset& data, std::size_t batch = 256);

/// The same for n examples of which rows(first, last) makes some. It is called by several threads, and what it throws
/// ends the evaluation.
template <class T>
Array<T> predict_rows(const ModuleBase& net, const Parameters<T>& params, std::size_t n,
                      const std::function<Array<T>(std::size_t first, std::size_t last)>& rows,
                      std::size_t batch = 256);

/// The index of the largest entry of each row of (N, O), the first one of equal entries. Throws shape_error.
template <class T>
std::vector<std::size_t> argmax(const Array<T>& logits);

/// The number of rows whose largest entry is at their label. A row with a NaN never counts. Throws shape_error where
/// the numbers of rows and labels differ.
template <class T>
std::size_t count_correct(const Array<T>& logits, const std::vector<std::size_t>& labels);
/// The fraction of rows whose largest entry is at their label. Also throws data_error for no rows.
template <class T>
double accuracy(const Array<T>& logits, const std::vector<std::size_t>& labels);
/// The same for a network on inputs x (N, ...).
template <class T>
double accuracy(const ModuleBase& net, const Parameters<T>& params, const Array<T>& x,
                const std::vector<std::size_t>& labels) {
  return accuracy(predict(net, params, x), labels);
}
template <class T, class E>
double accuracy(const ModuleBase& net, const Parameters<T>& params, const xt::xexpression<E>& x,
                const std::vector<std::size_t>& labels) {
  return accuracy(predict(net, params, Array<T>(x)), labels);
}

template <class T>
double accuracy(const ModuleBase& net, const Parameters<T>& params, const Dataset& data) {
  return accuracy(predict(net, params, data), data.labels());
}

/// Says where NaN or infinity appears first: "example 3 of the input", "parameter '2.weight'", "the output of layer '2'
/// (Linear)". Empty when everything is finite.
template <class T>
std::string first_not_finite(const ModuleBase& net, const Parameters<T>& params, const Array<T>& x,
                             Context context = {});

}  // namespace xtangent::nn
