#include "autodiff/factor.hpp"

#include <algorithm>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/convolution.hpp"
#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/loops.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/reduce.hpp"

namespace xtangent {

const char* name(FactorKind kind) {
  switch (kind) {
    case FactorKind::outer: return "outer";
    case FactorKind::outer_sum: return "outer_sum";
    case FactorKind::rows: return "rows";
    case FactorKind::diag: return "diag";
    case FactorKind::gather: return "gather";
    case FactorKind::dense: break;
  }
  return "dense";
}

template <class T>
std::size_t Factor<T>::left_size() const {
  if (kind == FactorKind::dense) return parameter.size();
  return channels_first ? left.shape()[2] : left.shape()[3];
}

template <class T>
std::size_t Factor<T>::right_size() const {
  if (patches) return patches->patch_size() / patches->groups;
  return kind == FactorKind::outer || kind == FactorKind::outer_sum ? right.shape().back() : 1;
}

namespace {

// One example of one probe: the gradient (P) from its left and right parts.
template <class T>
void densify_one(const Factor<T>& f, const T* left, const T* right, T* out) {
  const std::size_t c = f.left_size(), d = f.positions, r = f.right_size();
  switch (f.kind) {
    case FactorKind::outer:
    case FactorKind::outer_sum:  // (C x D) (D x R)
      kernels::gemm_serial(!f.channels_first, false, c, r, d, T(1), left, f.channels_first ? d : c, right, r, T(0), out, r);
      break;
    case FactorKind::rows:
    case FactorKind::diag: {
      const bool product = f.kind == FactorKind::diag;
      Array<T> scaled;
      if (product) {
        scaled = Array<T>({d * c});
        kernels::loops<T>().binary(kernels::Binary::multiply, d * c, left, 1, right, 1, scaled.mutable_data());
        left = scaled.data();
      }
      if (f.channels_first)
        kernels::sum_axes(Shape{c, d}, {false, true}, left, out);
      else
        kernels::sum_axes(Shape{d, c}, {true, false}, left, out);
      break;
    }
    case FactorKind::gather: {
      std::vector<std::size_t> index(d);
      for (std::size_t p = 0; p < d; ++p) index[p] = static_cast<std::size_t>(right[p]);
      std::fill_n(out, f.parameter.size(), T(0));
      kernels::scatter_add(1, f.parameter.size() / c, c, index, left, out);
      break;
    }
    case FactorKind::dense: std::copy_n(left, f.parameter.size(), out); break;
  }
}

}  // namespace

template <class T>
Array<T> Factor<T>::dense() const {
  const std::size_t size = parameter.size();
  if (kind == FactorKind::dense) return left.reshaped({probes, examples, size});
  Array<T> out({probes, examples, size});
  T* gradients = out.mutable_data();
  const std::size_t left_one = positions * left_size();
  const std::size_t right_one = right.defined() && examples ? right.size() / examples : 0;
  const double work = static_cast<double>(size) * static_cast<double>(positions) * static_cast<double>(probes);
  const std::size_t grain = std::max<std::size_t>(1, static_cast<std::size_t>(2e5 / std::max(work, 1.0)));
  kernels::parallel_for(examples, grain, [&](std::size_t first, std::size_t last) {
    for (std::size_t n = first; n < last; ++n) {
      const T* r = right.defined() ? right.data() + n * right_one : nullptr;
      if (patches) {
        kernels::conv2d_weight_one(*patches, probes, left_size(), r, left.data() + n * left_one, examples * left_one,
                                   gradients + n * size, examples * size);
        continue;
      }
      for (std::size_t k = 0; k < probes; ++k)
        densify_one(*this, left.data() + (k * examples + n) * left_one, r, gradients + (k * examples + n) * size);
    }
  });
  return out;
}

template <class T>
Factor<T> Factor<T>::slice_examples(std::size_t first, std::size_t last) const {
  Factor out = *this;
  out.examples = last - first;
  const std::size_t one = examples ? left.size() / (probes * examples) : 0;
  Shape shape = left.shape();
  shape[1] = last - first;
  if (probes == 1) {
    out.left = left.flat_slice(first * one, shape);
  } else {
    out.left = Array<T>(shape);
    kernels::copy_runs(probes, (last - first) * one, left.data() + first * one, examples * one, out.left.mutable_data(),
                       (last - first) * one);
  }
  if (right.defined()) out.right = right.rows(first, last);
  return out;
}

template <class T>
Factor<T> Factor<T>::from_dense(Array<T> gradients, const Shape& parameter) {
  Factor f;
  f.kind = FactorKind::dense;
  f.parameter = parameter;
  f.probes = gradients.shape()[0];
  f.examples = gradients.shape()[1];
  f.left = gradients.reshaped({f.probes, f.examples, parameter.size()});
  return f;
}

template struct Factor<float>;
template struct Factor<double>;

}  // namespace xtangent
