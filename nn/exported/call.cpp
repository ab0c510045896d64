#include "nn/exported/call.hpp"

#include <cmath>

namespace xtangent::nn::exported {

template <class T>
const Value<T>& Call<T>::given(std::string_view name) const {
  const Value<T>* found = find(name);
  if (!found) refuse("without '" + std::string(name) + "'");
  return *found;
}

template <class T>
Tensor<T> Call<T>::tensor(std::string_view name) const {
  const Value<T>& value = given(name);
  if (const Tensor<T>* tensor = value.tensor()) return *tensor;
  if (const auto* v = std::get_if<double>(&value.what)) return scalar<T>(*v, Kind::floating);
  if (const auto* v = std::get_if<std::int64_t>(&value.what)) return scalar<T>(static_cast<double>(*v), Kind::integer);
  if (const auto* v = std::get_if<bool>(&value.what)) return scalar<T>(*v, Kind::boolean);
  refuse("with a '" + std::string(name) + "' that is no array");
}

template <class T>
std::optional<Tensor<T>> Call<T>::tensor_or_none(std::string_view name) const {
  if (!has(name)) return std::nullopt;
  return tensor(name);
}

template <class T>
Var<T> Call<T>::var_or_none(std::string_view name) const {
  return has(name) ? tensor(name).value : Var<T>();
}

template <class T>
std::vector<Tensor<T>> Call<T>::tensors(std::string_view name) const {
  const auto* list = std::get_if<Values<T>>(&given(name).what);
  if (!list) refuse("with a '" + std::string(name) + "' that is no list");
  std::vector<Tensor<T>> out;
  for (const Value<T>& item : *list) {
    if (!item.tensor()) refuse("with a list '" + std::string(name) + "' that holds more than arrays");
    out.push_back(*item.tensor());
  }
  return out;
}

template <class T>
std::int64_t whole_number(const Call<T>& call, const Value<T>& value, std::string_view name) {
  if (const auto* v = std::get_if<std::int64_t>(&value.what)) return *v;
  if (const auto* v = std::get_if<bool>(&value.what)) return *v;
  if (const auto* v = std::get_if<double>(&value.what); v && *v == std::floor(*v)) return truncated(*v);
  call.refuse("with a '" + std::string(name) + "' that is no whole number");
}

template <class T>
double real_number(const Call<T>& call, const Value<T>& value, std::string_view name) {
  if (const auto* v = std::get_if<double>(&value.what)) return *v;
  return static_cast<double>(whole_number(call, value, name));
}

template <class T>
std::int64_t Call<T>::integer(std::string_view name) const {
  return whole_number(*this, given(name), name);
}

template <class T>
double Call<T>::number(std::string_view name, double otherwise) const {
  const Value<T>* value = find(name);
  return value ? real_number(*this, *value, name) : otherwise;
}

template <class T>
bool Call<T>::boolean(std::string_view name, bool otherwise) const {
  return has(name) ? integer(name) != 0 : otherwise;
}

template <class T>
std::string Call<T>::text(std::string_view name, const std::string& otherwise) const {
  const Value<T>* value = find(name);
  if (!value) return otherwise;
  if (const auto* v = std::get_if<std::string>(&value->what)) return *v;
  refuse("with a '" + std::string(name) + "' that is no text");
}

template <class T>
std::vector<std::int64_t> Call<T>::integers(std::string_view name) const {
  const Value<T>& value = given(name);
  const auto* list = std::get_if<Values<T>>(&value.what);
  if (!list) return {whole_number(*this, value, name)};
  std::vector<std::int64_t> out;
  for (const Value<T>& item : *list) out.push_back(whole_number(*this, item, name));
  return out;
}

template <class T>
std::vector<double> Call<T>::numbers(std::string_view name) const {
  const Value<T>& value = given(name);
  const auto* list = std::get_if<Values<T>>(&value.what);
  if (!list) return {real_number(*this, value, name)};
  std::vector<double> out;
  for (const Value<T>& item : *list) out.push_back(real_number(*this, item, name));
  return out;
}

template <class T>
std::vector<std::size_t> Call<T>::extents(std::string_view name, std::size_t count,
                                          std::vector<std::int64_t> otherwise) const {
  std::vector<std::int64_t> values = integers(name, std::move(otherwise));
  if (values.size() == 1) values.assign(count, values.front());
  std::vector<std::size_t> out;
  for (std::int64_t v : values) {
    if (v < 0) refuse("with a negative '" + std::string(name) + "'");
    out.push_back(static_cast<std::size_t>(v));
  }
  if (out.size() != count) refuse("with a '" + std::string(name) + "' of another length");
  return out;
}

template class Call<float>;
template class Call<double>;

}  // namespace xtangent::nn::exported
