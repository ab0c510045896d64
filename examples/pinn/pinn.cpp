#include "examples/pinn/pinn.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <numbers>
#include <optional>

#include "autodiff/kernels/random.hpp"
#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/reduction.hpp"
#include "examples/common/interruption.hpp"
#include "examples/common/progress.hpp"
#include "examples/common/stopwatch.hpp"
#include "nn/layers/activation.hpp"
#include "nn/layers/linear.hpp"
#include "nn/sequential.hpp"
#include "nn/training/evaluate.hpp"
#include "nn/training/fit.hpp"
#include "ntk/function.hpp"
#include "ntk/kernel.hpp"

namespace xtangent::examples {
namespace {

constexpr std::size_t grid = 51;  // points along x and along t

// Fourier modes decay independently of each other.
double exact(const PinnSettings& s, double x, double t) {
  const double k = static_cast<double>(s.modes), pi = std::numbers::pi;
  return std::exp(-s.diffusivity * pi * pi * t) * std::sin(pi * x) +
         0.5 * std::exp(-s.diffusivity * k * k * pi * pi * t) * std::sin(k * pi * x);
}

double uniform(std::uint64_t seed, std::uint64_t stream, std::uint64_t i) {
  return static_cast<double>(kernels::philox(seed, stream, i)[0]) / 4294967296.0;
}

// (boundary + interior, 2): the points (x, t). A half of the boundary points are at t = 0, a quarter at each end.
Array<float> points(const PinnSettings& s, std::uint64_t seed) {
  Array<float> out({s.boundary + s.interior, 2});
  float* to = out.mutable_data();
  for (std::size_t i = 0; i < s.boundary + s.interior; ++i) {
    double x = uniform(seed, 1, i), t = uniform(seed, 2, i);
    if (i < s.boundary) {
      if (i % 2 == 0)
        t = 0;
      else
        x = i % 4 == 1 ? 0 : 1;
    }
    *to++ = static_cast<float>(x);
    *to++ = static_cast<float>(t);
  }
  return out;
}

Array<float> grid_points() {
  Array<float> out({grid * grid, 2});
  for (std::size_t i = 0; i < grid * grid; ++i) {
    out.mutable_data()[2 * i] = static_cast<float>(i / grid) / (grid - 1);
    out.mutable_data()[2 * i + 1] = static_cast<float>(i % grid) / (grid - 1);
  }
  return out;
}

// The sum of the diagonal of a kernel: that of the values (output 0) or of the residuals (output 1).
double trace(const nn::ModuleBase& both, const nn::Parameters<float>& params, const Array<float>& x,
             std::size_t output) {
  const Array<double> k = ntk::kernel(both, params, x, ntk::readout::single(output));
  double sum = 0;
  for (std::size_t i = 0; i < x.shape()[0]; ++i) sum += k[i * (x.shape()[0] + 1)];
  return sum;
}

// The losses of both kinds of points, with their present weights.
struct Loss {
  Array<float> targets;  // (N, 2): the value on the boundary and 0, and 0 for the residual
  std::size_t boundary;
  double boundary_weight = 1, residual_weight = 1;

