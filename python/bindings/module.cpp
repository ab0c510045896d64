// The extension itself, the errors, and the settings of a call.
#include "autodiff/blas_core.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "examples/common/sizes.hpp"
#include "python/bindings/binding.hpp"

namespace xtangent::python {
namespace {

// The classes of exceptions, which are written in Python: a class for each type of error.
py::object error_class(const char* name) { return py::module_::import("xtangent._errors").attr(name); }

template <class E>
bool raised(const std::exception_ptr& thrown, const char* name) {
  try {
    std::rethrow_exception(thrown);
  } catch (const E& failure) {
    PyErr_SetString(error_class(name).ptr(), failure.what());
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace

std::optional<std::int64_t> whole_number(const py::object& value) {
  if (!PyIndex_Check(value.ptr())) return std::nullopt;
  const py::object number = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
  if (!number) {  // such as an array of several numbers
    PyErr_Clear();
    return std::nullopt;
  }
  int overflow = 0;
  const long long out = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
  if (overflow != 0)
    throw option_error("[xtangent] " + py::str(value).cast<std::string>() + " is too large for 64 bits.");
  return out;
}

namespace {

std::size_t bytes_of(const py::object& memory) {
  if (memory.is_none()) return 0;
  if (py::isinstance<py::str>(memory)) return examples::parse_bytes("memory", memory.cast<std::string>());
  if (const auto number = whole_number(memory); number && *number >= 0) return static_cast<std::size_t>(*number);
  throw option_error("[memory] " + py::str(memory).cast<std::string>() +
                     " is no number of bytes. Give a whole number, or a text such as '4G'.");
}

}  // namespace

ntk::Options kernel_options(const CallOptions& o, Watch& watch) {
  return {.strategy = o.strategy,
          .memory = o.memory,
          .parameters = o.parameters,
          .metric = o.metric,
          .tile = o.tile,
          .progress = [&watch](const ntk::Progress& p) { watch(p.fraction, p.seconds, p.seconds_left); },
          .store = o.store};
}

ntk::OperatorOptions operator_options(const CallOptions& o) {
  return {.memory = o.memory, .parameters = o.parameters, .metric = o.metric};
}

void bind_errors(py::module_&) {
  py::register_exception_translator([](std::exception_ptr thrown) {
    if (!thrown) return;
    if (raised<shape_error>(thrown, "ShapeError") || raised<tape_error>(thrown, "TapeError") ||
        raised<rule_error>(thrown, "RuleError") || raised<batch_error>(thrown, "BatchError") ||
        raised<data_error>(thrown, "DataError") || raised<parameter_error>(thrown, "ParameterError") ||
        raised<option_error>(thrown, "OptionError") || raised<memory_error>(thrown, "BudgetError") ||
        raised<numerical_error>(thrown, "NumericalError") || raised<error>(thrown, "Error"))
      return;
    std::rethrow_exception(thrown);
  });
}

void bind_options(py::module_& m) {
  py::class_<CallOptions>(m, "Options")
      .def(py::init([](const Network& net, bool wide, const py::object& memory, std::size_t threads,
                       std::vector<std::string> parameters, const std::string& strategy, std::size_t tile,
                       std::string store, const py::object& metric, py::object progress) {
             CallOptions out;
             out.wide = wide;
             out.memory = bytes_of(memory);
             out.threads = threads;
             out.parameters = std::move(parameters);
             out.strategy = ntk::parse_strategy(strategy);
             out.tile = tile;
             out.store = std::move(store);
             if (!metric.is_none())
               out.metric = ntk::metric_of(array_of<double>(metric.cast<py::array>()), net.layout());
             out.progress = std::move(progress);
             return out;
           }),
           py::arg("network"), py::kw_only(), py::arg("wide"), py::arg("memory") = py::none(), py::arg("threads") = 0,
           py::arg("parameters") = std::vector<std::string>(), py::arg("strategy") = "automatic", py::arg("tile") = 0,
           py::arg("store") = "", py::arg("metric") = py::none(), py::arg("progress") = py::none());
}

}  // namespace xtangent::python

PYBIND11_MODULE(_xtangent, m) {
  using namespace xtangent::python;
  m.doc() = "The compiled part of xtangent. Use the functions of the package xtangent instead.";
  bind_errors(m);
  bind_options(m);
  bind_networks(m);
  bind_readouts(m);
  bind_kernels(m);
  bind_operators(m);
  bind_regression(m);
  bind_analysis(m);
  bind_training(m);
  m.def("blas_core", &xtangent::blas_core_name);
  m.def("thread_count", &xtangent::kernels::thread_count);
}
