#pragma once

#include <optional>
#include <string>

#include "nn/module.hpp"

/// Layers whose weight is computed from other parameters. The layer itself does not change: it finds a weight under the
/// usual name. Since that weight is no parameter, kernels use the dense gradient of each example for it, as large as
/// the weight, where a plain layer has a factored one.
namespace xtangent::nn {

/// The names under which PyTorch keeps what a weight is computed from. For a weight "weight":
enum class WeightNames {
  parametrizations,  ///< torch.nn.utils.parametrizations: "parametrizations.weight.original0" and so on
  suffixes,          ///< torch.nn.utils: "weight_g" and "weight_v", or "weight_orig", "weight_u" and "weight_v"
};

/// The common part of WeightNorm and SpectralNorm: a layer in which one array is replaced.
class Reparameterized {
 public:
  virtual ~Reparameterized() = default;
  void children(Declaration& visit) const;

 protected:
  /// Throws parameter_error for a null pointer, and for a layer that has no trained array of its own under the name.
  Reparameterized(const char* who, AnyModule layer, std::string name, WeightNames names);

  const ParameterInfo& replaced() const { return replaced_; }
  std::string layer_type() const { return layer_->type(); }
  const std::string& name() const { return name_; }
  WeightNames names() const { return names_; }
  /// Declares what the array is computed from.
  virtual void declare_parts(Declaration& declare) const = 0;
  /// The scope of what declare_parts declared, within that of this layer.
  template <class T>
  Scope<T> parts(Scope<T> p) const {
    return names_ == WeightNames::suffixes ? p : p["parametrizations"][name_];
  }
  /// Runs the layer with this array in the place of the replaced one.
  template <class T>
  Var<T> run_with(Scope<T> p, const Var<T>& array, const Var<T>& x) const;

 private:
  AnyModule layer_;
  std::string name_;
  WeightNames names_;
  std::shared_ptr<const Layout> layout_;  // describes the layer alone
  ParameterInfo replaced_;
};

struct WeightNormOptions {
  std::string name = "weight";         ///< the array that is replaced, such as "weight_hh_l0" of a recurrent layer
  std::optional<std::size_t> dim = 0;  ///< the axis along which norms are kept; none: one norm of the whole array
  WeightNames names = WeightNames::parametrizations;
};

/// PyTorch's weight_norm (Salimans and Kingma 2016): the weight of a layer is g v / |v|. v has the shape of the weight,
/// and g the shape of its norms: (C, 1, ...) for dim 0. Initially g is the norm that is expected of the layer's initial
/// weights, where PyTorch takes the norms of the values. Throws parameter_error for a layer without such an array, and
/// option_error for a dim that the array does not have.
class WeightNorm : public Module<WeightNorm>, public Reparameterized {
 public:
  explicit WeightNorm(AnyModule layer, WeightNormOptions options = {});
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  void declare_parts(Declaration& declare) const override;
  Shape norms() const;

  std::optional<std::size_t> dim_;
};

inline WeightNorm weight_norm(AnyModule layer, WeightNormOptions options = {}) {
  return WeightNorm(std::move(layer), std::move(options));
}

struct SpectralNormOptions {
  std::string name = "weight";
  std::size_t n_power_iterations = 1;  ///< in each run of the training mode
  double eps = 1e-12;
  /// The axis of the weight that is the rows of the matrix; none: as in PyTorch 1 for transposed convolutions, whose
  /// weights are (in, out, ...), and 0 for other layers.
  std::optional<std::size_t> dim = {};
  WeightNames names = WeightNames::parametrizations;
};

/// PyTorch's spectral_norm (Miyato et al. 2018): the weight W of a layer, as a matrix (C, rest) for axis `dim`, is
/// divided by u^T W v, an estimate of its largest singular value with the vectors u (C,) and v (rest,). They are
/// buffers, and constants for derivatives; training mode improves them by power iterations, evaluation mode uses them
/// as they are. Buffers of 0, the initial ones, stand for none yet, and then 15 iterations from a fixed start are made
/// in each run. Throws parameter_error for a layer without such an array, shape_error for one of rank 0 or 1, and
/// option_error for a dim that the array does not have.
class SpectralNorm : public Module<SpectralNorm>, public Reparameterized {
 public:
  explicit SpectralNorm(AnyModule layer, SpectralNormOptions options = {});
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  void declare_parts(Declaration& declare) const override;

  std::size_t dim_, n_power_iterations_;
  double eps_;
};

inline SpectralNorm spectral_norm(AnyModule layer, SpectralNormOptions options = {}) {
  return SpectralNorm(std::move(layer), std::move(options));
}

}  // namespace xtangent::nn
