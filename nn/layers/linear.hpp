#pragma once

#include <optional>

#include "nn/module.hpp"

namespace xtangent::nn {

/// PyTorch's nn.Linear, y = x W^T + b: from x (..., in) to (..., out) with weight (out, in) and bias (out,). Throws
/// shape_error if `in` or `out` is 0, and where the last axis of x is not `in`.
class Linear : public Module<Linear> {
 public:
  Linear(std::size_t in, std::size_t out, WeightOptions options = {});

  std::size_t in() const { return in_; }
  std::size_t out() const { return out_; }
  const WeightOptions& options() const { return options_; }

  void parameters(Declaration& declare) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  std::size_t in_, out_;
  WeightOptions options_;
};

/// The same with a weight (in, out), as Hugging Face's GPT-2 has it: y = x W + b. The array of a Linear{a, b} is the
/// transpose of the weight that a TransposedLinear{b, a} applies, so tying their names ties a decoder to the transpose
/// of its encoder: tied(net, {{"decoder.weight", "encoder.weight"}}).
class TransposedLinear : public Module<TransposedLinear> {
 public:
  TransposedLinear(std::size_t in, std::size_t out, WeightOptions options = {});
  /// With these initial weights in the standard parameterization, and a bias of 0.
  TransposedLinear(std::size_t in, std::size_t out, Initializer weight);

  void parameters(Declaration& declare) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  std::size_t in_, out_;
  WeightOptions options_;
  std::optional<Initializer> weight_;
};

}  // namespace xtangent::nn
