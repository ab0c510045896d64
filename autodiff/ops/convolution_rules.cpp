#include "autodiff/ops/convolution_rules.hpp"

namespace xtangent {
namespace {

void only_zeros(const char* who, bool same, PadMode mode) {
  if (same || mode != PadMode::zeros)
    throw shape_error(
        std::string("[") + who +
        "] neither same_padding nor a padding mode other than zeros is possible here. Call pad first, then this with "
        "the padding that is left.");
}

bool has_zero(const Extent3d& e) { return e.depth == 0 || e.height == 0 || e.width == 0; }

}  // namespace

ConvGeometry::ConvGeometry(const char* who, const Conv2dOptions& o)
    : axes(2),
      stride(1, o.stride.height, o.stride.width),
      padding(0, o.padding.height, o.padding.width),
      dilation(1, o.dilation.height, o.dilation.width),
      groups(o.groups) {
  only_zeros(who, o.padding.height == same_padding || o.padding.width == same_padding, o.padding_mode);
}

ConvGeometry::ConvGeometry(const char* who, const Conv3dOptions& o)
    : axes(3), stride(o.stride), padding(o.padding), dilation(o.dilation), groups(o.groups) {
  const bool same =
      o.padding.depth == same_padding || o.padding.height == same_padding || o.padding.width == same_padding;
  only_zeros(who, same, o.padding_mode);
}

std::string ConvGeometry::name(const char* part) const { return (axes == 2 ? "conv2d" : "conv3d") + std::string(part); }

kernels::ConvShape ConvGeometry::of_images(const Shape& x, const Shape& weight) const {
  kernels::ConvShape s;
  s.channels = x.from_right(image_rank());
  s.height = x.from_right(2);
  s.width = x.from_right(1);
  s.kernel_height = weight.from_right(2);
  s.kernel_width = weight.from_right(1);
  s.stride_height = stride.height;
  s.stride_width = stride.width;
  s.padding_height = padding.height;
  s.padding_width = padding.width;
  s.dilation_height = dilation.height;
  s.dilation_width = dilation.width;
  s.groups = groups;
  if (axes == 2) return s;
  s.depth = x.from_right(3);
  s.kernel_depth = weight.from_right(3);
  s.stride_depth = stride.depth;
  s.padding_depth = padding.depth;
  s.dilation_depth = dilation.depth;
  return s;
}

Shape ConvGeometry::out_extents(const kernels::ConvShape& s) const {
  const Shape image{s.out_height(), s.out_width()};
  return axes == 2 ? image : image.prepended(s.out_depth());
}

void ConvGeometry::check(const std::string& who, const Shape& x, const Shape& w) const {
  const std::string op = "[" + who + "] ", kernel = axes == 2 ? "KH, KW" : "KD, KH, KW";
  if (x.rank() < image_rank() || w.rank() != weight_rank())
    throw shape_error(op + "needs " + (axes == 2 ? "images (..., I, H, W)" : "volumes (..., I, D, H, W)") +
                      " and a weight (C, I / groups, " + kernel + "), got " + to_string(x) + " and " + to_string(w) +
                      ".");
  if (groups == 0 || has_zero(stride) || has_zero(dilation) || extents(w).size() == 0)
    throw shape_error(op + "groups, strides, dilations and kernel extents must be at least 1.");
  if (w[1] * groups != x.from_right(image_rank()) || w[0] % groups != 0)
    throw shape_error(op + "images " + to_string(x) + " and weight " + to_string(w) + " in " + std::to_string(groups) +
                      " group(s) do not fit: the weight must be (C, I / groups, " + kernel +
                      ") with C a multiple of groups.");
  const std::size_t paddings[] = {padding.width, padding.height, padding.depth};
  const std::size_t dilations[] = {dilation.width, dilation.height, dilation.depth};
  for (std::size_t a = 0; a < axes; ++a)
    if (x.from_right(a + 1) + 2 * paddings[a] < dilations[a] * (w.from_right(a + 1) - 1) + 1)
      throw shape_error(op + "the kernel of weight " + to_string(w) + " is larger than the padded images " +
                        to_string(x) + ". Add padding, or use a smaller kernel.");
}

Examples examples_of_images(const Spec& x, std::span<const Spec> parameters, const ConvGeometry& g) {
  for (const Spec& p : parameters)
    if (p.examples != Examples::none) return Examples::mixed;
  if (x.examples == Examples::none || x.examples == Examples::mixed) return x.examples;
  return x.shape.rank() == g.image_rank() ? Examples::mixed : Examples::axis0;
}

}  // namespace xtangent
