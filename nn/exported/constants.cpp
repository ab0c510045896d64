// Arrays that are made of numbers and shapes, and conversions of types.
#include <cmath>

#include "nn/exported/table.hpp"

namespace xtangent::nn::exported {
namespace {

template <class T>
Kind kind_given(const Call<T>& c, Kind otherwise) {
  return c.has("dtype") ? kind_of(c.integer("dtype"), "the result of " + c.node().op) : otherwise;
}

// The kind of new arrays without a dtype: that of `self`, or of the number that fills it.
template <class T>
Kind usual_kind(const Call<T>& c) {
  if (c.has("self")) return c.tensor("self").kind;
  return c.has("fill_value") ? c.tensor("fill_value").kind : Kind::floating;
}

// Whole numbers are cut toward zero, as by PyTorch.
template <class T>
Tensor<T> filled(const Shape& shape, double value, Kind kind) {
  if (kind == Kind::integer) value = std::trunc(value);
  if (kind == Kind::boolean) value = value != 0 ? 1 : 0;
  return {Var<T>(Array<T>::full(shape, element<T>(value))), kind};
}

// Values of x as elements of another kind: whole numbers toward zero, truth where it is not 0.
template <class T>
Tensor<T> converted(const Tensor<T>& x, Kind kind) {
  const bool rounds = kind == Kind::integer && x.kind == Kind::floating,
             tests = kind == Kind::boolean && x.kind != kind;
  if (!rounds && !tests) return {x.value, kind};
  const Array<T> values = x.value.value();
  if (values.unknown()) return {Var<T>(Array<T>::unknown(values.shape(), values.unknown()), x.value.examples()), kind};
  Array<T> out(values.shape());
  for (std::size_t i = 0; i < out.size(); ++i)
    out.mutable_data()[i] = tests ? static_cast<T>(values[i] != 0) : std::trunc(values[i]);
  return {Var<T>(std::move(out), x.value.examples()), kind};
}

template <class T>
Tensor<T> range(const Call<T>& c) {
  const double first = c.number("start", 0), last = c.number("end", 0), step = c.number("step", 1);
  if (step == 0) c.refuse("with a step of 0");
  const double numbers = std::max(0.0, std::ceil((last - first) / step));
  if (!(numbers < 0x1p48)) c.refuse("of " + std::to_string(numbers) + " numbers");
  const auto count = static_cast<std::size_t>(numbers);
  Array<T> out({count});
  for (std::size_t i = 0; i < count; ++i) out.mutable_data()[i] = static_cast<T>(first + static_cast<double>(i) * step);
  bool whole = true;
  for (const char* name : {"start", "end", "step"})
    if (c.has(name) && std::holds_alternative<double>(c.find(name)->what)) whole = false;
  return {Var<T>(out), kind_given(c, whole ? Kind::integer : Kind::floating)};
}

template <class T>
Tensor<T> even_numbers(const Call<T>& c) {
  const double first = c.number("start", 0), last = c.number("end", 0);
  if (c.integer("steps") < 0) c.refuse("of " + std::to_string(c.integer("steps")) + " numbers");
  const auto count = static_cast<std::size_t>(c.integer("steps"));
  Array<T> out({count});
  for (std::size_t i = 0; i < count; ++i)
    out.mutable_data()[i] = static_cast<T>(
        count == 1 ? first : first + (last - first) * static_cast<double>(i) / static_cast<double>(count - 1));
  return converted(Tensor<T>{Var<T>(out), Kind::floating}, kind_given(c, Kind::floating));
}

}  // namespace

void add_constants(Table& table) {
  add(table, {"arange"}, [](const auto& c) { return range(c); });
  add(table, {"linspace"}, [](const auto& c) { return even_numbers(c); });
  const auto with_shape = [&](std::initializer_list<const char*> names, auto value) {
    add(table, names, [value](const auto& c) {
      using T = element_of<decltype(c)>;
      return filled<T>(c.shape("size"), value(c), kind_given(c, usual_kind(c)));
    });
  };
  with_shape({"zeros", "empty", "new_zeros", "new_empty"}, [](const auto&) { return 0.0; });
  with_shape({"ones", "new_ones"}, [](const auto&) { return 1.0; });
  with_shape({"full", "new_full"}, [](const auto& c) { return c.number("fill_value", 0); });
  const auto like = [&](std::initializer_list<const char*> names, auto value) {
    add(table, names, [value](const auto& c) {
      using T = element_of<decltype(c)>;
      const Tensor<T> x = c.tensor("self");
      return filled<T>(x.shape(), value(c), kind_given(c, x.kind));
    });
  };
  like({"zeros_like", "empty_like", "zero"}, [](const auto&) { return 0.0; });
  like({"ones_like"}, [](const auto&) { return 1.0; });
  like({"full_like"}, [](const auto& c) { return c.number("fill_value", 0); });
  add(table, {"fill"}, [](const auto& c) {
    const auto x = c.tensor("self");
    return converted(expanded(c.tensor("value"), x.shape()), x.kind);
  });
  add(table, {"scalar_tensor"}, [](const auto& c) {
    using T = element_of<decltype(c)>;
    return filled<T>({}, c.number("s", 0), kind_given(c, Kind::floating));
  });
  add(table, {"eye"}, [](const auto& c) {
    using T = element_of<decltype(c)>;
    const auto rows = static_cast<std::size_t>(c.integer("n")),
               columns = static_cast<std::size_t>(c.integer("m", c.integer("n")));
    Tensor<T> out = filled<T>({rows, columns}, 0, kind_given(c, Kind::floating));
    Array<T> values = out.value.value();
    for (std::size_t i = 0; i < std::min(rows, columns); ++i) values.mutable_data()[i * columns + i] = 1;
    out.value = Var<T>(values);
    return out;
  });
  add(table, {"to", "_to_copy", "type_as"}, [](const auto& c) {
    const auto x = c.tensor("self");
    if (c.has("other")) return converted(x, c.tensor("other").kind);
    return converted(x, kind_given(c, x.kind));
  });
  add(table, {"copy"}, [](const auto& c) {
    const auto x = c.tensor("self");
    return converted(expanded(c.tensor("src"), x.shape()), x.kind);
  });
}

}  // namespace xtangent::nn::exported
