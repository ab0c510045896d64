#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/layers/activation.hpp"
#include "nn/layers/linear.hpp"
#include "nn/sequential.hpp"
#include "ntk/per_example.hpp"
#include "tests/testing.hpp"

/// Readouts of single examples, and their combinations A_n of the outputs by formulas that are written out.
namespace xtangent::testing {

inline ntk::Labels labels_of(std::size_t n, std::size_t outputs, std::size_t step) {
  ntk::Labels y(n);
  for (std::size_t i = 0; i < n; ++i) y[i] = (i * step + 1) % outputs;
  return y;
}

inline std::vector<double> softmax_of(const double* f, std::size_t outputs) {
  const double top = *std::max_element(f, f + outputs);
  std::vector<double> p(outputs);
  double sum = 0;
  for (std::size_t o = 0; o < outputs; ++o) sum += p[o] = std::exp(f[o] - top);
  for (double& v : p) v /= sum;
  return p;
}

inline Array<double> outputs_of(const nn::ModuleBase& net, const nn::Parameters<double>& params,
                                const Array<double>& x) {
  const Array<double> f = net(params, x);
  return f.reshaped({x.shape()[0], f.size() / x.shape()[0]});
}

// A (N, O) of a function of the softmax p, the number of outputs, and whether an output is that of the label.
template <class F>
Array<double> combinations(const Array<double>& f, const ntk::Labels& y, const F& entry) {
  const std::size_t n = f.shape()[0], o = f.shape()[1];
  Array<double> a({n, o});
  for (std::size_t i = 0; i < n; ++i) {
    const std::vector<double> p = softmax_of(f.data() + i * o, o);
    for (std::size_t j = 0; j < o; ++j) a.mutable_data()[i * o + j] = entry(p, y[i], j);
  }
  return a;
}

// One readout of each kind, and its A for some outputs and labels.
struct Kind {
  std::string name;
  std::function<ntk::Readout(const ntk::Labels&, const Array<double>& targets)> make;
  std::function<Array<double>(const Array<double>& f, const ntk::Labels&, const Array<double>& targets)> expected;
};

inline std::vector<Kind> kinds() {
  using P = std::vector<double>;
  const auto of = [](auto entry) {
    return [entry](const Array<double>& f, const ntk::Labels& y, const Array<double>&) {
      return combinations(f, y, entry);
    };
  };
  const auto from_labels = [](auto make) {
    return [make](const ntk::Labels& y, const Array<double>&) { return make(y); };
  };
  return {{"labels", from_labels([](const ntk::Labels& y) { return ntk::readout::labels(y); }),
           of([](const P&, std::size_t y, std::size_t o) { return y == o ? 1.0 : 0.0; })},
          {"log_probability", from_labels([](const ntk::Labels& y) { return ntk::readout::log_probability(y); }),
           of([](const P& p, std::size_t y, std::size_t o) { return (y == o ? 1.0 : 0.0) - p[o]; })},
          {"loss", from_labels([](const ntk::Labels& y) { return ntk::readout::loss(y); }),
           of([](const P& p, std::size_t y, std::size_t o) { return p[o] - (y == o ? 1.0 : 0.0); })},
          {"margin", from_labels([](const ntk::Labels& y) { return ntk::readout::margin(y); }),
           of([](const P& p, std::size_t y, std::size_t o) { return y == o ? 1.0 : -p[o] / (1 - p[y]); })},
          {"lpntk", from_labels([](const ntk::Labels& y) { return ntk::readout::signed_labels(y); }),
           of([](const P& p, std::size_t y, std::size_t o) {
             return (y == o ? 1.0 : -1.0) / std::sqrt(static_cast<double>(p.size()));
           })},
          {"loss", [](const ntk::Labels&, const Array<double>& t) { return ntk::readout::loss(t); },
           [](const Array<double>& f, const ntk::Labels&, const Array<double>& t) {
             Array<double> a(f.shape());
             for (std::size_t i = 0; i < f.size(); ++i)
               a.mutable_data()[i] = 2 * (f[i] - t[i]) / static_cast<double>(f.shape()[1]);
             return a;
           }},
          {"log sum of squares", from_labels([](const ntk::Labels&) {
             return ntk::readout::of_outputs("log sum of squares",
                                             [](const auto& f, Range) { return log(1.0 + sum(square(f), {1})); });
           }),
           [](const Array<double>& f, const ntk::Labels&, const Array<double>&) {
             Array<double> a(f.shape());
             const std::size_t o = f.shape()[1];
             for (std::size_t i = 0; i < f.shape()[0]; ++i) {
               double sum = 1;
               for (std::size_t j = 0; j < o; ++j) sum += f[i * o + j] * f[i * o + j];
               for (std::size_t j = 0; j < o; ++j) a.mutable_data()[i * o + j] = 2 * f[i * o + j] / sum;
             }
             return a;
           }}};
}

// A_n^T Theta(x_n, x_m) B_m for A (N, O, C), B (M, O, C) and Theta (N O, M O): whole blocks, the means of their
// diagonals, or the diagonals.
inline Array<double> contracted(const Array<double>& theta, const Array<double>& a, const Array<double>& b,
                                ntk::Readout::Reduction reduction = ntk::Readout::Reduction::none) {
  using Reduction = ntk::Readout::Reduction;
  const std::size_t n = a.shape()[0], m = b.shape()[0], o = a.shape()[1], c = a.rank() == 3 ? a.shape()[2] : 1;
  Array<double> out = Array<double>::zeros(reduction == Reduction::none    ? Shape{n * c, m * c}
                                           : reduction == Reduction::trace ? Shape{n, m}
                                                                           : Shape{c, n, m});
  double* to = out.mutable_data();
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j)
      for (std::size_t k = 0; k < c; ++k)
        for (std::size_t l = 0; l < c; ++l) {
          double value = 0;
          for (std::size_t p = 0; p < o; ++p)
            for (std::size_t q = 0; q < o; ++q)
              value += a[(i * o + p) * c + k] * theta[(i * o + p) * m * o + j * o + q] * b[(j * o + q) * c + l];
          if (reduction == Reduction::none) to[(i * c + k) * m * c + j * c + l] = value;
          if (reduction == Reduction::trace && k == l) to[i * m + j] += value / static_cast<double>(c);
          if (reduction == Reduction::diagonal && k == l) to[(k * n + i) * m + j] = value;
        }
  return out;
}

struct Case {
  nn::Sequential net = nn::sequential(nn::Linear(5, 14), nn::Gelu(), nn::Linear(14, 3));
  nn::Parameters<double> params = net.init<double>(3);
  Random random{"per example"};
  Array<double> x = random_array(random, {7, 5}), other = random_array(random, {4, 5});
  ntk::Labels y = labels_of(7, 3, 2), y_other = labels_of(4, 3, 1);
};

}  // namespace xtangent::testing
