#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autodiff/tape.hpp"
#include "autodiff/xtensor.hpp"
#include "nn/parameters.hpp"
#include "nn/scope.hpp"
#include "nn/summary.hpp"

/// Networks as data. A layer or a network is a plain struct without a scalar type and without values:
///
///   struct Net : nn::Module<Net> {
///     nn::Linear hidden{784, 1024}, head{1024, 10};
///     template <class Visit> void children(Visit&& visit) const { visit("hidden", hidden); visit("head", head); }
///     template <class T> Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
///       return head(p["head"], relu(hidden(p["hidden"], x)));
///     }
///   };
///   Net net;
///   auto params = net.init<float>(seed);
///   auto y = net(params, x);                     // x: Array or xt::xarray (N, ...)
///
/// A layer with parameters of its own declares them, and reads them in forward as p("weight"):
///
///   template <class Declare>
///   void parameters(Declare&& declare) const {
///     declare("weight", Shape{out, in}, initializer);
///   }
namespace xtangent::nn {

class ModuleBase;

/// What `parameters` and `children` of a layer speak to.
class Declaration {
 public:
  virtual ~Declaration() = default;
  /// A trained array.
  virtual void operator()(std::string_view name, const Shape& shape, const Initializer& initializer) = 0;
  /// An array that is not trained, such as a running mean.
  virtual void buffer(std::string_view name, const Shape& shape, double value) = 0;
  /// A child.
  virtual void operator()(std::string_view name, const ModuleBase& child) = 0;
  /// Makes one of two arrays declared below here ("head.weight", "embedding.weight"), or of all arrays of two layers:
  /// both names stand for the first one, which alone is listed, drawn and counted. Throws parameter_error for an
  /// unknown name, arrays that do not fit, or a first one that is declared behind the later one.
  virtual void tie(std::string_view later, std::string_view first) = 0;
};

/// A recorded run: the output, and the parameters as leaves of the tape in the order of Parameters::infos().
template <class T>
struct Recording {
  Var<T> output;
  std::vector<Var<T>> parameters;
  /// All elements that are not trained, as the run leaves them. In training mode layers such as batch norm change them:
  /// params.set_buffers(recording.buffers) keeps that, as the trainer does.
  Array<T> buffers;
};

/// A layer or network of any type. Immutable: one network serves any number of threads, tapes and parameters.
class ModuleBase {
 public:
  virtual ~ModuleBase() = default;

  /// Name of the struct, for messages.
  std::string type() const;
  /// Layers, output shapes, parameters and FLOP for one example of that shape (without the axis of examples), which is
  /// run once with parameters of 0. Throws shape_error naming the layer where the shape does not fit.
  Summary summary(const Shape& example) const;

  /// Names and shapes of all parameters. Throws parameter_error for an empty name, one with a dot, or one used twice.
  std::shared_ptr<const Layout> layout() const;
  /// Initial parameters. Throws parameter_error also when the network has none.
  template <Scalar T>
  Parameters<T> init(std::uint64_t seed = 0) const;

  /// Evaluates on x (N, ...). Throws parameter_error for parameters of another network; shape_error naming the layer.
  template <class T>
  Array<T> operator()(const Parameters<T>& params, const Array<T>& x, Context context = {}) const;
  template <class T, class E>
  Array<T> operator()(const Parameters<T>& params, const xt::xexpression<E>& x, Context context = {}) const {
    return (*this)(params, Array<T>(x), context);
  }

  /// Records a run: parameters become leaves of the tape, axis 0 of x runs over examples. Throws as evaluation does.
  template <class T>
  Recording<T> record(Tape<T>& tape, const Parameters<T>& params, const Array<T>& x, Context context = {}) const {
    return record(tape, params, batched(x), context);
  }
  template <class T, class E>
  Recording<T> record(Tape<T>& tape, const Parameters<T>& params, const xt::xexpression<E>& x,
                      Context context = {}) const {
    return record(tape, params, batched(Array<T>(x)), context);
  }
  /// The same with x as it is: on the tape for derivatives with respect to inputs.
  template <class T>
  Recording<T> record(Tape<T>& tape, const Parameters<T>& params, const Var<T>& x, Context context = {}) const;

  /// The network as a function of parameters, any Vars in the order and of the shapes of params.infos(), and x;
  /// `params` gives names and buffers, whose changes are dropped.
  template <class T>
  Var<T> apply(const Parameters<T>& params, VarListOf<T> parameters, const Var<T>& x, Context context = {}) const;

  /// Evaluates on x and shows each layer's output to `observer`, children before parents.
  template <class T>
  void observe(const Parameters<T>& params, const Array<T>& x, const LayerObserver<T>& observer,
               Context context = {}) const;

  /// Runs as a part of a network: what `forward` of the enclosing module calls. A shape_error is passed on with the
  /// layer's path.
  template <class T>
  Var<T> operator()(Scope<T> p, const Var<T>& x) const;

  // What Module<Derived> supplies.
  virtual void declare(Declaration& declaration) const = 0;
  virtual Var<float> run(Scope<float> p, const Var<float>& x) const = 0;
  virtual Var<double> run(Scope<double> p, const Var<double>& x) const = 0;

 private:
  template <class T>
  Var<T> run_all(const Parameters<T>& params, Vars<T> parameters, const Var<T>& x, Context context,
                 const LayerObserver<T>* observer, Array<T>& buffers) const;
};

/// Base of every layer and network: turns the struct Derived, with `forward` and if need be `parameters` and
/// `children`, into a module.
template <class Derived>
class Module : public ModuleBase {
 public:
  void declare(Declaration& declaration) const final {
    if constexpr (requires(const Derived& d) { d.parameters(declaration); }) self().parameters(declaration);
    if constexpr (requires(const Derived& d) { d.children(declaration); }) self().children(declaration);
  }
  Var<float> run(Scope<float> p, const Var<float>& x) const final { return self().forward(p, x); }
  Var<double> run(Scope<double> p, const Var<double>& x) const final { return self().forward(p, x); }

 private:
  const Derived& self() const { return static_cast<const Derived&>(*this); }
};

/// Any module, held by value semantics: a copy shares the (immutable) module. Made from a module or a shared pointer.
class AnyModule {
 public:
  template <class M>
  requires std::derived_from<M, ModuleBase> AnyModule(M module)
      : module_(std::make_shared<const M>(std::move(module))) {}
  AnyModule(std::shared_ptr<const ModuleBase> module) : module_(std::move(module)) {}
  template <class M>
  requires std::derived_from<M, ModuleBase> AnyModule(std::shared_ptr<M> module) : module_(std::move(module)) {}

  const ModuleBase& operator*() const { return *module_; }
  const ModuleBase* operator->() const { return module_.get(); }
  explicit operator bool() const { return module_ != nullptr; }

 private:
  std::shared_ptr<const ModuleBase> module_;
};

}  // namespace xtangent::nn
