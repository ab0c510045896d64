#include "ntk/algebra/expanded.hpp"

namespace xtangent::ntk {

Array<double> expanded(const Array<double>& kernel, std::size_t outputs) {
  const std::size_t n = kernel.shape()[0], m = kernel.shape()[1];
  Array<double> out = Array<double>::zeros({n * outputs, m * outputs});
  double* to = out.mutable_data();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t o = 0; o < outputs; ++o)
      for (std::size_t j = 0; j < m; ++j) to[(i * outputs + o) * m * outputs + j * outputs + o] = kernel[i * m + j];
  return out;
}

Array<double> block_identities(const Array<double>& x, std::size_t outputs) {
  Array<double> out = Array<double>::zeros({x.size(), outputs, outputs});
  double* to = out.mutable_data();
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t o = 0; o < outputs; ++o) to[i * outputs * outputs + o * (outputs + 1)] = x[i];
  return out;
}

Array<double> block_diagonals(const Array<double>& blocks) {
  const std::size_t m = blocks.shape()[0], o = blocks.shape()[1];
  Array<double> out({m, o});
  for (std::size_t i = 0; i < m * o; ++i) out.mutable_data()[i] = blocks[i / o * o * o + i % o * (o + 1)];
  return out;
}

}  // namespace xtangent::ntk
