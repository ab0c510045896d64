#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autodiff/tape.hpp"
#include "autodiff/xtensor.hpp"
#include "nn/inputs.hpp"
#include "nn/parameters.hpp"
#include "nn/scope.hpp"
#include "nn/summary.hpp"

/// Networks as data. A layer or a network is a plain struct that has no scalar type and holds no values:
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
/// A layer with parameters of its own declares them, and reads them in `forward` as p("weight"):
///
///   template <class Declare>
///   void parameters(Declare&& declare) const {
///     declare("weight", Shape{out, in}, initializer);
///   }
///
/// Networks of several inputs are described in inputs.hpp, networks on sequences in positions.hpp.
namespace xtangent::nn {

class ModuleBase;

/// The argument of `parameters` and `children` of a layer, by which it declares its arrays and children.
class Declaration {
 public:
  virtual ~Declaration() = default;
  /// Declares an array that is trained.
  virtual void operator()(std::string_view name, const Shape& shape, const Initializer& initializer) = 0;
  /// Declares an array that is not trained, such as a running mean.
  virtual void buffer(std::string_view name, const Shape& shape, double value) = 0;
  /// Declares a child.
  virtual void operator()(std::string_view name, const ModuleBase& child) = 0;
  /// Ties two arrays that are declared below this layer ("head.weight", "embedding.weight"), or all arrays of two
  /// layers. Both names then stand for the first array, and only that one is listed, drawn and counted. Throws
  /// parameter_error for an unknown name, for arrays of different shapes, and when `first` is declared after `later`.
  virtual void tie(std::string_view later, std::string_view first) = 0;
};

/// A recorded run of a network: its output, and its parameters as leaves of the tape in the order of
/// Parameters::infos().
template <class T>
struct Recording {
  Var<T> output;
  std::vector<Var<T>> parameters;
  /// All elements that are not trained, as they are after the run. In training mode layers such as batch norm change
  /// them; params.set_buffers(recording.buffers) keeps the change, as the trainer does.
  Array<T> buffers;
};

/// A layer or network of any type. It is immutable, so any number of threads, tapes and parameters can use one network.
class ModuleBase {
 public:
  virtual ~ModuleBase() = default;

  /// The name of the struct, for messages.
  virtual std::string type() const;
  /// The layers, output shapes, parameters and FLOP for one example of the given shape, which has no axis of examples.
  /// Runs the network once with parameters of 0. Throws shape_error naming the layer where the shape does not fit.
  Summary summary(const Shape& example) const;

  /// The names and shapes of all parameters. Throws parameter_error for a name that is empty, has a dot, or is used
  /// twice.
  std::shared_ptr<const Layout> layout() const;
  /// The initial parameters. Throws what layout() throws, and parameter_error when the network has none.
  template <Scalar T>
  Parameters<T> init(std::uint64_t seed = 0) const;

  /// Evaluates the network on x (N, ...). Throws parameter_error for parameters of another network, and shape_error
  /// naming the layer where the shape does not fit.
  template <class T>
  Array<T> operator()(const Parameters<T>& params, const Array<T>& x, Context context = {}) const;
  template <class T, class E>
  Array<T> operator()(const Parameters<T>& params, const xt::xexpression<E>& x, Context context = {}) const {
    return (*this)(params, Array<T>(x), context);
  }

  /// Records a run. Parameters become leaves of the tape; axis 0 of x runs over examples. Throws what evaluation
  /// throws.
  template <class T>
  Recording<T> record(Tape<T>& tape, const Parameters<T>& params, const Array<T>& x, Context context = {}) const {
    return record(tape, params, batched(x), context);
  }
  template <class T, class E>
  Recording<T> record(Tape<T>& tape, const Parameters<T>& params, const xt::xexpression<E>& x,
                      Context context = {}) const {
    return record(tape, params, batched(Array<T>(x)), context);
  }
  /// The same with x as it is, for example on the tape, for derivatives with respect to the inputs.
  template <class T>
  Recording<T> record(Tape<T>& tape, const Parameters<T>& params, const Var<T>& x, Context context = {}) const;

  /// The network as a function of x and of `parameters`, which are any Vars in the order and with the shapes of
  /// params.infos(). `params` supplies names and buffers; changes of the buffers are dropped.
  template <class T>
  Var<T> apply(const Parameters<T>& params, VarListOf<T> parameters, const Var<T>& x, Context context = {}) const;

  /// Evaluates the network on x and calls `observer` with the output of each layer, children before parents.
  template <class T>
  void observe(const Parameters<T>& params, const Array<T>& x, const LayerObserver<T>& observer,
               Context context = {}) const;

  /// Runs the layer as a part of a network; `forward` of the enclosing module calls this. Adds the path of the layer to
  /// a shape_error.
  template <class T>
  Var<T> operator()(Scope<T> p, const Var<T>& x) const;

  // These are supplied by Module<Derived>.
  virtual void declare(Declaration& declaration) const = 0;
  virtual Var<float> run(Scope<float> p, const Var<float>& x) const = 0;
  virtual Var<double> run(Scope<double> p, const Var<double>& x) const = 0;

 private:
  template <class T>
  Var<T> run_all(const Parameters<T>& params, Vars<T> parameters, const Var<T>& x, Context context,
                 const LayerObserver<T>* observer, Array<T>& buffers) const;
};

/// The base of every layer and network. It makes a module of the struct Derived, which has `forward` and, if needed,
/// `parameters` and `children`.
template <class Derived>
class Module : public ModuleBase {
 public:
  void declare(Declaration& declaration) const final {
    if constexpr (requires(const Derived& d) { d.parameters(declaration); }) self().parameters(declaration);
    if constexpr (requires(const Derived& d) { d.children(declaration); }) self().children(declaration);
  }
  Var<float> run(Scope<float> p, const Var<float>& x) const final { return forward_from(p, x); }
  Var<double> run(Scope<double> p, const Var<double>& x) const final { return forward_from(p, x); }

 private:
  // A network of several inputs has `inputs`, their shapes, and `forward` with an argument for each (inputs.hpp).
  template <class T>
  Var<T> forward_from(Scope<T> p, const Var<T>& x) const {
    if constexpr (requires(const Derived& d) { d.inputs(); }) {
      const auto shapes = self().inputs();
      const std::vector<Var<T>> parts = split_inputs(x, {shapes.begin(), shapes.end()});
      return [&]<std::size_t... I>(std::index_sequence<I...>) { return self().forward(p, parts[I]...); }
      (std::make_index_sequence<std::tuple_size_v<decltype(self().inputs())>>());
    } else {
      return self().forward(p, x);
    }
  }
  const Derived& self() const { return static_cast<const Derived&>(*this); }
};

/// A module of any type with the semantics of a value: copies share the module, which is immutable. Made from a module
/// or from a shared pointer to one.
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
