#pragma once

#include "autodiff/ops/activation.hpp"
#include "nn/module.hpp"

/// Elementwise functions as layers, without parameters. PyTorch's names and options.
namespace xtangent::nn {

struct Identity : Module<Identity> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return x;
  }
};
struct Relu : Module<Relu> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return relu(x);
  }
};
struct LeakyRelu : Module<LeakyRelu> {
  explicit LeakyRelu(double slope = 0.01) : negative_slope(slope) {}
  double negative_slope;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return leaky_relu(x, negative_slope);
  }
};
struct Elu : Module<Elu> {
  explicit Elu(double a = 1.0) : alpha(a) {}
  double alpha;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return elu(x, alpha);
  }
};
/// Exact, x Phi(x).
struct Gelu : Module<Gelu> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return gelu(x);
  }
};
struct Silu : Module<Silu> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return silu(x);
  }
};
struct Softplus : Module<Softplus> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return softplus(x);
  }
};
struct Sigmoid : Module<Sigmoid> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return sigmoid(x);
  }
};
struct Tanh : Module<Tanh> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return tanh(x);
  }
};
struct Erf : Module<Erf> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return erf(x);
  }
};
struct Sin : Module<Sin> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return sin(x);
  }
};

}  // namespace xtangent::nn
