// Products of matrices in bfloat16 by the tiles of AMX. An instruction multiplies 16 rows by 16 columns over 32
// numbers. A block of 32 rows and 32 columns keeps four tiles of sums, and four tiles hold its operands.
#include "autodiff/kernels/simd/bfloat16_packing.hpp"
#include "autodiff/kernels/simd/bfloat16_tables.hpp"

namespace xtangent::kernels::amx {
namespace {

constexpr std::size_t edge = 32;                 // of a block
constexpr int tile_row = 64;                     // bytes
constexpr int block_row = edge * sizeof(float);  // bytes
constexpr std::size_t sums_size = edge * edge;   // floats

// The configuration of the tile registers, as the processor reads it: eight tiles of 16 rows of 64 bytes.
struct alignas(64) TileConfiguration {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfiguration) == 64);

// The tile registers belong to the thread, and a thread that holds them is switched more slowly.
struct Tiles {
  Tiles() {
    static constexpr TileConfiguration configuration;
    _tile_loadconfig(&configuration);
  }
  ~Tiles() { _tile_release(); }
};

// The compiler does not know that loads of tiles read memory, so what was written must not wait in registers.
inline void finish_writing() { asm volatile("" ::: "memory"); }

std::size_t groups_in_blocks(std::size_t rows) { return (rows + edge - 1) / edge * 2; }

std::size_t room(std::size_t rows, std::size_t columns, std::size_t depth) {
  return (groups_in_blocks(rows) + groups_in_blocks(columns)) * steps_of(depth) * group * sizeof(std::int32_t);
}

// All rows in groups of 16: the numbers of row r of a group in a step are at (group, step, r).
void pack_rows(std::size_t rows, std::size_t length, const std::uint16_t* x, std::size_t ldx, std::int32_t* out) {
  const std::size_t steps = steps_of(length), groups = groups_in_blocks(rows);
  for (std::size_t i = 0; i < groups * lanes; ++i)
    for (std::size_t s = 0; s < steps; ++s)
      _mm512_store_si512(out + ((i / lanes * steps + s) * lanes + i % lanes) * lanes,
                         i < rows ? row_of(x + i * ldx + s * step, length - s * step) : _mm512_setzero_si512());
}

// Adds to the tiles of sums the products of two groups of rows with two groups of columns.
inline void multiply(std::size_t steps, const std::int32_t* a, const std::int32_t* b) {
  const std::int32_t *a1 = a + steps * group, *b1 = b + steps * group;
  for (std::size_t s = 0; s < steps * group; s += group) {
    _tile_loadd(4, a + s, tile_row);
    _tile_loadd(6, b + s, tile_row);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, b1 + s, tile_row);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, a1 + s, tile_row);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
}

// A whole block of c, whose tiles are loaded and stored.
void add_whole(std::size_t steps, const std::int32_t* a, const std::int32_t* b, float* c, std::size_t ldc) {
  const std::size_t bytes = ldc * sizeof(float);
  _tile_loadd(0, c, bytes);
  _tile_loadd(1, c + lanes, bytes);
  _tile_loadd(2, c + lanes * ldc, bytes);
  _tile_loadd(3, c + lanes * ldc + lanes, bytes);
  multiply(steps, a, b);
  _tile_stored(0, c, bytes);
  _tile_stored(1, c + lanes, bytes);
  _tile_stored(2, c + lanes * ldc, bytes);
  _tile_stored(3, c + lanes * ldc + lanes, bytes);
}

// A block at the edge of c, of which only some rows and columns are there.
void add_part(std::size_t steps, const std::int32_t* a, const std::int32_t* b, std::size_t rows, std::size_t columns,
              float* c, std::size_t ldc) {
  alignas(64) float sums[sums_size];
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  multiply(steps, a, b);
  _tile_stored(0, sums, block_row);
  _tile_stored(1, sums + lanes, block_row);
  _tile_stored(2, sums + lanes * edge, block_row);
  _tile_stored(3, sums + lanes * edge + lanes, block_row);
  finish_writing();
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) c[i * ldc + j] += sums[i * edge + j];
}

void add(std::size_t rows, std::size_t columns, std::size_t length, const std::uint16_t* a, std::size_t lda,
         const std::uint16_t* b, std::size_t ldb, float* c, std::size_t ldc, std::size_t depth, void* scratch) {
  if (rows == 0 || columns == 0) return;
  const Tiles tiles;
  for (std::size_t begin = 0; begin < length; begin += depth) {
    const std::size_t now = std::min(depth, length - begin), steps = steps_of(now);
    auto* packed_columns = static_cast<std::int32_t*>(scratch);
    std::int32_t* packed_rows = packed_columns + groups_in_blocks(columns) * steps * group;
    pack_columns(columns, groups_in_blocks(columns), now, b + begin, ldb, packed_columns);
    pack_rows(rows, now, a + begin, lda, packed_rows);
    finish_writing();
    for (std::size_t j = 0; j < columns; j += edge)
      for (std::size_t i = 0; i < rows; i += edge) {
        const std::int32_t *of_rows = packed_rows + i / lanes * steps * group,
                           *of_columns = packed_columns + j / lanes * steps * group;
        const std::size_t high = std::min(edge, rows - i), wide = std::min(edge, columns - j);
        if (high == edge && wide == edge)
          add_whole(steps, of_rows, of_columns, c + i * ldc + j, ldc);
        else
          add_part(steps, of_rows, of_columns, high, wide, c + i * ldc + j, ldc);
      }
  }
}

constexpr Bfloat16Product product_of{"AMX", 512, room, add};

}  // namespace

const Bfloat16Product& bfloat16_product() { return product_of; }

}  // namespace xtangent::kernels::amx
