#pragma once

#include <string>
#include <vector>

#include "nn/module.hpp"

namespace xtangent::examples {

/// The eNTK and the pNTK of a network on some images, and what is compared of them.
struct KernelPair {
  Array<double> entk, pntk;  ///< (N O, N O) and (N, N)
  std::size_t outputs = 0;
  double seconds_entk = 0, seconds_pntk = 0;
  double bytes_entk = 0, bytes_pntk = 0;  ///< memory held for them at most
};

/// Computes both. x is (N, ...).
KernelPair kernel_pair(const nn::AnyModule& net, const nn::Parameters<float>& params, const Array<float>& x);
/// Those between x_new, (M, ...), and x, (N, ...): (M O, N O) and (M, N).
KernelPair kernel_pair(const nn::AnyModule& net, const nn::Parameters<float>& params, const Array<float>& x_new,
                       const Array<float>& x);

/// The mean of the diagonal of a kernel (n, n).
double mean_diagonal(const Array<double>& kernel);

/// Names of the quantities that are compared, in the order of quantities().
const std::vector<std::string>& quantity_names();
/// frobenius: || Theta - K (x) I || / || Theta ||. The ends of both spectra. diagonal, off_diagonal: mean absolute
/// entries on and off the diagonal of the O x O blocks of images with themselves. Seconds of both kernels.
std::vector<double> quantities(const KernelPair& kernels);

}  // namespace xtangent::examples
