#pragma once

// The transpose of a matrix by whole vectors. Only loops.cpp includes this file, once for each instruction set, inside
// the namespace of that set.

#include <cstring>
#include <utility>

#include "autodiff/kernels/simd/isa.hpp"

namespace xtangent::kernels::XTANGENT_ISA {
namespace {

// A square of as many rows as a vector has elements. The vectors are those that the compiler knows: it brings their
// elements into any order.
template <class T>
struct Square {
  static constexpr std::size_t edge = Batch<T>::size;
  typedef T Vector __attribute__((vector_size(edge * sizeof(T))));
  Vector rows[edge];

  // low, high = the elements of a and b in turn
  template <std::size_t... I>
  static void interleave(const Vector& a, const Vector& b, Vector& low, Vector& high, std::index_sequence<I...>) {
    low = __builtin_shufflevector(a, b, (I / 2 + (I % 2 ? edge : 0))...);
    high = __builtin_shufflevector(a, b, (edge / 2 + I / 2 + (I % 2 ? edge : 0))...);
  }

  Square(const T* x, std::size_t ldx) {
#pragma GCC unroll 16
    for (std::size_t i = 0; i < edge; ++i) std::memcpy(&rows[i], x + i * ldx, sizeof(Vector));
  }
  // The first half of the rows is interleaved with the second, as often as the edge can be halved.
  void transpose() {
    Vector next[edge];
#pragma GCC unroll 4
    for (std::size_t done = 1; done < edge; done *= 2) {
#pragma GCC unroll 8
      for (std::size_t i = 0; i < edge / 2; ++i)
        interleave(rows[i], rows[i + edge / 2], next[2 * i], next[2 * i + 1], std::make_index_sequence<edge>());
#pragma GCC unroll 16
      for (std::size_t i = 0; i < edge; ++i) rows[i] = next[i];
    }
  }
  void store(T* out, std::size_t ldo) const {
#pragma GCC unroll 16
    for (std::size_t i = 0; i < edge; ++i) std::memcpy(out + i * ldo, &rows[i], sizeof(Vector));
  }
};

template <class T>
void transpose_rest(std::size_t rows, std::size_t columns, const T* x, std::size_t ldx, T* out, std::size_t ldo) {
  for (std::size_t j = 0; j < columns; ++j)
    for (std::size_t i = 0; i < rows; ++i) out[j * ldo + i] = x[i * ldx + j];
}

template <class T>
void transpose(std::size_t rows, std::size_t columns, const T* x, std::size_t ldx, T* out, std::size_t ldo) {
  constexpr std::size_t edge = Square<T>::edge, block = 64;  // columns whose rows of the result stay in the cache
  const std::size_t whole = rows / edge * edge;
  for (std::size_t first = 0; first < columns; first += block) {
    const std::size_t last = columns - first < block ? columns : first + block;
    for (std::size_t i = 0; i < whole; i += edge) {
      std::size_t j = first;
      for (; j + edge <= last; j += edge) {
        Square<T> square(x + i * ldx + j, ldx);
        square.transpose();
        square.store(out + j * ldo + i, ldo);
      }
      transpose_rest(edge, last - j, x + i * ldx + j, ldx, out + j * ldo + i, ldo);
    }
    transpose_rest(rows - whole, last - first, x + whole * ldx + first, ldx, out + first * ldo + whole, ldo);
  }
}

}  // namespace
}  // namespace xtangent::kernels::XTANGENT_ISA
