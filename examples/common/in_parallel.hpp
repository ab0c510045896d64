#pragma once

#include <cstddef>
#include <functional>

#include "examples/common/progress.hpp"

namespace xtangent::examples {

/// Calls work(i) for each i below `count`, in this order, on all threads: a small network keeps no more than one busy.
/// The running step of the bar counts weight(i) for each that is done, 1 without weights. After Ctrl-C no more begin,
/// and Interrupted is thrown. Throws what work throws.
void in_parallel(std::size_t count, Progress& bar, const std::function<void(std::size_t)>& work,
                 const std::function<double(std::size_t)>& weight = {});

}  // namespace xtangent::examples
