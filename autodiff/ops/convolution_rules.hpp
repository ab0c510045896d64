#pragma once

#include <string>

#include "autodiff/kernels/conv_shape.hpp"
#include "autodiff/ops/convolution.hpp"

/// What the three ops of a convolution share: their geometry, over two or three axes, and each other.
namespace xtangent {

struct ConvGeometry {
  std::size_t axes;  ///< that positions have: 2 for images, 3 for volumes
  Extent3d stride, padding, dilation;
  std::size_t groups;

  /// Throws shape_error, naming `who`, for a padding that is not zeros on both sides.
  ConvGeometry(const char* who, const Conv2dOptions& options);
  ConvGeometry(const char* who, const Conv3dOptions& options);

  /// "conv2d" or "conv3d", and what follows.
  std::string name(const char* part = "") const;
  /// Axes of one image: its channels and positions.
  std::size_t image_rank() const { return axes + 1; }
  std::size_t weight_rank() const { return axes + 2; }
  Shape lead(const Shape& x) const { return x.slice(0, x.rank() - image_rank()); }
  /// The last axes, those of positions.
  Shape extents(const Shape& x) const { return x.slice(x.rank() - axes, x.rank()); }
  kernels::ConvShape of_images(const Shape& x, const Shape& weight) const;
  Shape out_extents(const kernels::ConvShape& s) const;
  /// Throws shape_error for everything that a user can get wrong about images and weights.
  void check(const std::string& who, const Shape& x, const Shape& weight) const;
};

/// The mark of a result that has the images of x.
Examples examples_of_images(const Spec& x, std::span<const Spec> parameters, const ConvGeometry& g);

template <class T>
struct Convolution {
  static Var<T> forward(const Var<T>& x, const Var<T>& w, const Var<T>& b, const ConvGeometry& g);
  static Var<T> input(const Var<T>& ybar, const Var<T>& w, const Shape& extents, const ConvGeometry& g);
  static Var<T> weight(const Var<T>& x, const Var<T>& ybar, std::size_t image_axes, const Shape& kernel,
                       const ConvGeometry& g);
  /// The same for weights that may have a probe axis.
  static Var<T> forward_any(const Var<T>& x, const Var<T>& w, const ConvGeometry& g);
  static Var<T> input_any(const Var<T>& ybar, const Var<T>& w, const Shape& extents, const ConvGeometry& g);
};

extern template struct Convolution<float>;
extern template struct Convolution<double>;

}  // namespace xtangent
