// Readouts of the label of each example.
#include <algorithm>
#include <cmath>

#include "autodiff/error.hpp"
#include "autodiff/kernels/random.hpp"
#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/loss.hpp"
#include "autodiff/ops/reduction.hpp"
#include "ntk/algebra/converted.hpp"
#include "ntk/attribution.hpp"
#include "ntk/computation/store_format.hpp"
#include "ntk/given.hpp"

namespace xtangent::ntk {
namespace {

void check_labels(const std::string& name, const Labels& y, std::size_t outputs) {
  for (std::size_t n = 0; n < y.size(); ++n)
    if (y[n] >= outputs)
      throw data_error("[readout " + name + "] example " + std::to_string(n) + " has the label " +
                       std::to_string(y[n]) + ", and the network has " + std::to_string(outputs) +
                       " outputs: labels count from 0.");
}

// 1 at the label and 0 elsewhere, or with signs +-1 / sqrt(O).
class AtLabels : public Given {
 public:
  AtLabels(std::string name, Labels y, bool is_signed) : name_(std::move(name)), y_(std::move(y)), signed_(is_signed) {}
  std::string name() const override { return name_; }
  std::optional<std::size_t> examples() const override { return y_.size(); }
  void check(std::size_t outputs) const override { check_labels(name_, y_, outputs); }
  std::string fingerprint() const override { return fingerprint_of(y_); }

 protected:
  double entry(std::size_t n, std::size_t o, std::size_t, std::size_t outputs, const Array<double>&) const override {
    if (!signed_) return y_[n] == o ? 1.0 : 0.0;
    return (y_[n] == o ? 1.0 : -1.0) / std::sqrt(static_cast<double>(outputs));
  }

 private:
  std::string name_;
  Labels y_;
  bool signed_;
};

// A function of the outputs and the label of an example.
class OfLabels : public FunctionOf<OfLabels> {
 public:
  enum class Function { log_probability, margin, loss };
  OfLabels(Function function, std::string name, Labels y)
      : function_(function), name_(std::move(name)), y_(std::move(y)) {}
  std::string name() const override { return name_; }
  std::optional<std::size_t> examples() const override { return y_.size(); }
  void check(std::size_t outputs) const override {
    check_labels(name_, y_, outputs);
    if (function_ == Function::margin && outputs < 2)
      throw shape_error("[readout margin] a network of one output has no other class. Use at least two outputs.");
  }
  std::string fingerprint() const override { return fingerprint_of(y_); }

  template <class T>
  Var<T> of(Range at, const Var<T>& f) const {
    const auto begin = y_.begin() + static_cast<std::ptrdiff_t>(at.first);
    const Labels y(begin, begin + static_cast<std::ptrdiff_t>(at.size()));
    if (function_ != Function::margin) {
      const Var<T> losses = cross_entropy(f, y, xtangent::Reduction::none);
      return function_ == Function::loss ? losses : -losses;
    }
    return margins(f, y);
  }

 private:
  Function function_;
  std::string name_;
  Labels y_;
};

class SquaredError : public FunctionOf<SquaredError> {
 public:
  explicit SquaredError(Array<double> targets) : t_(std::move(targets)) {}
  std::string name() const override { return "loss"; }
  std::optional<std::size_t> examples() const override { return t_.shape()[0]; }
  void check(std::size_t outputs) const override {
    if (t_.shape()[1] != outputs)
      throw shape_error("[readout loss] targets " + to_string(t_.shape()) + " for a network of " +
                        std::to_string(outputs) + " outputs.");
  }
  std::string fingerprint() const override { return ntk::fingerprint(t_.data(), t_.bytes()); }

  template <class T>
  Var<T> of(Range at, const Var<T>& f) const {
    return mean(square(f - batched(converted<T>(t_.rows(at.first, at.last)))), {1});
  }

 private:
  Array<double> t_;
};

class Fisher : public FunctionOf<Fisher> {
 public:
  explicit Fisher(std::uint64_t seed) : seed_(seed) {}
  std::string name() const override { return std::string("fisher:").append(std::to_string(seed_)); }
  std::string fingerprint() const override { return ntk::fingerprint(&seed_, sizeof seed_); }

  template <class T>
  Var<T> of(Range at, const Var<T>& f) const {
    const std::size_t o = f.shape()[1];
    Labels drawn(at.size());
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      const T* row = f.value().data() + i * o;
      const double top = static_cast<double>(*std::max_element(row, row + o));
      double sum = 0;
      for (std::size_t j = 0; j < o; ++j) sum += std::exp(static_cast<double>(row[j]) - top);
      double left = kernels::philox(seed_, 0, at.first + i)[0] * 0x1.0p-32 * sum;
      while (drawn[i] + 1 < o && (left -= std::exp(static_cast<double>(row[drawn[i]]) - top)) >= 0) ++drawn[i];
    }
    return cross_entropy(f, drawn, xtangent::Reduction::none);
  }

 private:
  std::uint64_t seed_;
};

Readout of_labels(OfLabels::Function function, const char* name, Labels y) {
  return readout::detail::of(std::make_shared<OfLabels>(function, name, std::move(y)));
}

}  // namespace

std::string fingerprint_of(const Labels& y) { return fingerprint(y.data(), y.size() * sizeof(y[0])); }

namespace readout {

Readout labels(Labels y) { return detail::of(std::make_shared<AtLabels>("labels", std::move(y), false)); }
Readout signed_labels(Labels y) { return detail::of(std::make_shared<AtLabels>("lpntk", std::move(y), true)); }
Readout log_probability(Labels y) {
  return of_labels(OfLabels::Function::log_probability, "log_probability", std::move(y));
}
Readout margin(Labels y) { return of_labels(OfLabels::Function::margin, "margin", std::move(y)); }
Readout loss(Labels y) { return of_labels(OfLabels::Function::loss, "loss", std::move(y)); }
Readout loss(Array<double> targets) {
  if (targets.rank() != 2 || targets.size() == 0)
    throw shape_error("[readout loss] targets " + to_string(targets.shape()) + ": they must be (N, O).");
  if (!all_finite(targets)) throw numerical_error("[readout loss] the targets hold NaN or infinity.");
  return detail::of(std::make_shared<SquaredError>(std::move(targets)));
}
Readout fisher(std::uint64_t seed) { return detail::of(std::make_shared<Fisher>(seed)); }

Readout parse(std::string_view text, const Labels& y) {
  if (text == "labels") return labels(y);
  if (text == "log_probability") return log_probability(y);
  if (text == "margin") return margin(y);
  if (text == "loss") return loss(y);
  if (text == "lpntk") return signed_labels(y);
  return parse(text);
}

}  // namespace readout

}  // namespace xtangent::ntk
