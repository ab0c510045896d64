#include "ntk/per_example.hpp"

#include "autodiff/error.hpp"
#include "autodiff/tape.hpp"
#include "ntk/computation/store_format.hpp"
#include "ntk/given.hpp"

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
  double entry(std::size_t n, std::size_t o, std::size_t k, std::size_t outputs, const Array<double>&) const override {
    return a_.data()[(n * outputs + o) * columns(outputs) + k];
  }

 private:
  Array<double> a_;
};

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

}  // namespace readout

}  // namespace xtangent::ntk
