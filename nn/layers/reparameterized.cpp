#include "nn/layers/reparameterized.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/linear.hpp"
#include "autodiff/ops/reduction.hpp"

namespace xtangent::nn {
namespace {

using Declare = std::function<void(Declaration&)>;

// A module that has names and never runs.
struct Names : Module<Names> {
  explicit Names(Declare f) : declared(std::move(f)) {}
  Declare declared;
  void children(Declaration& visit) const { declared(visit); }
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>& x) const {
    return x;
  }
};

// Passes the declarations of a layer on, without one of its own arrays. What replaces that comes behind the other
// arrays and before the children, which is the order of PyTorch.
class Without : public Declaration {
 public:
  Without(Declaration& to, const std::string& name, Declare parts) : to_(to), name_(name), parts_(std::move(parts)) {}

  void operator()(std::string_view name, const Shape& shape, const Initializer& initializer) override {
    if (name != name_) to_(name, shape, initializer);
  }
  void buffer(std::string_view name, const Shape& shape, double value) override { to_.buffer(name, shape, value); }
  void operator()(std::string_view name, const ModuleBase& child) override {
    finish();
    to_(name, child);
  }
  void tie(std::string_view later, std::string_view first) override { to_.tie(later, first); }
  void finish() {
    if (parts_) std::exchange(parts_, nullptr)(to_);
  }

 private:
  Declaration& to_;
  const std::string& name_;
  Declare parts_;
};

// The array of a path below a scope, by `get(scope, name)`.
template <class T, class Get>
auto at_path(Scope<T> p, std::string_view path, Get&& get) {
  for (std::size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
    p = p[path.substr(0, dot)];
    path.remove_prefix(dot + 1);
  }
  return get(p, path);
}

// The standard deviation of initial values, or the size of constant ones.
double deviation(const Initializer& initializer) {
  if (initializer.kind == Initializer::Kind::constant) return std::abs(initializer.value);
  return initializer.kind == Initializer::Kind::uniform ? initializer.spread / std::sqrt(3.0) : initializer.spread;
}

template <class T>
Var<T> unit(const Var<T>& x, double eps) {
  const Var<T> least(Array<T>::scalar(static_cast<T>(eps)));
  return x / maximum(sqrt(sum(square(x))), least);
}

}  // namespace

Reparameterized::Reparameterized(const char* who, AnyModule layer, std::string name, WeightNames names)
    : layer_(std::move(layer)), name_(std::move(name)), names_(names) {
  if (!layer_) throw parameter_error(std::string("[") + who + "] the layer is a null pointer.");
  layout_ = layer_->layout();
  std::vector<std::string> all;
  for (const ParameterInfo& info : layout_->parameters) {
    all.push_back(info.name);
    if (info.name == name_) replaced_ = info;
  }
  if (replaced_.name.empty() || name_.find('.') != std::string::npos)
    throw parameter_error(std::string("[") + who + "] the layer " + layer_->type() + " has no array of its own " +
                          near_names(name_, all));
}

void Reparameterized::children(Declaration& visit) const {
  const auto parts = [this](Declaration& to) {
    if (names_ == WeightNames::suffixes) return declare_parts(to);
    const Names inner([this](Declaration& d) { declare_parts(d); });
    to("parametrizations", Names([&](Declaration& d) { d(name_, inner); }));
  };
  Without without(visit, name_, parts);
  layer_->declare(without);
  without.finish();
}

template <class T>
Var<T> Reparameterized::run_with(Scope<T> p, const Var<T>& array, const Var<T>& x) const {
  Layout layout = *layout_;
  for (Layout::Layer& layer : layout.layers)
    layer.path = layer.path.empty() || p.path().empty() ? p.path() + layer.path : p.path() + "." + layer.path;
  std::vector<Var<T>> parameters;
  for (const ParameterInfo& info : layout.parameters)
    parameters.push_back(
        info.name == name_ ? array : at_path(p, info.name, [](Scope<T> s, std::string_view n) { return s(n); }));
  Array<T> buffers = Array<T>::zeros({layout.buffer_size});
  for (const ParameterInfo& info : layout.buffers) {
    const Array<T> value = at_path(p, info.name, [](Scope<T> s, std::string_view n) { return s.buffer(n).value(); });
    std::copy_n(value.data(), value.size(), buffers.mutable_data() + info.offset);
  }
  std::vector<std::uint64_t> draws(layout.layers.size(), 0);
  Context context = p.run().context;
  if (p.training()) {  // other random numbers when this layer runs again
    const RandomStream stream = p.random();
    context.seed += stream_of(std::to_string(stream.stream));
  }
  const Run<T> run{layout, parameters, buffers, draws, context, p.run().observer};
  const Var<T> y = layer_->run(Scope<T>(run, 0), x);
  if (p.training())
    for (const ParameterInfo& info : layout.buffers)
      at_path(p, info.name,
              [&](Scope<T> s, std::string_view n) { s.set_buffer(n, buffers.flat_slice(info.offset, info.shape)); });
  return y;
}

