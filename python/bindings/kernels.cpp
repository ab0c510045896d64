// Kernels, their plans, and kernels in folders.
#include <sstream>

#include "ntk/contraction/rule.hpp"
#include "ntk/layer_kernels.hpp"
#include "python/bindings/binding.hpp"

namespace xtangent::python {
namespace {

using namespace pybind11::literals;

py::array kernel(const NetworkPtr& net, const py::array& x1, const py::object& x2, const ntk::Readout& readout,
                 const CallOptions& call) {
  return computed(*net, x1, x2, call, [&](auto& module, auto& params, auto& sides, const auto& options) -> py::array {
    return numpy_of(released(call.threads, [&] {
      return sides.x2 ? ntk::kernel(module, params, sides.x1, *sides.x2, readout, options)
                      : ntk::kernel(module, params, sides.x1, readout, options);
    }));
  });
}

ntk::StoredKernel stored_kernel(const NetworkPtr& net, const py::array& x1, const py::object& x2,
                                const ntk::Readout& readout, const CallOptions& call) {
  return computed(*net, x1, x2, call, [&](auto& module, auto& params, auto& sides, const auto& options) {
    return released(call.threads, [&] {
      return sides.x2 ? ntk::stored_kernel(module, params, sides.x1, *sides.x2, readout, options)
                      : ntk::stored_kernel(module, params, sides.x1, readout, options);
    });
  });
}

// "module", "parameter", or a function of the name of a parameter.
ntk::ParameterGroup group_of(const py::object& group) {
  if (py::isinstance<py::str>(group)) {
    const auto text = group.cast<std::string>();
    if (text == "module") return ntk::by_module;
    if (text == "parameter") return ntk::by_parameter;
    throw option_error("[group] no group '" + text + "'. There are module, parameter, and functions of a name.");
  }
  return [function = group.ptr()](const std::string& parameter) {
    const py::gil_scoped_acquire lock;
    return py::reinterpret_borrow<py::object>(function)(parameter).cast<std::string>();
  };
}

std::vector<std::pair<std::string, py::object>> layer_kernels(const NetworkPtr& net, const py::array& x1,
                                                              const py::object& x2, const ntk::Readout& readout,
                                                              const py::object& group, const CallOptions& call) {
  return computed(*net, x1, x2, call, [&](auto& module, auto& params, auto& sides, const auto& settings) {
    const ntk::LayerOptions options{group_of(group), settings};
    std::vector<std::pair<std::string, py::object>> out;
    if (!call.store.empty()) {
      if (sides.x2) throw option_error("[layer_kernels] a store takes the kernels of one set of examples.");
      for (auto& layer : released(
               call.threads, [&] { return ntk::stored_layer_kernels(module, params, sides.x1, readout, options); }))
        out.emplace_back(layer.name, py::cast(std::move(layer.kernel)));
      return out;
    }
    for (auto& layer : released(call.threads, [&] {
           return sides.x2 ? ntk::layer_kernels(module, params, sides.x1, *sides.x2, readout, options)
                           : ntk::layer_kernels(module, params, sides.x1, readout, options);
         }))
      out.emplace_back(layer.name, numpy_of(std::move(layer.kernel)));
    return out;
  });
}

py::dict described(const ntk::Plan& plan) {
  py::list terms;
  for (const ntk::TermPlan& term : plan.terms)
    terms.append(py::dict("parameter"_a = term.parameter, "op"_a = term.op,
                          "rule"_a = term.rule ? term.rule->name() : "", "flop"_a = term.cost.flop,
                          "bytes"_a = term.cost.bytes, "fused"_a = term.fused));
  return py::dict("rows"_a = plan.rows, "columns"_a = plan.columns, "outputs"_a = plan.outputs,
                  "parameters"_a = plan.parameters, "probes"_a = plan.probes, "column_probes"_a = plan.column_probes,
                  "symmetric"_a = plan.symmetric, "readout"_a = plan.readout, "strategy"_a = ntk::name(plan.strategy),
                  "kernels"_a = plan.kernels, "tile"_a = plan.partition.tile, "panel"_a = plan.partition.panel,
                  "shard"_a = plan.partition.shard, "sweep_flop"_a = plan.sweep_flop,
                  "contraction_flop"_a = plan.contraction_flop, "flop"_a = plan.flop(),
                  "result_bytes"_a = plan.result_bytes, "bytes"_a = plan.bytes(), "budget_bytes"_a = plan.budget_bytes,
                  "seconds"_a = plan.seconds(ntk::product_speed(plan.scalar_bytes)), "terms"_a = terms);
}

// The text of a plan, and its numbers.
std::pair<std::string, py::dict> plan(const NetworkPtr& net, const py::array& x1, const py::object& x2,
                                      const ntk::Readout& readout, const CallOptions& call) {
  return computed(*net, x1, x2, call, [&](auto& module, auto& params, auto& sides, const auto& options) {
    const auto residence = call.store.empty() ? ntk::Residence::dense : ntk::Residence::stored;
    std::string text;
    const ntk::Plan made = released(call.threads, [&] {
      const auto rows = [](const auto& x) { return x.rank() ? x.shape()[0] : 0; };
      ntk::Plan out =
          sides.x2 ? ntk::plan(module, params, sides.x1, rows(sides.x1), rows(*sides.x2), readout, options, residence)
                   : ntk::plan(module, params, sides.x1, readout, options, residence);
      std::ostringstream stream;
      stream << out;
      text = stream.str();
      return out;
    });
    return std::make_pair(text, described(made));
  });
}

}  // namespace

void bind_kernels(py::module_& m) {
  m.def("kernel", &kernel, py::arg("network"), py::arg("x1"), py::arg("x2").none(true), py::arg("readout"),
        py::arg("options"));
  m.def("stored_kernel", &stored_kernel, py::arg("network"), py::arg("x1"), py::arg("x2").none(true),
        py::arg("readout"), py::arg("options"));
  m.def("layer_kernels", &layer_kernels, py::arg("network"), py::arg("x1"), py::arg("x2").none(true),
        py::arg("readout"), py::arg("group"), py::arg("options"));
  m.def("plan", &plan, py::arg("network"), py::arg("x1"), py::arg("x2").none(true), py::arg("readout"),
        py::arg("options"));
  m.def(
      "is_store", [](const std::string& folder) { return ntk::is_store(folder); }, py::arg("folder"));

  py::class_<ntk::StoredKernel>(m, "StoredKernel")
      .def(py::init([](const std::string& folder) { return ntk::StoredKernel(folder); }), py::arg("folder"))
      .def_property_readonly("folder", [](const ntk::StoredKernel& k) { return k.folder().string(); })
      .def_property_readonly("shape",
                             [](const ntk::StoredKernel& k) {
                               py::list extents;
                               for (const std::size_t extent : k.shape().shape()) extents.append(extent);
                               return py::tuple(extents);
                             })
      .def_property_readonly("planes", [](const ntk::StoredKernel& k) { return k.shape().planes; })
      .def_property_readonly("tiles", &ntk::StoredKernel::tiles)
      .def_property_readonly("finished", &ntk::StoredKernel::finished)
      .def_property_readonly("complete", &ntk::StoredKernel::complete)
      .def(
          "rows",
          [](const ntk::StoredKernel& k, std::size_t first, std::size_t last, std::size_t plane) {
            return numpy_of(released(0, [&] { return k.rows(first, last, plane); }));
          },
          py::arg("first"), py::arg("last"), py::arg("plane") = 0)
      .def("matrix", [](const ntk::StoredKernel& k) { return numpy_of(released(0, [&] { return k.matrix(); })); })
      .def(
          "write_npy",
          [](const ntk::StoredKernel& k, const std::string& file) {
            const py::gil_scoped_release release;
            k.write_npy(file);
          },
          py::arg("file"))
      .def("map", &ntk::StoredKernel::map);
}

}  // namespace xtangent::python
