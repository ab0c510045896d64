#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ntk/kernel.hpp"

/// The parts of a kernel that come from the layers of a network.
///
/// A kernel is a sum over parameters, K = sum_p J_p J_p'^T. Here the parts of groups of parameters are kept apart: they
/// come from one pass of the same sweeps and contractions as the whole kernel, and they sum to it.
namespace xtangent::ntk {

/// The name of the group of a parameter, from the name of the parameter.
using ParameterGroup = std::function<std::string(const std::string& parameter)>;
/// Each parameter for itself.
std::string by_parameter(const std::string& parameter);
/// The arrays of one layer together: "layer1.0.conv1" for "layer1.0.conv1.weight".
std::string by_module(const std::string& parameter);

struct LayerOptions {
  ParameterGroup group = by_module;
  /// For the kernels themselves. options.parameters may leave out parameters. The strategy must be automatic or
  /// structured; both mean structured here. The memory covers the kernels of all groups.
  Options options = {};
};

template <class K>
struct LayerKernel {
  std::string name;  ///< the group's
  K kernel;
};

/// The kernels of all groups between examples x (N, ...) and themselves, in the order in which the groups first appear
/// among the parameters. Cost: that of `kernel`; a weight and its bias in different groups are contracted apart.
/// Memory: one kernel for each group. Throws what `kernel` throws, and option_error (another strategy).
template <class T>
std::vector<LayerKernel<Array<double>>> layer_kernels(const nn::ModuleBase& net, const nn::Parameters<T>& params,
                                                      const Array<T>& x, const Readout& readout,
                                                      const LayerOptions& options = {});
/// The kernels between two sets of examples.
template <class T>
std::vector<LayerKernel<Array<double>>> layer_kernels(const nn::ModuleBase& net, const nn::Parameters<T>& params,
                                                      const Array<T>& x1, const Array<T>& x2, const Readout& readout,
                                                      const LayerOptions& options = {});
/// In half the memory, as packed_kernel.
template <class T>
std::vector<LayerKernel<PackedKernel>> packed_layer_kernels(const nn::ModuleBase& net, const nn::Parameters<T>& params,
                                                            const Array<T>& x, const Readout& readout,
                                                            const LayerOptions& options = {});
/// In folders of the names of the groups below options.options.store, as stored_kernel. Throws option_error also for a
/// name that cannot be that of a folder.
template <class T>
std::vector<LayerKernel<StoredKernel>> stored_layer_kernels(const nn::ModuleBase& net, const nn::Parameters<T>& params,
                                                            const Array<T>& x, const Readout& readout,
                                                            const LayerOptions& options);

/// Plans the kernels of all groups between examples x and themselves.
template <class T>
Plan plan_layers(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x, const Readout& readout,
                 const LayerOptions& options = {}, Residence residence = Residence::dense);

}  // namespace xtangent::ntk
