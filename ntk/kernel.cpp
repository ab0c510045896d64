#include "ntk/kernel.hpp"

#include <algorithm>

#include "autodiff/pool.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/computation/dense_tiles.hpp"
#include "ntk/computation/packed_tiles.hpp"
#include "ntk/computation/request.hpp"
#include "ntk/computation/store_tiles.hpp"
#include "ntk/computation/tiled.hpp"

namespace xtangent::ntk {
namespace {

// The folder of the options, if they name one.
std::vector<std::filesystem::path> stores_of(const Options& options) {
  if (options.store.empty()) return {};
  return {options.store};
}

template <class T>
bool is_empty(const Array<T>& x) {
  return x.defined() && x.rank() > 0 && x.shape()[0] == 0;
}

// The plan of a kernel without rows or columns: no work, but the shape that the network's outputs ask for.
template <class T>
Plan empty_plan(const Request<T>& r, const Order& order) {
  Order one = order;
  for (std::size_t* extent : {&one.rows, &one.columns}) *extent = std::max<std::size_t>(*extent, 1);
  const Array<T>& x = is_empty(r.x1) ? r.x2 : r.x1;
  Plan plan = make_plan(profile("ntk", model_of(r.net, r.params, r.options.parameters, r.options.metric), x, r.readout),
                        one, r.readout, {.strategy = Strategy::structured});
  plan.rows = order.rows;
  plan.columns = order.columns;
  plan.grid = {order.rows, order.columns, 1, order.symmetric};
  plan.terms.clear();
  plan.uses.clear();
  for (double* work :
       {&plan.sweep_flop, &plan.contraction_flop, &plan.result_bytes, &plan.result_held, &plan.working_bytes})
    *work = 0;
  return plan;
}

// Computes all tiles into the sink that make(p) returns, within the budget.
template <class T, class Make>
auto computed(const Request<T>& r, Residence residence, const Make& make) {
  if (is_empty(r.x1) || is_empty(r.x2)) {
    r.check(0);
    return make({{}, {}, empty_plan(r, r.order(residence))});
  }
  r.check();
  const Planned<T> p = planned(r, r.order(residence), stores_of(r.options));
  const pool::Ceiling ceiling(static_cast<std::size_t>(p.plan.budget_bytes));
  auto sink = make(p);
  compute_into({sink.get()}, r, p);
  return sink;
}

template <class T>
StoredKernel compute_stored(const Request<T>& r, Residence residence) {
  if (r.options.store.empty()) throw option_error("[stored_kernel] options.store is empty. Name a folder in it.");
  r.check();  // a folder of no tiles would not say of which network it is
  return computed(r, residence,
                  [&r](const Planned<T>& p) {
                    return std::make_unique<StoreTiles>(r.options.store, kernel_shape(p.plan), p.plan.partition,
                                                        settings_of(r, p.profile), r.shares_store());
                  })
      ->stored();
}

template <class T>
Array<double> compute(const Request<T>& r) {
  const bool empty = is_empty(r.x1) || is_empty(r.x2);
  if (!r.options.store.empty() && !empty) return compute_stored(r, Residence::dense).matrix();
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
  check_examples("ntk", x, "x", 0);
  const Request<T> request{net, params, x, x, false, readout, options};
  const Order order{rows, columns, false, sizeof(T), residence};
  if (rows == 0 || columns == 0) return empty_plan(request, order);
  return planned(request, order, stores_of(options), false).plan;
}

template <class T>
Plan plan(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x, const Readout& readout,
          const Options& options, Residence residence) {
  check_examples("ntk", x, "x", 0);
  const Request<T> request{net, params, x, x, readout.same_sides(), readout, options};
  if (is_empty(x)) return empty_plan(request, request.order(residence));
  return planned(request, request.order(residence), stores_of(options)).plan;
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
