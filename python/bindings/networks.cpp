// Networks: those of files and of torch.export, and those of the library by their names.
#include <cmath>
#include <cstring>
#include <sstream>

#include "nn/nn.hpp"
#include "nn/safetensors.hpp"
#include "python/bindings/binding.hpp"
#include "python/bindings/models.hpp"

namespace xtangent::python {

template <class T>
const nn::Parameters<T>& Network::params() const {
  if (const auto* same = std::get_if<nn::Parameters<T>>(&given_)) return *same;
  auto& cast = [this]() -> auto& {
    if constexpr (std::is_same_v<T, float>)
      return single_;
    else
      return twice_;
  }
  ();
  if (!cast) cast = std::visit([](const auto& given) { return given.template cast<T>(); }, given_);
  return *cast;
}
template const nn::Parameters<float>& Network::params() const;
template const nn::Parameters<double>& Network::params() const;

namespace {

NetworkPtr exported(const py::bytes& file, const std::string& source, const std::string& output) {
  const std::string_view view = file;
  std::vector<std::uint8_t> bytes(view.size());
  if (!bytes.empty()) std::memcpy(bytes.data(), view.data(), view.size());
  const py::gil_scoped_release release;
  const nn::Exported net = nn::load_exported(std::move(bytes), source, {.output = output});
  auto out = std::make_shared<Network>(nn::AnyModule(net), net.parameters<double>());
  out->inputs = net.input_types();
  out->wide = net.in_double();
  return out;
}

NetworkPtr builtin(const std::string& name, const py::dict& options, std::uint64_t seed) {
  const nn::AnyModule net = model(name, options);
  const py::gil_scoped_release release;
  return std::make_shared<Network>(net, net->init<float>(seed));
}

// The network on one position of its outputs (N, T, ...), the last one, or the mean over all.
NetworkPtr at_positions(const NetworkPtr& net, const py::object& which) {
  nn::AnyModule chosen = net->module();
  if (const auto number = whole_number(which)) {
    if (*number < 0)
      throw option_error("[network] position " + std::to_string(*number) + ": they count from 0; or 'last'.");
    chosen = nn::at_position(chosen, static_cast<std::size_t>(*number));
  } else {
    const auto text = py::str(which).cast<std::string>();
    if (text != "last" && text != "mean")
      throw option_error("[network] positions are a number, 'last' or 'mean', not '" + text + "'.");
    chosen = text == "last" ? nn::AnyModule(nn::at_last_position(chosen)) : nn::mean_over_positions(chosen);
  }
  auto out = std::make_shared<Network>(chosen, net->params<double>());
  out->inputs = net->inputs;
  out->wide = net->wide;
  return out;
}

// The same network with arrays of a file, or of a dictionary as one.
NetworkPtr with_file(const NetworkPtr& net, const nn::TensorFile& file, bool partial) {
  nn::Parameters<double> params = net->params<double>();
  const py::gil_scoped_release release;
  auto out = std::make_shared<Network>(net->module(),
                                       nn::load_parameters(std::move(params), file, {.ignore_missing = partial}));
  out->inputs = net->inputs;
  out->wide = net->wide;
  return out;
}

NetworkPtr with_arrays(const NetworkPtr& net, const py::dict& arrays, bool partial) {
  std::vector<nn::NamedArray<double>> named;
  for (const auto& [key, value] : arrays)
    named.push_back({py::cast<std::string>(key), array_of<double>(py::reinterpret_borrow<py::array>(value))});
  return with_file(net, nn::tensor_file(named, "the dictionary"), partial);
}

NetworkPtr loaded(const NetworkPtr& net, const std::string& file, bool partial) {
  return with_file(net, nn::read_safetensors(file), partial);
}

py::dict arrays_of(const NetworkPtr& net, bool buffers) {
  const nn::Parameters<double>& params = net->params<double>();
  py::dict out;
  for (const nn::ParameterInfo& info : buffers ? params.buffer_infos() : params.infos())
    out[py::str(info.name)] = numpy_of(params[info.name]);
  return out;
}

py::array outputs(const NetworkPtr& net, const py::array& x, std::size_t batch, const CallOptions& call) {
  return with_type(call.wide, [&](auto type) -> py::array {
    using T = decltype(type);
    const Array<T> examples = array_of<T>(x);
    const nn::Parameters<T>& params = net->params<T>();
    return numpy_of(released(call.threads, [&] { return nn::predict(net->net(), params, examples, batch); }));
  });
}

std::string summary(const NetworkPtr& net, const std::vector<std::size_t>& example) {
  const py::gil_scoped_release release;
  std::ostringstream stream;
  stream << net->net().summary(Shape(example.begin(), example.end()));
  return stream.str();
}

py::list inputs_of(const NetworkPtr& net) {
  py::list out;
  for (const nn::ExportedInput& input : net->inputs) out.append(py::make_tuple(input.name, input.type, input.extents));
  return out;
}

}  // namespace

void bind_networks(py::module_& m) {
  py::class_<Network, std::shared_ptr<Network>>(m, "Network")
      .def_property_readonly("type", [](const NetworkPtr& net) { return net->net().type(); })
      .def_property_readonly("size", [](const NetworkPtr& net) { return net->layout().parameter_size; })
      .def_property_readonly("count", [](const NetworkPtr& net) { return net->layout().parameters.size(); })
      .def_property_readonly("inputs", &inputs_of)
      .def_property_readonly("wide", [](const NetworkPtr& net) { return net->wide; })
      .def("arrays", &arrays_of, py::arg("buffers"))
      .def("with_arrays", &with_arrays, py::arg("arrays"), py::arg("partial"))
      .def("load", &loaded, py::arg("file"), py::arg("partial"))
      .def(
          "save",
          [](const NetworkPtr& net, const std::string& file, bool wide) {
            with_type(wide, [&](auto type) {
              const auto& params = net->params<decltype(type)>();
              const py::gil_scoped_release release;
              nn::save_parameters(params, file);
            });
          },
          py::arg("file"), py::arg("wide"))
      .def("at_positions", &at_positions, py::arg("which"))
      .def("outputs", &outputs, py::arg("x"), py::arg("batch"), py::arg("options"))
      .def("summary", &summary, py::arg("example"));
  m.def("exported", &exported, py::arg("file"), py::arg("source"), py::arg("output"));
  m.def("builtin", &builtin, py::arg("name"), py::arg("options"), py::arg("seed"));
  m.def("builtin_names", &model_names);
  m.def(
      "join_inputs",
      [](const std::vector<py::array>& inputs) {
        std::vector<Array<double>> arrays;
        for (const py::array& input : inputs) arrays.push_back(array_of<double>(input));
        return numpy_of(nn::join_inputs(arrays));
      },
      py::arg("inputs"));
}

}  // namespace xtangent::python
