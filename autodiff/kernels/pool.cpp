#include "autodiff/kernels/pool.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"

namespace xtangent::kernels {
namespace {

// Calls f(first, last, lines) on ranges of images; `lines` has room for rows.size() lines of columns.extent elements.
template <class T>
void for_images(std::size_t images, const Windows& rows, const Windows& columns,
                const std::function<void(std::size_t, std::size_t, T*)>& f) {
  const std::size_t size = std::max<std::size_t>(1, rows.extent * columns.extent);
  parallel_for(images, std::max<std::size_t>(1, (1 << 14) / size), [&](std::size_t first, std::size_t last) {
    std::vector<T> lines(rows.size() * columns.extent);
    f(first, last, lines.data());
  });
}

// Whether the windows are uniform runs that can be computed for a whole image at once, because its lines follow each
// other without a remainder.
bool uniform(const Windows& rows, const Windows& columns) { return columns.cover_exactly() && rows.run > 0; }

// Sums over the rows of each window: lines (rows.size(), columns.extent).
template <class T>
void sum_rows(const Windows& rows, std::size_t width, const T* x, T* lines) {
  for (std::size_t i = 0; i < rows.size(); ++i, lines += width) {
    std::size_t h = rows.first[i];
    if (rows.last[i] - h == 1) {
      std::copy_n(x + h * width, width, lines);
      continue;
    }
    loops<T>().binary(Binary::add, width, x + h * width, 1, x + (h + 1) * width, 1, lines);
    for (h += 2; h < rows.last[i]; ++h) loops<T>().axpy(width, T(1), x + h * width, lines);
  }
}

template <class T>
void average_image(const Windows& rows, const Windows& columns, const T* x, T* y, T* lines) {
  const std::size_t width = columns.extent, out = columns.size();
  sum_rows(rows, width, x, lines);
  if (uniform(rows, columns)) {
    const T scale = static_cast<T>(rows.weight[0] * columns.weight[0]);
    loops<T>().sum_runs(rows.size() * out, columns.run, scale, lines, y);
    return;
  }
  for (std::size_t i = 0; i < rows.size(); ++i, lines += width, y += out) {
    if (columns.run) {
      loops<T>().sum_runs(out, columns.run, static_cast<T>(rows.weight[i] * columns.weight[0]), lines, y);
      continue;
    }
    for (std::size_t j = 0; j < out; ++j) {
      T total = T(0);
      for (std::size_t w = columns.first[j]; w < columns.last[j]; ++w) total += lines[w];
      y[j] = total * static_cast<T>(rows.weight[i] * columns.weight[j]);
    }
  }
}

template <class T>
void spread_columns(const Windows& rows, const Windows& columns, const T* y, T* lines) {
  const std::size_t width = columns.extent, out = columns.size();
  if (uniform(rows, columns)) {
    const T scale = static_cast<T>(rows.weight[0] * columns.weight[0]);
    loops<T>().repeat_runs(rows.size() * out, columns.run, scale, y, lines);
    return;
  }
  for (std::size_t i = 0; i < rows.size(); ++i, lines += width, y += out) {
    if (columns.run) {
      loops<T>().repeat_runs(out, columns.run, static_cast<T>(rows.weight[i] * columns.weight[0]), y, lines);
      std::fill(lines + out * columns.run, lines + width, T(0));
      continue;
    }
    std::fill_n(lines, width, T(0));
    for (std::size_t j = 0; j < out; ++j) {
      const T value = y[j] * static_cast<T>(rows.weight[i] * columns.weight[j]);
      for (std::size_t w = columns.first[j]; w < columns.last[j]; ++w) lines[w] += value;
    }
  }
}

template <class T>
void spread_image(const Windows& rows, const Windows& columns, const T* y, T* x, T* lines) {
  const std::size_t width = columns.extent;
  spread_columns(rows, columns, y, lines);
  if (rows.run) {  // each line is that of `run` rows
    for (std::size_t h = 0; h < rows.run; ++h)
      loops<T>().copy_rows(rows.size(), width, lines, width, x + h * width, rows.run * width);
    std::fill(x + rows.run * rows.size() * width, x + rows.extent * width, T(0));
    return;
  }
  std::fill_n(x, rows.extent * width, T(0));
  for (std::size_t i = 0; i < rows.size(); ++i, lines += width)
    for (std::size_t h = rows.first[i]; h < rows.last[i]; ++h) loops<T>().axpy(width, T(1), lines, x + h * width);
}

template <class T>
void max_image(const Windows& rows, const Windows& columns, const T* x, T* y, T* lines) {
  const std::size_t width = columns.extent, out = columns.size();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(x + rows.first[i] * width, width, lines + i * width);
    for (std::size_t h = rows.first[i] + rows.step; h < rows.last[i]; h += rows.step)
      loops<T>().maximum_into(width, x + h * width, lines + i * width);
  }
  if (uniform(rows, columns)) {
    loops<T>().maximum_runs(rows.size() * out, columns.run, lines, y);
    return;
  }
  for (std::size_t i = 0; i < rows.size(); ++i, lines += width, y += out) {
    if (columns.run)
      loops<T>().maximum_runs(out, columns.run, lines, y);
    else
      for (std::size_t j = 0; j < out; ++j) {
        T best = lines[columns.first[j]];
        for (std::size_t w = columns.first[j] + columns.step; w < columns.last[j]; w += columns.step)
          if (lines[w] > best || std::isnan(lines[w])) best = lines[w];
        y[j] = best;
      }
  }
}

template <class T>
void argmax_image(const Windows& rows, const Windows& columns, const T* x, std::uint32_t* index, T* best) {
  const std::size_t width = columns.extent, out = columns.size();
  for (std::size_t i = 0; i < rows.size(); ++i, index += out) {
    for (std::size_t j = 0; j < out; ++j) {
      const std::size_t at = rows.first[i] * width + columns.first[j];
      best[j] = x[at];
      index[j] = static_cast<std::uint32_t>(at);
    }
    for (std::size_t h = rows.first[i]; h < rows.last[i]; h += rows.step) {
      const T* row = x + h * width;
      if (columns.run) {
        for (std::size_t w = h == rows.first[i] ? 1 : 0; w < columns.run; ++w)
          loops<T>().argmax_into(out, columns.run, row + w, static_cast<std::uint32_t>(h * width + w), best, index);
        continue;
      }
      for (std::size_t j = 0; j < out; ++j)
        for (std::size_t w = columns.first[j]; w < columns.last[j]; w += columns.step) {
          const bool beats = row[w] > best[j] || (std::isnan(row[w]) && !std::isnan(best[j]));
          best[j] = beats ? row[w] : best[j];
          index[j] = beats ? static_cast<std::uint32_t>(h * width + w) : index[j];
        }
    }
  }
}

}  // namespace

