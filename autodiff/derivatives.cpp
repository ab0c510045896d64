#include "autodiff/derivatives.hpp"

#include <algorithm>
#include <cmath>
#include <ostream>
#include <random>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/reduction.hpp"

namespace xtangent {
namespace derivatives {
namespace {

// The Var under all tangents of streaming forward mode.
template <class T>
Var<T> base(Var<T> x) {
  while (x.dual()) x = Var<T>(x.dual()->primal);
  return x;
}

// A tape that x or one of its tangents stands on; null when there is none.
template <class T>
std::shared_ptr<Record<T>> tape_of(const Var<T>& x) {
  if (!x.dual()) return x.record();
  const std::shared_ptr<Record<T>> record = tape_of(x.dual()->primal);
  return record ? record : tape_of(x.dual()->tangent);
}

// x with the Var under its tangents replaced.
template <class T>
Var<T> rebased(const Var<T>& x, const Var<T>& leaf) {
  if (!x.dual()) return leaf;
  return Var<T>(
      std::make_shared<const Dual<T>>(Dual<T>{x.dual()->level, rebased(x.dual()->primal, leaf), x.dual()->tangent}));
}

// The value taken off a tape that ends with the call; its tangents stay.
template <class T>
Var<T> off(const std::shared_ptr<Record<T>>& record, const Var<T>& x) {
  if (x.dual())
    return Var<T>(std::make_shared<const Dual<T>>(
        Dual<T>{x.dual()->level, off(record, x.dual()->primal), off(record, x.dual()->tangent)}));
  return x.record() == record ? x.detached() : x;
}

// A function recorded at x. Its derivative is taken with respect to `leaves`, which nothing but the function uses: a
// Var of an outer tape has an alias there, so that other uses of it do not count.
template <class T>
class Recorded {
 public:
  Recorded(const char* who, const Function<T>& f, Vars<T> x) : who_(who) {
    for (const Var<T>& v : x) {
      if (!v.defined()) throw shape_error(std::string("[") + who + "] an argument is undefined.");
      if (!record_) record_ = tape_of(v);
    }
    nested_ = record_ != nullptr;
    Tape<T> tape = nested_ ? Tape<T>(record_) : Tape<T>();
    record_ = tape.record();
    first_ = tape.size();
    std::vector<Var<T>> arguments;
    for (const Var<T>& v : x) {
      const Var<T> under = base(v);
      leaves_.push_back(under.on_tape() ? affine(under, 1.0, 0.0) : tape.variable(under.value(), under.examples()));
      arguments.push_back(rebased(v, leaves_.back()));
    }
    y_ = f(arguments);
    if (!y_.defined()) throw rule_error(std::string("[") + who + "] the function returned an undefined Var.");
  }

  const Var<T>& y() const { return y_; }
  const std::vector<Var<T>>& leaves() const { return leaves_; }
  Var<T> result(const Var<T>& v) const { return nested_ ? v : off(record_, v); }

  void require_scalar() const {
    if (y_.size() != 1)
      throw shape_error(std::string("[") + who_ + "] the function returned shape " + to_string(y_.shape()) +
                        ", which is not a single element. Use vjp or jacobian, or reduce with sum or mean.");
  }
  Var<T> one() const { return Var<T>(Array<T>::ones(y_.shape())); }

  // Cotangents of the leaves; recorded where something outside could differentiate them.
  std::vector<Var<T>> pull(const Var<T>& ybar, bool record) const {
    if (base(y_).record() != record_) return std::vector<Var<T>>(leaves_.size());
    return pullback<T>(y_, ybar, leaves_, {.record = record || nested_});
  }
  std::vector<Var<T>> push(Vars<T> outputs, Vars<T> tangents) const {
    return pushforward<T>(outputs, leaves_, tangents, {.record = nested_});
  }
  std::vector<Var<T>> results(const std::vector<Var<T>>& v) const {
    std::vector<Var<T>> out;
    for (std::size_t i = 0; i < v.size(); ++i)
      out.push_back(v[i].defined() ? result(v[i]) : Var<T>(Array<T>::zeros(leaves_[i].shape())));
    return out;
  }

  // How many of `count` seeds go through one sweep. A sweep may hold one tangent or cotangent of every node.
  std::size_t seeds_per_sweep(std::size_t count, const JacobianOptions& options) const {
    std::size_t bytes = 1;
    for (std::size_t i = first_; i < record_->nodes.size(); ++i) bytes += record_->nodes[i].value.value().bytes();
    if (options.memory < bytes)
      throw memory_error(std::string("[") + who_ + "] the seed of one sweep takes up to " + std::to_string(bytes) +
                         " bytes, allowed are " + std::to_string(options.memory) + ". Raise JacobianOptions::memory.");
    return std::min(count, options.memory / bytes);
  }

