// Numbers that graphs compute from the extents of arrays.
#include <cmath>

#include "nn/exported/table.hpp"

namespace xtangent::nn::exported {
namespace {

template <class T>
double first(const Call<T>& c) {
  return c.number(c.node().arguments.at(0).name, 0);
}
template <class T>
double second(const Call<T>& c) {
  return c.number(c.node().arguments.at(1).name, 0);
}
template <class T>
bool whole(const Call<T>& c) {
  for (const Value<T>& v : c.arguments())
    if (std::holds_alternative<double>(v.what)) return false;
  return true;
}

// The result of f as a whole number if both arguments are.
template <class F>
void add_number(Table& table, std::initializer_list<const char*> names, F f) {
  add(table, names, [f](const auto& c) {
    using T = element_of<decltype(c)>;
    const double v = f(first(c), c.arguments().size() > 1 ? second(c) : 0.0);
    return whole(c) ? Value<T>(truncated(v)) : Value<T>(v);
  });
}

template <class F>
void add_test(Table& table, const char* name, F f) {
  add(table, {name}, [f](const auto& c) { return f(first(c), second(c)); });
}

}  // namespace

void add_scalar_ops(Table& table) {
  add(table, {"sym_size"}, [](const auto& c) {
    const auto x = c.tensor("self");
    const auto axis = resolve_axis(static_cast<long>(c.integer("dim")), x.rank(), "sym_size");
    return static_cast<std::int64_t>(x.shape()[axis]);
  });
  add(table, {"sym_numel"}, [](const auto& c) { return static_cast<std::int64_t>(c.tensor("self").shape().size()); });
  add(table, {"item", "_local_scalar_dense"}, [](const auto& c) {
    using T = element_of<decltype(c)>;
    const Tensor<T> x = c.tensor("self");
    if (x.per_example()) c.refuse("of an array that depends on the examples: control flow cannot depend on them");
    const auto v = static_cast<double>(x.value.value().item());
    return x.kind == Kind::floating ? Value<T>(v) : Value<T>(truncated(v));
  });
  add(table, {"sym_constrain_range_for_size", "sym_constrain_range", "_assert_scalar", "_assert_async"},
      [](const auto& c) {
        using T = element_of<decltype(c)>;
        return Value<T>();
      });
  add_number(table, {"_operator.add"}, [](double a, double b) { return a + b; });
  add_number(table, {"_operator.sub"}, [](double a, double b) { return a - b; });
  add_number(table, {"_operator.mul"}, [](double a, double b) { return a * b; });
  add_number(table, {"_operator.floordiv"}, [](double a, double b) { return std::floor(a / b); });
  add_number(table, {"_operator.mod"}, [](double a, double b) { return a - b * std::floor(a / b); });
  add_number(table, {"_operator.pow"}, [](double a, double b) { return std::pow(a, b); });
  add_number(table, {"_operator.neg"}, [](double a, double) { return -a; });
  add_number(table, {"torch.sym_max"}, [](double a, double b) { return std::max(a, b); });
  add_number(table, {"torch.sym_min"}, [](double a, double b) { return std::min(a, b); });
  const auto real = [&](std::initializer_list<const char*> names, auto f) {
    add(table, names, [f](const auto& c) { return f(first(c), c.arguments().size() > 1 ? second(c) : 0.0); });
  };
  real({"_operator.truediv"}, [](double a, double b) { return a / b; });
  real({"torch.sym_float", "torch._sym_float"}, [](double a, double) { return a; });
  real({"torch._sym_sqrt", "math.sqrt"}, [](double a, double) { return std::sqrt(a); });
  real({"math.ceil"}, [](double a, double) { return truncated(std::ceil(a)); });
  real({"math.floor"}, [](double a, double) { return truncated(std::floor(a)); });
  real({"math.trunc", "torch.sym_int"}, [](double a, double) { return truncated(a); });
  add_test(table, "_operator.eq", [](double a, double b) { return a == b; });
  add_test(table, "_operator.ne", [](double a, double b) { return a != b; });
  add_test(table, "_operator.lt", [](double a, double b) { return a < b; });
  add_test(table, "_operator.le", [](double a, double b) { return a <= b; });
  add_test(table, "_operator.gt", [](double a, double b) { return a > b; });
  add_test(table, "_operator.ge", [](double a, double b) { return a >= b; });
  add_test(table, "_operator.and_", [](double a, double b) { return a != 0 && b != 0; });
  add_test(table, "_operator.or_", [](double a, double b) { return a != 0 || b != 0; });
}

}  // namespace xtangent::nn::exported
