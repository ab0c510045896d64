#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

/// Pooling of images (rows.extent, columns.extent), one after the other in memory, by windows along both axes.
namespace xtangent::kernels {

/// Windows along one axis, none of them empty.
struct Windows {
  std::size_t extent = 0;                // inputs along the axis
  std::vector<std::size_t> first, last;  // output i covers inputs [first[i], last[i])
  std::vector<double> weight;            // of the inputs of output i in an average
  std::size_t run = 0;                   // not 0: windows of `run` inputs side by side from the first, equal weights

  std::size_t size() const { return first.size(); }
  /// Side by side, without a rest.
  bool tiles() const { return run > 0 && run * size() == extent; }
};

/// Windows of `kernel` inputs every `stride`, over `padding` more on both sides; 0 < 2 padding + extent - kernel and
/// 2 padding <= kernel. With count_padding an average divides by the kernel, else by the inputs in the window.
Windows sliding_windows(std::size_t extent, std::size_t kernel, std::size_t stride, std::size_t padding,
                        bool count_padding);
/// `outputs` windows that cover the axis as evenly as it goes: from floor(i extent / outputs) to the ceiling of
/// (i + 1) extent / outputs.
Windows adaptive_windows(std::size_t extent, std::size_t outputs);

/// y (images, rows.size(), columns.size()) = weighted sums of x (images, rows.extent, columns.extent).
template <class T>
void average_pool(std::size_t images, const Windows& rows, const Windows& columns, const T* x, T* y);
/// The transpose: spreads y over x.
template <class T>
void average_pool_transpose(std::size_t images, const Windows& rows, const Windows& columns, const T* y, T* x);

template <class T>
void max_pool(std::size_t images, const Windows& rows, const Windows& columns, const T* x, T* y);
/// Where in its image each maximum stands first, row by row: index (images, rows.size(), columns.size()).
template <class T>
void argmax_pool(std::size_t images, const Windows& rows, const Windows& columns, const T* x, std::uint32_t* index);

}  // namespace xtangent::kernels
