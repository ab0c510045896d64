#include "ntk/contraction/block.hpp"

#include <algorithm>

#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"

namespace xtangent::ntk {

Block::Block(const BlockShape& shape)
    : BlockShape(shape),
      storage(Array<double>::zeros({height(), width()})),
      values(storage.mutable_data(), storage.size()) {}

namespace {

// A block is read in squares of this edge, so that their mirror images stay in the cache.
constexpr std::size_t edge = 16;

// A square of a matrix, whose rows are `step` elements apart.
struct Square {
  const double* at;
  std::size_t step;
};

// The square at (i, j) with so many rows and columns of a matrix of which only what is on and above the diagonal is
// there, in place or in `room`.
Square of_symmetric(const double* matrix, std::size_t wide, std::size_t i, std::size_t rows, std::size_t j,
                    std::size_t columns, double* room) {
  if (i + rows <= j + 1) return {matrix + i * wide + j, wide};
  if (i + 1 >= j + columns) {
    kernels::loops<double>().transpose(columns, rows, matrix + j * wide + i, wide, room, edge);
  } else {
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = 0; c < columns; ++c)
        room[r * edge + c] = matrix[std::min(i + r, j + c) * wide + std::max(i + r, j + c)];
  }
  return {room, edge};
}

}  // namespace

void Block::write(Range part, double scale, double* out, std::size_t leading, std::size_t plane, bool mirrored) const {
  const bool cross = mode == ProbeMode::cross;
  const std::size_t c = cross ? probes : 1, d = cross ? column_probes : 1,
                    planes = mode == ProbeMode::equal ? probes : 1;
  const std::size_t wide = width(), down = mirrored ? 1 : leading, across = mirrored ? leading : 1;
  kernels::parallel_for(part.size(), edge, [&](std::size_t begin, std::size_t end) {
    double room[edge * edge];
    for (std::size_t n = begin; n < end; n += edge)
      for (std::size_t m = 0; m < columns; m += edge) {
        const std::size_t high = std::min(edge, end - n), broad = std::min(edge, columns - m);
        for (std::size_t k = 0; k < planes; ++k)
          for (std::size_t p = 0; p < c; ++p)
            for (std::size_t q = 0; q < d; ++q) {
              const std::size_t i = p * rows + part.first + n, j = q * columns + m;
              const double* from = values.data() + k * rows * wide;
              const Square square =
                  symmetric ? of_symmetric(from, wide, i, high, j, broad, room) : Square{from + i * wide + j, wide};
              for (std::size_t r = 0; r < high; ++r) {
                double* to = out + k * plane + ((n + r) * c + p) * down + (m * d + q) * across;
                for (std::size_t x = 0; x < broad; ++x) to[x * d * across] = scale * square.at[r * square.step + x];
              }
            }
      }
  });
}

}  // namespace xtangent::ntk
