#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "autodiff/var.hpp"
#include "nn/parameters.hpp"

/// What a layer sees when it runs.
namespace xtangent::nn {

/// What a layer such as dropout or batch norm depends on: an argument, never hidden state.
enum class Mode { evaluation, training };

/// Everything about one run of a network besides parameters and inputs.
struct Context {
  Mode mode = Mode::evaluation;
  std::uint64_t seed = 0;  ///< of the random numbers that layers draw

  Context() = default;
  Context(Mode m, std::uint64_t s = 0) : mode(m), seed(s) {}
};

/// Random numbers for one layer of one run, see kernels/random.hpp.
struct RandomStream {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
};

/// Called with each layer's output, children before parents: path, type, output.
template <class T>
using LayerObserver = std::function<void(const std::string& path, const std::string& type, const Array<T>& output)>;

/// One run of a network: what every Scope in it looks into.
template <class T>
struct Run {
  const Layout& layout;
  std::span<const Var<T>> parameters;  ///< in the order of layout.parameters
  Array<T>& buffers;                   ///< of this run: layers in training mode change them
  std::vector<std::uint64_t>& draws;   ///< how often each layer has asked for random numbers
  Context context;
  const LayerObserver<T>* observer = nullptr;
};

/// What a layer sees of the parameters: those under its own name. Cheap to copy; valid during the run.
///
///   p("weight")    the layer's own parameter, a Var
///   p["hidden"]    the scope of a child
template <class T>
class Scope {
 public:
  Scope(const Run<T>& run, std::size_t layer) : run_(&run), layer_(&run.layout.layers[layer]) {}

  /// An own parameter. Throws parameter_error listing what the layer declares.
  const Var<T>& operator()(std::string_view name) const;
  /// An own array that is not trained, as a constant.
  Var<T> buffer(std::string_view name) const;
  /// Gives an own array that is not trained a new value, for the rest of this run and in what it returns as
  /// Recording::buffers. Throws shape_error for another shape.
  void set_buffer(std::string_view name, const Array<T>& value) const;
  /// The scope of a child by name or by its place in `children`. Throws parameter_error.
  Scope operator[](std::string_view child) const;
  Scope child(std::size_t index) const;

  Mode mode() const { return run_->context.mode; }
  bool training() const { return mode() == Mode::training; }
  /// This layer's own random numbers: a function of the run's seed, the layer's path, and how often it has asked in
  /// this run; so a layer that runs twice draws twice.
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
