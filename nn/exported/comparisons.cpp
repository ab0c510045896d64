// Ops without a derivative: comparisons, logic, rounding. They compute values alone, for which there is no tape.
#include <cmath>
#include <functional>

#include "autodiff/ops/arithmetic.hpp"
#include "nn/exported/aliases.hpp"
#include "nn/exported/table.hpp"

namespace xtangent::nn::exported {
namespace {

// f of each pair of elements of arrays that broadcast. The values of a recording of shapes stay unknown.
template <class T, class F>
Tensor<T> pairwise(const Tensor<T>& a, const Tensor<T>& b, Kind kind, const F& f) {
  const std::size_t rank = std::max(a.rank(), b.rank());
  const Array<T> x = lifted(a, rank).value(), y = lifted(b, rank).value();
  const Shape shape = broadcast_shapes(x.shape(), y.shape(), "compare");
  const Examples mark = a.per_example() || b.per_example() ? Examples::axis0 : Examples::none;
  for (const Array<T>* v : {&x, &y})
    if (v->unknown()) return {Var<T>(Array<T>::unknown(shape, v->unknown()), mark), kind};
  const Array<T> left = broadcast_to(Var<T>(x), shape).value(), right = broadcast_to(Var<T>(y), shape).value();
  Array<T> out(shape);
  for (std::size_t i = 0; i < out.size(); ++i) out.mutable_data()[i] = static_cast<T>(f(left[i], right[i]));
  return {Var<T>(std::move(out), mark), kind};
}

template <class T, class F>
Tensor<T> each(const Tensor<T>& x, Kind kind, const F& f) {
  return pairwise(x, x, kind, [&](T v, T) { return f(v); });
}

template <class F>
void add_comparison(Table& table, std::initializer_list<const char*> names, F f) {
  add(table, names, [f](const auto& c) { return pairwise(c.tensor("self"), c.tensor("other"), Kind::boolean, f); });
}

template <class F>
void add_rounding(Table& table, const char* name, F f) {
  add(table, {name}, [f](const auto& c) {
    const auto x = c.tensor("self");
    return each(x, x.kind, f);
  });
}

// The truth of two arrays, or bits of whole numbers.
template <class T, class Logic, class Bits>
Tensor<T> combined(const Call<T>& c, const Logic& logic, const Bits& bits) {
  const Tensor<T> a = c.tensor("self"), b = c.tensor("other");
  if (a.kind == Kind::boolean && b.kind == Kind::boolean) return pairwise(a, b, Kind::boolean, logic);
  return pairwise(a, b, Kind::integer, [&](T x, T y) { return bits(truncated(x), truncated(y)); });
}

// What division of x by y leaves, exactly: with the sign of y, as Python has it, or with that of x.
template <class T>
T rest_of(T x, T y, bool floors) {
  const T rest = std::fmod(x, y);
  return floors && rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}
// The whole number q of x = q y + rest. The quotient itself may have been rounded up to a whole number.
template <class T>
T whole_quotient(T x, T y, bool floors) {
  if (y == 0) return x / y;
  const T rest = std::fmod(x, y), q = (x - rest) / y;
  return std::nearbyint(floors && rest != 0 && (rest < 0) != (y < 0) ? q - 1 : q);
}

template <class T>
Tensor<T> divided(const Call<T>& c, const std::string& rounding) {
  const Tensor<T> a = c.tensor("self"), b = c.tensor("other");
  if (rounding.empty()) {
    Tensor<T> y = binary(a, b, [](const Var<T>& x, const Var<T>& z) { return x / z; });
    y.kind = Kind::floating;
    return y;
  }
  const bool floors = rounding == "floor";
  return pairwise(a, b, std::max(a.kind, b.kind),
                  [&](T x, T y) { return floors ? whole_quotient(x, y, true) : std::trunc(x / y); });
}

// a - q b with the derivatives of that, and the value of the exact rest.
template <class T>
Tensor<T> remainder(const Call<T>& c, bool floors) {
  const Tensor<T> a = c.tensor("self"), b = c.tensor("other");
  const Kind kind = std::max(a.kind, b.kind);
  const auto infinite = each(b, Kind::boolean, [](T v) { return std::isinf(v); });
  const Tensor<T> finite{where(infinite.value, Var<T>(Array<T>::scalar(T(1))), b.value), b.kind};
  const auto q = pairwise(a, b, kind, [&](T x, T y) { return std::isinf(y) ? T(0) : whole_quotient(x, y, floors); });
  const auto rest = pairwise(a, b, kind, [&](T x, T y) { return rest_of(x, y, floors); });
  const auto product = binary(q, finite, [](const Var<T>& x, const Var<T>& y) { return x * y; });
  const auto rounded = binary(a, product, [](const Var<T>& x, const Var<T>& y) { return x - y; });
  return binary(rounded, rest, [](const Var<T>& x, const Var<T>& y) { return x + (y - x).detached(); });
}

}  // namespace

void add_comparisons(Table& table) {
  add_comparison(table, {"eq"}, [](auto x, auto y) { return x == y; });
  add_comparison(table, {"ne", "not_equal"}, [](auto x, auto y) { return x != y; });
  add_comparison(table, {"lt", "less"}, [](auto x, auto y) { return x < y; });
  add_comparison(table, {"le", "less_equal"}, [](auto x, auto y) { return x <= y; });
  add_comparison(table, {"gt", "greater"}, [](auto x, auto y) { return x > y; });
  add_comparison(table, {"ge", "greater_equal"}, [](auto x, auto y) { return x >= y; });
  add_comparison(table, {"logical_and"}, [](auto x, auto y) { return x != 0 && y != 0; });
  add_comparison(table, {"logical_or"}, [](auto x, auto y) { return x != 0 || y != 0; });
  add_comparison(table, {"logical_xor"}, [](auto x, auto y) { return (x != 0) != (y != 0); });
  add(table, {"bitwise_and", "__and__"}, [](const auto& c) {
    return combined(
        c, [](auto x, auto y) { return x != 0 && y != 0; }, std::bit_and<>());
  });
  add(table, {"bitwise_or", "__or__"}, [](const auto& c) {
    return combined(
        c, [](auto x, auto y) { return x != 0 || y != 0; }, std::bit_or<>());
  });
  add(table, {"bitwise_xor", "__xor__"}, [](const auto& c) {
    return combined(
        c, [](auto x, auto y) { return x != y; }, std::bit_xor<>());
  });
  add(table, {"logical_not"},
      [](const auto& c) { return each(c.tensor("self"), Kind::boolean, [](auto x) { return x == 0; }); });
  add(table, {"bitwise_not"}, [](const auto& c) {
    const auto x = c.tensor("self");
    const bool truth = x.kind == Kind::boolean;
    return each(x, x.kind, [&](auto v) { return truth ? static_cast<decltype(v)>(v == 0) : -v - 1; });
  });
  add(table, {"isnan"},
      [](const auto& c) { return each(c.tensor("self"), Kind::boolean, [](auto x) { return std::isnan(x); }); });
  add(table, {"isinf"},
      [](const auto& c) { return each(c.tensor("self"), Kind::boolean, [](auto x) { return std::isinf(x); }); });
  add_rounding(table, "floor", [](auto x) { return std::floor(x); });
  add_rounding(table, "ceil", [](auto x) { return std::ceil(x); });
  add_rounding(table, "trunc", [](auto x) { return std::trunc(x); });
  add(table, {"round"}, [](const auto& c) {
    const auto x = c.tensor("self");
    if (c.integer("decimals", 0) != 0) c.refuse("to decimals");
    return each(x, x.kind, [](auto v) { return std::nearbyint(v); });
  });
  add_rounding(table, "sign", [](auto x) { return x > 0 ? 1 : x < 0 ? -1 : 0; });
  add(table, {"div", "divide", "true_divide"}, [](const auto& c) { return divided(c, c.text("rounding_mode", "")); });
  add(table, {"floor_divide"}, [](const auto& c) { return divided(c, "floor"); });
  add(table, {"remainder"}, [](const auto& c) { return remainder(c, true); });
  add(table, {"fmod"}, [](const auto& c) { return remainder(c, false); });
}

}  // namespace xtangent::nn::exported
