#include "autodiff/factor.hpp"

#include <algorithm>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/convolution.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/reduce.hpp"
#include "autodiff/kernels/simd/loops.hpp"

namespace xtangent {

const char* name(FactorKind kind) {
  switch (kind) {
    case FactorKind::outer:
      return "outer";
    case FactorKind::outer_sum:
      return "outer_sum";
    case FactorKind::bias:
      return "bias";
    case FactorKind::diag:
      return "diag";
    case FactorKind::gather:
      return "gather";
    case FactorKind::dense:
      break;
  }
  return "dense";
}

namespace {

// The number of elements in the inputs of one example.
std::size_t input_size(const UseShape& use) {
  if (use.patches && use.is_product()) return use.patches->input_size();
  switch (use.kind) {
    case FactorKind::outer:
    case FactorKind::outer_sum:
      return use.positions * use.right;
    case FactorKind::diag:
      return use.positions * use.left;
    case FactorKind::gather:
      return use.positions;
    case FactorKind::bias:
    case FactorKind::dense:
      break;
  }
  return 0;
}

}  // namespace

std::size_t UseShape::factor_size(std::size_t probes) const {
  return (kind == FactorKind::dense ? parameter_size : positions * left) * probes + input_size(*this);
}

std::size_t UseShape::unit() const {
  switch (kind) {
    case FactorKind::outer:
    case FactorKind::outer_sum:
      return transposed ? left : right * (grouped() ? left / patches->groups : 1);
    case FactorKind::gather:
      return left;
    case FactorKind::bias:
    case FactorKind::diag:
      return parameter_size;
    case FactorKind::dense:
      break;
  }
  return 1;
}

std::size_t gradient_grain(std::size_t length, std::size_t positions, std::size_t probes) {
  const double work = static_cast<double>(length * positions * probes);
  return std::max<std::size_t>(1, static_cast<std::size_t>(2e5 / std::max(work, 1.0)));
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

// Writes elements [begin, end) of the gradient of one example for one probe, from its left and right parts.
template <class T>
void densify_one(const Factor<T>& f, const T* left, const T* right, std::size_t begin, std::size_t end, T* out) {
  const std::size_t c = f.left_size(), d = f.positions, r = f.right_size();
  switch (f.kind) {
    case FactorKind::outer:
    case FactorKind::outer_sum:
      if (f.transposed)  // (D x rows)^T (D x C)
        kernels::gemm_serial(true, f.channels_first, (end - begin) / c, c, d, T(1), right + begin / c, r, left,
                             f.channels_first ? d : c, T(0), out, c);
      else  // (rows x D) (D x I)
        kernels::gemm_serial(!f.channels_first, false, (end - begin) / r, r, d, T(1),
                             left + begin / r * (f.channels_first ? d : 1), f.channels_first ? d : c, right, r, T(0),
                             out, r);
      break;
    case FactorKind::bias:
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
      const std::size_t first_row = begin / c, last_row = end / c;
      std::fill_n(out, end - begin, T(0));
      for (std::size_t p = 0; p < d; ++p) {
        const auto row = static_cast<std::size_t>(right[p]);
        if (row >= first_row && row < last_row)
          kernels::loops<T>().axpy(c, T(1), left + p * c, out + (row - first_row) * c);
      }
      break;
    }
    case FactorKind::dense:
      std::copy(left + begin, left + end, out);
      break;
  }
}

// The gradients of a convolution for all probes of one example: those groups, or rows of the only group, that the range
// covers.
template <class T>
void densify_patches(const Factor<T>& f, const T* left, std::size_t left_stride, const T* image, std::size_t begin,
                     std::size_t end, T* out, std::size_t stride) {
  kernels::ConvShape s = *f.patches;
  const std::size_t r = f.right_size(), unit = f.shape().unit();
  if (s.groups > 1) {
    const std::size_t each = s.channels / s.groups;
    image += begin / unit * each * s.pixels();
    s.groups = (end - begin) / unit;
    s.channels = s.groups * each;
  }
  kernels::conv2d_weight_one(s, f.probes, (end - begin) / r, image, left + begin / r * f.positions, left_stride, out,
                             stride);
}

}  // namespace

template <class T>
UseShape Factor<T>::shape() const {
  return {kind, parameter.size(), positions, left_size(), right_size(), channels_first, transposed, patches, same_left};
}

template <class T>
void Factor<T>::gradients(std::size_t first, std::size_t last, std::size_t begin, std::size_t end, T* out,
                          std::size_t probe_stride, std::size_t example_stride) const {
  if (begin == end || examples == 0) return;
  const std::size_t left_one = left.size() / (probes * examples);
  const std::size_t right_one = right.defined() ? right.size() / examples : 0;
  kernels::parallel_for(last - first, gradient_grain(end - begin, positions, probes),
                        [&](std::size_t from, std::size_t to) {
                          for (std::size_t i = from; i < to; ++i) {
                            const std::size_t n = first + i;
                            const T* r = right.defined() ? right.data() + n * right_one : nullptr;
                            const T* l = left.data() + n * left_one;
                            T* at = out + i * example_stride;
                            if (patches) {
                              densify_patches(*this, l, examples * left_one, r, begin, end, at, probe_stride);
                              continue;
                            }
                            for (std::size_t k = 0; k < probes; ++k)
                              densify_one(*this, l + k * examples * left_one, r, begin, end, at + k * probe_stride);
                          }
                        });
}

template <class T>
Array<T> Factor<T>::dense() const {
  const std::size_t size = parameter.size();
  if (kind == FactorKind::dense) return left.reshaped({probes, examples, size});
  Array<T> out({probes, examples, size});
  gradients(0, examples, 0, size, out.mutable_data(), examples * size, size);
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
