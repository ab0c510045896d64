#include "ntk/certificate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "autodiff/error.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/compare.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/random.hpp"
#include "ntk/algebra/converted.hpp"
#include "ntk/computation/cotangents.hpp"

namespace xtangent::ntk {
namespace {

// Estimates of ||Theta - K (x) I||^2 and of ||Theta||^2 from one group.
struct Norms {
  double difference = 0, total = 0;
};

// The squared norms (c, c) of the blocks (c O, c O) for each pair of the examples `chosen`.
struct PairNorms {
  std::vector<double> difference, total;
};
PairNorms norms_of_pairs(const std::vector<std::size_t>& chosen, const Array<double>& blocks, const AnyMatrix& pntk) {
  const std::size_t n = pntk.shape()[0], c = chosen.size(), o = blocks.rank() == 2 ? blocks.shape()[0] / c : 0;
  if (o == 0 || !(blocks.shape() == Shape{c * o, c * o}))
    throw shape_error("[certificate] blocks " + to_string(blocks.shape()) + " for " + std::to_string(c) +
                      " examples, expected (" + std::to_string(c) + " O, " + std::to_string(c) + " O).");
  PairNorms out;
  for (std::size_t i = 0; i < c; ++i)
    for (std::size_t j = 0; j < c; ++j) {
      const kernels::PairSums one = pntk.visit([&](const auto& k) {
        return kernels::pair_sums_of_blocks(1, 1, o, blocks.data() + (i * c * o + j) * o, c * o,
                                            k.data() + chosen[i] * n + chosen[j], n);
      });
      out.difference.push_back(one.difference);
      out.total.push_back(one.aa);
    }
  return out;
}

// Computes the norms for the examples with the given numbers.
using NormsSource = std::function<PairNorms(const std::vector<std::size_t>& chosen)>;

// Independent draws of examples with replacement. A tenth of the probability is spread evenly and the rest is in
// proportion to K_nn, so that no example weighs more than ten times what it would with even draws.
class Sampler {
 public:
  explicit Sampler(const AnyMatrix& pntk) {
    const std::size_t n = pntk.shape()[0];
    double trace = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double d = pntk.visit([&](const auto& k) { return static_cast<double>(k[i * (n + 1)]); });
      if (!(d >= 0) || !std::isfinite(d))
        throw numerical_error("[certificate] entry " + std::to_string(i) +
                              " on the diagonal of the pNTK is negative or not finite, so it is not a kernel.");
      probability_.push_back(d);
      trace += d;
    }
    double sum = 0;
    for (double& p : probability_) {
      p = (trace > 0 ? 0.9 * p / trace : 0.9 / static_cast<double>(n)) + 0.1 / static_cast<double>(n);
      cumulated_.push_back(sum += p);
    }
  }
  double probability(std::size_t i) const { return probability_[i]; }
  std::vector<std::size_t> draw(std::uint64_t seed, std::uint64_t group, std::size_t count) const {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < count; ++i) {
      const auto bits = kernels::philox(seed, group, i);
      const double u = static_cast<double>(static_cast<std::uint64_t>(bits[0]) << 21 | bits[1] >> 11) * 0x1p-53;
      const auto at = std::upper_bound(cumulated_.begin(), cumulated_.end(), u * cumulated_.back());
      out.push_back(std::min(static_cast<std::size_t>(at - cumulated_.begin()), cumulated_.size() - 1));
    }
    return out;
  }

 private:
  std::vector<double> probability_, cumulated_;
};

