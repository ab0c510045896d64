#include "autodiff/array.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>

#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "autodiff/pool.hpp"

namespace xtangent {
namespace {

// Bookkeeping only: results never depend on these, and they order nothing between threads.
constexpr auto relaxed = std::memory_order_relaxed;
std::atomic<std::size_t> live_bytes{0};
std::atomic<std::size_t> peak_bytes{0};

void count_allocation(std::size_t bytes) {
  const std::size_t now = live_bytes.fetch_add(bytes, relaxed) + bytes;
  std::size_t peak = peak_bytes.load(relaxed);
  while (now > peak && !peak_bytes.compare_exchange_weak(peak, now, relaxed)) {
  }
}

// The number of elements. Throws std::bad_alloc where their bytes are too many to be counted.
template <class T>
std::size_t counted(const Shape& shape) {
  if (std::find(shape.begin(), shape.end(), 0u) != shape.end()) return 0;
  std::size_t count = 1;
  for (const std::size_t extent : shape)
    if (__builtin_mul_overflow(count, extent, &count)) throw std::bad_alloc();
  if (count > std::numeric_limits<std::size_t>::max() / 2 / sizeof(T)) throw std::bad_alloc();
  return count;
}

template <class T>
std::shared_ptr<T[]> allocate(std::size_t count) {
  const std::size_t bytes = std::max<std::size_t>(count, 1) * sizeof(T);
  void* memory = pool::take(bytes);
  count_allocation(bytes);
  return std::shared_ptr<T[]>(static_cast<T*>(memory), [bytes](T* p) {
    live_bytes.fetch_sub(bytes, relaxed);
    pool::give(p, bytes);
  });
}

}  // namespace

MemoryStatistics memory_statistics() {
  return {live_bytes.load(relaxed), peak_bytes.load(relaxed), pool::kept_bytes()};
}
void reset_peak_memory() { peak_bytes.store(live_bytes.load(relaxed), relaxed); }
void release_recycled_memory() { pool::release(); }

template <Scalar T>
Array<T>::Array(const Shape& shape) : buffer_(allocate<T>(counted<T>(shape))), shape_(shape), size_(shape.size()) {
  begin_ = buffer_.get();
}

template <Scalar T>
Array<T> Array<T>::unknown(const Shape& shape, std::shared_ptr<const Unknown> recording) {
  Array out;
  out.shape_ = shape;
  out.size_ = counted<T>(shape);
  const std::size_t bytes = std::max<std::size_t>(out.bytes(), 1);
  out.buffer_ =
      std::shared_ptr<T[]>(static_cast<T*>(pool::take_zeros(bytes)), [bytes](T* p) { pool::give_zeros(p, bytes); });
  out.begin_ = out.buffer_.get();
  out.unknown_ = std::move(recording);
  return out;
}

template <Scalar T>
Array<T> Array<T>::full(const Shape& shape, T value) {
  Array out(shape);
  std::fill_n(out.begin_, out.size_, value);
  return out;
}

template <Scalar T>
Array<T> Array<T>::copy_of(const Shape& shape, const T* values) {
  Array out(shape);
  if (out.size_) std::memcpy(out.begin_, values, out.size_ * sizeof(T));
  return out;
}

template <Scalar T>
Array<T> Array<T>::from(const Shape& shape, const std::vector<T>& values) {
  if (values.size() != shape.size())
    throw shape_error("[Array::from] " + std::to_string(values.size()) + " values for shape " + to_string(shape) + ".");
  return copy_of(shape, values.data());
}

template <Scalar T>
void Array<T>::refuse(std::initializer_list<std::ptrdiff_t> index) const {
  std::string text;
  for (const std::ptrdiff_t i : index) text += (text.empty() ? "" : ", ") + std::to_string(i);
  throw shape_error("[array] element (" + text + ") of an array of shape " + to_string(shape_) +
                    ". Give one index for each axis, each from 0 to its extent - 1.");
}

template <Scalar T>
T Array<T>::item() const {
  if (!defined() || size_ != 1)
    throw shape_error("[item] needs exactly one element, got shape " + to_string(shape_) + ".");
  return begin_[0];
}

template <Scalar T>
T* Array<T>::mutable_data() {
  if (defined() && (!unique() || unknown_)) *this = clone();
  return begin_;
}

template <Scalar T>
Array<T> Array<T>::reshaped(const Shape& shape) const {
  if (shape.size() != size_)
    throw shape_error("[reshape] " + to_string(shape_) + " has " + std::to_string(size_) + " elements, " +
                      to_string(shape) + " has " + std::to_string(shape.size()) + ".");
  Array out = *this;
  out.shape_ = shape;
  return out;
}

template <Scalar T>
Array<T> Array<T>::rows(std::size_t first, std::size_t last) const {
  if (rank() == 0 || first > last || last > shape_[0])
    throw shape_error("[rows] range [" + std::to_string(first) + ", " + std::to_string(last) + ") of axis 0 of shape " +
                      to_string(shape_) + ".");
  Shape shape = shape_;
  shape[0] = last - first;
  const std::size_t stride = shape_[0] ? size_ / shape_[0] : 0;
  return flat_slice(first * stride, shape);
}

template <Scalar T>
Array<T> Array<T>::rows_at(const std::vector<std::size_t>& index) const {
  Shape shape = shape_;
  if (rank() == 0 || std::any_of(index.begin(), index.end(), [&](std::size_t i) { return i >= shape_[0]; }))
    throw shape_error("[rows_at] a row is not one of axis 0 of shape " + to_string(shape_) + ".");
  shape[0] = index.size();
  Array out(shape);
  kernels::gather(1, shape_[0], shape_[0] ? size_ / shape_[0] : 0, index, begin_, out.mutable_data());
  return out;
}

template <Scalar T>
Array<T> Array<T>::flat_slice(std::size_t first, const Shape& shape) const {
  if (first + shape.size() > size_)
    throw shape_error("[slice] " + std::to_string(shape.size()) + " elements from " + std::to_string(first) +
                      " on, of an array of " + std::to_string(size_) + ".");
  Array out = *this;
  out.shape_ = shape;
  out.size_ = shape.size();
  out.begin_ = begin_ + first;
  return out;
}

template <class T>
bool all_finite(const Array<T>& values) {
  constexpr std::size_t run = 4096;
  for (std::size_t first = 0; first < values.size(); first += run) {
    const T* x = values.data() + first;
    const std::size_t n = std::min(run, values.size() - first);
    // A finite sum has finite terms; one that is not may have overflowed, so look at each.
    if (!std::isfinite(kernels::loops<T>().sum(n, x)) && !std::all_of(x, x + n, [](T v) { return std::isfinite(v); }))
      return false;
  }
  return true;
}

template class Array<float>;
template class Array<double>;
template bool all_finite(const Array<float>&);
template bool all_finite(const Array<double>&);

}  // namespace xtangent
