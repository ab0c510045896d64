#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <initializer_list>
#include <memory>
#include <type_traits>
#include <vector>

#include "autodiff/shape.hpp"

namespace xt {
enum class layout_type;
template <class D>
class xexpression;
template <class EC, layout_type L, class SC, class Tag>
class xarray_container;
}  // namespace xt

/// Arrays: the only values inside the library.
namespace xtangent {

/// Bytes that arrays hold now and at most since the last reset, and that are kept for arrays to come.
struct MemoryStatistics {
  std::size_t live = 0;
  std::size_t peak = 0;
  std::size_t recycled = 0;
};
MemoryStatistics memory_statistics();
/// Sets the recorded peak to what is live now.
void reset_peak_memory();
/// Gives recycled buffers back to the operating system.
void release_recycled_memory();

/// True for xt::xarray with elements of type T.
template <class X, class T>
inline constexpr bool is_xarray_of = false;
template <class EC, xt::layout_type L, class SC, class Tag, class T>
inline constexpr bool is_xarray_of<xt::xarray_container<EC, L, SC, Tag>, T> =
    std::is_same_v<typename EC::value_type, T>;

/// The types of elements.
template <class T>
concept Scalar = std::same_as<T, float> || std::same_as<T, double>;

/// A recording of shapes alone, from which the work and the memory of a network are counted. Its arrays are
/// Array::unknown: an op with such an argument does no arithmetic and yields another one. As long as `guarded`, reading
/// the value of a Var throws unknown_value, so a network that looks at values is noticed.
struct Unknown {
  bool guarded = true;
};
/// The value of a Var was read in a recording of shapes alone.
struct unknown_value : std::exception {
  const char* what() const noexcept override { return "a value was read in a recording of shapes"; }
};

/// The only value type inside the library: reference-counted, contiguous, row-major, 64-byte aligned.
/// Copies, reshapes and ranges of axis 0 share the buffer; writing to a shared buffer copies it first, so an Array
/// handed to a Var never changes. T is float or double. The xtensor parts are in <autodiff/xtensor.hpp>.
template <Scalar T>
class Array {
 public:
  using value_type = T;

  /// An undefined array: no shape, no buffer.
  Array() = default;
  /// Uninitialized elements. Throws std::bad_alloc.
  explicit Array(const Shape& shape);
  /// From any xtensor expression of any element type. Include <autodiff/xtensor.hpp>.
  template <class E>
  Array(const xt::xexpression<E>& expression);

  static Array full(const Shape& shape, T value);
  static Array zeros(const Shape& shape) { return full(shape, T(0)); }
  static Array ones(const Shape& shape) { return full(shape, T(1)); }
  static Array scalar(T value) { return full({}, value); }
  /// An array of which only the shape is known, see Unknown. It reads as zeros, and takes no memory until it is
  /// written.
  static Array unknown(const Shape& shape, std::shared_ptr<const Unknown> recording);
  /// Copies shape.size() elements.
  static Array copy_of(const Shape& shape, const T* values);
  /// Copies a vector; throws shape_error when the sizes differ.
  static Array from(const Shape& shape, const std::vector<T>& values);

  bool defined() const { return buffer_ != nullptr; }
  /// The recording to which the array belongs if only its shape is known, else null.
  const std::shared_ptr<const Unknown>& unknown() const { return unknown_; }
  const Shape& shape() const { return shape_; }
  std::size_t rank() const { return shape_.rank(); }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return size_ * sizeof(T); }
  const T* data() const { return begin_; }
  /// Element number `flat` of the buffer, unchecked.
  const T& operator[](std::size_t flat) const { return begin_[flat]; }
  /// The element at these indices, one for each axis: k(i, j). Throws shape_error for another number of indices or one
  /// that is out of range.
  template <std::integral... Index>
  requires(sizeof...(Index) <= Shape::max_rank) const T& operator()(Index... index) const {
    return begin_[offset_of({static_cast<std::ptrdiff_t>(index)...})];
  }
  /// The single element; throws shape_error unless size() is 1.
  T item() const;

  /// Pointer for writing: copies first when the buffer is shared.
  T* mutable_data();
  /// True when nobody else holds the buffer.
  bool unique() const { return buffer_.use_count() == 1; }

  /// The same elements under another shape, without a copy. Throws shape_error when the sizes differ.
  Array reshaped(const Shape& shape) const;
  /// Range [first, last) of axis 0, without a copy. Throws shape_error when out of range.
  Array rows(std::size_t first, std::size_t last) const;
  /// The rows of axis 0 with these numbers, in their order, copied. Throws shape_error when one is out of range.
  Array rows_at(const std::vector<std::size_t>& index) const;
  /// Elements [first, first + shape.size()) of the flat buffer under a shape, without a copy.
  Array flat_slice(std::size_t first, const Shape& shape) const;
  Array clone() const { return copy_of(shape_, begin_); }

  /// A read-only xtensor view without a copy. Include <autodiff/xtensor.hpp>.
  template <class Self = Array>
  auto xt() const;
  /// A copy as xt::xarray<T>. Include <autodiff/xtensor.hpp>.
  template <class Self = Array>
  auto to_xarray() const;
  /// The same where an xt::xarray<T> is asked for: `xt::xarray<double> g = grad(f, x);` Include
  /// <autodiff/xtensor.hpp>.
  template <class X>
  requires is_xarray_of<X, T>
  operator X() const;

 private:
  // Place in the buffer of these indices.
  std::size_t offset_of(std::initializer_list<std::ptrdiff_t> index) const {
    bool inside = defined() && index.size() == rank();
    std::size_t offset = 0, axis = 0;
    for (const std::ptrdiff_t* i = index.begin(); inside && i != index.end(); ++i) {
      inside = *i >= 0 && static_cast<std::size_t>(*i) < shape_[axis];
      offset = offset * shape_[axis++] + static_cast<std::size_t>(*i);
    }
    if (!inside) refuse(index);
    return offset;
  }
  [[noreturn]] void refuse(std::initializer_list<std::ptrdiff_t> index) const;

  std::shared_ptr<T[]> buffer_;
  std::shared_ptr<const Unknown> unknown_;
  T* begin_ = nullptr;
  Shape shape_;
  std::size_t size_ = 0;
};

/// True when every element is finite.
template <class T>
bool all_finite(const Array<T>& values);

extern template class Array<float>;
extern template class Array<double>;

}  // namespace xtangent
