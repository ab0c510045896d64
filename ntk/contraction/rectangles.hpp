#pragma once

#include <vector>

#include "ntk/contraction/contract.hpp"

/// The contractions that contract() chooses from: one a file.
namespace xtangent::ntk::rules {

template <class T>
void add_outer(const Side<T>& a, const Side<T>& b, bool fused_bias, Block& block);
template <class T>
void add_readout(const Side<T>& a, const Side<T>& b, bool fused_bias, Block& block);
template <class T>
void add_pixel_gram(const Side<T>& a, const Side<T>& b, Block& block);
template <class T>
void add_position_gram(const Side<T>& a, const Side<T>& b, Block& block);
/// Rows of the parameter that both examples picked meet, the others contribute nothing. 2 K^2 E FLOP for each such row
/// of a pair of examples.
template <class T>
void add_gather(const Side<T>& a, const Side<T>& b, Block& block);
template <class T>
void add_materialized(const Side<T>& a, const Side<T>& b, std::size_t room, Block& block);

/// A rectangle of a block: `row` and `column` count from the beginning of the block, `first_row` and `first_column`
/// from the beginning of their probes.
struct Tile {
  std::size_t row, rows, column, columns;
  std::size_t row_probe, first_row, column_probe, first_column;
};

/// Rectangles that cover all rows of all probes on both sides, those of a symmetric block on and above the diagonal. A
/// rectangle crosses no boundary of probes, unless their rows were joined. ProbeMode::equal: equal probes only.
std::vector<Tile> tiles_of(std::size_t row_probes, std::size_t rows, std::size_t column_probes, std::size_t columns,
                           bool symmetric, std::size_t edge, ProbeMode mode = ProbeMode::cross);
/// How many there are, with the same number of probes on both sides.
std::size_t count_tiles(std::size_t probes, std::size_t rows, std::size_t columns, bool symmetric, std::size_t edge,
                        ProbeMode mode = ProbeMode::cross);

/// A third of the extent leaves six tiles above a diagonal for the threads; larger tiles pack less for each product.
std::size_t tile_edge(std::size_t rows, std::size_t columns);

/// Rows of several probes count as those of one where they follow each other without a gap on both sides and all pairs
/// of probes are wanted.
template <class T>
void join(Rows<T>& a, Rows<T>& b, ProbeMode mode) {
  const auto follow = [](const Rows<T>& r) { return r.probe_stride == r.rows * r.length; };
  if (mode == ProbeMode::equal || !follow(a) || !follow(b)) return;
  for (Rows<T>* r : {&a, &b}) {
    r->rows *= r->probes;
    r->probes = 1;
  }
}

/// out (tile) = A B^T over columns [first, last) of the rows, in T.
template <class T>
void tile_product(const Tile& t, const Rows<T>& a, const Rows<T>& b, std::size_t first, std::size_t last, T* out);

/// How a Gram of long rows is cut: tiles, runs of the rows whose products are added in double, in order, and parts of
/// runs that are tasks of their own where there are few tiles.
struct GramCut {
  std::size_t edge, tiles, tile, runs, parts;  // tile: elements of the largest
  static constexpr std::size_t run_length = 8192;
  static GramCut of(std::size_t probes, std::size_t rows, std::size_t columns, bool symmetric, std::size_t length,
                    ProbeMode mode = ProbeMode::cross);
  /// Of products and partial sums.
  std::size_t bytes(std::size_t scalar_bytes) const;
};

/// Elements of the gradients that are formed at a time in `room` bytes: whole units, at least one.
std::size_t materialized_step(std::size_t size, std::size_t unit, std::size_t element_bytes, std::size_t room);

/// Nothing of the tile is needed of equal probes.
bool below_diagonal(const Tile& t, const Block& block);

/// block += the sums over positions of left Grams times a right one, for a tile t of examples, whose positions are the
/// tile `rows` (of da and db an example). `right` and the room `left` have the size of `rows`.
template <class T>
void add_left_grams(const Tile& t, const Tile& rows, const Rows<T>& a, const Rows<T>& b, const T* right, T* left,
                    std::size_t da, std::size_t db, Block& block);

/// Examples along the edge of a tile of Grams of positions.
std::size_t position_edge(std::size_t positions_a, std::size_t positions_b);

/// Tasks of so many that run at the same time.
std::size_t at_a_time(std::size_t tasks);

}  // namespace xtangent::ntk::rules
