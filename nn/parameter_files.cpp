// Parameters of a network from and to safetensors files: which arrays of the file are which of the network.
#include <algorithm>
#include <set>
#include <utility>

#include "autodiff/kernels/convert.hpp"
#include "nn/safetensors.hpp"
#include "nn/shown_name.hpp"

namespace xtangent::nn {
namespace {

namespace fs = std::filesystem;
using Entry = TensorFile::Entry;

// Appends a part of a message, such as "missing: a, b and 3 more".
void list(std::string& out, const char* what, const std::vector<std::string>& names) {
  constexpr std::size_t most = 8;
  if (names.empty()) return;
  out += std::string(out.empty() ? "" : "; ") + what + ": ";
  for (std::size_t i = 0; i < std::min(most, names.size()); ++i) out += (i ? ", " : "") + names[i];
  if (names.size() > most) out += " and " + std::to_string(names.size() - most) + " more";
}

bool is_counter(std::string_view name) {
  constexpr std::string_view counter = "num_batches_tracked";
  return name == counter || name.ends_with("." + std::string(counter));
}

// The name under which the file has an array of the network, which can be any of the names of that array.
std::string_view name_in(const TensorFile& file, const Layout& layout, const ParameterInfo& info) {
  if (file.contains(info.name)) return info.name;
  for (const auto& [other, first] : layout.aliases)
    if (first == info.name && file.contains(other)) return other;
  return info.name;
}

bool same_elements(const TensorFile& file, const std::string& a, const std::string& b) {
  if (!(file.entry(a).shape == file.entry(b).shape)) return false;
  const Array<double> x = file.get<double>(a), y = file.get<double>(b);
  return std::equal(x.data(), x.data() + x.size(), y.data());
}

// Throws parameter_error unless the file has the arrays that the network has.
void check_fit(const Layout& layout, const TensorFile& file, LoadOptions options) {
  std::vector<std::string> missing, extra, misshapen, mistyped, different;
  std::set<std::string_view> known;
  for (const auto* infos : {&layout.parameters, &layout.buffers})
    for (const ParameterInfo& info : *infos) {
      known.insert(info.name);
      const std::string_view listed = name_in(file, layout, info);
      if (!file.contains(listed)) {
        if (!options.ignore_missing && !is_counter(info.name))
          missing.push_back(info.name + " " + to_string(info.shape));
        continue;
      }
      const Entry& entry = file.entry(listed);
      if (!(entry.shape == info.shape))
        misshapen.push_back(info.name + " " + to_string(entry.shape) + " instead of " + to_string(info.shape));
      if (!kernels::is_floating(entry.type) && info.trainable)
        mistyped.push_back(info.name + " " + name(entry.type) + " instead of a floating type");
    }
  for (const auto& [other, first] : layout.aliases) {
    known.insert(other);
    if (file.contains(other) && file.contains(first) && !same_elements(file, other, first))
      different.push_back(other + " and " + first);
  }
  for (const Entry& entry : file.entries())
    if (!options.ignore_extra && !known.contains(entry.name) && !is_counter(entry.name))
      extra.push_back(shown(entry.name));
  std::string problems;
  list(problems, "missing", missing);
  list(problems, "not in the network", extra);
  list(problems, "of another shape", misshapen);
  list(problems, "of another type", mistyped);
  list(problems, "tied in the network, different here", different);
  if (!problems.empty())
    throw parameter_error("[load_parameters] " + file.source() + " does not fit the network. " + problems + ".");
}

}  // namespace

template <class T>
Parameters<T> load_parameters(Parameters<T> params, const TensorFile& file, LoadOptions options) {
  check_fit(params.layout(), file, options);
  Array<T> flat = params.flat().clone(), buffers = params.buffers().clone();
  const auto fill = [&](const std::vector<ParameterInfo>& infos, T* out) {
    for (const ParameterInfo& info : infos) {
      const std::string_view name = name_in(file, params.layout(), info);
      if (!file.contains(name)) continue;
      const Array<T> values = file.get<T>(name);
      std::copy_n(values.data(), values.size(), out + info.offset);
    }
  };
  fill(params.infos(), flat.mutable_data());
  fill(params.buffer_infos(), buffers.mutable_data());
  params.set_flat(std::move(flat));
  params.set_buffers(std::move(buffers));
  return params;
}

template <class T>
Parameters<T> load_parameters(Parameters<T> params, const fs::path& file, LoadOptions options) {
  return load_parameters(std::move(params), read_safetensors(file), options);
}

template <class T>
void save_parameters(const Parameters<T>& params, const fs::path& file, const SaveOptions& options) {
  std::vector<NamedArray<T>> arrays;
  const auto add = [&](const std::string& name) {
    arrays.push_back({name, params[name]});
    if (is_counter(name)) arrays.back().type = ElementType::i64;
  };
  for (const auto* infos : {&params.infos(), &params.buffer_infos()})
    for (const ParameterInfo& info : *infos) add(info.name);
  if (options.all_names)
    for (const auto& [other, first] : params.layout().aliases) add(other);
  write_safetensors(file, arrays, options);
}

#define XTANGENT_INSTANTIATE(T)                                                          \
  template Parameters<T> load_parameters(Parameters<T>, const TensorFile&, LoadOptions); \
  template Parameters<T> load_parameters(Parameters<T>, const fs::path&, LoadOptions);   \
  template void save_parameters(const Parameters<T>&, const fs::path&, const SaveOptions&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
