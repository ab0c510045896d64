#include "nn/parameters.hpp"

#include <algorithm>
#include <numeric>

#include "autodiff/kernels/elementwise.hpp"

namespace xtangent::nn {
namespace {

// The edit distance of Levenshtein.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

const ParameterInfo* find(const std::vector<ParameterInfo>& infos, std::string_view name) {
  const auto found = std::find_if(infos.begin(), infos.end(), [&](const ParameterInfo& i) { return i.name == name; });
  return found == infos.end() ? nullptr : &*found;
}

// The entry with this name among parameters and buffers.
const ParameterInfo& find(const Layout& layout, std::string_view given) {
  const std::string_view name = layout.listed(given);
  if (const ParameterInfo* info = find(layout.parameters, name)) return *info;
  if (const ParameterInfo* info = find(layout.buffers, name)) return *info;
  std::vector<std::string> names;
  for (const auto* infos : {&layout.parameters, &layout.buffers})
    for (const ParameterInfo& info : *infos) names.push_back(info.name);
  throw parameter_error("[parameters] no parameter " + near_names(name, names));
}

template <class T>
void check_size(const char* what, const Array<T>& values, std::size_t size) {
  if (!values.defined() || values.size() != size)
    throw shape_error(std::string("[parameters] ") + what + " has " + std::to_string(values.size()) +
                      " elements, the network has " + std::to_string(size) + ".");
}

}  // namespace

std::string near_names(std::string_view name, const std::vector<std::string>& names) {
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const std::string& other : names) {
    const std::size_t distance = edit_distance(name, other);
    const bool part = !name.empty() && other.find(name) != std::string::npos;
    if (part || distance <= 2 + name.size() / 4) near.emplace_back(part ? 0 : distance, other);
  }
  std::stable_sort(near.begin(), near.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> listed;
  for (const auto& [distance, other] : near)
    if (listed.size() < 3) listed.push_back(other);
  if (near.empty()) listed.assign(names.begin(), names.begin() + std::min<std::ptrdiff_t>(6, std::ssize(names)));

  std::string out;
  out.append("'").append(name).append("'. ").append(near.empty() ? "There are " : "Near: ");
  if (names.empty()) out.append("none");
  for (std::size_t i = 0; i < listed.size(); ++i) out.append(i ? ", " : "").append(listed[i]);
  if (near.empty() && names.size() > listed.size())
    out.append(" and ").append(std::to_string(names.size() - listed.size())).append(" more");
  return out + ".";
}

std::string_view Layout::listed(std::string_view name) const {
  for (const auto& [other, first] : aliases)
    if (other == name) return first;
  return name;
}

template <Scalar T>
Parameters<T>::Parameters() : layout_(std::make_shared<const Layout>()), flat_(Shape{0}), buffers_(Shape{0}) {}

template <Scalar T>
Parameters<T>::Parameters(std::shared_ptr<const Layout> layout, Array<T> flat, Array<T> buffers)
    : layout_(std::move(layout)) {
  set_flat(std::move(flat));
  set_buffers(std::move(buffers));
}

template <Scalar T>
void Parameters<T>::set_flat(Array<T> flat) {
  check_size("the flat array", flat, layout_->parameter_size);
  flat_ = flat.reshaped({flat.size()});
}

template <Scalar T>
void Parameters<T>::set_buffers(Array<T> buffers) {
  check_size("the array of buffers", buffers, layout_->buffer_size);
  buffers_ = buffers.reshaped({buffers.size()});
}

template <Scalar T>
Array<T> Parameters<T>::operator[](std::string_view name) const {
  const ParameterInfo& info = find(*layout_, name);
  return (info.trainable ? flat_ : buffers_).flat_slice(info.offset, info.shape);
}

template <Scalar T>
Array<T> Parameters<T>::slice(std::size_t index) const {
  if (index >= count())
    throw parameter_error("[parameters] array " + std::to_string(index) + " of " + std::to_string(count()) + ".");
  const ParameterInfo& info = layout_->parameters[index];
  return flat_.flat_slice(info.offset, info.shape);
}

template <Scalar T>
bool Parameters<T>::contains(std::string_view name) const {
  const std::string_view listed = layout_->listed(name);
  return find(layout_->parameters, listed) || find(layout_->buffers, listed);
}

template <Scalar T>
void Parameters<T>::set(std::string_view name, const Array<T>& value) {
  const ParameterInfo& info = find(*layout_, name);
  if (!(value.shape() == info.shape))
    throw shape_error("[parameters] '" + info.name + "' has shape " + to_string(info.shape) + ", got " +
                      to_string(value.shape()) + ".");
  const Array<T> source = value;  // keeps the elements alive when value is a slice of this very array
  T* target = (info.trainable ? flat_ : buffers_).mutable_data() + info.offset;
  std::copy_n(source.data(), source.size(), target);
}

template <Scalar T>
template <class U>
Parameters<U> Parameters<T>::cast() const {
  Array<U> flat(flat_.shape()), buffers(buffers_.shape());
  std::transform(flat_.data(), flat_.data() + flat_.size(), flat.mutable_data(), [](T v) { return static_cast<U>(v); });
  std::transform(buffers_.data(), buffers_.data() + buffers_.size(), buffers.mutable_data(),
                 [](T v) { return static_cast<U>(v); });
  return Parameters<U>(layout_, std::move(flat), std::move(buffers));
}

template <class T>
Parameters<T> draw_parameters(std::shared_ptr<const Layout> layout, std::uint64_t seed) {
  Array<T> flat(Shape{layout->parameter_size}), buffers(Shape{layout->buffer_size});
  const auto fill = [seed](const std::vector<ParameterInfo>& infos, T* out) {
    for (const ParameterInfo& info : infos) {
      const Array<T> values = draw<T>(info.initializer, info.shape, seed, stream_of(info.name));
      std::copy_n(values.data(), values.size(), out + info.offset);
    }
  };
  fill(layout->parameters, flat.mutable_data());
  fill(layout->buffers, buffers.mutable_data());
  return Parameters<T>(std::move(layout), std::move(flat), std::move(buffers));
}

template class Parameters<float>;
template class Parameters<double>;
template Parameters<double> Parameters<float>::cast() const;
template Parameters<float> Parameters<double>::cast() const;
template Parameters<float> Parameters<float>::cast() const;
template Parameters<double> Parameters<double>::cast() const;
template Parameters<float> draw_parameters(std::shared_ptr<const Layout>, std::uint64_t);
template Parameters<double> draw_parameters(std::shared_ptr<const Layout>, std::uint64_t);

}  // namespace xtangent::nn
