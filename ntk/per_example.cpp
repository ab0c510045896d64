#include "ntk/per_example.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>

#include "autodiff/error.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/loss.hpp"
#include "autodiff/ops/reduction.hpp"
#include "autodiff/tape.hpp"
#include "ntk/computation/store_format.hpp"

namespace xtangent::ntk {
namespace {

// The gradients of g with respect to the outputs (n, O), as cotangents (C, n, O).
template <class T, class G>
Var<T> gradients(const PerExample& readout, const Var<T>& outputs, const G& g) {
  const std::size_t n = outputs.shape()[0], o = outputs.shape()[1], c = readout.columns(o);
  const bool live = outputs.on_tape();
  Tape<T> own;
  const Var<T> f = live ? outputs : own.variable(outputs.value(), Examples::axis0);
  const Var<T> y = g(f);
  const bool fits = y.defined() && (y.shape() == Shape{n, c} || (c == 1 && y.shape() == Shape{n}));
  if (!fits)
    throw shape_error("[readout " + readout.name() + "] the function of the outputs " + to_string(outputs.shape()) +
                      " is " + (y.defined() ? to_string(y.shape()) : "undefined") + ", expected " +
                      to_string(Shape{n, c}) + (c == 1 ? std::string(" or ").append(to_string(Shape{n})) : "") + ".");
  if (!y.on_tape()) return Var<T>(Array<T>::zeros({c, n, o}));
  if (y.examples() != Examples::axis0)
    throw batch_error("[readout " + readout.name() +
                      "] the function of the outputs mixes examples. Reduce over axis 1 only, and losses with "
                      "Reduction::none.");
  Array<T> seeds = Array<T>::zeros(y.shape().prepended(c));
  T* to = seeds.mutable_data();
  for (std::size_t k = 0; k < c; ++k)
    for (std::size_t i = 0; i < n; ++i) to[(k * n + i) * c + k] = T(1);
  const Var<T> bar = pullback<T>(y, Var<T>(seeds), {f}, {.record = live}).front();
  return bar.defined() ? bar : Var<T>(Array<T>::zeros({c, n, o}));
}

// Combinations that do not depend on the outputs.
class Given : public PerExample {
 public:
  Var<float> cotangents(std::size_t first, const Var<float>& f) const final { return made<float>(first, f.shape()); }
  Var<double> cotangents(std::size_t first, const Var<double>& f) const final { return made<double>(first, f.shape()); }

 protected:
  virtual double entry(std::size_t example, std::size_t output, std::size_t column, std::size_t outputs) const = 0;

 private:
  template <class T>
  Var<T> made(std::size_t first, const Shape& outputs) const {
    const std::size_t n = outputs[0], o = outputs[1], c = columns(o);
    Array<T> out({c, n, o});
    T* to = out.mutable_data();
    for (std::size_t k = 0; k < c; ++k)
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < o; ++j) *to++ = static_cast<T>(entry(first + i, j, k, o));
    return Var<T>(out);
  }
};

class Matrices : public Given {
 public:
  explicit Matrices(Array<double> a) : a_(std::move(a)) {}
  std::string name() const override { return "per_example"; }
  std::size_t columns(std::size_t) const override { return a_.rank() == 3 ? a_.shape()[2] : 1; }
  std::optional<std::size_t> examples() const override { return a_.shape()[0]; }
  void check(std::size_t outputs) const override {
    if (a_.shape()[1] != outputs)
      throw shape_error("[readout per_example] " + to_string(a_.shape()) + " for a network of " +
                        std::to_string(outputs) + " outputs: it must be (N, " + std::to_string(outputs) +
                        ", C), or (N, " + std::to_string(outputs) + ") for one column.");
  }
  std::string fingerprint() const override { return ntk::fingerprint(a_.data(), a_.bytes()); }

 protected:
  double entry(std::size_t n, std::size_t o, std::size_t k, std::size_t outputs) const override {
    return a_.data()[(n * outputs + o) * columns(outputs) + k];
  }

