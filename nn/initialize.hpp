#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "autodiff/array.hpp"

/// Initial values of parameters.
namespace xtangent::nn {

/// How the elements of one parameter are drawn. Element i depends on (seed, stream, i) alone.
struct Initializer {
  enum class Kind { constant, uniform, normal };
  Kind kind = Kind::constant;
  double value = 0.0;                        ///< constant; mean of a normal; middle of a uniform distribution
  double spread = 0.0;                       ///< standard deviation of a normal; half width of a uniform distribution
  std::optional<std::size_t> zero_row = {};  ///< this index of axis 0 is 0, such as the row of padding in an embedding
};

Initializer constant(double value);
/// The uniform distribution on [-bound, bound).
Initializer uniform(double bound);
/// The normal distribution around 0 with this standard deviation.
Initializer normal(double deviation);

/// The numbers of inputs and outputs of one unit: in = I * taps, out = C * taps.
struct Fan {
  std::size_t in = 1;
  std::size_t out = 1;
};
/// The fan of a weight (C, I, taps...). Throws shape_error for a rank below 2.
Fan fan_of(const Shape& weight);

/// He et al. 2015: standard deviation gain / sqrt(fan_in). The default gain is the one for relu.
Initializer kaiming_uniform(Fan fan, double gain = 1.4142135623730951);
Initializer kaiming_normal(Fan fan, double gain = 1.4142135623730951);
/// Glorot and Bengio 2010: standard deviation gain sqrt(2 / (fan_in + fan_out)).
Initializer xavier_uniform(Fan fan, double gain = 1.0);
Initializer xavier_normal(Fan fan, double gain = 1.0);

/// The initializations that layers with a weight offer.
enum class Initialization {
  pytorch,  ///< PyTorch's default: weight and bias uniform between +-1 / sqrt(fan_in) (kaiming_uniform, a = sqrt(5))
  pytorch_zero_bias,       ///< the same for the weight; bias 0
  kaiming_uniform,         ///< bias 0
  kaiming_normal,          ///< bias 0
  kaiming_normal_fan_out,  ///< with fan_out in place of fan_in, as in torchvision's convolutions; bias 0
  xavier_uniform,          ///< bias 0
  xavier_normal,           ///< bias 0
};

enum class Parameterization {
  standard,
  /// Weights and biases are N(0, 1); the layer computes sigma_w / sqrt(fan_in) * (w x) + sigma_b * b. Jacot et al.
  /// 2018.
  ntk,
};

/// The common part of the options of layers with a weight and a bias.
struct WeightOptions {
  bool bias = true;
  Parameterization parameterization = Parameterization::standard;
  Initialization initialization = Initialization::pytorch;  ///< for the standard parameterization
  double sigma_w = 1.0;                                     ///< for the NTK parameterization
  double sigma_b = 1.0;                                     ///< for the NTK parameterization; 0: no bias
};

/// How a layer of this fan draws its weight and its bias: N(0, 1) in the NTK parameterization, whose factors are
/// applied in the forward pass, and by options.initialization in the standard one.
Initializer weight_initializer(const WeightOptions& options, Fan fan);
Initializer bias_initializer(const WeightOptions& options, Fan fan);
/// Whether the layer has a bias.
bool has_bias(const WeightOptions& options);

/// An array drawn from an initializer.
template <class T>
Array<T> draw(const Initializer& initializer, const Shape& shape, std::uint64_t seed, std::uint64_t stream);

/// The random stream that belongs to a name. Parameters that share a seed are drawn from different streams.
std::uint64_t stream_of(std::string_view name);

}  // namespace xtangent::nn
