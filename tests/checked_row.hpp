#pragma once

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <numeric>
#include <sstream>

#include "autodiff/ops/activation.hpp"
#include "tests/testing.hpp"

/// The common part of the properties that expect_op checks.
namespace xtangent::testing {

using Arrays = std::vector<Array<double>>;

inline constexpr double rounding = 1e-13;    // for the same sums in another order
inline constexpr double differences = 1e-9;  // for five-point differences
inline constexpr double single = 4e-6;       // for float against double

template <class T>
struct Recording {
  Tape<T> tape;
  std::vector<Var<T>> x;
  Var<T> y;
};

// The value, or zeros of this shape if it is undefined.
template <class T>
std::vector<Array<double>> values(const std::vector<Var<T>>& vars, std::span<const Var<T>> like,
                                  std::size_t probe_count = 0) {
  Arrays out;
  for (std::size_t i = 0; i < vars.size(); ++i) {
    const Shape shape = probe_count ? like[i].shape().prepended(probe_count) : like[i].shape();
    out.push_back(vars[i].defined() ? to_double(vars[i].value()) : Array<double>::zeros(shape));
  }
  return out;
}

template <class T>
std::vector<Var<T>> constants(const Arrays& x) {
  std::vector<Var<T>> out;
  for (const Array<double>& a : x) out.emplace_back(cast<T>(a));
  return out;
}

inline Var<double> total(const Var<double>& x) { return sum_to(x, Shape{}); }

inline Array<double> plus(const Array<double>& a, const Array<double>& b) {
  return (Var<double>(a) + Var<double>(b)).value();
}

/// ybar with all examples but one set to zero.
Array<double> one_example(const Array<double>& ybar, std::size_t n);

/// The properties `batch`, `mark` and `factor` of expect_op.
void expect_examples(const OpRow& row);
/// The property `following` of expect_op.
void expect_following(const OpRow& row);

/// A row of a table of ops with its arguments, directions and seeds, its recordings and the sweeps over them, and
/// comparisons whose messages name the row.
class CheckedRow {
 protected:
  explicit CheckedRow(const OpRow& row) : row_(row), random_(row.name), x_(distinct_inputs()) {
    for (const Array<double>& a : x_) {
      v_.push_back(random_array(random_, a.shape()));
      u_.push_back(random_array(random_, a.shape()));
    }
    const Var<double> y = evaluate<double>(x_);
    y_ = y.value();
    marked_ = y.examples();
    w_ = random_array(random_, y_.shape());
    q_ = random_array(random_, y_.shape());
    for (const Input& input : row_.inputs) batched_ = batched_ || input.examples == Examples::axis0;
  }

  template <class F>
  void property(const char* name, F f) {
    property_ = name;
    try {
      f();
    } catch (const std::exception& e) {
      expect(false, std::string("threw: ") + e.what());
    }
  }
  void expect(bool holds, const std::string& what) const {
    BOOST_CHECK_MESSAGE(holds, row_.name << ": " << property_ << ": " << what);
  }
  void close(const Array<double>& a, const Array<double>& b, double tolerance, const std::string& what) const {
    const double d = difference(a, b);
    std::ostringstream text;
    text << what << " of shapes " << a.shape() << " and " << b.shape() << " differ by " << d << ", allowed "
         << tolerance;
    expect(d <= tolerance, text.str());
  }
  void close(const Arrays& a, const Arrays& b, double tolerance, const std::string& what) const {
    expect(a.size() == b.size(), what + ": numbers of arrays differ");
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
      close(a[i], b[i], tolerance, what + " [argument " + std::to_string(i) + "]");
  }

  // Values on a shuffled grid, so that no two are equal, moved away from kinks.
  Arrays distinct_inputs() {
    std::size_t count = 0;
    for (const Input& input : row_.inputs) count += input.shape.size();
    std::vector<std::size_t> cell(count);
    std::iota(cell.begin(), cell.end(), std::size_t(0));
    for (std::size_t i = count; i > 1; --i) std::swap(cell[i - 1], cell[random_.below(i)]);
    Arrays out;
    std::size_t next = 0;
    for (const Input& input : row_.inputs) {
      Array<double> a(input.shape);
      double* p = a.mutable_data();
      for (std::size_t i = 0; i < a.size(); ++i) {
        const double place =
            (static_cast<double>(cell[next++]) + random_.uniform(0.25, 0.75)) / static_cast<double>(count);
        p[i] = input.low + (input.high - input.low) * place;
        for (const double kink : input.kinks) p[i] += p[i] > kink ? 0.05 : -0.05;
      }
      out.push_back(a);
    }
    return out;
  }

  template <class T>
  const Callable<T>& callable() const {
    if constexpr (std::is_same_v<T, float>)
      return row_.f_float;
    else
      return row_.f;
  }
  template <class T>
  Var<T> evaluate(const Arrays& x) const {
    std::vector<Var<T>> args;
    for (std::size_t i = 0; i < x.size(); ++i) args.emplace_back(cast<T>(x[i]), row_.inputs[i].examples);
    return callable<T>()(args);
  }
  template <class T = double>
  Recording<T> record(const Arrays& x) const {
    Recording<T> r;
    for (std::size_t i = 0; i < x.size(); ++i) r.x.push_back(r.tape.variable(cast<T>(x[i]), row_.inputs[i].examples));
    r.y = callable<T>()(r.x);
    return r;
  }
  template <class T>
  static Arrays pull(const Recording<T>& r, const Array<double>& ybar) {
    const std::size_t k = ybar.rank() > r.y.rank() ? ybar.shape().front() : 0;
    return values<T>(pullback<T>(r.y, Var<T>(cast<T>(ybar)), r.x), r.x, k);
  }
  template <class T>
  static Array<double> push(const Recording<T>& r, const Arrays& v) {
    const Var<T> y[] = {r.y};
    const std::size_t k = v[0].rank() > r.x[0].rank() ? v[0].shape().front() : 0;
    return values<T>(pushforward<T>(y, r.x, constants<T>(v)), y, k)[0];
  }
  // A scalar function of the result that has curvature even where the op is linear.
  Var<double> objective(const Var<double>& y) const { return total(y * Var<double>(w_) + square(y) * Var<double>(q_)); }
  Arrays gradient(const Arrays& x) const {
    Recording<double> r = record(x);
    r.y = objective(r.y);
    return pull(r, Array<double>::scalar(1));
  }

  // Random seeds (K, ...) for arrays.
  Arrays seeds(const Arrays& like, std::size_t k) {
    Arrays out;
    for (const Array<double>& a : like) out.push_back(random_array(random_, a.shape().prepended(k)));
    return out;
  }
  static Array<double> probe(const Array<double>& a, std::size_t k) {
    return a.rows(k, k + 1).reshaped(a.shape().slice(1, a.rank()));
  }
  static Arrays probe(const Arrays& all, std::size_t k) {
    Arrays out;
    for (const Array<double>& a : all) out.push_back(probe(a, k));
    return out;
  }

  const OpRow& row_;
  Random random_;
  Arrays x_, v_, u_;
  Array<double> y_, w_, q_;
  Examples marked_ = Examples::none;
  bool batched_ = false;
  const char* property_ = "";
};

}  // namespace xtangent::testing
