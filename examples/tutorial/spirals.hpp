#pragma once

#include <cmath>
#include <vector>
#include <xtangent.hpp>

/// Shared by the steps of docs/tutorial.md: points of three classes, and the network that tells them apart.
namespace spirals {

using namespace xtangent;

/// x (n, 2) and one label each.
struct Points {
  Array<float> x;
  std::vector<std::size_t> labels;
};

/// Three arms of a spiral around 0, the outermost points at distance 1.
inline Points points(std::size_t n, std::uint64_t seed) {
  const Array<float> radius = nn::draw<float>(nn::uniform(0.4), {n}, seed, 0);
  const Array<float> noise = nn::draw<float>(nn::normal(0.35), {n}, seed, 1);
  Points out{Array<float>({n, 2}), {}};
  float* x = out.x.mutable_data();
  for (std::size_t i = 0; i < n; ++i) {
    out.labels.push_back(i % 3);
    const float r = 0.6f + radius[i], angle = 6.0f * r + 2.0944f * static_cast<float>(i % 3) + noise[i];
    x[2 * i] = r * std::cos(angle);
    x[2 * i + 1] = r * std::sin(angle);
  }
  return out;
}

// [define]
/// Two hidden layers, and three outputs for each point, one for each class.
inline nn::Sequential network() {
  return nn::sequential(nn::Linear{2, 128}, nn::Relu{}, nn::Linear{128, 128}, nn::Relu{}, nn::Linear{128, 3});
}
// [/define]

}  // namespace spirals
