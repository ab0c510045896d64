#include "ntk/layer_kernels.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include "autodiff/pool.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/computation/dense_tiles.hpp"
#include "ntk/computation/packed_tiles.hpp"
#include "ntk/computation/request.hpp"
#include "ntk/computation/store_folder.hpp"
#include "ntk/computation/store_tiles.hpp"
#include "ntk/computation/tiled.hpp"

namespace xtangent::ntk {
namespace {

// The groups in the order in which they first appear, and for each parameter the number of its group.
struct Groups {
  std::vector<std::string> names;
  std::vector<std::size_t> of;
};

Groups groups_of(const std::vector<std::string>& parameters, const ParameterGroup& group) {
  if (!group) throw option_error("[layer_kernels] options.group is empty. Use by_module or by_parameter.");
  Groups out;
  for (const std::string& parameter : parameters) {
    const std::string name = group(parameter);
    const auto at = std::find(out.names.begin(), out.names.end(), name);
    out.of.push_back(static_cast<std::size_t>(at - out.names.begin()));
    if (at == out.names.end()) out.names.push_back(name);
  }
  return out;
}

// Which parameters are in group i, as a fingerprint: another grouping may have a group of the same name.
std::string members(const Groups& groups, std::size_t i) {
  std::string marks;
  for (const std::size_t group : groups.of) marks += group == i ? '1' : '0';
  return fingerprint(marks.data(), marks.size());
}

Options structured(Options options) {
  if (options.strategy != Strategy::automatic && options.strategy != Strategy::structured)
    throw option_error(std::string("[layer_kernels] the strategy ") + name(options.strategy) +
                       " does not keep layers apart. Use structured, or kernel with options.parameters.");
  options.strategy = Strategy::structured;
  return options;
}

std::filesystem::path folder_of(const Options& options, const std::string& group) {
  const std::filesystem::path name(group);
  if (name.empty() || name == "." || name == ".." || name.filename() != name)
    throw option_error("[layer_kernels] the group \"" + group +
                       "\" has no name that a folder can have. Give groups other names.");
  return options.store / name;
}

// The kernels of all groups, in the sinks that make(plan, number) returns. Sinks are made and filled within the budget.
template <class Sink, class T, class Make>
std::vector<std::unique_ptr<Sink>> computed(const Request<T>& r, const Groups& groups, Residence residence,
                                            const std::vector<std::filesystem::path>& stores, const Make& make) {
  r.check();
  Order order = r.order(residence);
  order.groups = groups.of;
  const Planned<T> p = planned(r, order, stores);
  const pool::Ceiling ceiling(static_cast<std::size_t>(p.plan.budget_bytes));
  std::vector<std::unique_ptr<Sink>> out;
  std::vector<TileSink*> sinks;
  for (std::size_t i = 0; i < groups.names.size(); ++i) {
    out.push_back(make(p, i));
    sinks.push_back(out.back().get());
  }
  compute_into(sinks, r, p);
  return out;
}

template <class T>
Groups groups_of(const Request<T>& r, const LayerOptions& options) {
  return groups_of(model_of(r.net, r.params, r.options.parameters).names, options.group);
}

template <class K, class Sink, class Take>
std::vector<LayerKernel<K>> named(const Groups& groups, const std::vector<std::unique_ptr<Sink>>& sinks,
                                  const Take& take) {
  std::vector<LayerKernel<K>> out;
  for (std::size_t i = 0; i < sinks.size(); ++i) out.push_back({groups.names[i], take(*sinks[i])});
  return out;
}

void refuse_store(const char* who, const Options& options) {
  if (!options.store.empty())
    throw option_error(std::string("[") + who +
                       "] these kernels are held in memory. Use stored_layer_kernels to compute into a store.");
}

template <class T>
std::vector<LayerKernel<Array<double>>> dense(const Request<T>& r, const LayerOptions& options) {
  refuse_store("layer_kernels", r.options);
  const Groups groups = groups_of(r, options);
  const auto sinks = computed<DenseTiles>(r, groups, Residence::dense, {}, [](const Planned<T>& p, std::size_t) {
    return std::make_unique<DenseTiles>(kernel_shape(p.plan));
  });
  return named<Array<double>>(groups, sinks, [](DenseTiles& sink) { return sink.take(); });
}

}  // namespace

std::string by_parameter(const std::string& parameter) { return parameter; }

std::string by_module(const std::string& parameter) {
  const std::size_t dot = parameter.rfind('.');
  return dot == parameter.npos ? parameter : parameter.substr(0, dot);
}

template <class T>
std::vector<LayerKernel<Array<double>>> layer_kernels(const nn::ModuleBase& net, const nn::Parameters<T>& params,
                                                      const Array<T>& x, const Readout& readout,
                                                      const LayerOptions& options) {
  const Options own = structured(options.options);
  return dense<T>({net, params, x, x, readout.same_sides(), readout, own}, options);
}

template <class T>
std::vector<LayerKernel<Array<double>>> layer_kernels(const nn::ModuleBase& net, const nn::Parameters<T>& params,
                                                      const Array<T>& x1, const Array<T>& x2, const Readout& readout,
                                                      const LayerOptions& options) {
  const Options own = structured(options.options);
  return dense<T>({net, params, x1, x2, false, readout, own}, options);
}

template <class T>
std::vector<LayerKernel<PackedKernel>> packed_layer_kernels(const nn::ModuleBase& net, const nn::Parameters<T>& params,
                                                            const Array<T>& x, const Readout& readout,
                                                            const LayerOptions& options) {
  const Options own = structured(options.options);
  refuse_store("packed_layer_kernels", own);
  const Request<T> r{net, params, x, x, readout.same_sides(), readout, own};
  const Groups groups = groups_of(r, options);
  const auto sinks = computed<PackedTiles>(r, groups, Residence::packed, {}, [](const Planned<T>& p, std::size_t) {
    return std::make_unique<PackedTiles>(kernel_shape(p.plan));
  });
  return named<PackedKernel>(groups, sinks, [](PackedTiles& sink) { return sink.take(); });
}

template <class T>
std::vector<LayerKernel<StoredKernel>> stored_layer_kernels(const nn::ModuleBase& net, const nn::Parameters<T>& params,
                                                            const Array<T>& x, const Readout& readout,
                                                            const LayerOptions& options) {
  const Options own = structured(options.options);
  if (own.store.empty())
    throw option_error("[stored_layer_kernels] options.options.store is empty. Name a folder in it.");
  const Request<T> r{net, params, x, x, readout.same_sides(), readout, own};
  const Groups groups = groups_of(r, options);
  std::vector<std::filesystem::path> folders;
  for (const std::string& group : groups.names) folders.push_back(folder_of(own, group));
  const auto sinks =
      computed<StoreTiles>(r, groups, Residence::stored, folders, [&](const Planned<T>& p, std::size_t i) {
        StoreSettings settings = settings_of(r, p.profile);
        settings.emplace_back(layers_setting, groups.names[i]);
        settings.emplace_back(layer_members_setting, members(groups, i));
        return std::make_unique<StoreTiles>(folders[i], kernel_shape(p.plan), p.plan.partition, settings,
                                            r.shares_store());
      });
  return named<StoredKernel>(groups, sinks, [](StoreTiles& sink) { return sink.stored(); });
}

template <class T>
Plan plan_layers(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x, const Readout& readout,
                 const LayerOptions& options, Residence residence) {
  const Options own = structured(options.options);
  check_examples("ntk", x, "x");
  const Request<T> r{net, params, x, x, readout.same_sides(), readout, own};
  Order order = r.order(residence);
  order.groups = groups_of(r, options).of;
  return planned(r, order, {}).plan;
}

#define XTANGENT_INSTANTIATE(T)                                                                                    \
  template std::vector<LayerKernel<Array<double>>> layer_kernels(                                                  \
      const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, const Readout&, const LayerOptions&);      \
  template std::vector<LayerKernel<Array<double>>> layer_kernels(const nn::ModuleBase&, const nn::Parameters<T>&,  \
                                                                 const Array<T>&, const Array<T>&, const Readout&, \
                                                                 const LayerOptions&);                             \
  template std::vector<LayerKernel<PackedKernel>> packed_layer_kernels(                                            \
      const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, const Readout&, const LayerOptions&);      \
  template std::vector<LayerKernel<StoredKernel>> stored_layer_kernels(                                            \
      const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, const Readout&, const LayerOptions&);      \
  template Plan plan_layers(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, const Readout&,      \
                            const LayerOptions&, Residence);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
