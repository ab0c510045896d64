#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>

#include "autodiff/error.hpp"

namespace xtangent {

/// The extents of an array, outermost axis first. More than `max_rank` axes throw shape_error.
class Shape {
 public:
  static constexpr std::size_t max_rank = 8;

  Shape() = default;
  Shape(std::initializer_list<std::size_t> extents) : Shape(extents.begin(), extents.end()) {}
  template <class Iterator>
  Shape(Iterator first, Iterator last) {
    for (; first != last; ++first) push_back(static_cast<std::size_t>(*first));
  }

  std::size_t rank() const { return rank_; }
  /// Number of elements; 1 for rank 0.
  std::size_t size() const {
    std::size_t n = 1;
    for (std::size_t e : *this) n *= e;
    return n;
  }
  std::size_t operator[](std::size_t axis) const { return extent_[axis]; }
  std::size_t& operator[](std::size_t axis) { return extent_[axis]; }
  /// Extent of an axis counted from the right: from_right(1) is the last.
  std::size_t from_right(std::size_t back) const { return extent_[rank_ - back]; }
  std::size_t front() const { return extent_[0]; }
  std::size_t back() const { return extent_[rank_ - 1]; }
  const std::size_t* begin() const { return extent_.data(); }
  const std::size_t* end() const { return extent_.data() + rank_; }

  void push_back(std::size_t extent) {
    if (rank_ == max_rank) throw shape_error("[shape] more than 8 axes. Merge axes with reshape first.");
    extent_[rank_++] = extent;
  }
  /// Axes [first, last).
  Shape slice(std::size_t first, std::size_t last) const { return Shape(begin() + first, begin() + last); }
  /// This shape with one more axis in front.
  Shape prepended(std::size_t extent) const { return Shape{extent}.joined(*this); }
  /// This shape followed by the axes of another.
  Shape joined(const Shape& tail) const {
    Shape out = *this;
    for (std::size_t e : tail) out.push_back(e);
    return out;
  }

  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (std::size_t i = 0; i < a.rank_; ++i)
      if (a.extent_[i] != b.extent_[i]) return false;
    return true;
  }

 private:
  std::array<std::size_t, max_rank> extent_{};
  std::size_t rank_ = 0;
};

/// "(2, 3)"; "(2,)" for one axis; "()" for a scalar.
std::string to_string(const Shape& shape);
std::ostream& operator<<(std::ostream& out, const Shape& shape);

/// The shape to which NumPy broadcasts both shapes. Throws shape_error naming `who`.
Shape broadcast_shapes(const Shape& a, const Shape& b, const char* who);

/// The axis counted from the left, for one that may be negative and then counts from the right. Throws shape_error
/// naming `who` when it is out of range.
std::size_t resolve_axis(long axis, std::size_t rank, const char* who);

}  // namespace xtangent