 private:
  Array<double> a_;
};

// One R (O, K) for all examples, as one side of readout::between.
class Repeated : public Given {
 public:
  explicit Repeated(Readout common) : common_(std::move(common)) {}
  std::string name() const override { return common_.name(); }
  std::size_t columns(std::size_t outputs) const override { return common_.columns(outputs); }
  void check(std::size_t outputs) const override { common_.check(outputs); }
  std::string fingerprint() const override {
    const std::string text = common_.name();
    const Array<double>& r = common_.matrix;
    const std::string sum = ntk::fingerprint(text.data(), text.size());
    return r.defined() ? ntk::fingerprint(r.data(), r.bytes(), sum) : sum;
  }

 protected:
  double entry(std::size_t, std::size_t o, std::size_t k, std::size_t outputs) const override {
    std::call_once(made_, [&] { weights_ = common_.weights(outputs); });
    return weights_.data()[o * weights_.shape()[1] + k];
  }

 private:
  Readout common_;
  mutable std::once_flag made_;
  mutable Array<double> weights_;
};

void check_labels(const std::string& name, const Labels& y, std::size_t outputs) {
  for (std::size_t n = 0; n < y.size(); ++n)
    if (y[n] >= outputs)
      throw data_error("[readout " + name + "] example " + std::to_string(n) + " has the label " +
                       std::to_string(y[n]) + ", and the network has " + std::to_string(outputs) +
                       " outputs: labels count from 0.");
}

std::string sum_of(const Labels& y) { return ntk::fingerprint(y.data(), y.size() * sizeof(y[0])); }

// 1 at the label and 0 elsewhere, or with signs +-1 / sqrt(O).
class AtLabels : public Given {
 public:
  AtLabels(std::string name, Labels y, bool is_signed) : name_(std::move(name)), y_(std::move(y)), signed_(is_signed) {}
  std::string name() const override { return name_; }
  std::optional<std::size_t> examples() const override { return y_.size(); }
  void check(std::size_t outputs) const override { check_labels(name_, y_, outputs); }
  std::string fingerprint() const override { return sum_of(y_); }

 protected:
  double entry(std::size_t n, std::size_t o, std::size_t, std::size_t outputs) const override {
    if (!signed_) return y_[n] == o ? 1.0 : 0.0;
    return (y_[n] == o ? 1.0 : -1.0) / std::sqrt(static_cast<double>(outputs));
  }

 private:
  std::string name_;
  Labels y_;
  bool signed_;
};

// A function of the outputs and the label of an example.
class OfLabels : public OfOutputs {
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
  std::string fingerprint() const override { return sum_of(y_); }

 protected:
  Var<float> value(Range at, const Var<float>& f) const override { return of(at, f); }
  Var<double> value(Range at, const Var<double>& f) const override { return of(at, f); }

 private:
  template <class T>
  Var<T> of(Range at, const Var<T>& f) const {
    const auto begin = y_.begin() + static_cast<std::ptrdiff_t>(at.first);
    const Labels y(begin, begin + static_cast<std::ptrdiff_t>(at.size()));
    if (function_ != Function::margin) {
      const Var<T> losses = cross_entropy(f, y, xtangent::Reduction::none);
      return function_ == Function::loss ? losses : -losses;
    }
    // log(p / (1 - p)) = f_y - log sum_{o != y} exp(f_o), which stays exact where p is close to 1.
    Array<T> picked = Array<T>::zeros(f.shape()), hidden = Array<T>::zeros(f.shape());
    const std::size_t o = f.shape()[1];
    for (std::size_t i = 0; i < y.size(); ++i) {
      picked.mutable_data()[i * o + y[i]] = T(1);
      hidden.mutable_data()[i * o + y[i]] = -std::numeric_limits<T>::infinity();
    }
    return sum(f * batched(picked), {1}) - logsumexp(f + batched(hidden), 1);
  }

  Function function_;
  std::string name_;
  Labels y_;
};

class SquaredError : public OfOutputs {
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

 protected:
  Var<float> value(Range at, const Var<float>& f) const override { return of(at, f); }
  Var<double> value(Range at, const Var<double>& f) const override { return of(at, f); }

 private:
  template <class T>
  Var<T> of(Range at, const Var<T>& f) const {
    Array<T> targets(f.shape());
    std::transform(t_.data() + at.first * t_.shape()[1], t_.data() + at.last * t_.shape()[1], targets.mutable_data(),
                   [](double v) { return static_cast<T>(v); });
    return mean(square_of(f - batched(targets)), {1});
  }
  template <class T>
  static Var<T> square_of(const Var<T>& x) {
    return x * x;
  }

