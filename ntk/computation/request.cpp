#include "ntk/computation/request.hpp"

#include <algorithm>

#include "autodiff/kernels/parallel.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "nn/choice.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/computation/cotangents.hpp"
#include "ntk/computation/store_folder.hpp"
#include "ntk/computation/store_tiles.hpp"
#include "ntk/computation/tiled.hpp"

namespace xtangent::ntk {
namespace {

template <class T>
std::string fingerprint_of(const Array<T>& values) {
  return fingerprint(values.data(), values.bytes());
}

// Which parameters the kernel is with respect to.
template <class T>
std::string chosen_of(const Request<T>& r) {
  if (r.options.parameters.empty()) return "all";
  std::string marks;
  for (const bool chosen : nn::chosen_parameters(r.params.layout(), r.options.parameters)) marks += chosen ? '1' : '0';
  return marks.find('0') == marks.npos ? "all" : fingerprint(marks.data(), marks.size());
}

std::string metric_of(const Metric& metric) {
  if (metric.arrays.defined()) return "of arrays " + fingerprint_of(metric.arrays);
  return metric.elements.defined() ? "of elements " + fingerprint_of(metric.elements) : "none";
}

// What one side's readout takes of each example, if all had the outputs f (1, O) of the first one. A function of one's
// own may know something of each example, such as a target, which this tells without a run of the network for all.
template <class T>
std::string taken_of(const Request<T>& r, std::size_t outputs, Readout::Of side, const Array<T>& f) {
  const Cotangents<T> cotangents(r.readout, outputs, side);
  constexpr std::size_t bytes = std::size_t{8} << 20;  // of an array, of which a function of the outputs makes several
  const std::size_t at_a_time =
      std::clamp<std::size_t>(bytes / (std::max<std::size_t>(1, cotangents.count() * outputs) * sizeof(T)), 1, 256);
  const std::size_t count = (side == Readout::Of::rows ? r.x1 : r.x2).shape()[0];
  std::string sum;
  for (std::size_t first = 0; first < count; first += at_a_time) {
    const std::size_t n = std::min(at_a_time, count - first);
    const Array<T> taken = cotangents.at(first, broadcast_to(Var<T>(f), {n, outputs}));
    sum = fingerprint(taken.data(), taken.bytes(), sum);
  }
  return sum;
}

// Settings that the examples decide.
bool is_of_examples(const std::string& setting) { return setting == "x1" || setting == "x2" || setting == "outputs"; }

// The partition with which a store was begun, if there is one. A store of another kernel is refused here, before any
// memory is planned for it.
template <class T>
std::optional<Partition> begun_with(const Request<T>& r, const Profile& profile, const Order& order,
                                    const std::vector<std::filesystem::path>& stores, bool given) {
  std::optional<Partition> out;
  for (const std::filesystem::path& folder : stores) {
    if (!is_store(folder)) continue;
    const StoredKernel store(folder);
    StoreSettings settings = settings_of(r, profile), known = store.settings();
    // The settings about layers are compared later, by what writes into the store.
    const auto unknown_yet = [&](const auto& setting) {
      return (!given && is_of_examples(setting.first)) ||
             (!order.groups.empty() && (setting.first == layers_setting || setting.first == layer_members_setting));
    };
    std::erase_if(settings, unknown_yet);
    std::erase_if(known, unknown_yet);
    require_same_settings(folder, known, settings);
    require_same_kernel(store, order.rows, order.columns, order.symmetric);
    if (!out) out = store.partition();
  }
  return out;
}

}  // namespace

template <class T>
void Request<T>::check(std::size_t least) const {
  check_examples("ntk", x1, "x1", least);
  if (&x1 != &x2) {
    check_examples("ntk", x2, "x2", least);
    check_same_shape("ntk", x1, x2);
  }
  check_parameters("ntk", params);
}

template <class T>
StoreSettings settings_of(const Request<T>& r, const Profile& profile) {
  const Readout& readout = r.readout;
  const std::string taken = readout.common() ? fingerprint_of(readout.weights(profile.outputs))
                                             : readout.of_rows->fingerprint() + " " + readout.of_columns->fingerprint();
  std::string parameters = fingerprint_of(r.params.flat());
  const Array<T>& buffers = r.params.buffers();
  if (buffers.defined()) parameters = fingerprint(buffers.data(), buffers.bytes(), parameters);
  // The outputs for one example, which differ if settings of an op do, and what the readout takes of them.
  const auto outputs_of_first = [&](const Array<T>& x) {
    if (x.shape()[0] == 0) return Array<T>::zeros({1, profile.outputs});
    return r.net(r.params, x.rows(0, 1)).reshaped({1, profile.outputs});
  };
  const Array<T> first = outputs_of_first(r.x1);
  std::string outputs = fingerprint_of(first);
  const auto add = [&](Readout::Of side, const Array<T>& f) {
    outputs.append(" ").append(taken_of(r, profile.outputs, side, f));
  };
  if (!readout.common()) add(Readout::Of::rows, first);
  if (!readout.same_sides()) add(Readout::Of::columns, r.symmetric ? first : outputs_of_first(r.x2));
  return {{"processor", processor_name(r.options.precision)},
          {"network", fingerprint(profile.description.data(), profile.description.size())},
          {"parameters", parameters},
          {"chosen parameters", chosen_of(r)},
          {"metric", metric_of(r.options.metric)},
          {"x1", fingerprint_of(r.x1)},
          {"x2", r.symmetric ? "x1" : fingerprint_of(r.x2)},
          {"outputs", outputs},
          {"readout", readout.name() + " " + taken},
          {"scalar", sizeof(T) == sizeof(float) ? "float" : "double"},
          {"precision", name(r.options.precision)},
          {"strategy", name(r.options.strategy)},
          {"rule", r.options.rule ? name(*r.options.rule) : "cheapest"},
          {"tile", std::to_string(r.options.tile)},
          {"memory", std::to_string(r.options.memory)}};
}

template <class T>
Planned<T> planned(const Request<T>& r, const Order& order, const std::vector<std::filesystem::path>& stores,
                   bool given) {
  Planned<T> out{model_of(r.net, r.params, r.options.parameters, r.options.metric), {}, {}};
  r.readout.check_examples(order.rows, order.columns, &r.x1 != &r.x2);
  out.profile = profile("ntk", out.model, r.x1, r.readout);
  out.plan = make_plan(out.profile, order, r.readout, r.options, begun_with(r, out.profile, order, stores, given));
  return out;
}

template <class T>
void compute_into(const std::vector<TileSink*>& sinks, const Request<T>& r, const Planned<T>& p) {
  kernels::with_threads(tasks_here(p.plan, p.profile),
                        [&] { compute_tiles(p.model, p.plan, r.x1, r.x2, r.readout, r.options, sinks); });
}

#define XTANGENT_INSTANTIATE(T)                                                                                  \
  template struct Request<T>;                                                                                    \
  template StoreSettings settings_of(const Request<T>&, const Profile&);                                         \
  template Planned<T> planned(const Request<T>&, const Order&, const std::vector<std::filesystem::path>&, bool); \
  template void compute_into(const std::vector<TileSink*>&, const Request<T>&, const Planned<T>&);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
