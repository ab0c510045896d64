#include "ntk/head_aware.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/compare.hpp"
#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/lapack.hpp"
#include "autodiff/kernels/layout.hpp"
#include "ntk/computation/head.hpp"
#include "ntk/planning/budget.hpp"
#include "ntk/planning/planner.hpp"
#include "ntk/spectrum.hpp"

namespace xtangent::ntk {
namespace {

// The means of v^T v and of v^T S v over the columns v of the readout.
std::pair<double, double> forms(const Array<double>& s, const Readout& readout) {
  const std::size_t o = s.shape()[0];
  const Array<double> v = readout.weights(o);
  const std::size_t c = v.shape()[1];
  double length = 0, form = 0;
  for (std::size_t k = 0; k < c; ++k)
    for (std::size_t i = 0; i < o; ++i) {
      length += v[i * c + k] * v[i * c + k] / static_cast<double>(c);
      for (std::size_t j = 0; j < o; ++j) form += v[i * c + k] * s[i * o + j] * v[j * c + k] / static_cast<double>(c);
    }
  return {length, form};
}

template <class T>
HeadAwareKernel compute(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1,
                        const Array<T>& x2, bool symmetric, const Readout& readout, Options options) {
  const bool trace = readout.reduction == Readout::Reduction::trace;
  if (!options.parameters.empty())
    throw option_error(
        "[head_aware] the last layer is treated apart from all others: options.parameters must be empty.");
  if (options.metric.defined())
    throw option_error("[head_aware] a metric changes the part of the last layer: options.metric must be empty.");
  if (!readout.common())
    throw option_error("[head_aware] the readout " + readout.name() +
                       " differs between examples. Use random signs or the trace.");
  if (!trace && (readout.reduction != Readout::Reduction::none || readout.columns(2) != 1))
    throw option_error("[head_aware] the readout " + readout.name() +
                       " has several columns. Use one with a single column, or the trace.");
  const double n1 = static_cast<double>(x1.rank() ? x1.shape()[0] : 0),
               n2 = static_cast<double>(x2.rank() ? x2.shape()[0] : 0);
  const double left = memory_budget(options.memory) - 8 * n1 * n2;
  if (left < 1)
    throw memory_error("[head_aware] two kernels of " + readable_bytes(8 * n1 * n2) + " exceed the budget of " +
                       readable_bytes(memory_budget(options.memory)) + ". Raise options.memory.");
  options.memory = static_cast<std::size_t>(left);
  HeadAwareKernel out;
  out.rest = symmetric ? kernel(net, params, x1, readout, options) : kernel(net, params, x1, x2, readout, options);
  const Head a = head_of("head_aware", net, params, x1), b = symmetric ? a : head_of("head_aware", net, params, x2);
  out.head = gram(a.inputs, b.inputs, symmetric, {.shift = a.bias * a.bias});
  out.outputs = gram(a.weight, a.weight, true);
  const auto [length, form] = forms(out.outputs, readout);
  if (!(form > 0))
    throw numerical_error("[head_aware] the readout " + readout.name() +
                          " does not see the last layer: v^T W W^T v is 0. Use random signs or the trace.");
  // Psi = (K_v - v^T v Phi) / v^T S v
  kernels::axpy(out.rest.size(), -length, out.head.data(), out.rest.mutable_data());
  kernels::affine(out.rest.size(), 1 / form, 0.0, out.rest.data(), out.rest.mutable_data());
  return out;
}

void check(const char* who, const HeadAwareKernel& k) {
  if (k.head.rank() != 2 || k.head.size() == 0 || !(k.head.shape() == k.rest.shape()) || k.outputs.rank() != 2 ||
      k.outputs.size() == 0 || k.outputs.shape()[0] != k.outputs.shape()[1])
    throw shape_error(std::string("[") + who + "] head " + to_string(k.head.shape()) + ", rest " +
                      to_string(k.rest.shape()) + " and outputs " + to_string(k.outputs.shape()) +
                      " must be (N1, N2) twice and (O, O).");
}

void check_square(const char* who, const HeadAwareKernel& k) {
  check(who, k);
  if (k.head.shape()[0] != k.head.shape()[1])
    throw shape_error(std::string("[") + who + "] the kernel " + to_string(k.head.shape()) +
                      " is not a kernel between examples and themselves.");
}

// S = Q diag(s) Q^T; row j of `vectors` is column j of Q.
Eigensystem directions(const HeadAwareKernel& k) { return eigensystem(k.outputs); }

// Phi + s Psi
Array<double> in_direction(const HeadAwareKernel& k, double s) {
  Array<double> out = k.head.clone();
  kernels::axpy(out.size(), s, k.rest.data(), out.mutable_data());
  return out;
}

// (N, O) a (O, O)
Array<double> times(const Array<double>& x, const Array<double>& a, bool transposed) {
  const std::size_t n = x.shape()[0], o = x.shape()[1];
  Array<double> out(x.shape());
  kernels::gemm(false, transposed, n, o, o, 1.0, x.data(), o, a.data(), o, 0.0, out.mutable_data(), o);
  return out;
}

// out (N1, O) += Phi w + Psi w S
void add_product(const HeadAwareKernel& k, const Array<double>& w, Array<double>& out) {
  const std::size_t n1 = k.head.shape()[0], n2 = k.head.shape()[1], o = w.shape()[1];
  const Array<double> turned = times(w, k.outputs, false);
  kernels::gemm(false, false, n1, o, n2, 1.0, k.head.data(), n2, w.data(), o, 1.0, out.mutable_data(), o);
  kernels::gemm(false, false, n1, o, n2, 1.0, k.rest.data(), n2, turned.data(), o, 1.0, out.mutable_data(), o);
}

double mean_diagonal(const HeadAwareKernel& k) {
  const std::size_t n = k.head.shape()[0], o = k.outputs.shape()[0];
  double head = 0, rest = 0, s = 0;
  for (std::size_t i = 0; i < n; ++i) {
    head += k.head[i * n + i];
    rest += k.rest[i * n + i];
  }
  for (std::size_t i = 0; i < o; ++i) s += k.outputs[i * o + i];
  return (head + rest * s / static_cast<double>(o)) / static_cast<double>(n);
}

}  // namespace

template <class T>
HeadAwareKernel head_aware_kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                                  const Readout& readout, const Options& options) {
  return compute(net, params, x, x, true, readout, options);
}

