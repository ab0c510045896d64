#include "autodiff/kernels/layout.hpp"

#include <algorithm>
#include <cstring>

#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"

namespace xtangent::kernels {

template <class T>
void transpose(const Shape& shape_x, const std::vector<std::size_t>& order, const T* x, T* out) {
  const std::size_t rank = shape_x.rank(), size = shape_x.size();
  if (size == 0) return;
  std::size_t stride_x[Shape::max_rank];
  for (std::size_t a = rank, stride = 1; a-- > 0; stride *= shape_x[a]) stride_x[a] = stride;
  // The axes of the result. Neighbors are merged where they are neighbors in x, too.
  std::vector<std::size_t> extent, stride;
  for (std::size_t a = 0; a < rank; ++a) {
    const std::size_t e = shape_x[order[a]], s = stride_x[order[a]];
    if (e == 1) continue;
    if (!extent.empty() && stride.back() == s * e) {
      extent.back() *= e;
      stride.back() = s;
    } else {
      extent.push_back(e);
      stride.push_back(s);
    }
  }
  if (extent.size() <= 1) {
    std::memcpy(out, x, size * sizeof(T));
    return;
  }
  const std::size_t axes = extent.size();
  std::vector<std::size_t> out_stride(axes);
  for (std::size_t a = axes, s = 1; a-- > 0; s *= extent[a]) out_stride[a] = s;
  // The inner block runs over the last axis of the result and the axis that is contiguous in x.
  const std::size_t last = axes - 1;
  const std::size_t fast = static_cast<std::size_t>(std::min_element(stride.begin(), stride.end()) - stride.begin());
  std::vector<std::size_t> outer;
  for (std::size_t a = 0; a < last; ++a)
    if (a != fast) outer.push_back(a);
  const std::size_t block = fast == last ? extent[last] : extent[last] * extent[fast];
  const std::size_t blocks = size / block;
  parallel_for(blocks, std::max<std::size_t>(1, (1 << 14) / block), [&](std::size_t begin, std::size_t end) {
    for (std::size_t b = begin; b < end; ++b) {
      std::size_t from = 0, to = 0, rest = b;
      for (std::size_t o = outer.size(); o-- > 0;) {
        const std::size_t i = rest % extent[outer[o]];
        rest /= extent[outer[o]];
        from += i * stride[outer[o]];
        to += i * out_stride[outer[o]];
      }
      if (fast == last)
        std::memcpy(out + to, x + from, extent[last] * sizeof(T));
      else
        loops<T>().transpose(extent[last], extent[fast], x + from, stride[last], out + to, out_stride[fast]);
    }
  });
}

template <class T>
void copy_runs(std::size_t rows, std::size_t run, const T* x, std::size_t x_stride, T* out, std::size_t out_stride) {
  parallel_for(rows, std::max<std::size_t>(1, (1 << 14) / std::max<std::size_t>(run, 1)),
               [&](std::size_t first, std::size_t last) {
                 for (std::size_t r = first; r < last; ++r)
                   std::memcpy(out + r * out_stride, x + r * x_stride, run * sizeof(T));
               });
}

template <class T>
void gather(std::size_t outer, std::size_t extent, std::size_t inner, const std::vector<std::size_t>& index, const T* x,
            T* out) {
  for (std::size_t o = 0; o < outer; ++o)
    for (std::size_t j = 0; j < index.size(); ++j)
      std::memcpy(out + (o * index.size() + j) * inner, x + (o * extent + index[j]) * inner, inner * sizeof(T));
}

template <class T>
void scatter_add(std::size_t outer, std::size_t extent, std::size_t inner, const std::vector<std::size_t>& index,
                 const T* rows, T* x) {
  for (std::size_t o = 0; o < outer; ++o)
    for (std::size_t j = 0; j < index.size(); ++j)
      loops<T>().axpy(inner, T(1), rows + (o * index.size() + j) * inner, x + (o * extent + index[j]) * inner);
}

template <class T>
std::size_t to_indices(std::size_t n, const T* x, std::size_t extent, std::size_t* out) {
  for (std::size_t i = 0; i < n; ++i) {
    if (!(x[i] >= T(0) && x[i] < static_cast<T>(extent))) return i;
    out[i] = static_cast<std::size_t>(x[i]);
    if (static_cast<T>(out[i]) != x[i]) return i;
  }
  return n;
}

#define XTANGENT_INSTANTIATE(T)                                                                               \
  template void transpose(const Shape&, const std::vector<std::size_t>&, const T*, T*);                       \
  template void copy_runs(std::size_t, std::size_t, const T*, std::size_t, T*, std::size_t);                  \
  template std::size_t to_indices(std::size_t, const T*, std::size_t, std::size_t*);                          \
  template void gather(std::size_t, std::size_t, std::size_t, const std::vector<std::size_t>&, const T*, T*); \
  template void scatter_add(std::size_t, std::size_t, std::size_t, const std::vector<std::size_t>&, const T*, T*);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