Windows sliding_windows(std::size_t extent, const Sliding& s) {
  Windows out;
  out.extent = extent;
  out.step = s.dilation;
  const std::size_t end = extent + 2 * s.padding, room = end + (s.ceil ? s.stride - 1 : 0) - s.reach();
  std::size_t outputs = room / s.stride + 1;
  if (s.ceil && (outputs - 1) * s.stride >= extent + s.padding) --outputs;  // it would hold nothing but padding
  bool whole = true;                                                        // are all windows of the same size?
  for (std::size_t i = 0; i < outputs; ++i) {
    std::size_t begin = i * s.stride;  // counted from the start of the padding
    const std::size_t stop = std::min(begin + s.reach(), end), in_padded = stop - begin;
    if (begin < s.padding) begin += (s.padding - begin + s.dilation - 1) / s.dilation * s.dilation;
    out.first.push_back(begin - s.padding);
    out.last.push_back(std::max(std::min(stop, s.padding + extent), s.padding) - s.padding);
    out.weight.push_back(1.0 / static_cast<double>(s.count_padding ? in_padded : out.last[i] - out.first[i]));
    whole = whole && in_padded == s.reach();
  }
  if (whole && s.padding == 0 && s.dilation == 1 && (s.stride == s.kernel || outputs == 1)) out.run = s.kernel;
  return out;
}

Windows single_windows(std::size_t extent) { return sliding_windows(extent, {.kernel = 1, .stride = 1}); }

Windows adaptive_windows(std::size_t extent, std::size_t outputs) {
  if (extent % outputs == 0) return sliding_windows(extent, {.kernel = extent / outputs, .stride = extent / outputs});
  Windows out;
  out.extent = extent;
  for (std::size_t i = 0; i < outputs; ++i) {
    out.first.push_back(i * extent / outputs);
    out.last.push_back(((i + 1) * extent + outputs - 1) / outputs);
    out.weight.push_back(1.0 / static_cast<double>(out.last[i] - out.first[i]));
  }
  return out;
}

template <class T>
void average_pool(std::size_t images, const Windows& rows, const Windows& columns, const T* x, T* y) {
  const std::size_t in = rows.extent * columns.extent, out = rows.size() * columns.size();
  for_images<T>(images, rows, columns, [&](std::size_t first, std::size_t last, T* lines) {
    for (std::size_t n = first; n < last; ++n) average_image(rows, columns, x + n * in, y + n * out, lines);
  });
}

template <class T>
void average_pool_transpose(std::size_t images, const Windows& rows, const Windows& columns, const T* y, T* x) {
  const std::size_t in = rows.extent * columns.extent, out = rows.size() * columns.size();
  for_images<T>(images, rows, columns, [&](std::size_t first, std::size_t last, T* lines) {
    for (std::size_t n = first; n < last; ++n) spread_image(rows, columns, y + n * out, x + n * in, lines);
  });
}

template <class T>
void max_pool(std::size_t images, const Windows& rows, const Windows& columns, const T* x, T* y) {
  const std::size_t in = rows.extent * columns.extent, out = rows.size() * columns.size();
  for_images<T>(images, rows, columns, [&](std::size_t first, std::size_t last, T* lines) {
    for (std::size_t n = first; n < last; ++n) max_image(rows, columns, x + n * in, y + n * out, lines);
  });
}

template <class T>
void argmax_pool(std::size_t images, const Windows& rows, const Windows& columns, const T* x, std::uint32_t* index) {
  const std::size_t in = rows.extent * columns.extent, out = rows.size() * columns.size();
  for_images<T>(images, rows, columns, [&](std::size_t first, std::size_t last, T*) {
    std::vector<T> best(columns.size());
    for (std::size_t n = first; n < last; ++n) argmax_image(rows, columns, x + n * in, index + n * out, best.data());
  });
}

#define XTANGENT_INSTANTIATE(T)                                                                    \
  template void average_pool(std::size_t, const Windows&, const Windows&, const T*, T*);           \
  template void average_pool_transpose(std::size_t, const Windows&, const Windows&, const T*, T*); \
  template void max_pool(std::size_t, const Windows&, const Windows&, const T*, T*);               \
  template void argmax_pool(std::size_t, const Windows&, const Windows&, const T*, std::uint32_t*);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
