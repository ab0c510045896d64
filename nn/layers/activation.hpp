#pragma once

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/module.hpp"

/// Elementwise functions and softmax as layers with PyTorch's names and defaults. Only Prelu has parameters.
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
/// gelu, exactly: x Phi(x).
struct Gelu : Module<Gelu> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return gelu(x);
  }
};
/// The approximation of gelu that uses tanh.
struct GeluTanh : Module<GeluTanh> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return gelu_tanh(x);
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

struct Selu : Module<Selu> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return selu(x);
  }
};
struct Mish : Module<Mish> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return mish(x);
  }
};
struct Relu6 : Module<Relu6> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return relu6(x);
  }
};
struct Hardsigmoid : Module<Hardsigmoid> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return hardsigmoid(x);
  }
};
struct Hardswish : Module<Hardswish> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return hardswish(x);
  }
};
struct Softsign : Module<Softsign> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return softsign(x);
  }
};
struct LogSigmoid : Module<LogSigmoid> {
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return log_sigmoid(x);
  }
};
struct Celu : Module<Celu> {
  explicit Celu(double a = 1.0) : alpha(a) {}
  double alpha;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return celu(x, alpha);
  }
};
struct Hardtanh : Module<Hardtanh> {
  explicit Hardtanh(double l = -1.0, double h = 1.0) : low(l), high(h) {}
  double low, high;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return hardtanh(x, low, high);
  }
};
/// Softmax over one axis.
struct Softmax : Module<Softmax> {
  explicit Softmax(long a = -1) : axis(a) {}
  long axis;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return softmax(x, axis);
  }
};
struct LogSoftmax : Module<LogSoftmax> {
  explicit LogSoftmax(long a = -1) : axis(a) {}
  long axis;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return log_softmax(x, axis);
  }
};
/// a sigmoid(b), where a and b are the two halves of one axis. Throws shape_error for an odd extent.
struct Glu : Module<Glu> {
  explicit Glu(long a = -1) : axis(a) {}
  long axis;
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const;
};
/// max(x, 0) + weight min(x, 0) for x (N, C, ...), with one weight for all channels or one for each: weight
/// (channels,). Throws shape_error for 0 channels, and when x has another number of channels.
class Prelu : public Module<Prelu> {
 public:
  explicit Prelu(std::size_t channels = 1, double initial = 0.25);
  void parameters(Declaration& declare) const { declare("weight", {channels_}, constant(initial_)); }
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  std::size_t channels_;
  double initial_;
};

}  // namespace xtangent::nn
