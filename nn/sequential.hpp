#pragma once

#include <string>
#include <utility>
#include <vector>

#include "nn/layers/activation.hpp"
#include "nn/layers/linear.hpp"
#include "nn/module.hpp"

/// Layers one after the other.
namespace xtangent::nn {

/// Layers with names, such as Named{{"conv1", Conv2d{3, 8, 3}}, {"relu", Relu{}}}.
using Named = std::vector<std::pair<std::string, AnyModule>>;

/// Layers one after the other, named "0", "1", ... as PyTorch's nn.Sequential names them, or by names of their own.
class Sequential : public Module<Sequential> {
 public:
  /// Throws parameter_error for no layers or a null pointer.
  explicit Sequential(std::vector<AnyModule> layers);
  explicit Sequential(Named layers);

  std::size_t size() const { return layers_.size(); }
  const ModuleBase& operator[](std::size_t index) const { return *layers_.at(index).second; }

  void children(Declaration& visit) const;
  /// Runs the layers in the scope of a module that declares them as its children from number `first` on.
  template <class T>
  Var<T> forward(Scope<T> p, Var<T> x, std::size_t first = 0) const;

 private:
  Named layers_;
};

/// sequential(Linear{784, 1024}, Relu{}, Linear{1024, 10}). The arguments may also be shared pointers to modules, or
/// one vector of AnyModule.
template <class... Layers>
requires(std::convertible_to<Layers, AnyModule>&&...) Sequential sequential(Layers... layers) {
  return Sequential(std::vector<AnyModule>{AnyModule(std::move(layers))...});
}
inline Sequential sequential(std::vector<AnyModule> layers) { return Sequential(std::move(layers)); }
inline Sequential sequential(Named layers) { return Sequential(std::move(layers)); }

/// inner(x) + shortcut(x), with children "inner" and "shortcut". Throws shape_error where the two shapes differ.
class Residual : public Module<Residual> {
 public:
  explicit Residual(AnyModule inner, AnyModule shortcut = Identity{});

  void children(Declaration& visit) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  AnyModule inner_, shortcut_;
};

inline Residual residual(AnyModule inner, AnyModule shortcut = Identity{}) {
  return Residual(std::move(inner), std::move(shortcut));
}

/// Branches with the same input; their outputs are joined along one axis. The children are "0", "1", ...
class Parallel : public Module<Parallel> {
 public:
  /// Throws parameter_error for no branches or a null pointer.
  explicit Parallel(std::vector<AnyModule> branches, long axis = 1);

  void children(Declaration& visit) const { branches_.children(visit); }
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  Sequential branches_;
  long axis_;
};

/// parallel(Conv2d{3, 8, 1}, Conv2d{3, 8, 3, {.padding = 1}}) joins its branches along the channels.
template <class... Branches>
requires(std::convertible_to<Branches, AnyModule>&&...) Parallel parallel(Branches... branches) {
  return Parallel(std::vector<AnyModule>{AnyModule(std::move(branches))...});
}

/// A network in which some arrays or layers are tied, see Declaration::tie. Its names stay the same.
class Tied : public Module<Tied> {
 public:
  /// Pairs (later, first), as in tied(net, {{"head.weight", "embedding.weight"}}).
  Tied(AnyModule net, std::vector<std::pair<std::string, std::string>> ties);

  void children(Declaration& visit) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const {
    return net_->run(p, x);
  }

 private:
  AnyModule net_;
  std::vector<std::pair<std::string, std::string>> ties_;
};

inline Tied tied(AnyModule net, std::vector<std::pair<std::string, std::string>> ties) {
  return Tied(std::move(net), std::move(ties));
}

}  // namespace xtangent::nn
