// Readouts: what a kernel takes of the outputs.
#include "ntk/per_example.hpp"
#include "python/bindings/binding.hpp"

namespace xtangent::python {
namespace {

namespace readout = ntk::readout;
using ntk::Readout;

Readout of_labels(const std::string& name, const py::array& y) {
  const auto labels = labels_of(name, y);
  if (name == "labels") return readout::labels(labels);
  if (name == "log_probability") return readout::log_probability(labels);
  if (name == "margin") return readout::margin(labels);
  if (name == "signed_labels") return readout::signed_labels(labels);
  if (name == "loss") return readout::loss(labels);
  throw option_error("[readout] no readout '" + name + "' of labels.");
}

// Targets (N, T), one for each position.
Readout token_loss(const py::array& y, const py::object& mask) {
  if (y.ndim() != 2)
    throw shape_error("[token_loss] targets are (N, T), not of " + std::to_string(y.ndim()) + " axes.");
  const auto flat = y.attr("reshape")(-1).cast<py::array>();
  return readout::token_loss(labels_of("token_loss", flat), static_cast<std::size_t>(y.shape(1)), array_or_none(mask));
}

}  // namespace

void bind_readouts(py::module_& m) {
  py::class_<Readout>(m, "Readout").def_property_readonly("name", &Readout::name);
  m.def(
      "readout_parse", [](const std::string& text) { return readout::parse(text); }, py::arg("text"));
  m.def(
      "readout_custom", [](const py::array& matrix) { return readout::custom(array_of<double>(matrix)); },
      py::arg("matrix"));
  m.def(
      "readout_per_example", [](const py::array& a) { return readout::per_example(array_of<double>(a)); },
      py::arg("a"));
  m.def("readout_of_labels", &of_labels, py::arg("name"), py::arg("y"));
  m.def(
      "readout_squared_loss", [](const py::array& y) { return readout::loss(array_of<double>(y)); },
      py::arg("targets"));
  m.def("readout_token_loss", &token_loss, py::arg("y"), py::arg("mask").none(true));
  m.def(
      "readout_masked_mean",
      [](const py::array& mask, const Readout& inner) { return readout::masked_mean(array_of<double>(mask), inner); },
      py::arg("mask"), py::arg("inner"));
  m.def("readout_between", &readout::between, py::arg("rows"), py::arg("columns"));
}

}  // namespace xtangent::python
