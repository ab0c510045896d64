#include "ntk/algebra/vecchia.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/lapack.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/precision.hpp"
#include "autodiff/kernels/random.hpp"
#include "autodiff/kernels/symmetric.hpp"
#include "ntk/algebra/converted.hpp"
#include "ntk/kernel.hpp"
#include "ntk/planning/budget.hpp"
#include "ntk/planning/planner.hpp"

namespace xtangent::ntk {
namespace {

using Indices = std::vector<std::size_t>;

constexpr std::size_t rows_at_a_time = 1024;  // rows at a time of the kernel by which examples are near

// The `count` entries of `from` that are nearest by `distance`. Entries at equal distance keep the order of `from`.
template <class Distance>
Indices nearest_of(const Indices& from, std::size_t count, const Distance& distance) {
  std::vector<std::pair<double, std::size_t>> found;
  for (std::size_t i = 0; i < from.size(); ++i) found.emplace_back(distance(from[i]), i);
  count = std::min(count, found.size());
  std::nth_element(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(count), found.end());
  std::sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(count));
  Indices out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(from[found[i].second]);
  return out;
}

// The examples whose rows of the factor are made together, preceded by those on which they are conditioned.
struct Group {
  Indices examples;
  std::size_t own = 0;
};

// Makes groups of examples from an order that is random, so that early examples are far apart. The order is cut into
// stretches, each at most as long as everything before it.
template <class T>
class Grouping {
 public:
  Grouping(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
           const PreconditionerOptions& options)
      : net_(net),
        params_(params),
        options_(options),
        order_(kernels::permutation(options.seed, 0, x.shape()[0])),
        x_(x.rows_at(order_)) {}

  std::vector<Group> run() {
    const std::size_t n = order_.size();
    for (std::size_t begin = 0, end = 0; begin < n; begin = end) {
      const std::size_t first = options_.group + options_.neighbors;
      end = std::min(n, begin == 0 ? first : begin + std::min(begin, rows_at_a_time));
      stretch(begin, end);
    }
    return std::move(groups_);
  }

 private:
  void stretch(std::size_t begin, std::size_t end) {
    const Array<double> k = kernel(net_, params_, x_.rows(begin, end), x_.rows(0, end), readout::trace(),
                                   Options{.memory = options_.memory, .parameters = options_.parameters});
    for (std::size_t i = begin; i < end; ++i) size_.push_back(std::sqrt(std::max(0.0, k[(i - begin) * end + i])));
    // An example without a gradient is as far from all others as one whose gradient is orthogonal to theirs.
    const auto distance = [&](std::size_t i, std::size_t j) {
      const double sizes = size_[i] * size_[j];
      return sizes > 0 ? 1 - k[(i - begin) * end + j] / sizes : 1;
    };
    Indices open;
    for (std::size_t i = begin; i < end; ++i) open.push_back(i);
    while (!open.empty()) {
      const std::size_t seed = open.front();
      const Indices own = nearest_of(open, options_.group, [&](std::size_t j) { return distance(seed, j); });
      Indices before = nearest_of(done_, options_.neighbors, [&](std::size_t j) {
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t i : own) least = std::min(least, distance(i, j));
        return least;
      });
      done_.insert(done_.end(), own.begin(), own.end());
      std::erase_if(open, [&](std::size_t i) { return std::find(own.begin(), own.end(), i) != own.end(); });
      before.insert(before.end(), own.begin(), own.end());
      for (std::size_t& i : before) i = order_[i];
      groups_.push_back({std::move(before), own.size()});
    }
  }

  const nn::ModuleBase& net_;
  const nn::Parameters<T>& params_;
  const PreconditionerOptions& options_;
  Indices order_;
  Array<T> x_;                // examples in this order
  std::vector<double> size_;  // square roots of K_ii
  Indices done_;              // places in the order
  std::vector<Group> groups_;
};

// The last `rows` rows of the inverse Cholesky factor of a kernel, transposed to (n, rows).
Array<double> inverse_rows(Array<double> kernel, std::size_t rows, double ridge) {
  const std::size_t n = kernel.shape()[0];
  double* values = kernel.mutable_data();
  for (std::size_t i = 0; i < n; ++i) values[i * n + i] += ridge;
  if (kernels::cholesky(n, values, n) != 0)
    throw numerical_error(
        "[preconditioner] the eNTK of " + std::to_string(n) +
        " rows is not positive definite. Examples repeat, or there are more rows than parameters. Add a "
        "ridge.");
  Array<double> out = Array<double>::zeros({n, rows});
  for (std::size_t j = 0; j < rows; ++j) out.mutable_data()[(n - rows + j) * rows + j] = 1;
  kernels::triangular_solve(true, n, values, n, rows, out.mutable_data(), rows);
  return out;
}

