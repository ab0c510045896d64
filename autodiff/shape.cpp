#include "autodiff/shape.hpp"

#include <algorithm>
#include <ostream>

namespace xtangent {

std::string to_string(const Shape& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (i) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + (shape.rank() == 1 ? ",)" : ")");
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << to_string(shape); }

Shape broadcast_shapes(const Shape& a, const Shape& b, const char* who) {
  const std::size_t rank = std::max(a.rank(), b.rank());
  Shape out;
  for (std::size_t back = rank; back >= 1; --back) {
    const std::size_t ea = back <= a.rank() ? a.from_right(back) : 1;
    const std::size_t eb = back <= b.rank() ? b.from_right(back) : 1;
    if (ea != eb && ea != 1 && eb != 1)
      throw shape_error(std::string("[") + who + "] shapes do not broadcast: " + to_string(a) + " and " + to_string(b) +
                        ". Axes are matched from the right; each pair must be equal or hold a 1.");
    out.push_back(ea == 1 ? eb : ea);
  }
  return out;
}

std::size_t resolve_axis(long axis, std::size_t rank, const char* who) {
  const long r = static_cast<long>(rank);
  if (axis < -r || axis >= r)
    throw shape_error(std::string("[") + who + "] axis " + std::to_string(axis) + " of an array of rank " +
                      std::to_string(rank) + ". Axes run from " + std::to_string(-r) + " to " + std::to_string(r - 1) +
                      ".");
  return static_cast<std::size_t>(axis < 0 ? axis + r : axis);
}

}  // namespace xtangent
