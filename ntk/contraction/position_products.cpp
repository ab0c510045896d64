#include "ntk/contraction/position_products.hpp"

#include <algorithm>

#include "autodiff/kernels/simd/loops.hpp"

namespace xtangent::ntk {

std::size_t position_edge(std::size_t positions) {
  return std::max<std::size_t>(1, 256 / std::max<std::size_t>(1, positions));
}

std::vector<Rectangle> rectangles_of_examples(const BlockShape& block, std::size_t edge) {
  return rectangles_of(1, block.rows, 1, block.columns, false, edge);
}

bool not_needed(const Rectangle& r, const BlockShape& block) {
  return below_diagonal(r, block) && (block.rows_each() == 1 || block.mode == ProbeMode::equal);
}

Rectangle spread(const Rectangle& r, std::size_t each) {
  return {r.row * each, r.rows * each, r.column * each, r.columns * each, 0, r.row * each, 0, r.column * each};
}

template <class T>
void add_left_grams(const Rectangle& examples, const Rows<T>& a, const Rows<T>& b, const T* right, T* left,
                    std::size_t d, Block& block) {
  const bool below = below_diagonal(examples, block);
  Rectangle at = spread(examples, d);
  for (std::size_t p = 0; p < a.probes; ++p) {
    const Range partners = block.partners(p, b.probes);
    for (std::size_t q = partners.first; q < partners.last; ++q) {
      if (block.symmetric && q == p && below) continue;
      at.row_probe = p;
      at.column_probe = q;
      rectangle_product(at, a, b, 0, a.length, left);
      for (std::size_t n = 0; n < examples.rows; ++n)
        for (std::size_t m = 0; m < examples.columns; ++m) {
          if (block.symmetric && p == q && examples.row + n > examples.column + m) continue;
          double sum = 0;
          for (std::size_t x = 0; x < d; ++x) {
            const std::size_t offset = (n * d + x) * at.columns + m * d;
            sum += kernels::loops<T>().dot(d, left + offset, right + offset);
          }
          block.at(p, examples.row + n, q, examples.column + m) += sum;
        }
    }
  }
}

namespace effort {

PositionGrams::PositionGrams(const BlockShape& b, double rows_each, double positions, double left_length) {
  const double na = static_cast<double>(b.rows), nb = static_cast<double>(b.columns),
               k = static_cast<double>(b.rows_each()), j = static_cast<double>(b.columns_each());
  const double examples = std::max(1.0, std::floor(256 / rows_each));
  edge = std::min(256.0, examples * rows_each);
  right = Area(na, nb, b.symmetric, examples).elements;
  const double all = b.mode == ProbeMode::equal ? k * right
                     : b.symmetric              ? k * right + k * (k - 1) / 2 * na * nb
                                                : k * j * na * nb;
  const double entries = all * positions * positions;
  left = products(entries, left_length, edge) + entries * 2 * stored;
}

}  // namespace effort

#define XTANGENT_INSTANTIATE(T) \
  template void add_left_grams(const Rectangle&, const Rows<T>&, const Rows<T>&, const T*, T*, std::size_t, Block&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
