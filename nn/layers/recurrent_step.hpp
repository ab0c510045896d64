#pragma once

#include <vector>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "nn/layers/recurrent.hpp"

/// The equations of recurrent cells, and sequences as lists of positions, for layers and for graphs that call them.
namespace xtangent::nn {

/// The next state from the products of a cell's weights with its input and with its state, (N, gates hidden) each.
template <class T>
RecurrentState<T> next_state(Recurrent::Kind kind, const Var<T>& from_x, const Var<T>& from_h,
                             const RecurrentState<T>& before) {
  using Kind = Recurrent::Kind;
  const std::size_t hidden = (kind == Kind::lstm ? before.cell : before.hidden).shape().back();  // before projections
  const auto gate = [&](const Var<T>& all, std::size_t i) { return slice(all, -1, i * hidden, (i + 1) * hidden); };
  if (kind == Kind::gru) {
    const Var<T> both = slice(from_x, -1, 0, 2 * hidden) + slice(from_h, -1, 0, 2 * hidden);
    const Var<T> reset = sigmoid(gate(both, 0)), update = sigmoid(gate(both, 1));
    const Var<T> fresh = tanh(gate(from_x, 2) + reset * gate(from_h, 2));
    return {fresh + update * (before.hidden - fresh), {}};
  }
  const Var<T> all = from_x + from_h;
  if (kind != Kind::lstm) return {kind == Kind::tanh ? tanh(all) : relu(all), {}};
  const Var<T> taken = sigmoid(gate(all, 0)) * tanh(gate(all, 2));
  const Var<T> cell = sigmoid(gate(all, 1)) * before.cell + taken;
  return {sigmoid(gate(all, 3)) * tanh(cell), cell};
}

// Slices pad their cotangents with zeros to the length of what they slice. Halving keeps that to T log T positions in
// all, where T slices of the whole would take T^2.
template <class T>
void append_steps(const Var<T>& x, std::vector<Var<T>>& out) {
  const std::size_t extent = x.shape()[1], half = extent / 2;
  if (extent == 1) {
    out.push_back(reshape(x, {x.shape()[0], x.shape()[2]}));
    return;
  }
  append_steps(slice(x, 1, 0, half), out);
  append_steps(slice(x, 1, half, extent), out);
}

/// The entries of axis 1 of x (N, T, width), each without that axis.
template <class T>
std::vector<Var<T>> steps_of(const Var<T>& x) {
  std::vector<Var<T>> out;
  append_steps(x, out);
  return out;
}

/// The inverse: parts (N, width) become (N, parts, width).
template <class T>
Var<T> joined(const std::vector<Var<T>>& parts) {
  std::vector<Var<T>> out;
  for (const Var<T>& part : parts) out.push_back(reshape(part, {part.shape()[0], 1, part.shape()[1]}));
  return concatenate(out, 1);
}

}  // namespace xtangent::nn