template <class T>
HeadAwareKernel head_aware_kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1,
                                  const Array<T>& x2, const Readout& readout, const Options& options) {
  return compute(net, params, x1, x2, false, readout, options);
}

Array<double> head_aware_solve(const HeadAwareKernel& kernel, const Doubles& r, const CholeskyOptions& options) {
  check_square("head_aware_solve", kernel);
  const std::size_t n = kernel.head.shape()[0], o = kernel.outputs.shape()[0];
  if (!(r.shape() == Shape{n, o}))
    throw shape_error("[head_aware_solve] right-hand side " + to_string(r.shape()) + ", expected " +
                      to_string(Shape{n, o}) + ".");
  CholeskyOptions absolute = options;
  if (options.relative) absolute.ridge = options.ridge * mean_diagonal(kernel);
  absolute.relative = false;
  const Eigensystem s = directions(kernel);
  const Array<double> turned = times(r, s.vectors, true);
  Array<double> solved({n, o});
  for (std::size_t j = 0; j < o; ++j) {
    Array<double> column({n, 1});
    kernels::copy_runs(n, 1, turned.data() + j, o, column.mutable_data(), 1);
    const Array<double> x = Cholesky<double>(in_direction(kernel, s.values[j]), absolute).solve(column);
    kernels::copy_runs(n, 1, x.data(), 1, solved.mutable_data() + j, o);
  }
  return times(solved, s.vectors, false);
}

Array<double> predict(const HeadAwareKernel& kernel_new, const Doubles& weights, const Doubles& f0_new) {
  check("predict", kernel_new);
  const std::size_t m = kernel_new.head.shape()[0], n = kernel_new.head.shape()[1], o = kernel_new.outputs.shape()[0];
  if (!(weights.shape() == Shape{n, o}) || !(f0_new.shape() == Shape{m, o}))
    throw shape_error("[predict] weights " + to_string(weights.shape()) + " and f0_new " + to_string(f0_new.shape()) +
                      ", expected " + to_string(Shape{n, o}) + " and " + to_string(Shape{m, o}) + ".");
  Array<double> out = f0_new.clone();
  add_product(kernel_new, weights, out);
  return out;
}

std::vector<double> eigenvalues(const HeadAwareKernel& kernel) {
  check_square("eigenvalues", kernel);
  std::vector<double> out;
  for (double s : directions(kernel).values) {
    const std::vector<double> one = eigenvalues(AnyMatrix(in_direction(kernel, s)));
    out.insert(out.end(), one.begin(), one.end());
  }
  std::sort(out.begin(), out.end());
  return out;
}

LinearMap linear_map(const HeadAwareKernel& kernel) {
  check_square("linear_map", kernel);
  const std::size_t n = kernel.head.shape()[0], o = kernel.outputs.shape()[0];
  return {n * o, [kernel, n, o](const Array<double>& u) {
            const std::size_t m = u.shape()[1];
            Array<double> first({m, n * o}), out(u.shape());  // column by column
            kernels::transpose({n * o, m}, {1, 0}, u.data(), first.mutable_data());
            Array<double> images = Array<double>::zeros({m, n * o});
            for (std::size_t j = 0; j < m; ++j) {
              Array<double> image = Array<double>::zeros({n, o});
              add_product(kernel, first.rows(j, j + 1).reshaped({n, o}), image);
              std::copy_n(image.data(), n * o, images.mutable_data() + j * n * o);
            }
            kernels::transpose({m, n * o}, {1, 0}, images.data(), out.mutable_data());
            return out;
          }};
}

double relative_frobenius(const AnyMatrix& entk, const HeadAwareKernel& kernel) {
  check("relative_frobenius", kernel);
  const std::size_t rows = kernel.head.shape()[0], columns = kernel.head.shape()[1], o = kernel.outputs.shape()[0];
  if (!(entk.shape() == Shape{rows * o, columns * o}))
    throw shape_error("[relative_frobenius] eNTK " + to_string(entk.shape()) + ", expected " +
                      to_string(Shape{rows * o, columns * o}) + ".");
  const kernels::PairSums s = entk.visit([&](const auto& theta) {
    return kernels::pair_sums_of_head(rows, columns, o, theta.data(), kernel.head.data(), kernel.rest.data(),
                                      kernel.outputs.data());
  });
  if (!(s.aa > 0) || !std::isfinite(s.aa))
    throw numerical_error("[relative_frobenius] the eNTK is zero or not finite.");
  return std::sqrt(s.difference / s.aa);
}

#define XTANGENT_INSTANTIATE(T)                                                                                \
  template HeadAwareKernel head_aware_kernel(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, \
                                             const Readout&, const Options&);                                  \
  template HeadAwareKernel head_aware_kernel(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, \
                                             const Array<T>&, const Readout&, const Options&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
