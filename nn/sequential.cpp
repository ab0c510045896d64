#include "nn/sequential.hpp"

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"

namespace xtangent::nn {

namespace {

Named numbered(std::vector<AnyModule> layers) {
  Named out;
  for (AnyModule& layer : layers) {
    std::string name = std::to_string(out.size());
    out.emplace_back(std::move(name), std::move(layer));
  }
  return out;
}

}  // namespace

Sequential::Sequential(std::vector<AnyModule> layers) : Sequential(numbered(std::move(layers))) {}

Sequential::Sequential(Named layers) : layers_(std::move(layers)) {
  if (layers_.empty()) throw parameter_error("[Sequential] no layers.");
  for (const auto& [name, layer] : layers_)
    if (!layer) throw parameter_error("[Sequential] layer " + name + " is a null pointer.");
}

void Sequential::children(Declaration& visit) const {
  for (const auto& [name, layer] : layers_) visit(name, *layer);
}

template <class T>
Var<T> Sequential::forward(Scope<T> p, Var<T> x, std::size_t first) const {
  for (std::size_t i = 0; i < layers_.size(); ++i) x = (*layers_[i].second)(p.child(first + i), x);
  return x;
}

Residual::Residual(AnyModule inner, AnyModule shortcut) : inner_(std::move(inner)), shortcut_(std::move(shortcut)) {
  if (!inner_ || !shortcut_) throw parameter_error("[Residual] a branch is a null pointer.");
}

void Residual::children(Declaration& visit) const {
  visit("inner", *inner_);
  visit("shortcut", *shortcut_);
}

template <class T>
Var<T> Residual::forward(Scope<T> p, const Var<T>& x) const {
  const Var<T> inner = (*inner_)(p.child(0), x), shortcut = (*shortcut_)(p.child(1), x);
  if (!(inner.shape() == shortcut.shape()))
    throw shape_error("[Residual] the inner branch gives " + to_string(inner.shape()) + ", the shortcut " +
                      to_string(shortcut.shape()) + ". Give a shortcut that fits.");
  return inner + shortcut;
}

Parallel::Parallel(std::vector<AnyModule> branches, long axis) : branches_(std::move(branches)), axis_(axis) {}

template <class T>
Var<T> Parallel::forward(Scope<T> p, const Var<T>& x) const {
  std::vector<Var<T>> outputs;
  for (std::size_t i = 0; i < branches_.size(); ++i) outputs.push_back(branches_[i](p.child(i), x));
  return concatenate<T>(outputs, axis_);
}

Tied::Tied(AnyModule net, std::vector<std::pair<std::string, std::string>> ties)
    : net_(std::move(net)), ties_(std::move(ties)) {
  if (!net_) throw parameter_error("[Tied] the network is a null pointer.");
}

void Tied::children(Declaration& visit) const {
  net_->declare(visit);
  for (const auto& [later, first] : ties_) visit.tie(later, first);
}

template Var<float> Sequential::forward(Scope<float>, Var<float>, std::size_t) const;
template Var<double> Sequential::forward(Scope<double>, Var<double>, std::size_t) const;
template Var<float> Parallel::forward(Scope<float>, const Var<float>&) const;
template Var<double> Parallel::forward(Scope<double>, const Var<double>&) const;
template Var<float> Residual::forward(Scope<float>, const Var<float>&) const;
template Var<double> Residual::forward(Scope<double>, const Var<double>&) const;

}  // namespace xtangent::nn