  // The mean over examples of their part of w_b mean (u - g)^2 + w_r mean r^2.
  Var<float> operator()(const Var<float>& output, const std::vector<std::size_t>& examples) const {
    const std::size_t n = examples.size(), all = targets.shape()[0];
    Array<float> weights = Array<float>::zeros({n, 2});
    for (std::size_t i = 0; i < n; ++i) {
      const bool at_boundary = examples[i] < boundary;
      const double count = static_cast<double>(at_boundary ? boundary : all - boundary);
      const double weight = (at_boundary ? boundary_weight : residual_weight) * static_cast<double>(all) / count;
      weights.mutable_data()[2 * i + (at_boundary ? 0 : 1)] = static_cast<float>(weight);
    }
    const Var<float> error = output - batched(targets.rows_at(examples));
    return mean(sum(square(error) * batched(weights), {1}));
  }
};

PinnRun train(const PinnSettings& s, std::uint64_t seed, bool weighted, Progress& bar) {
  const auto net = nn::sequential(nn::Linear(2, s.width), nn::Tanh(), nn::Linear(s.width, s.width), nn::Tanh(),
                                  nn::Linear(s.width, s.width), nn::Tanh(), nn::Linear(s.width, 1));
  const double nu = s.diffusivity;
  const auto both = ntk::function(net, [nu](const auto& u, const auto& x) {
    const auto u_x = [&](const auto& v) { return ntk::partial(u, v, 0); };
    return concatenate({u(x), ntk::partial(u, x, 1) - nu * ntk::partial(u_x, x, 0)}, 1);
  });
  const Array<float> x = points(s, seed), everywhere = grid_points();
  const Array<float> on_boundary = x.rows(0, s.boundary), inside = x.rows(s.boundary, s.boundary + s.interior);
  const auto loss = std::make_shared<Loss>();
  loss->targets = Array<float>::zeros({s.boundary + s.interior, 2});
  loss->boundary = s.boundary;
  for (std::size_t i = 0; i < s.boundary; ++i)
    loss->targets.mutable_data()[2 * i] = static_cast<float>(exact(s, x[2 * i], x[2 * i + 1]));

  PinnRun run;
  run.weighted = weighted;
  const auto observe = [&](std::size_t step, const nn::Parameters<float>& params) {
    const double at = static_cast<double>(step);
    const double of_values = trace(both, params, on_boundary, 0), of_residuals = trace(both, params, inside, 1);
    if (weighted) {
      loss->boundary_weight = (of_values + of_residuals) / of_values;
      loss->residual_weight = (of_values + of_residuals) / of_residuals;
    }
    run.boundary_trace.emplace_back(at, of_values);
    run.residual_trace.emplace_back(at, of_residuals);
    run.boundary_weight.emplace_back(at, loss->boundary_weight);
    run.residual_weight.emplace_back(at, loss->residual_weight);
    const Array<float> found = nn::predict(net, params, everywhere);
    double difference = 0, norm = 0;
    run.solution = Array<double>({grid, grid});
    for (std::size_t i = 0; i < found.size(); ++i) {
      const double truth = exact(s, everywhere[2 * i], everywhere[2 * i + 1]);
      run.solution.mutable_data()[i] = found[i];
      difference += (found[i] - truth) * (found[i] - truth);
      norm += truth * truth;
    }
    run.error.emplace_back(at, std::sqrt(difference / norm));
  };
  nn::FitOptions<float> options;
  options.epochs = s.steps;
  options.batch = s.boundary + s.interior;
  options.optimizer = nn::adam({.rate = s.learning_rate});
  options.seed = seed;
  options.on_epoch = [&](const nn::Epoch& epoch, const nn::Parameters<float>& params) {
    if (epoch.number % s.update_every == 0 || epoch.number == s.steps) observe(epoch.number, params);
    bar.update(static_cast<double>(epoch.number));
    end_if_interrupted();
    return true;
  };
  const nn::Parameters<float> start = both.init<float>(seed);
  observe(0, start);
  nn::fit<float>(
      both, start, x, [loss](const Var<float>& y, const std::vector<std::size_t>& at) { return (*loss)(y, at); },
      options);
  return run;
}

}  // namespace

PinnStudy study(const PinnSettings& s) {
  const Stopwatch watch;
  PinnStudy out;
  out.exact = Array<double>({grid, grid});
  for (std::size_t i = 0; i < grid * grid; ++i)
    out.exact.mutable_data()[i] =
        exact(s, static_cast<double>(i / grid) / (grid - 1), static_cast<double>(i % grid) / (grid - 1));
  const double each = static_cast<double>(s.steps);
  Progress bar(2.0 * static_cast<double>(s.seeds) * each);
  for (std::size_t i = 0; i < s.seeds; ++i)
    for (const bool weighted : {false, true}) {
      const std::string what =
          "network " + std::to_string(i + 1) + (weighted ? ", weights from traces" : ", weights of 1");
      bar.step(what, each, each, "step");
      out.runs.push_back(train(s, s.seed + i, weighted, bar));
    }
  bar.finish();
  out.seconds = watch.seconds();
  return out;
}

}  // namespace xtangent::examples
