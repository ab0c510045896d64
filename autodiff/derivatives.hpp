#pragma once

#include <concepts>
#include <iosfwd>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "autodiff/tape.hpp"
#include "autodiff/xtensor.hpp"

/// Derivatives of functions, without a tape in sight.
///
/// A function takes a Var<T> and returns one: `[](auto x) { return sum(tanh(x)); }`; or it takes several as a
/// Vars<T> span or a std::vector<Var<T>>. Its argument x is then
///
///   x                                             results
///   Array<T> or any xtensor expression            Array<T>; converts to xt::xarray<T>
///   std::vector of Array<T> or of xt::xarray<T>   std::vector<Array<T>>, one for each argument
///   Var<T> or std::vector<Var<T>>                 the same, to be differentiated again
///
/// Calls nest: f may itself take derivatives, of functions that use its arguments. A Var argument that is on a tape
/// stays on that tape; a constant Var and an Array get a tape of their own, so an inner derivative that captures a Var
/// of an outer tape must be taken at a Var of that tape, or in forward mode (jvp), which needs none.
///
/// All throw shape_error naming the function for arguments, tangents, cotangents and results that do not fit, and what
/// f throws. Costs are in evaluations of f (E).
namespace xtangent {

template <class V, class G>
struct ValueAndGrad {
  V value;  ///< a number, or a Var where the argument is one
  G grad;
};
template <class V, class G>
struct ValueAndCotangent {
  V value;
  G cotangent;
};

struct JacobianOptions {
  /// Bytes that the seeds of one sweep may take on their way; more seeds go through in one sweep where more is allowed.
  /// The result comes on top. Throws memory_error where a single seed does not fit.
  std::size_t memory = std::size_t(1) << 28;
};

struct CheckOptions {
  double step = 0.0;       ///< for the five-point differences; 0: 1e-3 in double, 3e-2 in float
  double tolerance = 0.0;  ///< relative error that passes; 0: 1e-6 in double, 1e-2 in float
  bool second_order = true;
  std::uint64_t seed = 1;  ///< for the random directions
};

/// What check_gradients found: relative errors against central differences along a random direction of each argument.
struct GradientReport {
  struct Entry {
    std::size_t argument;
    double forward, reverse, second_order;  ///< second_order: 0 where it was not asked for
  };
  std::vector<Entry> entries;
  double tolerance = 0.0;
  /// The largest of all errors.
  double worst() const;
  bool passed() const { return worst() <= tolerance; }
  explicit operator bool() const { return passed(); }
};
std::ostream& operator<<(std::ostream& out, const GradientReport& report);

namespace derivatives {

// The compiled part, on lists of Vars. Results are defined; they are on a tape where an argument is.
template <class T>
using Function = std::function<Var<T>(Vars<T>)>;
template <class T>
struct Pulled {
  Var<T> value;
  std::vector<Var<T>> cotangents;
};
// ybar: undefined for the gradient of a scalar.
template <class T>
Pulled<T> pull(const char* who, const Function<T>& f, Vars<T> x, const Var<T>& ybar);
template <class T>
std::vector<Var<T>> hessian_product(const Function<T>& f, Vars<T> x, Vars<T> v);
enum class Mode { reverse, forward, cheaper };
template <class T>
std::vector<Var<T>> jacobian(Mode mode, const Function<T>& f, Vars<T> x, JacobianOptions options);
template <class T>
std::vector<std::vector<Var<T>>> hessian(const Function<T>& f, Vars<T> x, JacobianOptions options);
template <class T>
GradientReport check(const Function<T>& f, Vars<T> x, CheckOptions options);

// How each kind of argument becomes a list of Vars, and lists of Vars become results of that kind.
template <class A, class T>
struct ArrayArgument {
  using Scalar = T;
  using Result = Array<T>;
  static constexpr bool list = false;
  static std::vector<Var<T>> vars(const A& x) { return {Var<T>(Array<T>(x))}; }
  static T number(const Var<T>& y) { return y.value().item(); }
  static Array<T> value(const Var<T>& y) { return y.value(); }
  static Array<T> result(const std::vector<Var<T>>& out) { return out.front().value(); }
};
template <class X>
struct Argument : ArrayArgument<Array<double>, double> {
  // Refused here and not in the class, which clang would drop, with an error at every use of it.
  static std::vector<Var<double>> vars(const X&) {
    static_assert(sizeof(X) == 0,
                  "derivatives are taken at an Array, an xtensor expression, a Var, or a std::vector of them");
    return {};
  }
};
template <class T>
struct Argument<Array<T>> : ArrayArgument<Array<T>, T> {};
template <class E>
requires std::derived_from<E, xt::xexpression<E>>
struct Argument<E>
    : ArrayArgument<E, std::conditional_t<std::is_same_v<typename E::value_type, float>, float, double>> {
};

template <class T>
struct Argument<Var<T>> {
  using Scalar = T;
  using Result = Var<T>;
  static constexpr bool list = false;
  static std::vector<Var<T>> vars(const Var<T>& x) { return {x}; }
  static Var<T> number(const Var<T>& y) { return y; }
  static Var<T> value(const Var<T>& y) { return y; }
  static Var<T> result(const std::vector<Var<T>>& out) { return out.front(); }
};
template <class A>
struct Argument<std::vector<A>> {
  using Item = Argument<A>;
  using Scalar = typename Item::Scalar;
  using Result = std::vector<typename Item::Result>;
  static constexpr bool list = true;
  static std::vector<Var<Scalar>> vars(const std::vector<A>& x) {
    std::vector<Var<Scalar>> out;
    for (const A& a : x) out.push_back(Item::vars(a).front());
    return out;
  }
  static auto number(const Var<Scalar>& y) { return Item::number(y); }
  static auto value(const Var<Scalar>& y) { return Item::value(y); }
  static Result result(const std::vector<Var<Scalar>>& out) {
    Result r;
    for (const Var<Scalar>& v : out) r.push_back(Item::value(v));
    return r;
  }
};

template <class X>
using ScalarOf = typename Argument<X>::Scalar;
template <class X>
using ResultOf = typename Argument<X>::Result;
template <class X>
using ValueOf = decltype(Argument<X>::value(std::declval<Var<ScalarOf<X>>>()));
template <class X>
using NumberOf = decltype(Argument<X>::number(std::declval<Var<ScalarOf<X>>>()));

// f as a function of a span, whichever form it has.
template <class X, class F>
Function<ScalarOf<X>> as_function(const F& f) {
  using T = ScalarOf<X>;
  if constexpr (!Argument<X>::list)
    return [&f](Vars<T> x) -> Var<T> { return f(x[0]); };
  else if constexpr (std::is_invocable_v<const F&, Vars<T>>)
    return [&f](Vars<T> x) -> Var<T> { return f(x); };
  else
    return [&f](Vars<T> x) -> Var<T> { return f(std::vector<Var<T>>(x.begin(), x.end())); };
}

// One more Var, of the scalar type of another argument.
template <class T, class Y>
Var<T> as_var(const Y& y) {
  if constexpr (std::is_same_v<Y, Var<T>>)
    return y;
  else
    return Var<T>(Array<T>(y));
}

}  // namespace derivatives

/// Value and gradient of a function with a single element as result. Cost: 3 E.
template <class F, class X>
auto value_and_grad(const F& f, const X& x) {
  using A = derivatives::Argument<X>;
  const auto out =
      derivatives::pull<typename A::Scalar>("value_and_grad", derivatives::as_function<X>(f), A::vars(x), {});
  return ValueAndGrad<derivatives::NumberOf<X>, derivatives::ResultOf<X>>{A::number(out.value),
                                                                          A::result(out.cotangents)};
}

/// The gradient, in the shape of x. Cost: 3 E.
template <class F, class X>
auto grad(const F& f, const X& x) {
  using A = derivatives::Argument<X>;
  return A::result(
      derivatives::pull<typename A::Scalar>("grad", derivatives::as_function<X>(f), A::vars(x), {}).cotangents);
}

/// Value, and the vector-Jacobian product ybar^T J for a cotangent in the shape of the value. Cost: 3 E.
template <class F, class X, class Y>
auto vjp(const F& f, const X& x, const Y& ybar) {
  using A = derivatives::Argument<X>;
  using T = typename A::Scalar;
  const auto out =
      derivatives::pull<T>("vjp", derivatives::as_function<X>(f), A::vars(x), derivatives::as_var<T>(ybar));
  return ValueAndCotangent<derivatives::ValueOf<X>, derivatives::ResultOf<X>>{A::value(out.value),
                                                                              A::result(out.cotangents)};
}

/// Value, and the Jacobian-vector product J dx for a tangent in the shape of x, in one pass that keeps only live values
/// (streaming forward mode: no tape). Cost: 2 to 3 E.
template <class F, class X, class D>
auto jvp(const F& f, const X& x, const D& dx) {
  using A = derivatives::Argument<X>;
  using T = typename A::Scalar;
  const auto out = push_streaming<T>(derivatives::as_function<X>(f), A::vars(x), derivatives::Argument<D>::vars(dx));
  return ValueAndTangent<derivatives::ValueOf<X>>{A::value(out.value), A::value(out.tangent)};
}

/// Hessian times v for a function with a single element as result: forward over reverse. Cost: about 6 E.
template <class F, class X, class D>
auto hvp(const F& f, const X& x, const D& v) {
  using A = derivatives::Argument<X>;
  using T = typename A::Scalar;
  return A::result(
      derivatives::hessian_product<T>(derivatives::as_function<X>(f), A::vars(x), derivatives::Argument<D>::vars(v)));
}

/// The Jacobian, of shape (shape of f(x), shape of x), row by row in vector mode. Cost: (1 + 2 m) E for m elements of
/// f(x).
template <class F, class X>
auto jacobian_reverse(const F& f, const X& x, JacobianOptions options = {}) {
  using A = derivatives::Argument<X>;
  return A::result(derivatives::jacobian<typename A::Scalar>(derivatives::Mode::reverse, derivatives::as_function<X>(f),
                                                             A::vars(x), options));
}

/// The same, column by column. Cost: between (1 + n) E and 2 n E for n elements of x.
template <class F, class X>
auto jacobian_forward(const F& f, const X& x, JacobianOptions options = {}) {
  using A = derivatives::Argument<X>;
  return A::result(derivatives::jacobian<typename A::Scalar>(derivatives::Mode::forward, derivatives::as_function<X>(f),
                                                             A::vars(x), options));
}

/// The same by columns where x has no more elements than f(x), else by rows.
template <class F, class X>
auto jacobian(const F& f, const X& x, JacobianOptions options = {}) {
  using A = derivatives::Argument<X>;
  return A::result(derivatives::jacobian<typename A::Scalar>(derivatives::Mode::cheaper, derivatives::as_function<X>(f),
                                                             A::vars(x), options));
}

/// Second derivatives of a function with a single element as result, of shape (shape of x, shape of x); for a list of
/// arguments a list of lists, [i][j] of shape (shape of x_i, shape of x_j). Forward over reverse. Cost: about 6 n E for
/// n elements of x.
template <class F, class X>
auto hessian(const F& f, const X& x, JacobianOptions options = {}) {
  using A = derivatives::Argument<X>;
  const auto rows = derivatives::hessian<typename A::Scalar>(derivatives::as_function<X>(f), A::vars(x), options);
  if constexpr (A::list) {
    std::vector<typename A::Result> out;
    for (const auto& row : rows) out.push_back(A::result(row));
    return out;
  } else {
    return A::result(rows.front());
  }
}

/// Compares forward mode, reverse mode and Hessian-vector products with central differences along random directions.
/// Kinks within a few steps of x show up as errors. Cost: about 20 E an argument.
template <class F, class X>
GradientReport check_gradients(const F& f, const X& x, CheckOptions options = {}) {
  using A = derivatives::Argument<X>;
  return derivatives::check<typename A::Scalar>(derivatives::as_function<X>(f), A::vars(x), options);
}

}  // namespace xtangent
