#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "autodiff/var.hpp"
#include "nn/parameters.hpp"

/// Everything to which a layer has access when it runs.
namespace xtangent::nn {

/// The mode on which layers such as dropout and batch norm depend. It is an argument and never hidden state.
enum class Mode { evaluation, training };

/// The settings of one run of a network: everything besides parameters and inputs.
struct Context {
  Mode mode = Mode::evaluation;
  std::uint64_t seed = 0;  ///< seed of the random numbers that layers draw

  Context() = default;
  Context(Mode m, std::uint64_t s = 0) : mode(m), seed(s) {}
};

/// A stream of random numbers for one layer in one run, see autodiff/kernels/random.hpp.
struct RandomStream {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
};

/// A function that is called with the path, the type and the output of each layer, children before parents.
template <class T>
using LayerObserver = std::function<void(const std::string& path, const std::string& type, const Array<T>& output)>;

/// One run of a network, which all Scopes in it refer to.
template <class T>
struct Run {
  const Layout& layout;
  std::span<const Var<T>> parameters;  ///< in the order of layout.parameters
  Array<T>& buffers;                   ///< those of this run, which layers change in training mode
  std::vector<std::uint64_t>& draws;   ///< how often each layer has asked for random numbers
  Context context;
  const LayerObserver<T>* observer = nullptr;
};

/// The part of the parameters that belongs to one layer. Cheap to copy; valid during the run.
///
///   p("weight")    the layer's own parameter, a Var
///   p["hidden"]    the scope of a child
template <class T>
class Scope {
 public:
  Scope(const Run<T>& run, std::size_t layer) : run_(&run), layer_(&run.layout.layers[layer]) {}

  /// A parameter of this layer. Throws parameter_error listing what the layer declares.
  const Var<T>& operator()(std::string_view name) const;
  /// An array of this layer that is not trained, as a constant.
  Var<T> buffer(std::string_view name) const;
  /// Sets an array of this layer that is not trained, for the rest of this run and in Recording::buffers, which the run
  /// returns. Throws shape_error for another shape.
  void set_buffer(std::string_view name, const Array<T>& value) const;
  /// The scope of a child, by its name or by its place in `children`. Throws parameter_error if there is none.
  Scope operator[](std::string_view child) const;
  Scope child(std::size_t index) const;

  Mode mode() const { return run_->context.mode; }
  bool training() const { return mode() == Mode::training; }
  /// New random numbers for this layer. They depend on the seed of the run, the path of the layer, and how often it has
  /// asked in this run; so a layer that runs twice draws different numbers.
  RandomStream random() const;
  /// "layer1.0"; empty for the network itself.
  const std::string& path() const { return layer_->path; }
  /// "Linear": the layer's struct.
  const std::string& type() const { return layer_->type; }
  const Run<T>& run() const { return *run_; }

 private:
  const ParameterInfo& buffer_info(std::string_view name) const;

  const Run<T>* run_;
  const Layout::Layer* layer_;
};

extern template class Scope<float>;
extern template class Scope<double>;

}  // namespace xtangent::nn
