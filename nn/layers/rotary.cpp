#include "nn/layers/rotary.hpp"

#include <cmath>
#include <vector>

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"

namespace xtangent::nn {
namespace {

// Cosines and sines of the angles, (tokens, d), for the numbers in their places.
template <class T>
std::pair<Var<T>, Var<T>> turns(std::size_t tokens, std::size_t d, const RotaryOptions& options) {
  std::vector<T> cosines(tokens * d), sines(tokens * d);
  for (std::size_t t = 0; t < tokens; ++t)
    for (std::size_t j = 0; j < d; ++j) {
      const std::size_t pair = options.interleaved ? j / 2 : j % (d / 2);
      const double angle =
          static_cast<double>(t) * std::pow(options.base, -2.0 * static_cast<double>(pair) / static_cast<double>(d));
      cosines[t * d + j] = static_cast<T>(std::cos(angle));
      sines[t * d + j] = static_cast<T>(std::sin(angle));
    }
  return {Var<T>(Array<T>::from({tokens, d}, cosines)), Var<T>(Array<T>::from({tokens, d}, sines))};
}

// (a, b) of each pair becomes (-b, a), in their places.
template <class T>
Var<T> quarter_turn(const Var<T>& x, bool interleaved) {
  const std::size_t d = x.shape().back();
  if (!interleaved) return concatenate<T>({-slice(x, -1, d / 2, d), slice(x, -1, 0, d / 2)}, -1);
  const Var<T> pairs = reshape(x, x.shape().slice(0, x.rank() - 1).joined({d / 2, 2}));
  return reshape(concatenate<T>({-slice(pairs, -1, 1, 2), slice(pairs, -1, 0, 1)}, -1), x.shape());
}

}  // namespace

template <class T>
Var<T> rotary_embedding(const Var<T>& x, const RotaryOptions& options) {
  if (x.rank() < 2 || x.shape().back() % 2 != 0)
    throw shape_error("[rotary_embedding] got " + to_string(x.shape()) +
                      ". Expected (..., tokens, d) with an even d, since its numbers are rotated in pairs.");
  const auto [cosines, sines] = turns<T>(x.shape().from_right(2), x.shape().back(), options);
  return x * cosines + quarter_turn(x, options.interleaved) * sines;
}

RotaryEmbedding::RotaryEmbedding(RotaryOptions options) : options_(options) {
  if (!(options.base > 0.0))
    throw option_error("[RotaryEmbedding] base " + std::to_string(options.base) + ". It must be positive.");
}

template Var<float> rotary_embedding(const Var<float>&, const RotaryOptions&);
template Var<double> rotary_embedding(const Var<double>&, const RotaryOptions&);

}  // namespace xtangent::nn
