#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "autodiff/op.hpp"

/// Linear maps that pick elements: what the rules of max pooling, max over an axis and cross-entropy are made of.
namespace xtangent {

/// Which element of a value of shape `from` each element of shape `to` is. Both are cut into `blocks` equal blocks in
/// order; an index counts within its block.
struct Selection {
  Shape from, to;
  std::size_t blocks = 1;
  std::vector<std::uint32_t> index;  ///< to.size() entries
};

/// Throws shape_error naming `who` for blocks too large for the index of a Selection.
void check_block_size(std::size_t elements, const char* who);

/// (lead..., from) to (lead..., to); any axes may lead, such as probes. A selection that covers the axis of examples
/// keeps them apart where that axis has the same extent on both sides and its extent divides the number of blocks; else
/// it mixes them. Throws shape_error, also for a selection whose blocks or number of indices do not fit its shapes.
template <class T>
Var<T> select(const Var<T>& x, std::shared_ptr<const Selection> selection);
/// The transpose of select: (lead..., to) to (lead..., from), zero where nothing was picked.
template <class T>
Var<T> unselect(const Var<T>& x, std::shared_ptr<const Selection> selection);

/// torch.gather: entry j of the axis is the entry index[..., j, ...] of x at the same place of all other axes, whose
/// extents are those of x. The index holds whole numbers and has no derivative; with the mark of examples, each example
/// has its own. Throws shape_error, and data_error for an index out of range.
template <class T>
Var<T> gather(const Var<T>& x, long axis, const Var<T>& index);

}  // namespace xtangent