WeightNorm::WeightNorm(AnyModule layer, WeightNormOptions options)
    : Reparameterized("WeightNorm", std::move(layer), options.name, options.names), dim_(options.dim) {
  if (dim_ && *dim_ >= replaced().shape.rank())
    throw option_error("[WeightNorm] dim " + std::to_string(*dim_) + " of " + to_string(replaced().shape) + ".");
}

Shape WeightNorm::norms() const {
  if (!dim_) return {};
  Shape out = replaced().shape;
  for (std::size_t a = 0; a < out.rank(); ++a)
    if (a != *dim_) out[a] = 1;
  return out;
}

void WeightNorm::declare_parts(Declaration& declare) const {
  const bool suffixes = names() == WeightNames::suffixes;
  const double each = static_cast<double>(replaced().shape.size()) / static_cast<double>(norms().size());
  declare(suffixes ? name() + "_g" : "original0", norms(),
          constant(deviation(replaced().initializer) * std::sqrt(each)));
  declare(suffixes ? name() + "_v" : "original1", replaced().shape, replaced().initializer);
}

template <class T>
Var<T> WeightNorm::forward(Scope<T> p, const Var<T>& x) const {
  const bool suffixes = names() == WeightNames::suffixes;
  const Scope<T> own = parts(p);
  const Var<T>&g = own(suffixes ? name() + "_g" : "original0"), &v = own(suffixes ? name() + "_v" : "original1");
  return run_with(p, v * (g / sqrt(sum_to(square(v), norms()))), x);
}

SpectralNorm::SpectralNorm(AnyModule layer, SpectralNormOptions options)
    : Reparameterized("SpectralNorm", std::move(layer), options.name, options.names),
      dim_(options.dim.value_or(layer_type().starts_with("ConvTranspose") ? 1 : 0)),
      n_power_iterations_(options.n_power_iterations),
      eps_(options.eps) {
  if (replaced().shape.rank() < 2)
    throw shape_error("[SpectralNorm] an array of " + to_string(replaced().shape) + ". A matrix is needed.");
  if (dim_ >= replaced().shape.rank())
    throw option_error("[SpectralNorm] dim " + std::to_string(dim_) + " of " + to_string(replaced().shape) + ".");
}

void SpectralNorm::declare_parts(Declaration& declare) const {
  const Shape& shape = replaced().shape;
  const std::size_t rest = shape.size() / shape[dim_];
  const bool suffixes = names() == WeightNames::suffixes;
  declare(suffixes ? name() + "_orig" : "original", shape, replaced().initializer);
  const auto vectors = [&](Declaration& d, const std::string& prefix) {
    d.buffer(prefix + "_u", {shape[dim_]}, 0.0);
    d.buffer(prefix + "_v", {rest}, 0.0);
  };
  if (suffixes) return vectors(declare, name());
  declare("0", Names([&](Declaration& d) { vectors(d, ""); }));
}

template <class T>
Var<T> SpectralNorm::forward(Scope<T> p, const Var<T>& x) const {
  const bool suffixes = names() == WeightNames::suffixes;
  const Scope<T> own = parts(p), vectors = suffixes ? own : own["0"];
  const std::string prefix = suffixes ? name() : "";
  const Var<T>& weight = own(suffixes ? name() + "_orig" : "original");
  const std::size_t rows = weight.shape()[dim_], columns = weight.size() / rows;
  std::vector<std::size_t> order = {dim_};
  for (std::size_t axis = 0; axis < weight.rank(); ++axis)
    if (axis != dim_) order.push_back(axis);
  const Var<T> matrix = reshape(dim_ == 0 ? weight : transpose(weight, order), {rows, columns});
  const Var<T> constant = matrix.detached();
  Var<T> u = reshape(vectors.buffer(prefix + "_u"), {rows, 1}),
         v = reshape(vectors.buffer(prefix + "_v"), {columns, 1});
  const Array<T> before = u.value();
  const bool fresh = std::all_of(before.data(), before.data() + rows, [](T value) { return value == T(0); });
  if (fresh) v = Var<T>(draw<T>(normal(1.0), {columns, 1}, 0, stream_of("spectral_norm")));
  const std::size_t iterations = p.training() ? n_power_iterations_ : 0;
  for (std::size_t i = 0; i < (fresh ? std::max<std::size_t>(15, iterations) : iterations); ++i) {
    // the order of the two functions of PyTorch; a fresh u is not there yet
    if (suffixes && !fresh) v = unit(matmul(constant, u, {.transpose_a = true}), eps_);
    u = unit(matmul(constant, v), eps_);
    if (!suffixes || fresh) v = unit(matmul(constant, u, {.transpose_a = true}), eps_);
  }
  if (p.training()) {
    vectors.set_buffer(prefix + "_u", u.value().reshaped({rows}));
    vectors.set_buffer(prefix + "_v", v.value().reshaped({columns}));
  }
  return run_with(p, weight / sum(u * matmul(matrix, v)), x);
}

#define XTANGENT_INSTANTIATE(T)                                       \
  template Var<T> WeightNorm::forward(Scope<T>, const Var<T>&) const; \
  template Var<T> SpectralNorm::forward(Scope<T>, const Var<T>&) const;
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
