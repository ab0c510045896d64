// Compiled once for each instruction set: the build defines XTANGENT_ISA to baseline, avx2 or avx512.
#include "autodiff/kernels/simd/direct.hpp"

#include "autodiff/kernels/simd/isa.hpp"
#include "autodiff/kernels/simd/tables.hpp"

namespace xtangent::kernels::XTANGENT_ISA {
namespace {

// The accumulators fill the registers: `block` outputs by the vectors of a tile (correlate), or outputs by rows
// (gradient).
constexpr std::size_t block = output_block;
constexpr std::size_t gradient_outputs = 4;
constexpr std::size_t gradient_rows = vector_registers == 32 ? 6 : 2;

template <class T, std::size_t Outputs, std::size_t Vectors>
void correlate_tile(std::size_t channels, std::size_t taps, const std::size_t* offset, const T* packed, const T* x,
                    std::size_t ldx, const CorrelationTile& tile, T* y, std::size_t ldy) {
  Batch<T> sum[Outputs][Vectors];
  for (auto& row : sum)
    for (auto& v : row) v = Batch<T>(T(0));
  const T* from[Vectors];
  for (std::size_t v = 0; v < Vectors; ++v) from[v] = x + tile.x[v];
  for (std::size_t c = 0; c < channels; ++c) {
    const T* weights = packed + (c * taps + tile.first) * block;
    for (std::size_t f = tile.first; f < tile.last; ++f, weights += block) {
      const std::size_t at = c * ldx + offset[f];
      Batch<T> value[Vectors];
      for (std::size_t v = 0; v < Vectors; ++v) value[v] = Batch<T>::load_unaligned(from[v] + at);
      for (std::size_t o = 0; o < Outputs; ++o) {
        const Batch<T> weight(weights[o]);
        for (std::size_t v = 0; v < Vectors; ++v) sum[o][v] = xsimd::fma(weight, value[v], sum[o][v]);
      }
    }
  }
  for (std::size_t o = 0; o < Outputs; ++o)
    for (std::size_t v = 0; v < Vectors; ++v) sum[o][v].store_unaligned(y + o * ldy + tile.y[v]);
}

template <class T, std::size_t Vectors>
void correlate_block(std::size_t outputs, std::size_t channels, std::size_t taps, const std::size_t* offset,
                     const T* packed, const T* x, std::size_t ldx, const CorrelationTile& tile, T* y, std::size_t ldy) {
  const auto run = [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((outputs == I + 1 ? correlate_tile<T, I + 1, Vectors>(channels, taps, offset, packed, x, ldx, tile, y, ldy)
                       : void()),
     ...);
  };
  run(std::make_index_sequence<block>());
}

template <class T>
void correlate(std::size_t outputs, std::size_t channels, std::size_t taps, const std::size_t* offset, const T* packed,
               const T* x, std::size_t ldx, const CorrelationTile* tiles, std::size_t count, T* y, std::size_t ldy) {
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t o = 0; o < outputs; o += block) {
      const std::size_t now = outputs - o < block ? outputs - o : block;
      const T* weights = packed + o * channels * taps;
      if (tiles[i].vectors == 3)
        correlate_block<T, 3>(now, channels, taps, offset, weights, x, ldx, tiles[i], y + o * ldy, ldy);
      else if (tiles[i].vectors == 2)
        correlate_block<T, 2>(now, channels, taps, offset, weights, x, ldx, tiles[i], y + o * ldy, ldy);
      else
        correlate_block<T, 1>(now, channels, taps, offset, weights, x, ldx, tiles[i], y + o * ldy, ldy);
    }
}

template <class T, std::size_t Outputs, std::size_t Rows>
void gradient_tile(std::size_t length, const T* y, std::size_t ldy, const T* const* x, bool add, T* w,
                   std::size_t ldw) {
  constexpr std::size_t lanes = Batch<T>::size;
  Batch<T> sum[Rows][Outputs];
  for (auto& row : sum)
    for (auto& v : row) v = Batch<T>(T(0));
  for (std::size_t q = 0; q < length; q += lanes) {
    Batch<T> left[Outputs];
    for (std::size_t o = 0; o < Outputs; ++o) left[o] = Batch<T>::load_unaligned(y + o * ldy + q);
    for (std::size_t r = 0; r < Rows; ++r) {
      const Batch<T> right = Batch<T>::load_unaligned(x[r] + q);
      for (std::size_t o = 0; o < Outputs; ++o) sum[r][o] = xsimd::fma(left[o], right, sum[r][o]);
    }
  }
  for (std::size_t o = 0; o < Outputs; ++o)
    for (std::size_t r = 0; r < Rows; ++r) w[o * ldw + r] = (add ? w[o * ldw + r] : T(0)) + sum_of(sum[r][o]);
}

template <class T, std::size_t Outputs>
void gradient_block(std::size_t rows, std::size_t length, const T* y, std::size_t ldy, const T* const* x, bool add,
                    T* w, std::size_t ldw) {
  std::size_t r = 0;
  for (; r + gradient_rows <= rows; r += gradient_rows)
    gradient_tile<T, Outputs, gradient_rows>(length, y, ldy, x + r, add, w + r, ldw);
  for (; r < rows; ++r) gradient_tile<T, Outputs, 1>(length, y, ldy, x + r, add, w + r, ldw);
}

template <class T>
void gradient(std::size_t outputs, std::size_t rows, std::size_t length, const T* y, std::size_t ldy, const T* const* x,
              bool add, T* w, std::size_t ldw) {
  std::size_t o = 0;
  for (; o + gradient_outputs <= outputs; o += gradient_outputs)
    gradient_block<T, gradient_outputs>(rows, length, y + o * ldy, ldy, x, add, w + o * ldw, ldw);
  for (; o + 2 <= outputs; o += 2) gradient_block<T, 2>(rows, length, y + o * ldy, ldy, x, add, w + o * ldw, ldw);
  for (; o < outputs; ++o) gradient_block<T, 1>(rows, length, y + o * ldy, ldy, x, add, w + o * ldw, ldw);
}

template <class T>
constexpr Direct<T> table{Batch<T>::size, block, correlate<T>, gradient<T>};

}  // namespace

const Direct<float>& direct_float() { return table<float>; }
const Direct<double>& direct_double() { return table<double>; }

}  // namespace xtangent::kernels::XTANGENT_ISA