// A^-1 is the sum over the groups of X X^T on the rows of their examples.
template <class F>
struct Factors {
  std::size_t examples, outputs;
  std::vector<Group> groups;
  std::vector<Array<F>> rows;  // X (m O, own O)

  Array<double> apply(const Array<double>& u) const {
    constexpr std::size_t wave = 64;
    const std::size_t run = outputs * (u.size() / (examples * outputs));
    Array<double> out = Array<double>::zeros(u.shape());
    std::vector<Array<double>> parts(wave);
    for (std::size_t begin = 0; begin < groups.size(); begin += wave) {
      const std::size_t end = std::min(groups.size(), begin + wave);
      kernels::parallel_for(end - begin, 4, [&](std::size_t first, std::size_t last) {
        for (std::size_t g = first; g < last; ++g) parts[g] = part(begin + g, u, run);
      });
      for (std::size_t g = begin; g < end; ++g)
        kernels::scatter_add(1, examples, run, groups[g].examples, parts[g - begin].data(), out.mutable_data());
    }
    return out;
  }

 private:
  Array<double> part(std::size_t g, const Array<double>& u, std::size_t run) const {
    const Indices& at = groups[g].examples;
    const std::size_t m = at.size() * outputs, own = groups[g].own * outputs, columns = run / outputs;
    Array<double> local({m, columns});
    kernels::gather(1, examples, run, at, u.data(), local.mutable_data());
    Array<F> in({m, columns}), middle({own, columns});
    kernels::narrow(in.size(), local.data(), in.mutable_data());
    const F* x = rows[g].data();
    kernels::gemm_serial(true, false, own, columns, m, F(1), x, own, in.data(), columns, F(0), middle.mutable_data(),
                         columns);
    kernels::gemm_serial(false, false, m, columns, own, F(1), x, own, middle.data(), columns, F(0), in.mutable_data(),
                         columns);
    kernels::widen(in.size(), in.data(), local.mutable_data());
    return local;
  }
};

}  // namespace

template <class F, class T>
HeldPreconditioner nearest_preconditioner(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                                          std::size_t outputs, const PreconditionerOptions& options) {
  if (options.group == 0) throw option_error("[preconditioner] a group must have at least one example.");
  const double n = static_cast<double>(x.shape()[0]), o = static_cast<double>(outputs);
  const double together = std::min(n, static_cast<double>(options.group + options.neighbors));
  const double held = sizeof(F) * n * together * o * o;
  const double making =
      8 * std::max(n * std::min(n, static_cast<double>(rows_at_a_time)), 2 * together * o * together * o);
  const double budget = memory_budget(options.memory);
  if (held + making > budget)
    throw memory_error("[preconditioner] rows for " + std::to_string(x.shape()[0]) + " examples with " +
                       std::to_string(options.neighbors) + " neighbors need " + readable_bytes(held + making) +
                       ", but the budget leaves " + readable_bytes(budget) +
                       ". Raise options.memory, use fewer neighbors, or use float_factor.");
  PreconditionerOptions within = options;
  within.memory = static_cast<std::size_t>(budget - held);
  auto factors = std::make_shared<Factors<F>>();
  factors->examples = x.shape()[0];
  factors->outputs = outputs;
  factors->groups = Grouping<T>(net, params, x, within).run();
  for (const Group& group : factors->groups) {
    const Array<double> exact = inverse_rows(entk(net, params, x.rows_at(group.examples),
                                                  Options{.memory = within.memory, .parameters = options.parameters}),
                                             group.own * outputs, options.ridge);
    factors->rows.push_back(converted<F>(exact));
  }
  return {[factors = std::shared_ptr<const Factors<F>>(std::move(factors))](const Array<double>& u) {
            return factors->apply(u);
          },
          held};
}

#define XTANGENT_INSTANTIATE(F, T)                                                                       \
  template HeldPreconditioner nearest_preconditioner<F>(const nn::ModuleBase&, const nn::Parameters<T>&, \
                                                        const Array<T>&, std::size_t, const PreconditionerOptions&);
XTANGENT_INSTANTIATE(float, float)
XTANGENT_INSTANTIATE(double, float)
XTANGENT_INSTANTIATE(float, double)
XTANGENT_INSTANTIATE(double, double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::ntk
