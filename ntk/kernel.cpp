#include "ntk/kernel.hpp"

#include <algorithm>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "autodiff/pool.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/computation/cotangents.hpp"
#include "ntk/computation/dense_tiles.hpp"
#include "ntk/computation/packed_tiles.hpp"
#include "ntk/computation/store_format.hpp"
#include "ntk/computation/store_tiles.hpp"
#include "ntk/computation/tiled.hpp"

namespace xtangent::ntk {
namespace {

// The arguments of a call, which the constructor checks.
template <class T>
struct Request {
  const nn::ModuleBase& net;
  const nn::Parameters<T>& params;
  const Array<T>&x1, &x2;
  bool symmetric;
  const Readout& readout;
  const Options& options;

  void check(std::size_t least = 1) const {
    check_examples("ntk", x1, "x1", least);
    if (!symmetric) {
      check_examples("ntk", x2, "x2", least);
      check_same_shape("ntk", x1, x2);
    }
    check_parameters("ntk", params);
  }
};

template <class T>
std::string fingerprint_of(const Array<T>& values) {
  return fingerprint(values.data(), values.bytes());
}

// Everything that the bits of a kernel depend on.
template <class T>
StoreSettings settings_of(const Request<T>& r, const Profile& profile) {
  const Readout& readout = r.readout;
  const std::string taken = readout.common() ? fingerprint_of(readout.weights(profile.outputs))
                                             : readout.of_rows->fingerprint() + " " + readout.of_columns->fingerprint();
  std::string parameters = fingerprint_of(r.params.flat());
  const Array<T>& buffers = r.params.buffers();
  if (buffers.defined()) parameters = fingerprint(buffers.data(), buffers.bytes(), parameters);
  // The outputs for one example, which differ if settings of an op do, and what the readout takes of them.
  const Array<T> first = r.net(r.params, r.x1.rows(0, 1)).reshaped({1, profile.outputs});
  std::string outputs = fingerprint_of(first);
  if (!readout.common())
    outputs.append(" ").append(
        fingerprint_of(Cotangents<T>(readout, profile.outputs, Cotangents<T>::Of::rows).at(0, Var<T>(first))));
  return {{"processor", kernels::blas_core().core + ", " + kernels::loops<float>().instruction_set},
          {"network", fingerprint(profile.description.data(), profile.description.size())},
          {"parameters", parameters},
          {"x1", fingerprint_of(r.x1)},
          {"x2", r.symmetric ? "x1" : fingerprint_of(r.x2)},
          {"outputs", outputs},
          {"readout", readout.name() + " " + taken},
          {"scalar", sizeof(T) == sizeof(float) ? "float" : "double"},
          {"strategy", name(r.options.strategy)},
          {"rule", r.options.rule ? name(*r.options.rule) : "cheapest"},
          {"tile", std::to_string(r.options.tile)},
          {"memory", std::to_string(r.options.memory)}};
}

template <class T>
struct Planned {
  Model<T> model;
  Profile profile;
  Plan plan;
};

// Settings that the examples decide.
bool is_of_examples(const std::string& setting) { return setting == "x1" || setting == "x2" || setting == "outputs"; }

// The partition with which the store of the options was begun, if there is one. A store of another kernel is refused
// here, before any memory is planned for it. `given` says whether the request has the examples themselves.
template <class T>
std::optional<Partition> begun_with(const Request<T>& r, const Profile& profile, const Order& order, bool given) {
  if (r.options.store.empty() || !is_store(r.options.store)) return std::nullopt;
  const StoredKernel store(r.options.store);
  StoreSettings settings = settings_of(r, profile);
  if (!given) std::erase_if(settings, [](const auto& setting) { return is_of_examples(setting.first); });
  require_same_settings(store, settings);
  require_same_kernel(store, order.rows, order.columns, order.symmetric);
  return store.partition();
}

template <class T>
Planned<T> planned(const Request<T>& r, const Order& order, bool given = true) {
  Planned<T> out{model_of(r.net, r.params), {}, {}};
  r.readout.check_examples(order.rows, order.columns, &r.x1 != &r.x2);
  out.profile = profile("ntk", out.model, r.x1, r.readout);
  out.plan = make_plan(out.profile, order, r.readout, r.options, begun_with(r, out.profile, order, given));
  return out;
}

template <class T>
Planned<T> planned(const Request<T>& r, Residence residence) {
  return planned(r, {r.x1.shape()[0], r.x2.shape()[0], r.symmetric, sizeof(T), residence});
}

// Computes all tiles into the sink that make(p) returns, within the budget.
template <class T, class Make>
auto computed(const Request<T>& r, Residence residence, const Make& make) {
  r.check();
  const Planned<T> p = planned(r, residence);
  const pool::Ceiling ceiling(static_cast<std::size_t>(p.plan.budget_bytes));
  auto sink = make(p);
  kernels::with_threads(tasks_here(p.plan, p.profile),
                        [&] { compute_tiles(p.model, p.plan, r.x1, r.x2, r.readout, r.options, *sink); });
  return sink;
}

template <class T>
StoredKernel compute_stored(const Request<T>& r, Residence residence) {
  if (r.options.store.empty()) throw option_error("[stored_kernel] options.store is empty. Name a folder in it.");
  return computed(r, residence,
                  [&r](const Planned<T>& p) {
                    return std::make_unique<StoreTiles>(r.options.store, kernel_shape(p.plan), p.plan.partition,
                                                        settings_of(r, p.profile));
                  })
      ->stored();
}

// A kernel without rows or columns: no entries, but the shape that the network's outputs ask for.
template <class T>
Array<double> empty_kernel(const Request<T>& r) {
  r.check(0);
  const std::size_t n1 = r.x1.shape()[0], n2 = r.x2.shape()[0];
  const Profile found = profile("ntk", model_of(r.net, r.params), n1 ? r.x1 : r.x2, r.readout);
  Plan plan = make_plan(found, {std::max<std::size_t>(n1, 1), std::max<std::size_t>(n2, 1), r.symmetric, sizeof(T)},
                        r.readout, {.strategy = Strategy::structured});
  plan.grid = {n1, n2, 1, r.symmetric};
  return Array<double>(kernel_shape(plan).shape());
}

template <class T>
Array<double> compute(const Request<T>& r) {
  const auto none = [](const Array<T>& x) { return x.defined() && x.rank() > 0 && x.shape()[0] == 0; };
  if (none(r.x1) || none(r.x2)) return empty_kernel(r);
  if (!r.options.store.empty()) return compute_stored(r, Residence::dense).matrix();
  return computed(r, Residence::dense,
                  [](const Planned<T>& p) { return std::make_unique<DenseTiles>(kernel_shape(p.plan)); })
      ->take();
}

}  // namespace

template <class T>
Array<double> kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                     const Readout& readout, const Options& options) {
  return compute<T>({net, params, x, x, readout.same_sides(), readout, options});
}

