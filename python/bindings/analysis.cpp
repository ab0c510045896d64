// Spectra, comparisons and certificates.
#include "ntk/certificate.hpp"
#include "ntk/compare.hpp"
#include "ntk/spectrum.hpp"
#include "python/bindings/binding.hpp"

namespace xtangent::python {
namespace {

py::tuple numbers_of(ntk::Eigensystem found) {
  return py::make_tuple(py::array_t<double>(static_cast<py::ssize_t>(found.values.size()), found.values.data()),
                        numpy_of(std::move(found.vectors)));
}

// All eigenvalues of a kernel, and their vectors if `vectors` says so.
py::object all_eigenvalues(const py::array& kernel, bool vectors) {
  Array<double> k = array_of<double>(kernel);
  if (vectors) return numbers_of(released(0, [&] { return ntk::eigensystem(std::move(k)); }));
  const std::vector<double> values = released(0, [&] { return ntk::eigenvalues(std::move(k)); });
  return py::make_tuple(py::array_t<double>(static_cast<py::ssize_t>(values.size()), values.data()), py::none());
}

// Some of them, at the end that `which` names.
py::tuple some_eigenvalues(const ntk::LinearMap& kernel, std::size_t count, const std::string& which, double tolerance,
                           std::size_t max_products) {
  const ntk::LanczosOptions options{.tolerance = tolerance, .max_products = max_products};
  if (which != "largest" && which != "smallest")
    throw option_error("[spectrum] the largest or the smallest eigenvalues, not '" + which + "'.");
  return numbers_of(released(0, [&] {
    return which == "largest" ? ntk::largest_eigenvalues(kernel, count, options)
                              : ntk::smallest_eigenvalues(kernel, count, options);
  }));
}

// What compare.hpp measures, with Theta (N1 O, N2 O) and K (N1, N2) if outputs is above 1.
py::dict compare(const py::array& a, const py::array& b, std::size_t outputs) {
  const ntk::AnyMatrix first = matrix_of(a), second = matrix_of(b);
  const auto [difference, alignment] = released(0, [&] {
    return outputs > 1
               ? std::pair(ntk::relative_frobenius(first, second, outputs), ntk::alignment(first, second, outputs))
               : std::pair(ntk::relative_difference(first, second), ntk::alignment(first, second));
  });
  py::dict out;
  out["relative_difference"] = difference;
  out["alignment"] = alignment;
  const bool square = first.shape().rank() == 2 && first.shape()[0] == first.shape()[1];
  if (outputs > 1 || !square)
    out["centered_alignment"] = py::none();
  else
    out["centered_alignment"] = released(0, [&] { return ntk::centered_alignment(first, second); });
  return out;
}

py::tuple certificate(const NetworkPtr& net, const py::array& x, const py::array& pntk, const ntk::Readout& readout,
                      std::size_t groups, std::size_t group_size, double confidence, std::uint64_t seed,
                      const CallOptions& call) {
  return with_type(call.wide, [&](auto type) {
    using T = decltype(type);
    const Array<T> examples = array_of<T>(x);
    const ntk::AnyMatrix k = matrix_of(pntk);
    const nn::Parameters<T>& params = net->params<T>();
    const ntk::CertificateOptions draws{groups, group_size, confidence, seed};
    Watch watch(call.progress);
    const ntk::Options options = kernel_options(call, watch);
    const ntk::Certificate c = released(
        call.threads, [&] { return ntk::certificate(net->net(), params, examples, readout, k, draws, options); });
    return py::make_tuple(c.estimate, c.low, c.high, c.confidence, c.pairs, c.examples);
  });
}

}  // namespace

void bind_analysis(py::module_& m) {
  m.def("all_eigenvalues", &all_eigenvalues, py::arg("kernel"), py::arg("vectors"));
  m.def("some_eigenvalues", &some_eigenvalues, py::arg("kernel"), py::arg("count"), py::arg("which"),
        py::arg("tolerance"), py::arg("max_products"));
  m.def("condition_number", &ntk::condition_number, py::arg("eigenvalues"));
  m.def("effective_rank", &ntk::effective_rank, py::arg("eigenvalues"));
  m.def("maximal_learning_rate", &ntk::maximal_learning_rate, py::arg("eigenvalues"));
  m.def("compare", &compare, py::arg("a"), py::arg("b"), py::arg("outputs"));
  m.def("certificate", &certificate, py::arg("network"), py::arg("x"), py::arg("pntk"), py::arg("readout"),
        py::arg("groups"), py::arg("group_size"), py::arg("confidence"), py::arg("seed"), py::arg("options"));
}

}  // namespace xtangent::python
