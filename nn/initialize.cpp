#include "nn/initialize.hpp"

#include <algorithm>
#include <cmath>

#include "autodiff/kernels/random.hpp"

namespace xtangent::nn {
namespace {

double root(std::size_t n) { return std::sqrt(static_cast<double>(std::max<std::size_t>(n, 1))); }

}  // namespace

Initializer constant(double value) { return {.kind = Initializer::Kind::constant, .value = value}; }
Initializer uniform(double bound) { return {.kind = Initializer::Kind::uniform, .spread = bound}; }
Initializer normal(double deviation) { return {.kind = Initializer::Kind::normal, .spread = deviation}; }

Fan fan_of(const Shape& weight) {
  if (weight.rank() < 2)
    throw shape_error("[fan_of] a weight of shape " + to_string(weight) + " has no fan. It must be (out, in, ...).");
  const std::size_t taps = weight.slice(2, weight.rank()).size();
  return {weight[1] * taps, weight[0] * taps};
}

// A uniform distribution on [-b, b) has deviation b / sqrt(3).
Initializer kaiming_uniform(Fan fan, double gain) { return uniform(std::sqrt(3.0) * gain / root(fan.in)); }
Initializer kaiming_normal(Fan fan, double gain) { return normal(gain / root(fan.in)); }
Initializer xavier_uniform(Fan fan, double gain) { return uniform(std::sqrt(6.0) * gain / root(fan.in + fan.out)); }
Initializer xavier_normal(Fan fan, double gain) { return normal(std::sqrt(2.0) * gain / root(fan.in + fan.out)); }

Initializer weight_initializer(const WeightOptions& options, Fan fan) {
  if (options.parameterization == Parameterization::ntk) return normal(1.0);
  switch (options.initialization) {
    case Initialization::kaiming_uniform:
      return kaiming_uniform(fan);
    case Initialization::kaiming_normal:
      return kaiming_normal(fan);
    case Initialization::kaiming_normal_fan_out:
      return kaiming_normal({fan.out, fan.in});
    case Initialization::xavier_uniform:
      return xavier_uniform(fan);
    case Initialization::xavier_normal:
      return xavier_normal(fan);
    case Initialization::pytorch:
    case Initialization::pytorch_zero_bias:
      break;
  }
  return uniform(1.0 / root(fan.in));
}

Initializer bias_initializer(const WeightOptions& options, Fan fan) {
  if (options.parameterization == Parameterization::ntk) return normal(1.0);
  return options.initialization == Initialization::pytorch ? uniform(1.0 / root(fan.in)) : constant(0.0);
}

bool has_bias(const WeightOptions& options) {
  return options.bias && !(options.parameterization == Parameterization::ntk && options.sigma_b == 0.0);
}

template <class T>
Array<T> draw(const Initializer& initializer, const Shape& shape, std::uint64_t seed, std::uint64_t stream) {
  if (initializer.zero_row) {
    Initializer rest = initializer;
    rest.zero_row.reset();
    Array<T> out = draw<T>(rest, shape, seed, stream);
    const std::size_t width = shape.slice(1, shape.rank()).size();
    std::fill_n(out.mutable_data() + *initializer.zero_row * width, width, T(0));
    return out;
  }
  const double value = initializer.value, spread = initializer.spread;
  if (initializer.kind == Initializer::Kind::constant) return Array<T>::full(shape, static_cast<T>(value));
  Array<T> out(shape);
  if (initializer.kind == Initializer::Kind::uniform)
    kernels::fill_uniform(seed, stream, value - spread, value + spread, out.size(), out.mutable_data());
  else
    kernels::fill_normal(seed, stream, value, spread, out.size(), out.mutable_data());
  return out;
}

std::uint64_t stream_of(std::string_view name) {  // FNV-1a
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

template Array<float> draw(const Initializer&, const Shape&, std::uint64_t, std::uint64_t);
template Array<double> draw(const Initializer&, const Shape&, std::uint64_t, std::uint64_t);

}  // namespace xtangent::nn
