#include "ntk/contraction/side.hpp"

#include <utility>

#include "autodiff/kernels/im2col.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "ntk/contraction/rule.hpp"

namespace xtangent::ntk {

template <class T>
T* SideArrays<T>::make_left(std::size_t size) {
  std::call_once(left_made_, [&] {
    left = Array<T>(Shape{size});
    left_at_ = left.mutable_data();
  });
  return left_at_;
}

template <class T>
T* SideArrays<T>::make_right(std::size_t size) {
  std::call_once(right_made_, [&] {
    right = Array<T>(Shape{size});
    right_at_ = right.mutable_data();
  });
  return right_at_;
}

template <class T>
Side<T>::Side(const Rule& rule, const Term& term, std::size_t examples, std::size_t probes, ProbeMode mode)
    : arrays_(std::make_shared<SideArrays<T>>()), examples_(examples) {
  arrays_->rule = &rule;
  arrays_->term = term;
  arrays_->examples = examples;
  arrays_->probes = probes;
  arrays_->summed = mode == ProbeMode::summed;
}

template <class T>
void Side<T>::fill(std::size_t first_example, std::vector<Factor<T>> uses) {
  if (uses.front().examples == 0) return;
  std::vector<Factor<T>> parts = joined(std::move(uses));
  if (arrays_->scale != T(1))
    for (Factor<T>& part : parts) {
      Array<T> scaled(part.left.shape());
      kernels::loops<T>().affine(scaled.size(), arrays_->scale, T(0), part.left.data(), scaled.mutable_data());
      part.left = std::move(scaled);
    }
  rule().fill(*arrays_, first_example, parts);
}

template <class T>
void Side<T>::set_metric(const Array<T>& scales, T scale) {
  arrays_->scales = scales;
  arrays_->scale = scale;
}

template <class T>
Side<T> Side<T>::range(std::size_t first, std::size_t last) const {
  Side out = *this;
  out.first_ += first;
  out.examples_ = last - first;
  return out;
}

template <class T>
std::size_t Side<T>::bytes() const {
  const SideArrays<T>& s = *arrays_;
  std::size_t sum = (s.row.size() + s.count.size()) * sizeof(std::uint32_t);
  for (const Array<T>* a : {&s.left, &s.right})
    if (a->defined()) sum += a->bytes();
  if (s.corrections.defined()) sum += s.corrections.bytes();
  for (const Factor<T>& f : s.factors) sum += f.bytes();
  for (const Side& part : s.parts) sum += part.bytes();
  return sum;
}

template <class T>
bool Side<T>::same(const Side& other) const {
  return arrays_ == other.arrays_ && first_ == other.first_ && examples_ == other.examples_;
}

template <class T>
Rows<T> Side<T>::left(std::size_t each, std::size_t length) const {
  const SideArrays<T>& s = *arrays_;
  return {s.left.data() + first_ * each * length, probes(), examples_ * each, length, s.examples * each * length};
}

template <class T>
Rows<T> Side<T>::right(std::size_t each, std::size_t length) const {
  return {arrays_->right.data() + first_ * each * length, 1, examples_ * each, length, 0};
}

template <class T>
void put_cotangents(SideArrays<T>& side, std::size_t first, const Factor<T>& f, std::size_t each, std::size_t offset) {
  const std::size_t d = f.positions, c = f.left_size(), n = f.examples, k = side.probes;
  const bool turned = f.channels_first && d > 1 && c > 1;
  if (side.whole(f) && d == each && !turned && side.probes_lie_well()) {
    side.left = f.left;
    return;
  }
  T* to = side.make_left(k * side.examples * each * c);
  if (side.summed && d == each) {
    const Shape shape = turned ? Shape{k, n, c, d} : Shape{k, n, d, c};
    const std::vector<std::size_t> order =
        turned ? std::vector<std::size_t>{1, 3, 0, 2} : std::vector<std::size_t>{1, 2, 0, 3};
    kernels::transpose(shape, order, f.left.data(), to + first * d * k * c);
    return;
  }
  for (std::size_t p = 0; p < k; ++p) {
    const T* from = f.left.data() + p * n * d * c;
    if (turned && d == each) {
      kernels::transpose(Shape{n, c, d}, {0, 2, 1}, from, to + (p * side.examples + first) * d * c);
      continue;
    }
    Array<T> turned_rows;
    if (turned) {
      turned_rows = Array<T>({n, d, c});
      kernels::transpose(Shape{n, c, d}, {0, 2, 1}, from, turned_rows.mutable_data());
      from = turned_rows.data();
    }
    if (!side.summed) {
      T* at = to + ((p * side.examples + first) * each + offset) * c;
      const std::size_t runs = d == each ? 1 : n;
      kernels::copy_runs(runs, n / runs * d * c, from, d * c, at, each * c);
      continue;
    }
    for (std::size_t i = 0; i < n; ++i)
      kernels::copy_runs(d, c, from + i * d * c, c, to + (((first + i) * each + offset) * k + p) * c, k * c);
  }
}

template <class T>
void put_inputs(SideArrays<T>& side, std::size_t first, const Factor<T>& f, std::size_t each, std::size_t offset) {
  const std::size_t d = f.positions, r = f.right_size(), n = f.examples;
  if (side.whole(f) && d == each && !f.patches) {
    side.right = f.right;
    return;
  }
  T* to = side.make_right(side.examples * each * r) + (first * each + offset) * r;
  if (!f.patches) {
    const std::size_t runs = d == each ? 1 : n;
    kernels::copy_runs(runs, n / runs * d * r, f.right.data(), d * r, to, each * r);
    return;
  }
  if (f.patches->is_pointwise() && d == each) {
    kernels::transpose(Shape{n, r, d}, {0, 2, 1}, f.right.data(), to);
    return;
  }
  kernels::parallel_for(n, 1, [&](std::size_t begin, std::size_t end) {
    Array<T> patches({r, d});
    for (std::size_t i = begin; i < end; ++i) {
      kernels::im2col(*f.patches, 0, f.patches->out_rows(), f.right.data() + i * f.patches->input_size(),
                      patches.mutable_data(), d);
      kernels::transpose(Shape{r, d}, {1, 0}, patches.data(), to + i * each * r);
    }
  });
}

#define XTANGENT_INSTANTIATE(T)                                                                          \
  template struct SideArrays<T>;                                                                         \
  template class Side<T>;                                                                                \
  template void put_cotangents(SideArrays<T>&, std::size_t, const Factor<T>&, std::size_t, std::size_t); \
  template void put_inputs(SideArrays<T>&, std::size_t, const Factor<T>&, std::size_t, std::size_t);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
