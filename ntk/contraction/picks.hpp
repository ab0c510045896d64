#pragma once

#include <algorithm>

#include "ntk/contraction/side.hpp"

/// What a side of the rule `gather` holds: for each example the rows of the parameter that it picked, in rising order,
/// with their values (K, C).
namespace xtangent::ntk {

/// The largest number of rows of the parameter that an example can have picked.
inline std::size_t slots_of(const UseShape& use) { return std::min(use.positions, use.parameter_size / use.left); }

/// The picked rows of a side's examples.
template <class T>
struct Picks {
  std::size_t slots, probes, width;
  const std::uint32_t *row, *count;  // (N, slots), (N)
  const T* values;                   // (N, slots, K, C)

  explicit Picks(const Side<T>& side)
      : slots(slots_of(*side.term().only())),
        probes(side.probes()),
        width(side.term().only()->left * side.side_by_side()),
        row(side.arrays().row.data() + side.first() * slots),
        count(side.arrays().count.data() + side.first()),
        values(side.arrays().left.data() + side.first() * slots * probes * width) {}

  const T* at(std::size_t example, std::size_t slot) const {
    return values + (example * slots + slot) * probes * width;
  }
};

}  // namespace xtangent::ntk
