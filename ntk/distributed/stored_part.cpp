// What a rank reads of a stored kernel.
#include <algorithm>

#include "autodiff/error.hpp"
#include "autodiff/kernels/layout.hpp"
#include "ntk/algebra/converted.hpp"
#include "ntk/distributed/distributed_cholesky.hpp"

namespace xtangent::ntk {
namespace {

Range both(Range a, Range b) {
  const std::size_t first = std::max(a.first, b.first);
  return {first, std::max(first, std::min(a.last, b.last))};
}

bool cross(const std::vector<Range>& runs, Range range) {
  return std::any_of(runs.begin(), runs.end(), [&](Range run) { return both(run, range).size() > 0; });
}

// The part of a rank, to which blocks of the matrix are copied.
template <class T>
class Part {
 public:
  Part(const BlockCyclic& layout, std::size_t rank)
      : rows_(layout.rows(rank)), columns_(layout.columns(rank)), values_({total(rows_), total(columns_)}) {}

  bool needs(Range rows, Range columns) const { return cross(rows_, rows) && cross(columns_, columns); }

  // Takes what it has of a block of the matrix.
  void take(Range rows, Range columns, const Array<T>& block) {
    const std::size_t width = values_.shape()[1];
    T* out = values_.mutable_data();
    std::size_t row = 0;
    for (const Range& own : rows_) {
      const Range r = both(own, rows);
      std::size_t column = 0;
      for (const Range& across : columns_) {
        const Range c = both(across, columns);
        if (r.size() > 0 && c.size() > 0)
          kernels::copy_runs(
              r.size(), c.size(), block.data() + (r.first - rows.first) * columns.size() + c.first - columns.first,
              columns.size(), out + (row + r.first - own.first) * width + column + c.first - across.first, width);
        column += across.size();
      }
      row += own.size();
    }
  }

  Array<T> values() && { return std::move(values_); }

 private:
  std::vector<Range> rows_, columns_;
  Array<T> values_;
};

}  // namespace

template <class T>
Array<T> part_of(const StoredKernel& kernel, const BlockCyclic& layout, std::size_t rank,
                 const std::function<void(double)>& progress) {
  const KernelShape& shape = kernel.shape();
  if (!shape.grid.symmetric || shape.planes != 1)
    throw shape_error("[distributed cholesky] " + kernel.folder().string() + " holds a kernel " +
                      to_string(shape.shape()) + ". A factor needs one symmetric kernel.");
  Part<T> out(layout, rank);
  const auto lines = [&](std::size_t i) {
    const Range examples = shape.grid.row(i);
    return Range{examples.first * shape.block, examples.last * shape.block};
  };
  std::size_t done = 0;
  for (std::size_t i = 0; i < shape.grid.tile_rows(); ++i)
    for (std::size_t j = i; j < shape.grid.tile_rows(); ++j) {
      const Range rows = lines(i), columns = lines(j);
      const bool upper = out.needs(rows, columns), lower = i != j && out.needs(columns, rows);
      if (upper || lower) {
        const Array<T> tile = converted<T>(kernel.block(rows, columns));
        if (upper) out.take(rows, columns, tile);
        if (lower) {
          Array<T> turned({columns.size(), rows.size()});
          kernels::transpose(tile.shape(), {1, 0}, tile.data(), turned.mutable_data());
          out.take(columns, rows, turned);
        }
      }
      if (progress) progress(static_cast<double>(++done) / static_cast<double>(shape.grid.count()));
    }
  return std::move(out).values();
}

template Array<float> part_of(const StoredKernel&, const BlockCyclic&, std::size_t, const std::function<void(double)>&);
template Array<double> part_of(const StoredKernel&, const BlockCyclic&, std::size_t,
                               const std::function<void(double)>&);

}  // namespace xtangent::ntk
