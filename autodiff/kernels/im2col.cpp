#include "autodiff/kernels/im2col.hpp"

#include "autodiff/kernels/simd/loops.hpp"

namespace xtangent::kernels {

template <class T>
void im2col(const ConvShape& s, std::size_t first_row, std::size_t last_row, const T* image, T* patches,
            std::size_t stride) {
  loops<T>().im2col(s, first_row, last_row, image, patches, stride);
}
template <class T>
void col2im_add(const ConvShape& s, std::size_t first_row, std::size_t last_row, const T* patches, std::size_t stride,
                T* image) {
  loops<T>().col2im_add(s, first_row, last_row, patches, stride, image);
}

#define XTANGENT_INSTANTIATE(T)                                                                \
  template void im2col(const ConvShape&, std::size_t, std::size_t, const T*, T*, std::size_t); \
  template void col2im_add(const ConvShape&, std::size_t, std::size_t, const T*, std::size_t, T*);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
