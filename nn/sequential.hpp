#pragma once

#include <string>
#include <utility>
#include <vector>

#include "nn/layers/activation.hpp"
#include "nn/layers/linear.hpp"
#include "nn/module.hpp"

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
  template <class T>
  Var<T> forward(Scope<T> p, Var<T> x) const;

 private:
  Named layers_;
};

/// sequential(Linear{784, 1024}, Relu{}, Linear{1024, 10}); also of shared pointers, or of one vector of AnyModule.
template <class... Layers>
requires(std::convertible_to<Layers, AnyModule>&&...) Sequential sequential(Layers... layers) {
  return Sequential(std::vector<AnyModule>{AnyModule(std::move(layers))...});
}
inline Sequential sequential(std::vector<AnyModule> layers) { return Sequential(std::move(layers)); }
inline Sequential sequential(Named layers) { return Sequential(std::move(layers)); }

/// inner(x) + shortcut(x), children "inner" and "shortcut". Throws shape_error where the two do not add up.
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

}  // namespace xtangent::nn
