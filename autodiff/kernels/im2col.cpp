#include "autodiff/kernels/im2col.hpp"

#include "autodiff/kernels/loops.hpp"

namespace xtangent::kernels {

template <class T>
void im2col(const ConvShape& s, const T* image, T* patches) {
  loops<T>().im2col(s, image, patches);
}
template <class T>
void col2im_add(const ConvShape& s, const T* patches, T* image) {
  loops<T>().col2im_add(s, patches, image);
}

template void im2col(const ConvShape&, const float*, float*);
template void im2col(const ConvShape&, const double*, double*);
template void col2im_add(const ConvShape&, const float*, float*);
template void col2im_add(const ConvShape&, const double*, double*);

}  // namespace xtangent::kernels
