#include "tests/testing.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace xtangent::testing {

Random::Random(const std::string& name) : state_(0xcbf29ce484222325u) {
  for (const char c : name) state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
}

std::uint64_t Random::bits() {  // SplitMix64
  state_ += 0x9e3779b97f4a7c15u;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

double Random::uniform(double low, double high) {
  return low + (high - low) * static_cast<double>(bits() >> 11) * 0x1p-53;
}

Array<double> random_array(Random& random, const Shape& shape, double low, double high) {
  Array<double> out(shape);
  double* p = out.mutable_data();
  for (std::size_t i = 0; i < out.size(); ++i) p[i] = random.uniform(low, high);
  return out;
}

template <class T>
Array<T> cast(const Array<double>& x) {
  Array<T> out(x.shape());
  std::transform(x.data(), x.data() + x.size(), out.mutable_data(), [](double v) { return static_cast<T>(v); });
  return out;
}
template Array<float> cast(const Array<double>&);
template Array<double> cast(const Array<double>&);

Array<double> to_double(const Array<float>& x) {
  Array<double> out(x.shape());
  std::transform(x.data(), x.data() + x.size(), out.mutable_data(), [](float v) { return static_cast<double>(v); });
  return out;
}

double difference(const Array<double>& a, const Array<double>& b) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  if (!a.defined() || !b.defined() || !(a.shape() == b.shape())) return infinite;
  double worst = 0.0, scale = 1.0;
  for (std::size_t i = 0; i < a.size(); ++i) scale = std::max({scale, std::abs(a[i]), std::abs(b[i])});
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(a[i] - b[i]) / scale;
    if (!(d <= infinite)) return infinite;
    worst = std::max(worst, d);
  }
  return worst;
}

template <class T>
bool same_bits(const Array<T>& a, const Array<T>& b) {
  if (a.defined() != b.defined()) return false;
  return !a.defined() || (a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.bytes()) == 0);
}
template bool same_bits(const Array<float>&, const Array<float>&);
template bool same_bits(const Array<double>&, const Array<double>&);

double inner(const Array<double>& a, const Array<double>& b) {
  double total = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) total += a[i] * b[i];
  return total;
}

double inner(const std::vector<Array<double>>& a, const std::vector<Array<double>>& b) {
  double total = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) total += inner(a[i], b[i]);
  return total;
}

std::vector<Array<double>> moved(const std::vector<Array<double>>& x, double h, const std::vector<Array<double>>& v) {
  std::vector<Array<double>> out = x;
  for (std::size_t i = 0; i < x.size(); ++i) {
    double* p = out[i].mutable_data();
    for (std::size_t j = 0; j < x[i].size(); ++j) p[j] += h * v[i][j];
  }
  return out;
}

std::vector<Array<double>> central_difference(const VectorFunction& g, const std::vector<Array<double>>& x,
                                              const std::vector<Array<double>>& v, double h) {
  const std::vector<Array<double>> p1 = g(moved(x, h, v)), m1 = g(moved(x, -h, v));
  const std::vector<Array<double>> p2 = g(moved(x, 2 * h, v)), m2 = g(moved(x, -2 * h, v));
  std::vector<Array<double>> out;
  for (std::size_t i = 0; i < p1.size(); ++i) {
    Array<double> d(p1[i].shape());
    double* to = d.mutable_data();
    for (std::size_t j = 0; j < d.size(); ++j) to[j] = (8 * (p1[i][j] - m1[i][j]) - (p2[i][j] - m2[i][j])) / (12 * h);
    out.push_back(d);
  }
  return out;
}

}  // namespace xtangent::testing
