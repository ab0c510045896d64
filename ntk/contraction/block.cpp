#include "ntk/contraction/block.hpp"

#include "autodiff/kernels/parallel.hpp"

namespace xtangent::ntk {

Block::Block(const BlockShape& shape)
    : BlockShape(shape),
      storage(Array<double>::zeros({height(), width()})),
      values(storage.mutable_data(), storage.size()) {}

void Block::write(Range part, double scale, double* out, std::size_t leading, std::size_t plane, bool mirrored) const {
  const bool cross = mode == ProbeMode::cross;
  const std::size_t c = cross ? probes : 1, d = cross ? column_probes : 1,
                    planes = mode == ProbeMode::equal ? probes : 1;
  const std::size_t wide = width(), down = mirrored ? 1 : leading, across = mirrored ? leading : 1;
  kernels::parallel_for(part.size(), 16, [&](std::size_t begin, std::size_t end) {
    for (std::size_t n = part.first + begin; n < part.first + end; ++n)
      for (std::size_t k = 0; k < planes; ++k) {
        const double* from = values.data() + k * rows * wide;
        for (std::size_t p = 0; p < c; ++p)
          for (std::size_t q = 0; q < d; ++q)
            for (std::size_t m = 0; m < columns; ++m) {
              const std::size_t i = p * rows + n, j = q * columns + m;
              // Entries below the diagonal of a symmetric block are mirror images of those that were computed above it.
              const double value = from[symmetric && i > j ? j * wide + i : i * wide + j];
              out[k * plane + ((n - part.first) * c + p) * down + (m * d + q) * across] = scale * value;
            }
      }
  });
}

}  // namespace xtangent::ntk
