#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

/// Pooling of images (rows.extent, columns.extent), which lie one after the other in memory, by windows along both
/// axes.
namespace xtangent::kernels {

/// Windows along one axis, none of them empty.
struct Windows {
  std::size_t extent = 0;                // inputs along the axis
  std::vector<std::size_t> first, last;  // output i covers inputs first[i], first[i] + step, ... below last[i]
  std::vector<double> weight;            // weight of each input of output i in an average, for a step of 1
  std::size_t step = 1;
  // If not 0, the windows are runs of `run` inputs, side by side from the first input, with equal weights.
  std::size_t run = 0;

  std::size_t size() const { return first.size(); }
  /// Whether the windows lie side by side and cover the axis exactly.
  bool cover_exactly() const { return run > 0 && run * size() == extent; }
};

/// How windows slide along an axis with `padding` more inputs on both sides.
struct Sliding {
  std::size_t kernel, stride, padding = 0, dilation = 1;
  bool ceil = false;           ///< a last window that leaves the padded axis counts, if it begins before its end
  bool count_padding = false;  ///< an average divides by all inputs of the padded axis, not only by those of the axis

  /// Inputs between the ends of a window.
  std::size_t reach() const { return dilation * (kernel - 1) + 1; }
};

/// Requires reach() <= extent + 2 padding, with `ceil` up to stride - 1 more, and 2 padding <= reach(). May leave
/// windows empty, first[i] >= last[i], where there are both padding and dilation.
Windows sliding_windows(std::size_t extent, const Sliding& s);
/// Each input by itself.
Windows single_windows(std::size_t extent);
/// `outputs` windows that cover the axis as evenly as possible: window i from floor(i extent / outputs) to ceil((i + 1)
/// extent / outputs).
Windows adaptive_windows(std::size_t extent, std::size_t outputs);

/// y (images, rows.size(), columns.size()) = weighted sums of x (images, rows.extent, columns.extent).
template <class T>
void average_pool(std::size_t images, const Windows& rows, const Windows& columns, const T* x, T* y);
/// The transpose: spreads y over x.
template <class T>
void average_pool_transpose(std::size_t images, const Windows& rows, const Windows& columns, const T* y, T* x);

template <class T>
void max_pool(std::size_t images, const Windows& rows, const Windows& columns, const T* x, T* y);
/// The place in its image of each maximum, the first one row by row: index (images, rows.size(), columns.size()).
template <class T>
void argmax_pool(std::size_t images, const Windows& rows, const Windows& columns, const T* x, std::uint32_t* index);

}  // namespace xtangent::kernels
