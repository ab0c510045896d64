#pragma once

#include <cstdint>
#include <vector>

#include "ntk/contraction/block.hpp"
#include "ntk/contraction/side.hpp"

/// How rules cut their products into rectangles, each of which is a task.
namespace xtangent::ntk {

/// A rectangle of a matrix whose rows and columns belong to probes. `row` and `column` count from the beginning of the
/// matrix, `first_row` and `first_column` from the beginning of their probes.
struct Rectangle {
  std::size_t row, rows, column, columns;
  std::size_t row_probe, first_row, column_probe, first_column;
};

/// Rectangles that cover all rows of all probes on both sides, or what is on and above the diagonal of a symmetric
/// matrix. A rectangle does not cross a boundary between probes, unless their rows were joined. ProbeMode::equal takes
/// equal probes only.
std::vector<Rectangle> rectangles_of(std::size_t row_probes, std::size_t rows, std::size_t column_probes,
                                     std::size_t columns, bool symmetric, std::size_t edge,
                                     ProbeMode mode = ProbeMode::cross);
/// The number of these rectangles.
std::size_t count_rectangles(std::size_t row_probes, std::size_t rows, std::size_t column_probes, std::size_t columns,
                             bool symmetric, std::size_t edge, ProbeMode mode = ProbeMode::cross);

/// The edge of rectangles, which is about a quarter of the extent, and at most 320. Two threads share the four
/// rectangles on a diagonal and the six above it evenly; larger ones pack less for each product.
std::size_t rectangle_edge(std::size_t rows, std::size_t columns);

/// Joins the rows of several probes to those of one, if on both sides they follow each other without a gap and all
/// pairs of probes are wanted.
template <class T>
void join_probes(Rows<T>& a, Rows<T>& b, ProbeMode mode) {
  const auto follow = [](const Rows<T>& r) {
    return r.probe_stride == r.rows * r.length && (!r.scales || r.scale_stride == r.rows);
  };
  if (mode == ProbeMode::equal || !follow(a) || !follow(b)) return;
  for (Rows<T>* r : {&a, &b}) {
    r->rows *= r->probes;
    r->probes = 1;
  }
}

/// Computes the rectangle of A B^T over columns [first, last) of the rows into `out`, in T.
template <class T>
void rectangle_product(const Rectangle& r, const Rows<T>& a, const Rows<T>& b, std::size_t first, std::size_t last,
                       T* out);
/// The same for rows in bfloat16, with sums in float.
void rectangle_product(const Rectangle& r, const Rows<std::uint16_t>& a, const Rows<std::uint16_t>& b,
                       std::size_t first, std::size_t last, float* out);

/// Whether a rectangle of examples is below the diagonal of a symmetric block, where no pair of equal probes needs it.
bool below_diagonal(const Rectangle& r, const BlockShape& block);

/// Scratch bytes of rows (K, N) against columns (K', M) for a rule that joins probes where it can. It is the larger of
/// the bytes with probes joined and apart, which `bytes(row_probes, rows, column_probes, columns)` counts.
template <class Bytes>
std::size_t larger_way(const BlockShape& b, const Bytes& bytes) {
  const std::size_t k = b.rows_each(), j = b.columns_each(), one = 1, apart = bytes(k, b.rows, j, b.columns);
  return b.mode == ProbeMode::equal ? apart : std::max(apart, bytes(one, k * b.rows, one, j * b.columns));
}

}  // namespace xtangent::ntk
