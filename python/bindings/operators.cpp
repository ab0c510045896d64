// Kernels that are applied and never formed, and regression with them.
#include "ntk/solve.hpp"
#include "python/bindings/binding.hpp"

namespace xtangent::python {
namespace {

// An operator in float or double, with the network that it needs.
class Operator {
 public:
  Operator(NetworkPtr net, const py::array& x1, const py::object& x2, const ntk::Readout& readout,
           const CallOptions& call)
      : net_(std::move(net)), threads_(call.threads) {
    with_type(call.wide, [&](auto type) {
      using T = decltype(type);
      const Sides<T> sides(x1, x2);
      const nn::Parameters<T>& params = net_->params<T>();
      const ntk::OperatorOptions options = operator_options(call);
      released(threads_, [&] {
        if (sides.x2)
          operator_.emplace<ntk::Operator<T>>(net_->net(), params, sides.x1, *sides.x2, readout, options);
        else
          operator_.emplace<ntk::Operator<T>>(net_->net(), params, sides.x1, readout, options);
      });
    });
  }

  template <class F>
  auto visit(const F& f) const {
    if (const auto* single = std::get_if<ntk::Operator<float>>(&operator_)) return f(*single);
    return f(std::get<ntk::Operator<double>>(operator_));
  }
  py::array apply(const py::array& u) const {
    const Array<double> columns = array_of<double>(u);
    return numpy_of(released(threads_, [&] { return visit([&](const auto& theta) { return theta(columns); }); }));
  }

 private:
  NetworkPtr net_;
  std::size_t threads_;
  std::variant<std::monostate, ntk::Operator<float>, ntk::Operator<double>> operator_;
};

py::tuple solve(const NetworkPtr& net, const py::array& x, const py::array& y, double ridge, double tolerance,
                std::size_t max_iterations, const std::string& preconditioner, bool float_products, bool partial,
                const py::object& start, const CallOptions& call) {
  return with_type(call.wide, [&](auto type) {
    using T = decltype(type);
    const Array<T> examples = array_of<T>(x);
    const Array<double> targets = array_of<double>(y);
    const nn::Parameters<T>& params = net->params<T>();
    Watch watch(call.progress);
    const ntk::SolveOptions options{.ridge = ridge,
                                    .tolerance = tolerance,
                                    .max_iterations = max_iterations,
                                    .memory = call.memory,
                                    .parameters = call.parameters,
                                    .preconditioner = ntk::parse_preconditioner(preconditioner),
                                    .float_products = float_products,
                                    .start = array_or_none(start),
                                    .progress =
                                        [&](const ntk::ConjugateGradientProgress& p) {
                                          watch(p.iteration, p.residual, p.columns);
                                          return true;
                                        },
                                    .partial = partial};
    ntk::Solution s =
        released(call.threads, [&] { return ntk::solve(net->net(), params, examples, targets, options); });
    return py::make_tuple(numpy_of(std::move(s.weights)), s.residual, s.iterations, s.products, s.converged);
  });
}

py::array predict(const NetworkPtr& net, const py::array& x_new, const py::array& x, const py::array& weights,
                  const CallOptions& call) {
  return with_type(call.wide, [&](auto type) {
    using T = decltype(type);
    const Array<T> fresh = array_of<T>(x_new), examples = array_of<T>(x);
    const Array<double> w = array_of<double>(weights);
    const nn::Parameters<T>& params = net->params<T>();
    const ntk::OperatorOptions options = operator_options(call);
    return numpy_of(released(call.threads,
                             [&] { return ntk::predict_linearized(net->net(), params, fresh, examples, w, options); }));
  });
}

}  // namespace

void bind_operators(py::module_& m) {
  py::class_<ntk::LinearMap>(m, "LinearMap").def_readonly("size", &ntk::LinearMap::size);
  m.def(
      "linear_map", [](const py::array& kernel) { return ntk::linear_map(matrix_of(kernel)); }, py::arg("kernel"));
  py::class_<Operator>(m, "Operator")
      .def(py::init<NetworkPtr, const py::array&, const py::object&, const ntk::Readout&, const CallOptions&>(),
           py::arg("network"), py::arg("x1"), py::arg("x2").none(true), py::arg("readout"), py::arg("options"))
      .def_property_readonly("rows", [](const Operator& o) { return o.visit([](const auto& t) { return t.rows(); }); })
      .def_property_readonly("columns",
                             [](const Operator& o) { return o.visit([](const auto& t) { return t.columns(); }); })
      .def_property_readonly("flop", [](const Operator& o) { return o.visit([](const auto& t) { return t.flop(); }); })
      .def_property_readonly("kept_bytes",
                             [](const Operator& o) { return o.visit([](const auto& t) { return t.kept_bytes(); }); })
      .def("apply", &Operator::apply, py::arg("u"))
      .def(
          "map", [](const Operator& o) { return o.visit([](const auto& t) { return t.map(); }); },
          py::keep_alive<0, 1>());
  m.def("solve", &solve, py::arg("network"), py::arg("x"), py::arg("y"), py::arg("ridge"), py::arg("tolerance"),
        py::arg("max_iterations"), py::arg("preconditioner"), py::arg("float_products"), py::arg("partial"),
        py::arg("start").none(true), py::arg("options"));
  m.def("predict", &predict, py::arg("network"), py::arg("x_new"), py::arg("x"), py::arg("weights"),
        py::arg("options"));
}

}  // namespace xtangent::python
