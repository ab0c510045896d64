#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "examples/common/threads.hpp"
#include "nn/exported/exported.hpp"
#include "nn/module.hpp"
#include "ntk/kernel.hpp"
#include "ntk/operator.hpp"

/// What the bindings for Python share: numbers in and out, networks with their parameters, and the settings of a call.
/// Each file of this folder binds one subject, and the package in python/xtangent/ calls nothing else.
namespace xtangent::python {

namespace py = pybind11;

/// NumPy's numbers of any type as an Array<T>, copied. Throws shape_error for more than eight axes.
template <class T>
Array<T> array_of(const py::array& values);
/// An array as NumPy's, which shares the elements of one that nobody else holds.
template <class T>
py::array_t<T> numpy_of(Array<T> values);
/// A matrix that stays float if it is float32, and becomes double otherwise.
ntk::AnyMatrix matrix_of(const py::array& values);
/// Numbers that are no part of an array become an undefined one.
Array<double> array_or_none(const py::object& values);
/// Whole numbers from 0 on. Throws data_error for others, which names `what`.
std::vector<std::size_t> labels_of(const std::string& what, const py::array& values);

/// A whole number of Python or NumPy, or nothing for other objects. Throws option_error for one of more than 64 bits.
std::optional<std::int64_t> whole_number(const py::object& value);

/// Calls f with a float or a double, whose type is that of the computation.
template <class F>
auto with_type(bool wide, const F& f) {
  return wide ? f(double()) : f(float());
}

/// A network and its parameters, which never change: what changes them makes another network.
class Network {
 public:
  template <class T>
  Network(nn::AnyModule net, nn::Parameters<T> params) : net_(std::move(net)), given_(std::move(params)) {}

  const nn::ModuleBase& net() const { return *net_; }
  const nn::AnyModule& module() const { return net_; }
  /// The parameters in float or in double. They are converted once. Needs the interpreter's lock.
  template <class T>
  const nn::Parameters<T>& params() const;
  const nn::Layout& layout() const {
    return std::visit([](const auto& params) -> const nn::Layout& { return params.layout(); }, given_);
  }
  /// The inputs of a network that PyTorch exported.
  std::vector<nn::ExportedInput> inputs = {};
  /// Whether it is one of double in PyTorch's file.
  bool wide = false;

 private:
  nn::AnyModule net_;
  std::variant<nn::Parameters<float>, nn::Parameters<double>> given_;
  mutable std::optional<nn::Parameters<float>> single_;
  mutable std::optional<nn::Parameters<double>> twice_;
};
using NetworkPtr = std::shared_ptr<const Network>;

/// Settings of a call that have the same meaning everywhere.
struct CallOptions {
  bool wide = false;        ///< double instead of float
  std::size_t memory = 0;   ///< bytes; 0: half of what is free
  std::size_t threads = 0;  ///< 0: all
  std::vector<std::string> parameters = {};
  ntk::Strategy strategy = ntk::Strategy::automatic;
  std::size_t tile = 0;
  std::string store = {};
  ntk::Metric metric = {};
  py::object progress = py::none();  ///< a callable, or None
};

/// Tells Python how far a computation has come, about twenty times a second, and ends it by a KeyboardInterrupt where
/// Ctrl-C was pressed. It belongs to the thread that asked for the computation.
class Watch {
 public:
  explicit Watch(const py::object& callback) : callback_(callback) {}
  template <class... Numbers>
  void operator()(Numbers... numbers) {
    const Clock::time_point now = Clock::now();
    if (now - last_ < std::chrono::milliseconds(50)) return;
    last_ = now;
    const py::gil_scoped_acquire lock;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (!callback_.is_none()) callback_(numbers...);
  }

 private:
  using Clock = std::chrono::steady_clock;
  const py::object& callback_;
  Clock::time_point last_ = {};
};

/// The options of kernels, whose progress goes to `watch`.
ntk::Options kernel_options(const CallOptions& options, Watch& watch);
ntk::OperatorOptions operator_options(const CallOptions& options);

/// f() while other threads of Python run, with at most this many threads; 0: all. The limit holds for other
/// computations of the process meanwhile.
template <class F>
auto released(std::size_t threads, const F& f) {
  const py::gil_scoped_release release;
  const examples::ThreadLimit limit(threads);
  return f();
}

/// The examples of a call: x1 alone, or x1 in the rows and x2 in the columns.
template <class T>
struct Sides {
  Array<T> x1;
  std::optional<Array<T>> x2;

  Sides(const py::array& first, const py::object& second) : x1(array_of<T>(first)) {
    if (!second.is_none()) x2 = array_of<T>(second.cast<py::array>());
  }
};

/// What f(net, params, sides, options) computes of the kernels of a network, in the type that the call asks for. f
/// holds the interpreter's lock.
template <class F>
auto computed(const Network& net, const py::array& x1, const py::object& x2, const CallOptions& call, const F& f) {
  return with_type(call.wide, [&](auto type) {
    using T = decltype(type);
    const Sides<T> sides(x1, x2);
    const nn::Parameters<T>& params = net.params<T>();
    Watch watch(call.progress);
    return f(net.net(), params, sides, kernel_options(call, watch));
  });
}

void bind_errors(py::module_& m);
void bind_options(py::module_& m);
void bind_networks(py::module_& m);
void bind_readouts(py::module_& m);
void bind_kernels(py::module_& m);
void bind_operators(py::module_& m);
void bind_regression(py::module_& m);
void bind_analysis(py::module_& m);
void bind_training(py::module_& m);

}  // namespace xtangent::python