 private:
  const char* who_;
  std::shared_ptr<Record<T>> record_;
  bool nested_ = false;
  std::size_t first_ = 0;
  std::vector<Var<T>> leaves_;
  Var<T> y_;
};

// Rows [first, last) of the identity of an array's elements: (last - first, shape).
template <class T>
Var<T> unit_seeds(const Shape& shape, std::size_t first, std::size_t last) {
  Array<T> seeds = Array<T>::zeros(shape.prepended(last - first));
  T* p = seeds.mutable_data();
  for (std::size_t i = first; i < last; ++i) p[(i - first) * shape.size() + i] = T(1);
  return Var<T>(std::move(seeds));
}

// Sweeps over all unit seeds of a shape, in chunks. sweep(seeds) returns (chunk, shape of output i) for each output,
// undefined where it is zero. The result is (elements of shape, shape of output i) for each output, undefined where
// every chunk is.
template <class T, class Sweep>
std::vector<Var<T>> sweep_units(const Shape& shape, std::size_t chunk, std::size_t outputs, Sweep sweep) {
  std::vector<std::vector<Var<T>>> parts(outputs);
  for (std::size_t first = 0; first < shape.size(); first += chunk) {
    const std::vector<Var<T>> out = sweep(unit_seeds<T>(shape, first, std::min(first + chunk, shape.size())));
    for (std::size_t i = 0; i < outputs; ++i)
      if (out[i].defined()) parts[i].push_back(out[i]);
  }
  std::vector<Var<T>> out(outputs);
  for (std::size_t i = 0; i < outputs; ++i)
    if (!parts[i].empty()) out[i] = concatenate<T>(parts[i], 0);
  return out;
}

// (elements of x, shape of y) to (shape of y, shape of x); zeros for undefined.
template <class T>
Var<T> columns_last(const Var<T>& columns, const Shape& y, const Shape& x) {
  if (!columns.defined()) return Var<T>(Array<T>::zeros(y.joined(x)));
  return reshape(transpose(reshape(columns, {x.size(), y.size()})), y.joined(x));
}

template <class T>
std::vector<Var<T>> jacobian_rows(const Recorded<T>& r, JacobianOptions options) {
  const Shape& shape = r.y().shape();
  const std::vector<Var<T>>& x = r.leaves();
  const std::vector<Var<T>> rows = sweep_units<T>(shape, r.seeds_per_sweep(shape.size(), options), x.size(),
                                                  [&](const Var<T>& seeds) { return r.pull(seeds, false); });
  std::vector<Var<T>> out;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Shape full = shape.joined(x[i].shape());
    out.push_back(rows[i].defined() ? r.result(reshape(rows[i], full)) : Var<T>(Array<T>::zeros(full)));
  }
  return out;
}

// Derivatives of the outputs with respect to leaf j, column by column.
template <class T>
std::vector<Var<T>> jacobian_columns(const Recorded<T>& r, Vars<T> outputs, Vars<T> like, std::size_t j,
                                     JacobianOptions options) {
  const Shape& shape = r.leaves()[j].shape();
  const std::vector<Var<T>> columns =
      sweep_units<T>(shape, r.seeds_per_sweep(shape.size(), options), outputs.size(), [&](const Var<T>& seeds) {
        std::vector<Var<T>> tangents(r.leaves().size());
        tangents[j] = seeds;
        return r.push(outputs, tangents);
      });
  std::vector<Var<T>> out;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    out.push_back(r.result(columns_last(columns[i], like[i].shape(), shape)));
  return out;
}

}  // namespace

template <class T>
Pulled<T> pull(const char* who, const Function<T>& f, Vars<T> x, const Var<T>& ybar) {
  const Recorded<T> r(who, f, x);
  if (!ybar.defined()) {
    r.require_scalar();
  } else if (!(ybar.shape() == r.y().shape())) {
    throw shape_error(std::string("[") + who + "] cotangent of shape " + to_string(ybar.shape()) +
                      " for a function value of shape " + to_string(r.y().shape()) + ".");
  }
  return {r.result(r.y()), r.results(r.pull(ybar.defined() ? ybar : r.one(), false))};
}

template <class T>
std::vector<Var<T>> hessian_product(const Function<T>& f, Vars<T> x, Vars<T> v) {
  if (v.size() != x.size())
    throw shape_error("[hvp] " + std::to_string(x.size()) + " arguments, " + std::to_string(v.size()) + " directions.");
  for (std::size_t i = 0; i < x.size(); ++i)
    if (v[i].defined() && !(v[i].shape() == x[i].shape()))
      throw shape_error("[hvp] direction of shape " + to_string(v[i].shape()) + " for an argument of shape " +
                        to_string(x[i].shape()) + ".");
  const Recorded<T> r("hvp", f, x);
  r.require_scalar();
  return r.results(r.push(r.pull(r.one(), true), v));
}

template <class T>
std::vector<Var<T>> jacobian(Mode mode, const Function<T>& f, Vars<T> x, JacobianOptions options) {
  const Recorded<T> r("jacobian", f, x);
  std::size_t elements = 0;
  for (const Var<T>& v : x) elements += v.size();
  if (mode == Mode::cheaper) mode = elements <= r.y().size() ? Mode::forward : Mode::reverse;
  if (mode == Mode::reverse) return jacobian_rows(r, options);
  const Var<T> y[] = {r.y()};
  std::vector<Var<T>> out;
  for (std::size_t j = 0; j < x.size(); ++j) out.push_back(jacobian_columns<T>(r, y, y, j, options).front());
  return out;
}

template <class T>
std::vector<std::vector<Var<T>>> hessian(const Function<T>& f, Vars<T> x, JacobianOptions options) {
  const Recorded<T> r("hessian", f, x);
  r.require_scalar();
  const std::vector<Var<T>> gradient = r.pull(r.one(), true);
  std::vector<std::vector<Var<T>>> out(x.size());
  for (std::size_t j = 0; j < x.size(); ++j) {
    const std::vector<Var<T>> columns = jacobian_columns<T>(r, gradient, x, j, options);
    for (std::size_t i = 0; i < x.size(); ++i) out[i].push_back(columns[i]);
  }
  return out;
}

namespace {

template <class T>
double largest(const Var<T>& x) {
  return x.size() ? static_cast<double>(max(abs(reshape(x, {x.size()})), 0).value().item()) : 0.0;
}

template <class T>
double relative_error(const Var<T>& a, const Var<T>& b) {
  return largest(a - b) / std::max({1.0, largest(a), largest(b)});
}

// (8 (g(h) - g(-h)) - (g(2h) - g(-2h))) / 12 h: the derivative of g(x + t v) at t = 0.
template <class T, class G>
Var<T> five_points(const G& g, const Var<T>& x, const Var<T>& v, double h) {
  const auto at = [&](double t) { return g(x + v * t); };
  return (8.0 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
}

}  // namespace

template <class T>
GradientReport check(const Function<T>& f, Vars<T> arguments, CheckOptions options) {
  constexpr bool single = std::is_same_v<T, float>;
  const double h = options.step > 0 ? options.step : single ? 3e-2 : 1e-3;
  GradientReport report;
  report.tolerance = options.tolerance > 0 ? options.tolerance : single ? 1e-2 : 1e-6;
  std::mt19937_64 bits(options.seed);
  const auto random = [&](const Shape& shape) {
    Array<T> out(shape);
    std::generate_n(out.mutable_data(), out.size(),
                    [&] { return static_cast<T>(static_cast<double>(bits() >> 11) * 0x1p-52 - 1.0); });
    return Var<T>(std::move(out));
  };
  std::vector<Var<T>> x;
  for (const Var<T>& v : arguments) x.push_back(v.detached());
  const Var<T> w = random(f(x).shape());
  const Function<T> weighted = [&](Vars<T> v) { return sum(f(v) * w); };
  const std::vector<Var<T>> xbar = pull<T>("check_gradients", f, x, w).cotangents;
  for (std::size_t a = 0; a < x.size(); ++a) {
    const auto replaced = [&](const Var<T>& v) {
      std::vector<Var<T>> out = x;
      out[a] = Var<T>(v.value(), x[a].examples());
      return out;
    };
    std::vector<Var<T>> direction(x.size());
    direction[a] = random(x[a].shape());
    const Var<T>& v = direction[a];
    GradientReport::Entry entry{a, 0.0, 0.0, 0.0};
    const Var<T> expected = five_points([&](const Var<T>& t) { return f(replaced(t)).detached(); }, x[a], v, h);
    entry.forward = relative_error(push_streaming<T>(f, x, direction).tangent, expected);
    entry.reverse = relative_error(sum(xbar[a] * v), sum(expected * w));
    if (options.second_order) {
      const auto gradient = [&](const Var<T>& t) {
        return pull<T>("check_gradients", weighted, replaced(t), {}).cotangents[a];
      };
      entry.second_order =
          relative_error(hessian_product<T>(weighted, x, direction)[a], five_points(gradient, x[a], v, h));
    }
    report.entries.push_back(entry);
  }
  return report;
}

#define XTANGENT_INSTANTIATE(T)                                                                    \
  template Pulled<T> pull(const char*, const Function<T>&, Vars<T>, const Var<T>&);                \
  template std::vector<Var<T>> hessian_product(const Function<T>&, Vars<T>, Vars<T>);              \
  template std::vector<Var<T>> jacobian(Mode, const Function<T>&, Vars<T>, JacobianOptions);       \
  template std::vector<std::vector<Var<T>>> hessian(const Function<T>&, Vars<T>, JacobianOptions); \
  template GradientReport check(const Function<T>&, Vars<T>, CheckOptions);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace derivatives

double GradientReport::worst() const {
  double out = 0.0;
  for (const Entry& e : entries)
    for (const double error : {e.forward, e.reverse, e.second_order})
      out = std::isnan(error) || error > out ? error : out;
  return out;
}

std::ostream& operator<<(std::ostream& out, const GradientReport& report) {
  for (const GradientReport::Entry& e : report.entries)
    out << "argument " << e.argument << ": forward " << e.forward << ", reverse " << e.reverse << ", second order "
        << e.second_order << '\n';
  return out << (report.passed() ? "passed" : "failed") << " at " << report.tolerance << '\n';
}

}  // namespace xtangent
