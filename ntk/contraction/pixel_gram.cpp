// The rule for a convolution of images with stride 1. It is the position Gram, but the Gram of patches is a sum of
// shifts of the Gram A of pixels: (Ra Rb^T)_pq is the sum over taps f of A[p + f, q + f]. Sides: left (K, N D, C),
// right (N pixels, channels).
#include <algorithm>

#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/shifts.hpp"
#include "ntk/contraction/position_products.hpp"
#include "ntk/contraction/rule.hpp"

namespace xtangent::ntk {
namespace {

struct PixelGram : RuleOf<PixelGram> {
  const char* name() const override { return "pixel Gram"; }

  bool fits(const Term& term) const override {
    const UseShape* use = term.only();
    return use && use->kind == FactorKind::outer_sum && use->patches && !use->grouped() && use->patches->is_flat() &&
           use->patches->taps() > 1 && use->patches->stride_height == 1 && use->patches->stride_width == 1;
  }

  RuleCost cost(const Term& term, const BlockShape& b, const Workspace& w) const override {
    const Extents e(term);
    const double d = static_cast<double>(e.positions), u = static_cast<double>(e.pixels),
                 c = static_cast<double>(b.side_by_side() * term.only()->left),
                 channels = static_cast<double>(e.image.channels);
    const std::size_t edge = position_edge(e.rows()), tasks = count_rectangles(1, b.rows, 1, b.columns, false, edge);
    const std::size_t pairs = std::min(edge, b.rows) * std::min(edge, b.columns), d2 = e.positions * e.positions;
    const std::size_t elements =
        w.at_a_time(tasks) * (pairs * (std::max(e.pixels * e.pixels, d2) + d2) + e.sums.room());
    return {2 * b.pairs() * (u * u * channels + b.probe_pairs() * d * d * (c + 1)) + b.pairs() * e.sums.additions(),
            static_cast<double>(elements * w.scalar_bytes)};
  }

  double effort(const Term& term, const BlockShape& b) const override {
    const Extents e(term);
    const double d = static_cast<double>(e.positions), u = static_cast<double>(e.pixels),
                 c = static_cast<double>(term.only()->left), channels = static_cast<double>(e.image.channels);
    const effort::PositionGrams grams(b, static_cast<double>(e.rows()), d, static_cast<double>(b.side_by_side()) * c);
    return effort::moved * (static_cast<double>(b.examples()) * u * channels +
                            static_cast<double>(b.probes_of_examples()) * d * c) +
           effort::products(grams.right * u * u, channels, grams.edge) +
           grams.right * (effort::stored * (u * u + d * d) + effort::shifted * e.sums.additions()) + grams.left;
  }

  double held_bytes(const Term& term, std::size_t probes, std::size_t scalar_bytes) const override {
    const UseShape& use = *term.only();
    return static_cast<double>((use.positions * use.left * probes + use.patches->input_size()) * scalar_bytes);
  }

  // Images (n, channels, pixels) become rows of pixels: (N pixels, channels).
  template <class T>
  void put(SideArrays<T>& side, std::size_t first, const std::vector<Factor<T>>& parts) const {
    const Factor<T>& f = parts[0];
    put_cotangents(side, first, f, f.positions);
    const std::size_t channels = f.patches->channels, pixels = f.patches->height * f.patches->width;
    T* to = side.make_right(side.examples * pixels * channels) + first * pixels * channels;
    kernels::transpose(Shape{f.examples, channels, pixels}, {0, 2, 1}, f.right.data(), to);
  }

  template <class T>
  void add(const Side<T>& a, const Side<T>& b, const Contraction&, Block& block) const {
    const Extents e(a.term());
    const std::size_t d = e.positions, u = e.pixels, length = a.term().only()->left * a.side_by_side();
    const Rows<T> la = a.left(d, length), lb = b.left(d, length), ra = a.right(u, e.image.channels),
                  rb = b.right(u, e.image.channels);
    const kernels::ShiftedSums<T> sums(e.image, e.image);
    const std::vector<Rectangle> rectangles = rectangles_of_examples(block, position_edge(e.rows()));
    kernels::parallel_for(rectangles.size(), 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        const Rectangle& t = rectangles[i];
        if (not_needed(t, block)) continue;
        const Rectangle pixels = spread(t, u), at = spread(t, d);
        Array<T> gram({std::max(pixels.rows * pixels.columns, at.rows * at.columns)}), patches({at.rows, at.columns}),
            room({e.sums.room()});
        T *left = gram.mutable_data(), *right = patches.mutable_data();  // `left` holds the Gram of pixels first
        rectangle_product(pixels, ra, rb, 0, ra.length, left);
        for (std::size_t n = 0; n < t.rows; ++n)
          for (std::size_t m = 0; m < t.columns; ++m)
            sums(left + n * u * pixels.columns + m * u, pixels.columns, room.mutable_data(),
                 right + n * d * at.columns + m * d, at.columns);
        add_left_grams(t, la, lb, right, left, d, block);
      }
    });
  }

 private:
  struct Extents {
    kernels::ConvShape image;
    kernels::ShiftShape sums;
    std::size_t positions, pixels;

    explicit Extents(const Term& term)
        : image(*term.only()->patches),
          sums(kernels::ShiftShape::of(image, image)),
          positions(image.positions()),
          pixels(image.height * image.width) {}
    // Rows of an example in the larger of the two Grams.
    std::size_t rows() const { return std::max(positions, pixels); }
  };
};

}  // namespace

const Rule& pixel_gram() {
  static const PixelGram rule;
  return rule;
}

}  // namespace xtangent::ntk