// Blocks on the diagonal and blocks of different examples are estimated separately (Hansen and Hurwitz 1943).
Norms norms_of_group(const Sampler& sampler, const std::vector<std::size_t>& drawn, const NormsSource& norms) {
  std::vector<std::size_t> chosen = drawn;
  std::sort(chosen.begin(), chosen.end());
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  const PairNorms pairs = norms(chosen);
  const double count = static_cast<double>(drawn.size());
  Norms out;
  for (std::size_t a = 0; a < drawn.size(); ++a)
    for (std::size_t b = 0; b < drawn.size(); ++b) {
      if ((a == b) != (drawn[a] == drawn[b])) continue;
      const auto place = [&](std::size_t i) {
        return static_cast<std::size_t>(std::lower_bound(chosen.begin(), chosen.end(), drawn[i]) - chosen.begin());
      };
      const std::size_t pair = place(a) * chosen.size() + place(b);
      const double p = sampler.probability(drawn[a]);
      const double weight = a == b ? 1 / (count * p) : 1 / (count * (count - 1) * p * sampler.probability(drawn[b]));
      out.difference += weight * pairs.difference[pair];
      out.total += weight * pairs.total[pair];
    }
  return out;
}

// How far the mean of difference - ratio * total is from zero, as Student's t. It is corrected for the skewness of the
// groups by Hall's cubic (1992, On the removal of skewness by transformation), which grows with t.
double distance(const std::vector<Norms>& groups, double ratio) {
  const double count = static_cast<double>(groups.size());
  double mean = 0, squares = 0, cubes = 0;
  for (const Norms& g : groups) mean += (g.difference - ratio * g.total) / count;
  for (const Norms& g : groups) {
    const double off = g.difference - ratio * g.total - mean;
    squares += off * off;
    cubes += off * off * off;
  }
  if (squares == 0) return mean == 0 ? 0 : std::copysign(std::numeric_limits<double>::infinity(), mean);
  const double deviation = std::sqrt(squares / (count - 1)), t = std::sqrt(count) * mean / deviation;
  const double skew = cubes / count / (deviation * deviation * deviation) / std::sqrt(count);
  return t + skew * t * t / 3 + skew * skew * t * t * t / 27 + skew / 6;
}

// The interval of all ratios for which that distance is at most t. Draws that all agree exactly give the point 0.
std::pair<double, double> ratio_interval(const std::vector<Norms>& groups, double estimate, double t) {
  if (estimate == 0) return {0, 0};
  const auto boundary = [&](double inside, double outside, double at) {
    for (int i = 0; i < 100; ++i) {
      const double middle = (inside + outside) / 2, d = distance(groups, middle);
      (std::abs(d) <= at ? inside : outside) = middle;
    }
    return inside;
  };
  const double low = std::abs(distance(groups, 0)) <= t ? 0 : boundary(estimate, 0, t);
  for (double outside = estimate; outside < 1e6 * estimate; outside *= 2)
    if (distance(groups, outside) < -t) return {low, boundary(estimate, outside, t)};
  return {low, std::numeric_limits<double>::infinity()};
}

void check(const AnyMatrix& pntk, const CertificateOptions& options) {
  if (pntk.shape().rank() != 2 || pntk.shape()[0] != pntk.shape()[1] || pntk.shape()[0] == 0)
    throw shape_error("[certificate] the pNTK must be square and not empty, got " + to_string(pntk.shape()) + ".");
  if (options.groups < 10 || options.group_size < 2)
    throw option_error("[certificate] " + std::to_string(options.groups) + " groups of " +
                       std::to_string(options.group_size) + " examples. Use at least 10 groups of at least 2.");
  if (!(options.confidence > 0 && options.confidence < 1))
    throw option_error("[certificate] confidence " + std::to_string(options.confidence) + " must be between 0 and 1.");
}

// Uses every pair once.
Norms exact_norms(const NormsSource& norms, std::size_t n) {
  std::vector<std::size_t> all(n);
  std::iota(all.begin(), all.end(), std::size_t(0));
  const PairNorms pairs = norms(all);
  return {std::accumulate(pairs.difference.begin(), pairs.difference.end(), 0.0),
          std::accumulate(pairs.total.begin(), pairs.total.end(), 0.0)};
}

}  // namespace

