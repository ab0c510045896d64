#include "ntk/contraction/rectangles.hpp"

#include <algorithm>

#include "autodiff/kernels/bfloat16.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/symmetric.hpp"

namespace xtangent::ntk {

std::vector<Rectangle> rectangles_of(std::size_t row_probes, std::size_t rows, std::size_t column_probes,
                                     std::size_t columns, bool symmetric, std::size_t edge, ProbeMode mode) {
  const bool equal = mode == ProbeMode::equal;
  std::vector<Rectangle> out;
  for (std::size_t p = 0; p < row_probes; ++p)
    for (std::size_t q = symmetric || equal ? p : 0; q < (equal ? p + 1 : column_probes); ++q)
      for (std::size_t i = 0; i < rows; i += edge)
        for (std::size_t j = symmetric && p == q ? i : 0; j < columns; j += edge)
          out.push_back({p * rows + i, std::min(edge, rows - i), (equal ? 0 : q * columns) + j,
                         std::min(edge, columns - j), p, i, q, j});
  return out;
}

std::size_t count_rectangles(std::size_t row_probes, std::size_t rows, std::size_t column_probes, std::size_t columns,
                             bool symmetric, std::size_t edge, ProbeMode mode) {
  const std::size_t high = (rows + edge - 1) / edge, wide = (columns + edge - 1) / edge, k = row_probes;
  const bool equal = mode == ProbeMode::equal;
  if (!symmetric) return (equal ? k : k * column_probes) * high * wide;
  return (equal ? 0 : k * (k - 1) / 2) * high * wide + k * high * (high + 1) / 2;
}

std::size_t rectangle_edge(std::size_t rows, std::size_t columns) {
  constexpr std::size_t least = 4, largest = 320;
  const std::size_t extent = std::max(rows, columns), pieces = std::max(least, (extent + largest - 1) / largest);
  return std::max<std::size_t>(((extent + pieces - 1) / pieces + 15) / 16 * 16, 16);
}

namespace {

// The rectangle lies on the diagonal of a Gram of rows with themselves.
template <class E>
bool of_rows_with_themselves(const Rectangle& r, const Rows<E>& a, const Rows<E>& b) {
  return a.at(r.row_probe, r.first_row) == b.at(r.column_probe, r.first_column) && r.rows == r.columns &&
         a.length == b.length;
}

// The upper triangle of out (rows, rows) = a a^T for a (rows, length), and some of the rest.
void bfloat16_upper(std::size_t rows, std::size_t length, const std::uint16_t* a, std::size_t step, float* out,
                    std::size_t width) {
  constexpr std::size_t least = 64;  // smaller products gain nothing
  if (rows < 2 * least) return kernels::bfloat16_product(rows, rows, length, a, step, a, step, out, width);
  const std::size_t half = (rows / 2 + 31) / 32 * 32, rest = rows - half;
  const std::uint16_t* second = a + half * step;
  bfloat16_upper(half, length, a, step, out, width);
  bfloat16_upper(rest, length, second, step, out + half * (width + 1), width);
  kernels::bfloat16_product(half, rest, length, a, step, second, step, out + half, width);
}

}  // namespace

template <class T>
void rectangle_product(const Rectangle& r, const Rows<T>& a, const Rows<T>& b, std::size_t first, std::size_t last,
                       T* out) {
  if (of_rows_with_themselves(r, a, b))
    return kernels::gram_serial(r.rows, last - first, a.at(r.row_probe, r.first_row) + first, a.length, T(0), out,
                                r.columns);
  kernels::gemm_serial(false, true, r.rows, r.columns, last - first, T(1), a.at(r.row_probe, r.first_row) + first,
                       a.length, b.at(r.column_probe, r.first_column) + first, b.length, T(0), out, r.columns);
}

void rectangle_product(const Rectangle& r, const Rows<std::uint16_t>& a, const Rows<std::uint16_t>& b,
                       std::size_t first, std::size_t last, float* out) {
  if (of_rows_with_themselves(r, a, b)) {
    bfloat16_upper(r.rows, last - first, a.at(r.row_probe, r.first_row) + first, a.length, out, r.columns);
    return kernels::mirror_upper_serial(r.rows, out, r.columns);
  }
  kernels::bfloat16_product(r.rows, r.columns, last - first, a.at(r.row_probe, r.first_row) + first, a.length,
                            b.at(r.column_probe, r.first_column) + first, b.length, out, r.columns);
}

bool below_diagonal(const Rectangle& r, const BlockShape& block) {
  return block.symmetric && r.row >= r.column + r.columns;
}

template void rectangle_product(const Rectangle&, const Rows<float>&, const Rows<float>&, std::size_t, std::size_t,
                                float*);
template void rectangle_product(const Rectangle&, const Rows<double>&, const Rows<double>&, std::size_t, std::size_t,
                                double*);

}  // namespace xtangent::ntk
