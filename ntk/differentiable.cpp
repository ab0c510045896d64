#include "ntk/differentiable.hpp"

#include <algorithm>
#include <string>

#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/linear.hpp"
#include "autodiff/ops/reduction.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/computation/recorded_gradients.hpp"

namespace xtangent::ntk {
namespace {

template <class T>
bool same(const Var<T>& a, const Var<T>& b) {
  return a.on_tape() ? a.record() == b.record() && a.serial() == b.serial() && a.position() == b.position()
                     : !b.on_tape() && a.value().data() == b.value().data() && a.shape() == b.shape();
}

// Products of the rows of a (K, N1, S) and b (K', N2, S): all pairs of probes, (K, N1, K', N2), or equal ones, (K, N1,
// N2).
template <class T>
Var<T> products(const Var<T>& a, const Var<T>& b, bool trace) {
  const std::size_t c = a.shape()[0], d = b.shape()[0], n1 = a.shape()[1], n2 = b.shape()[1], s = a.shape()[2];
  if (trace) return matmul(a, b, {.transpose_b = true});
  return reshape(matmul(reshape(a, {c * n1, s}), reshape(b, {d * n2, s}), {.transpose_b = true}), {c, n1, d, n2});
}

template <class T>
Var<T> contribution(const RecordedGradient<T>& a, const RecordedGradient<T>& b, bool trace) {
  const Var<T> left = products(a.left, b.left, trace);
  if (a.form == RecordedGradient<T>::Form::dense) return left;
  const Var<T> right = matmul(a.right, b.right, {.transpose_b = true});  // (N1, N2)
  const std::size_t n1 = right.shape()[0], n2 = right.shape()[1];
  return left * (trace ? right : reshape(right, {n1, 1, n2}));
}

template <class T>
std::size_t outputs_of(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x) {
  const Array<T> some = net(params, x.rows(0, std::min<std::size_t>(2, x.shape()[0])));
  if (some.rank() == 0 || some.shape()[0] == 0) return some.rank() ? some.shape().back() : 1;
  return some.size() / some.shape()[0];
}

// Refuses examples and parameters that are not finite, as kernel() does.
template <class T>
void check_values(const nn::Parameters<T>& params, Vars<T> parameters, const Var<T>& x1, const Var<T>& x2) {
  check_examples("kernel", x1.value(), "x1");
  check_examples("kernel", x2.value(), "x2");
  if (parameters.empty()) return check_parameters("kernel", params);
  for (std::size_t p = 0; p < parameters.size() && p < params.count(); ++p)
    if (!all_finite(parameters[p].value())) refuse_parameter("kernel", params.infos()[p].name);
}

template <class T>
Array<T> part(const Array<T>& k, std::size_t row, std::size_t rows, std::size_t column, std::size_t columns) {
  Array<T> out({rows, columns});
  kernels::copy_runs(rows, columns, k.data() + row * k.shape()[1] + column, k.shape()[1], out.mutable_data(), columns);
  return out;
}

template <class T>
void add_to(Array<T>& total, std::size_t offset, const Var<T>& term) {
  if (term.defined()) kernels::axpy(term.size(), T(1), term.value().data(), total.mutable_data() + offset);
}

// The kernel between examples x1 and x2, the first of which are number `row` of the rows and `column` of the columns.
template <class T>
Var<T> recorded_kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Var<T>& x1, const Var<T>& x2,
                       const Readout& readout, Vars<T> parameters, std::size_t row = 0, std::size_t column = 0) {
  const bool trace = readout.reduction == Readout::Reduction::trace;
  if (!trace && readout.reduction != Readout::Reduction::none)
    throw option_error("[kernel] the readout " + readout.name() + " has no derivative here.");
  const std::size_t outputs = outputs_of(net, params, x1.value());
  using Of = typename Cotangents<T>::Of;
  const Cotangents<T> of_rows(readout, outputs, Of::rows), of_columns(readout, outputs, Of::columns);
  const std::size_t c = of_rows.count(), d = of_columns.count(), n1 = x1.shape()[0], n2 = x2.shape()[0];
  const Shape shape{n1 * (trace ? 1 : c), n2 * (trace ? 1 : d)};
  if (n1 == 0 || n2 == 0) return Var<T>(Array<T>::zeros(shape));
  check_values<T>(params, parameters, x1, x2);
  const std::vector<RecordedGradient<T>> a = recorded_gradients<T>(net, params, parameters, x1, of_rows, row);
  const std::vector<RecordedGradient<T>> b =
      same(x1, x2) && readout.same_sides() ? a : recorded_gradients<T>(net, params, parameters, x2, of_columns, column);
  Var<T> total;
  for (std::size_t p = 0; p < a.size(); ++p) {
    if (!a[p].left.defined() || !b[p].left.defined()) continue;
    const Var<T> term = contribution(a[p], b[p], trace);
    total = total.defined() ? total + term : term;
  }
  if (!total.defined()) return Var<T>(Array<T>::zeros(shape));
  if (!all_finite(total.value()))
    throw numerical_error(
        "[kernel] the kernel holds NaN or infinity although inputs and parameters are finite: the network overflows. "
        "Scale its inputs, or use double.");
  if (trace) return sum(total, {0}) / static_cast<double>(c);
  const Var<T> ordered = c == 1 && d == 1 ? total : transpose(total, {1, 0, 3, 2});
  return reshape(ordered, shape);
}

}  // namespace