double student_quantile(double probability, double degrees) {
  if (!(probability > 0 && probability < 1) || !(degrees >= 8))
    throw option_error("[student_quantile] needs a probability between 0 and 1 and at least 8 degrees of freedom.");
  double low = -40, high = 40;  // bounds for the quantile of the normal distribution
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (std::erfc(-middle / std::sqrt(2.0)) / 2 < probability ? low : high) = middle;
  }
  const double z = low, z2 = z * z;
  // Abramowitz and Stegun, 26.7.5.
  const double g1 = z * (z2 + 1) / 4, g2 = z * (5 * z2 * z2 + 16 * z2 + 3) / 96,
               g3 = z * (3 * z2 * z2 * z2 + 19 * z2 * z2 + 17 * z2 - 15) / 384,
               g4 = z * (79 * z2 * z2 * z2 * z2 + 776 * z2 * z2 * z2 + 1482 * z2 * z2 - 1920 * z2 - 945) / 92160;
  return z + (g1 + (g2 + (g3 + g4 / degrees) / degrees) / degrees) / degrees;
}

namespace {

Certificate certified(const NormsSource& norms, const AnyMatrix& pntk, const CertificateOptions& options) {
  check(pntk, options);
  const std::size_t n = pntk.shape()[0];
  const bool exact = n <= options.group_size;
  const std::size_t size = exact ? n : options.group_size, count = exact ? 1 : options.groups;
  const Sampler sampler(pntk);
  std::vector<Norms> groups;
  Norms sum;
  for (std::size_t g = 0; g < count; ++g) {
    groups.push_back(exact ? exact_norms(norms, n)
                           : norms_of_group(sampler, sampler.draw(options.seed, g, size), norms));
    sum = {sum.difference + groups.back().difference, sum.total + groups.back().total};
  }
  if (!(sum.total > 0) || !std::isfinite(sum.total) || !std::isfinite(sum.difference))
    throw numerical_error("[certificate] the blocks of the exact kernel are zero or not finite.");
  Certificate out{.estimate = std::sqrt(sum.difference / sum.total),
                  .confidence = options.confidence,
                  .pairs = count * size * size,
                  .examples = count * size};
  out.low = out.high = out.estimate;
  if (exact) return out;
  const double t = student_quantile((1 + options.confidence) / 2, static_cast<double>(count - 1));
  const auto [low, high] = ratio_interval(groups, sum.difference / sum.total, t);
  out.low = std::sqrt(low);
  out.high = std::sqrt(high);
  return out;
}

// The combinations of some of the examples, in another order. Only numbers are asked of it, none that are on a tape.
class Chosen : public PerExample {
 public:
  Chosen(std::shared_ptr<const PerExample> of_all, std::vector<std::size_t> examples)
      : of_all_(std::move(of_all)), examples_(std::move(examples)) {}
  std::string name() const override { return of_all_->name(); }
  std::size_t columns(std::size_t outputs) const override { return of_all_->columns(outputs); }
  std::optional<std::size_t> examples() const override { return examples_.size(); }
  void check(std::size_t outputs) const override { of_all_->check(outputs); }
  std::string fingerprint() const override { return of_all_->fingerprint(); }
  Var<float> cotangents(std::size_t first, const Var<float>& f) const override { return of(first, f.value()); }
  Var<double> cotangents(std::size_t first, const Var<double>& f) const override { return of(first, f.value()); }

 private:
  template <class T>
  Var<T> of(std::size_t first, const Array<T>& outputs) const {
    const std::size_t n = outputs.shape()[0], o = outputs.shape()[1], c = columns(o);
    Array<T> out({c, n, o});
    for (std::size_t i = 0; i < n; ++i) {
      const Var<T> one = of_all_->cotangents(examples_[first + i], Var<T>(outputs.rows(i, i + 1)));
      kernels::copy_runs(c, o, one.value().data(), o, out.mutable_data() + i * o, n * o);
    }
    return Var<T>(out);
  }