template <class T>
Array<double> kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1, const Array<T>& x2,
                     const Readout& readout, const Options& options) {
  return compute<T>({net, params, x1, x2, false, readout, options});
}

template <class T>
PackedKernel packed_kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                           const Readout& readout, const Options& options) {
  if (!options.store.empty())
    throw option_error("[packed_kernel] a packed kernel is held in memory. Use stored_kernel to compute into a store.");
  if (!readout.same_sides())
    throw option_error("[packed_kernel] the kernel between " + readout.name() +
                       " is not symmetric. Use kernel, or a readout that is the same on both sides.");
  const Request<T> request{net, params, x, x, true, readout, options};
  return computed(request, Residence::packed,
                  [](const Planned<T>& p) { return std::make_unique<PackedTiles>(kernel_shape(p.plan)); })
      ->take();
}

template <class T>
void kernel_into(const std::function<std::unique_ptr<TileSink>(const KernelShape&)>& sink, const nn::ModuleBase& net,
                 const nn::Parameters<T>& params, const Array<T>& x, const Readout& readout, const Options& options) {
  if (!options.store.empty())
    throw option_error("[kernel_into] tiles go to the sink that was given. Use stored_kernel to compute into a store.");
  const Request<T> request{net, params, x, x, readout.same_sides(), readout, options};
  computed(request, Residence::stored, [&sink](const Planned<T>& p) { return sink(kernel_shape(p.plan)); });
}

template <class T>
StoredKernel stored_kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                           const Readout& readout, const Options& options) {
  return compute_stored<T>({net, params, x, x, readout.same_sides(), readout, options}, Residence::stored);
}

template <class T>
StoredKernel stored_kernel(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x1,
                           const Array<T>& x2, const Readout& readout, const Options& options) {
  return compute_stored<T>({net, params, x1, x2, false, readout, options}, Residence::stored);
}

template <class T>
Plan plan(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x, std::size_t rows,
          std::size_t columns, const Readout& readout, const Options& options, Residence residence) {
  check_examples("ntk", x, "x");
  if (rows == 0 || columns == 0) throw shape_error("[ntk] a plan needs at least one example in rows and in columns.");
  const Request<T> request{net, params, x, x, false, readout, options};
  return planned(request, {rows, columns, false, sizeof(T), residence}, false).plan;
}

template <class T>
Plan plan(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x, const Readout& readout,
          const Options& options, Residence residence) {
  check_examples("ntk", x, "x");
  return planned(Request<T>{net, params, x, x, readout.same_sides(), readout, options}, residence).plan;
}

#define XTANGENT_INSTANTIATE(T)                                                                                        \
  template Array<double> kernel(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, const Readout&,      \
                                const Options&);                                                                       \
  template Array<double> kernel(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, const Array<T>&,     \
                                const Readout&, const Options&);                                                       \
  template PackedKernel packed_kernel(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&,                \
                                      const Readout&, const Options&);                                                 \
  template void kernel_into(const std::function<std::unique_ptr<TileSink>(const KernelShape&)>&,                       \
                            const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, const Readout&,          \
                            const Options&);                                                                           \
  template StoredKernel stored_kernel(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&,                \
                                      const Readout&, const Options&);                                                 \
  template StoredKernel stored_kernel(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&,                \
                                      const Array<T>&, const Readout&, const Options&);                                \
  template Plan plan(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, std::size_t, std::size_t,       \
                     const Readout&, const Options&, Residence);                                                       \
  template Plan plan(const nn::ModuleBase&, const nn::Parameters<T>&, const Array<T>&, const Readout&, const Options&, \
                     Residence);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
