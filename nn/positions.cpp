#include "nn/positions.hpp"

#include <limits>
#include <string>
#include <vector>

#include "autodiff/error.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/reduction.hpp"

namespace xtangent::nn {
namespace {

// Shape (N, T, ...) without T.
Shape without_positions(const Shape& shape) { return shape.slice(0, 1).joined(shape.slice(2, shape.rank())); }

}  // namespace

AtPositions::AtPositions(AnyModule net, Which which, std::size_t position)
    : net_(std::move(net)), which_(which), position_(position) {
  if (!net_) throw parameter_error("[AtPositions] the network is a null pointer.");
}

template <class T>
Var<T> AtPositions::forward(Scope<T> p, const Var<T>& x) const {
  const Var<T> y = net_->run(p, x);
  if (y.rank() < 2)
    throw shape_error("[AtPositions] the output " + to_string(y.shape()) +
                      " has no positions: it must be (N, T, ...).");
  if (which_ == Which::mean) return mean(y, {1});
  if (y.shape()[1] == 0)
    throw shape_error("[AtPositions] the output " + to_string(y.shape()) + " has no positions: the sequence is empty.");
  const std::size_t length = y.shape()[1], at = which_ == Which::last ? length - 1 : position_;
  if (at >= length)
    throw shape_error("[AtPositions] position " + std::to_string(at) + " of an output " + to_string(y.shape()) +
                      ", whose "
                      "axis 1 runs over positions.");
  return reshape(slice(y, 1, at, at + 1), without_positions(y.shape()));
}

template <class T>
Var<T> masked_mean(const Var<T>& y, const Var<T>& mask) {
  if (y.rank() < 2 || !(mask.shape() == y.shape().slice(0, 2)))
    throw shape_error("[masked_mean] a mask " + to_string(mask.shape()) + " for " + to_string(y.shape()) +
                      ": it must be (N, T) for (N, T, ...).");
  const std::vector<std::size_t> ones(y.rank() - 2, 1);
  const Shape behind(ones.begin(), ones.end());  // 1 for each axis behind the positions
  const Var<T> weighted = sum(y * reshape(mask, mask.shape().joined(behind)), {1});
  const Var<T> least(Array<T>::scalar(std::numeric_limits<T>::min()));
  return weighted / reshape(maximum(sum(mask, {1}), least), y.shape().slice(0, 1).joined(behind));
}

template Var<float> AtPositions::forward(Scope<float>, const Var<float>&) const;
template Var<double> AtPositions::forward(Scope<double>, const Var<double>&) const;
template Var<float> masked_mean(const Var<float>&, const Var<float>&);
template Var<double> masked_mean(const Var<double>&, const Var<double>&);

}  // namespace xtangent::nn
