#include "nn/inputs.hpp"

#include <string>

#include "autodiff/error.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/ops/indexing.hpp"

namespace xtangent::nn {

template <class T>
Array<T> join_inputs(const std::vector<Array<T>>& arrays) {
  if (arrays.empty()) throw shape_error("[join_inputs] there are no inputs.");
  const auto examples = [](const Array<T>& x) {
    if (!x.defined() || x.rank() == 0) throw shape_error("[join_inputs] an input has no axis of examples.");
    return x.shape()[0];
  };
  const std::size_t n = examples(arrays.front());
  std::size_t total = 0;
  std::string shapes;
  for (const Array<T>& x : arrays) {
    shapes += (shapes.empty() ? "" : ", ") + to_string(x.shape());
    if (examples(x) != n)
      throw shape_error("[join_inputs] inputs " + shapes + ": all must have the same number of examples.");
    total += x.shape().slice(1, x.rank()).size();
  }
  Array<T> out({n, total});
  T* to = out.mutable_data();
  std::size_t at = 0;
  for (const Array<T>& x : arrays) {
    const std::size_t each = x.shape().slice(1, x.rank()).size();
    if (n && each) kernels::copy_runs(n, each, x.data(), each, to + at, total);
    at += each;
  }
  return out;
}

template <class T>
std::vector<Var<T>> split_inputs(const Var<T>& x, const std::vector<Shape>& shapes) {
  std::size_t total = 0;
  std::string listed;
  for (const Shape& shape : shapes) {
    total += shape.size();
    listed.append(listed.empty() ? "" : ", ").append(to_string(shape));
  }
  if (x.rank() != 2 || x.shape()[1] != total)
    throw shape_error("[inputs] the examples are " + to_string(x.shape()) + ", and the network has the inputs " +
                      listed + ": they must be (N, " + std::to_string(total) + "), as nn::join_inputs makes them.");
  std::vector<Var<T>> out;
  std::size_t at = 0;
  for (const Shape& shape : shapes) {
    out.push_back(reshape(slice(x, 1, at, at + shape.size()), shape.prepended(x.shape()[0])));
    at += shape.size();
  }
  return out;
}

template Array<float> join_inputs(const std::vector<Array<float>>&);
template Array<double> join_inputs(const std::vector<Array<double>>&);
template std::vector<Var<float>> split_inputs(const Var<float>&, const std::vector<Shape>&);
template std::vector<Var<double>> split_inputs(const Var<double>&, const std::vector<Shape>&);

}  // namespace xtangent::nn