  std::shared_ptr<const PerExample> of_all_;
  std::vector<std::size_t> examples_;
};

Readout for_chosen(const Readout& readout, const std::vector<std::size_t>& examples) {
  Readout out = readout;
  if (readout.common()) return out;
  out.of_rows = out.of_columns = std::make_shared<Chosen>(readout.of_rows, examples);
  if (!readout.same_sides()) out.of_columns = std::make_shared<Chosen>(readout.of_columns, examples);
  return out;
}

// The squared norms (c, c) of the blocks of the kernel (c K, c K') of a readout that takes a (K, c, O) of the rows and
// b (K', c, O) of the columns.
PairNorms norms_of_pairs(const std::vector<std::size_t>& chosen, const Array<double>& kernel, const Array<double>& a,
                         const Array<double>& b, const AnyMatrix& pntk) {
  const std::size_t n = pntk.shape()[0], c = chosen.size(), o = a.shape()[2], k = a.shape()[0], l = b.shape()[0];
  Array<double> exact({k, l}), approximate({k, l});
  PairNorms out;
  for (std::size_t i = 0; i < c; ++i)
    for (std::size_t j = 0; j < c; ++j) {
      const double scale = pntk.visit([&](const auto& m) { return static_cast<double>(m[chosen[i] * n + chosen[j]]); });
      kernels::copy_runs(k, l, kernel.data() + i * k * c * l + j * l, c * l, exact.mutable_data(), l);
      kernels::gemm(false, true, k, l, o, scale, a.data() + i * o, c * o, b.data() + j * o, c * o, 0.0,
                    approximate.mutable_data(), l);
      const kernels::PairSums sums = kernels::pair_sums(k, l, exact.data(), approximate.data());
      out.difference.push_back(sums.difference);
      out.total.push_back(sums.aa);
    }
  return out;
}

}  // namespace

Certificate certificate(const BlockSource& entk, const AnyMatrix& pntk, const CertificateOptions& options) {
  return certified([&](const std::vector<std::size_t>& chosen) { return norms_of_pairs(chosen, entk(chosen), pntk); },
                   pntk, options);
}

template <class T>
Certificate certificate(const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x,
                        const Readout& readout, const AnyMatrix& pntk, const CertificateOptions& options,
                        const Options& kernel_options) {
  const std::size_t n = x.rank() ? x.shape()[0] : 0;
  if (pntk.shape().rank() == 0 || pntk.shape()[0] != n)
    throw shape_error("[certificate] pNTK " + to_string(pntk.shape()) + " for " + std::to_string(n) + " examples.");
  if (readout.reduction != Readout::Reduction::none)
    throw option_error("[certificate] the readout " + readout.name() +
                       " keeps only a part of each block. Use one with the reduction none.");
  readout.check_examples(n, n, false);
  const auto norms = [&](const std::vector<std::size_t>& chosen) {
    const Array<T> some = x.rows_at(chosen);
    const Readout own = for_chosen(readout, chosen);
    const Array<double> exact = kernel(net, params, some, own, kernel_options);
    const Array<T> f = net(params, some);
    const std::size_t c = chosen.size(), o = f.size() / c;
    const auto taken = [&](Readout::Of side) {
      return converted<double>(Cotangents<T>(own, o, side).at(0, Var<T>(f.reshaped({c, o}))));
    };
    return norms_of_pairs(chosen, exact, taken(Readout::Of::rows), taken(Readout::Of::columns), pntk);
  };
  return certified(norms, pntk, options);
}

template Certificate certificate(const nn::ModuleBase&, const nn::Parameters<float>&, const Array<float>&,
                                 const Readout&, const AnyMatrix&, const CertificateOptions&, const Options&);
template Certificate certificate(const nn::ModuleBase&, const nn::Parameters<double>&, const Array<double>&,
                                 const Readout&, const AnyMatrix&, const CertificateOptions&, const Options&);

}  // namespace xtangent::ntk