  Array<double> t_;
};

// A number in [0, 1) for each counter (splitmix64).
double uniform(std::uint64_t seed, std::uint64_t counter) {
  std::uint64_t z = seed * 0x9e3779b97f4a7c15ull + (counter + 1) * 0xd1b54a32d192ed03ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
}

class Fisher : public OfOutputs {
 public:
  explicit Fisher(std::uint64_t seed) : seed_(seed) {}
  std::string name() const override { return std::string("fisher:").append(std::to_string(seed_)); }
  std::string fingerprint() const override { return ntk::fingerprint(&seed_, sizeof seed_); }

 protected:
  Var<float> value(Range at, const Var<float>& f) const override { return of(at, f); }
  Var<double> value(Range at, const Var<double>& f) const override { return of(at, f); }

 private:
  template <class T>
  Var<T> of(Range at, const Var<T>& f) const {
    const std::size_t o = f.shape()[1];
    Labels drawn(at.size());
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      const T* row = f.value().data() + i * o;
      const double top = static_cast<double>(*std::max_element(row, row + o));
      double sum = 0;
      for (std::size_t j = 0; j < o; ++j) sum += std::exp(static_cast<double>(row[j]) - top);
      double left = uniform(seed_, at.first + i) * sum;
      while (drawn[i] + 1 < o && (left -= std::exp(static_cast<double>(row[drawn[i]]) - top)) >= 0) ++drawn[i];
    }
    return cross_entropy(f, drawn, xtangent::Reduction::none);
  }

  std::uint64_t seed_;
};

Readout of_labels(OfLabels::Function function, const char* name, Labels y) {
  return readout::detail::of(std::make_shared<OfLabels>(function, name, std::move(y)));
}

std::shared_ptr<const PerExample> one_side(const Readout& readout) {
  if (readout.common()) return std::make_shared<Repeated>(readout);
  if (!readout.same_sides())
    throw option_error("[readout between] " + readout.name() + " is already between two readouts.");
  return readout.of_rows;
}

}  // namespace

Var<float> OfOutputs::cotangents(std::size_t first, const Var<float>& f) const {
  return gradients(*this, f, [&](const Var<float>& y) { return value({first, first + f.shape()[0]}, y); });
}
Var<double> OfOutputs::cotangents(std::size_t first, const Var<double>& f) const {
  return gradients(*this, f, [&](const Var<double>& y) { return value({first, first + f.shape()[0]}, y); });
}

namespace readout {

Readout detail::of(std::shared_ptr<const PerExample> both) {
  Readout r;
  r.kind = Readout::Kind::per_example;
  r.of_rows = r.of_columns = std::move(both);
  return r;
}

Readout per_example(Array<double> a) {
  if ((a.rank() != 2 && a.rank() != 3) || a.size() == 0)
    throw shape_error("[readout per_example] needs (N, O, C), or (N, O) for one column, got " + to_string(a.shape()) +
                      ".");
  if (!all_finite(a)) throw numerical_error("[readout per_example] the array holds NaN or infinity.");
  return detail::of(std::make_shared<Matrices>(std::move(a)));
}

Readout between(const Readout& rows, const Readout& columns) {
  if (rows.reduction != columns.reduction)
    throw option_error("[readout between] " + rows.name() + " and " + columns.name() +
                       " keep different things of a block. Use two readouts with the same reduction.");
  Readout r;
  r.kind = Readout::Kind::per_example;
  r.reduction = rows.reduction;
  r.of_rows = one_side(rows);
  r.of_columns = one_side(columns);
  return r;
}

Readout per_example(Array<double> a, Array<double> b) {
  return between(per_example(std::move(a)), per_example(std::move(b)));
}

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
Readout parse(std::string_view text, const Labels& y) {
  if (text == "labels") return labels(y);
  if (text == "log_probability") return log_probability(y);
  if (text == "margin") return margin(y);
  if (text == "loss") return loss(y);
  if (text == "lpntk") return signed_labels(y);
  return parse(text);
}

Readout fisher(std::uint64_t seed) { return detail::of(std::make_shared<Fisher>(seed)); }

}  // namespace readout

}  // namespace xtangent::ntk