template <class T>
Var<T> differentiable_kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Var<T>& x1,
                             const Var<T>& x2, const Readout& readout, VarListOf<T> parameters) {
  for (const Var<T>* x : {&x1, &x2})
    if (!x->defined() || x->rank() == 0)
      throw shape_error("[kernel] no axis of examples: shape " + to_string(x->shape()) + ".");
  readout.check_examples(x1.shape()[0], x2.shape()[0], !same(x1, x2));
  return recorded_kernel<T>(net, params, x1, x2, readout, parameters);
}

template <class T>
KernelGradient<T> kernel_gradient(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1,
                                  const Array<T>& x2, const Array<T>& kbar, const Readout& readout,
                                  const KernelGradientOptions& options) {
  if (options.block == 0) throw option_error("[kernel_gradient] a block must have at least one example.");
  if (x1.rank() == 0 || x2.rank() == 0)
    throw shape_error("[kernel_gradient] no axis of examples: " + to_string(x1.shape()) + " and " +
                      to_string(x2.shape()) + ".");
  const std::size_t n1 = x1.shape()[0], n2 = x2.shape()[0];
  readout.check_examples(n1, n2, x1.data() != x2.data());
  const bool trace = readout.reduction == Readout::Reduction::trace;
  const std::size_t outputs = trace ? 1 : outputs_of(net, params, x1);
  const std::size_t c = trace ? 1 : readout.columns(outputs, Readout::Of::rows),
                    d = trace ? 1 : readout.columns(outputs, Readout::Of::columns);
  if (!(kbar.shape() == Shape{n1 * c, n2 * d}))
    throw shape_error("[kernel_gradient] kbar " + to_string(kbar.shape()) + " for a kernel " +
                      to_string(Shape{n1 * c, n2 * d}) + ".");
  KernelGradient<T> out{Array<T>::zeros(x1.shape()), Array<T>::zeros(x2.shape()), {}};
  if (options.parameters)
    for (std::size_t p = 0; p < params.count(); ++p) out.parameters.push_back(Array<T>::zeros(params.infos()[p].shape));
  for (std::size_t i = 0; i < n1; i += options.block)
    for (std::size_t j = 0; j < n2; j += options.block) {
      const std::size_t m1 = std::min(options.block, n1 - i), m2 = std::min(options.block, n2 - j);
      Tape<T> tape;
      std::vector<Var<T>> inputs = {tape.variable(x1.rows(i, i + m1), Examples::axis0),
                                    tape.variable(x2.rows(j, j + m2), Examples::axis0)};
      for (std::size_t p = 0; p < out.parameters.size(); ++p) inputs.push_back(tape.variable(params.slice(p)));
      const Var<T> k = recorded_kernel<T>(net, params, inputs[0], inputs[1], readout, Vars<T>(inputs).subspan(2), i, j);
      const std::vector<Var<T>> bars = pullback<T>(k, Var<T>(part(kbar, i * c, m1 * c, j * d, m2 * d)), inputs);
      add_to(out.x1, i * (x1.size() / n1), bars[0]);
      add_to(out.x2, j * (x2.size() / n2), bars[1]);
      for (std::size_t p = 0; p < out.parameters.size(); ++p) add_to(out.parameters[p], 0, bars[p + 2]);
    }
  return out;
}

#define XTANGENT_INSTANTIATE(T)                                                                                        \
  template Var<T> differentiable_kernel(const nn::ModuleBase&, const nn::Parameters<T>&, const Var<T>&, const Var<T>&, \
                                        const Readout&, VarList<T>);                                                   \
  template KernelGradient<T> kernel_gradient(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&,         \
                                             const Array<T>&, const Array<T>&, const Readout&,                         \
                                             const KernelGradientOptions&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
