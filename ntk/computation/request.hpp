#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "nn/module.hpp"
#include "ntk/planning/planner.hpp"
#include "ntk/sink.hpp"
#include "ntk/store.hpp"

/// Requests for kernels: checked, planned, and computed into sinks.
namespace xtangent::ntk {

/// The arguments of a call. `symmetric` says that both sides are the same examples with the same readout.
template <class T>
struct Request {
  const nn::ModuleBase& net;
  const nn::Parameters<T>& params;
  const Array<T>&x1, &x2;
  bool symmetric;
  const Readout& readout;
  const Options& options;

  /// Throws shape_error (fewer examples than `least`, or of different shapes) and numerical_error (NaN or infinity).
  void check(std::size_t least = 1) const;
  /// Whether other processes may compute in the same store.
  bool shares_store() const { return options.sharing.with_others(); }
  /// The order for all of its examples.
  Order order(Residence residence) const { return {x1.shape()[0], x2.shape()[0], symmetric, sizeof(T), residence}; }
};

/// The settings of a store that holds the kernel of a group of layers: the group's name, and the fingerprint of the
/// parameters in it.
inline constexpr const char *layers_setting = "layers", *layer_members_setting = "parameters of the layers";

/// Everything that the bits of a kernel depend on.
template <class T>
StoreSettings settings_of(const Request<T>& request, const Profile& profile);

template <class T>
struct Planned {
  Model<T> model;
  Profile profile;
  Plan plan;
};

/// Plans a request. It keeps to the partition of the first of `stores` that was begun, and throws option_error if one
/// of them was begun with another kernel. `given` says whether the request has the examples themselves.
template <class T>
Planned<T> planned(const Request<T>& request, const Order& order, const std::vector<std::filesystem::path>& stores,
                   bool given = true);

/// Computes all tiles into the sinks, one for each kernel of the plan, within its budget and with as many threads as
/// its memory allows. The ceiling of the budget must be in place, see pool.hpp.
template <class T>
void compute_into(const std::vector<TileSink*>& sinks, const Request<T>& request, const Planned<T>& planned);

}  // namespace xtangent::ntk
