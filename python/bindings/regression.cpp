// Regression and attribution with formed kernels, in the type of the kernel.
#include "ntk/regression.hpp"

#include "ntk/attribution.hpp"
#include "python/bindings/binding.hpp"

namespace xtangent::python {
namespace {

template <class T>
void bind_regression_of(py::module_& m, const char* name) {
  using Regression = ntk::Regression<T>;
  const auto made = [](auto f) { return numpy_of(released(0, f)); };
  py::class_<Regression>(m, name)
      .def(py::init([](const py::array& kernel, double ridge, bool relative) {
             Array<T> k = array_of<T>(kernel);
             return released(0, [&] { return Regression(std::move(k), {.ridge = ridge, .relative = relative}); });
           }),
           py::arg("kernel"), py::arg("ridge"), py::arg("relative"))
      .def_property_readonly("size", &Regression::size)
      .def_property_readonly("ridge", &Regression::ridge)
      .def_property_readonly("log_determinant", [](const Regression& r) { return r.factor().log_determinant(); })
      .def("matrix", [made](const Regression& r) { return made([&] { return r.factor().matrix(); }); })
      .def(
          "solve",
          [made](const Regression& r, const py::array& y) {
            const Array<double> right = array_of<double>(y);
            return made([&] { return r.solve(right); });
          },
          py::arg("y"))
      .def(
          "weights",
          [made](const Regression& r, const py::array& y, const py::array& f0) {
            const Array<double> targets = array_of<double>(y), outputs = array_of<double>(f0);
            return made([&] { return r.weights(targets, outputs); });
          },
          py::arg("y"), py::arg("f0"))
      .def(
          "predict",
          [made](const Regression& r, const py::array& kernel_new, const py::array& y, const py::array& f0,
                 const py::array& f0_new) {
            const ntk::AnyMatrix k = matrix_of(kernel_new);
            const Array<double> targets = array_of<double>(y), outputs = array_of<double>(f0);
            const Array<double> outputs_new = array_of<double>(f0_new);
            return made([&] { return r.predict(k, targets, outputs, outputs_new); });
          },
          py::arg("kernel_new"), py::arg("y"), py::arg("f0"), py::arg("f0_new"))
      .def(
          "posterior_variance",
          [made](const Regression& r, const py::array& kernel_new, const py::array& variance_new) {
            const Array<T> k = array_of<T>(kernel_new);
            const Array<double> v = array_of<double>(variance_new);
            return made([&] { return r.posterior_variance(k, v); });
          },
          py::arg("kernel_new"), py::arg("variance_new"))
      .def(
          "posterior_covariance",
          [made](const Regression& r, const py::array& kernel_new, const py::array& covariance_new) {
            const Array<T> k = array_of<T>(kernel_new);
            const Array<double> c = array_of<double>(covariance_new);
            return made([&] { return r.posterior_covariance(k, c); });
          },
          py::arg("kernel_new"), py::arg("covariance_new"))
      .def(
          "leave_one_out",
          [made](const Regression& r, const py::array& y, const py::array& f0) {
            const Array<double> targets = array_of<double>(y), outputs = array_of<double>(f0);
            return made([&] { return r.leave_one_out(targets, outputs); });
          },
          py::arg("y"), py::arg("f0"))
      .def(
          "generalized_cross_validation",
          [](const Regression& r, const py::array& y, const py::array& f0) {
            const Array<double> targets = array_of<double>(y), outputs = array_of<double>(f0);
            return released(0, [&] { return r.generalized_cross_validation(targets, outputs); });
          },
          py::arg("y"), py::arg("f0"))
      .def(
          "append",
          [](Regression& r, const py::array& cross, const py::array& corner) {
            const Array<T> k = array_of<T>(cross), c = array_of<T>(corner);
            released(0, [&] { r.append(k, c); });
          },
          py::arg("cross"), py::arg("corner"))
      .def(
          "remove",
          [](Regression& r, std::size_t first, std::size_t count) { released(0, [&] { r.remove(first, count); }); },
          py::arg("first"), py::arg("count"));
}

template <class T>
void bind_attribution_of(py::module_& m, const char* name) {
  using Attribution = ntk::Attribution<T>;
  py::class_<Attribution>(m, name)
      .def(py::init([](const py::array& kernel, double ridge, bool relative) {
             Array<T> k = array_of<T>(kernel);
             return released(0, [&] { return Attribution(std::move(k), {.ridge = ridge, .relative = relative}); });
           }),
           py::arg("kernel"), py::arg("ridge"), py::arg("relative"))
      .def_property_readonly("size", &Attribution::size)
      .def_property_readonly("ridge", &Attribution::ridge)
      .def(
          "scores",
          [](const Attribution& a, const py::array& kernel_new, const py::array& misses) {
            const ntk::AnyMatrix k = matrix_of(kernel_new);
            const Array<double> missed = array_of<double>(misses);
            return numpy_of(released(0, [&] { return a.scores(k, missed); }));
          },
          py::arg("kernel_new"), py::arg("misses"))
      .def(
          "self_influence",
          [](const Attribution& a, const py::array& misses) {
            const Array<double> missed = array_of<double>(misses);
            return numpy_of(released(0, [&] { return a.self_influence(missed); }));
          },
          py::arg("misses"));
}

}  // namespace

void bind_regression(py::module_& m) {
  bind_regression_of<float>(m, "RegressionFloat");
  bind_regression_of<double>(m, "RegressionDouble");
  bind_attribution_of<float>(m, "AttributionFloat");
  bind_attribution_of<double>(m, "AttributionDouble");
  m.def(
      "misses",
      [](const py::array& outputs, const py::array& y) {
        return numpy_of(ntk::misses(array_of<double>(outputs), labels_of("misses", y)));
      },
      py::arg("outputs"), py::arg("y"));
}

}  // namespace xtangent::python
