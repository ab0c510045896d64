#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "autodiff/error.hpp"
#include "autodiff/tape.hpp"

/// Shared by tests of ops and networks: random inputs, comparisons, differences, and expect_op.
namespace xtangent::testing {

/// Uniform random numbers that are the same on every platform.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  explicit Random(const std::string& name);
  std::uint64_t bits();
  /// A number in [low, high).
  double uniform(double low = -1.0, double high = 1.0);
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(bits() % n); }

 private:
  std::uint64_t state_;
};

Array<double> random_array(Random& random, const Shape& shape, double low = -1.0, double high = 1.0);

template <class T>
Array<T> cast(const Array<double>& x);
Array<double> to_double(const Array<float>& x);
inline const Array<double>& to_double(const Array<double>& x) { return x; }

/// The largest |a - b|, relative to the largest of 1, |a| and |b|; infinity where shapes differ or NaN appears.
double difference(const Array<double>& a, const Array<double>& b);
template <class T>
bool same_bits(const Array<T>& a, const Array<T>& b);
/// The inner product, computed in double.
double inner(const Array<double>& a, const Array<double>& b);
double inner(const std::vector<Array<double>>& a, const std::vector<Array<double>>& b);

/// x + h v
std::vector<Array<double>> moved(const std::vector<Array<double>>& x, double h, const std::vector<Array<double>>& v);

using VectorFunction = std::function<std::vector<Array<double>>(const std::vector<Array<double>>&)>;
/// The derivative of g at x along v by the five-point central difference, with an error of about h^4 + 1e-16 / h.
std::vector<Array<double>> central_difference(const VectorFunction& g, const std::vector<Array<double>>& x,
                                              const std::vector<Array<double>>& v, double h = 1e-3);

/// An argument of an op: its shape (axis 0: examples, when batched) and the values it may take. Values of all arguments
/// of a row are distinct, and keep a distance from `kinks`.
struct Input {
  Shape shape;
  Examples examples = Examples::none;
  double low = -2.0;
  double high = 2.0;
  std::vector<double> kinks = {};
};

template <class T>
using Callable = std::function<Var<T>(Vars<T>)>;

struct RowOptions {
  /// Shapes of arguments that must throw shape_error.
  std::vector<std::vector<Shape>> wrong = {};
  /// The value that the op must have, computed in another way.
  std::function<Array<double>(const std::vector<Array<double>>&)> reference = {};
  /// The op combines examples: its result must be marked mixed and refused by per-example derivatives.
  bool mixes = false;
  /// The callable works for this number of examples only (it holds labels, say), so it is not checked example by
  /// example.
  bool fixed_examples = false;
};

/// A row of a table of ops: a name, a callable from Vars to a Var, and its arguments.
struct OpRow {
  std::string name;
  Callable<double> f;
  Callable<float> f_float;
  std::vector<Input> inputs;
  RowOptions options;
};

/// `f` is a generic lambda: `[](auto x) { return x[0] + x[1]; }` with x a span of Vars.
template <class F>
OpRow row(std::string name, F f, std::vector<Input> inputs, RowOptions options = {}) {
  return {std::move(name), [f](Vars<double> x) { return f(x); }, [f](Vars<float> x) { return f(x); }, std::move(inputs),
          std::move(options)};
}

/// Checks every property that an op must have, and reports failures as "row: property: what".
///
///   1 shapes      inferred shape = evaluated shape = reference; wrong shapes throw
///   2 tangent     both forward modes against central differences in a random direction
///   3 duality     <ybar, J dx> = <J^T ybar, dx> to 1e-12; each argument alone gives the same bits
///   4 hessian     Hessian-vector products in all three nestings, against differences of gradients, symmetric
///   5 fan-out     op(x, x): contributions of all uses add up
///   6 batch       a batch = its examples one by one, sizes 0 and 1
///     mark        whichever arguments are marked: a result that keeps the mark keeps examples apart, else it is mixed
///     following  examples in any axis of any arguments: where the op follows them, the same holds, factors too, and it
///                follows them wherever they stay apart, but for ops that expect_following.cpp names
///   7 factor      per-example factors made dense = vjp of each example; mixed examples are refused
///   8 float       against double
///   9 kinks       the row's inputs keep away from kinks
///  10 repeat      a second sweep gives identical bits
///  11 probes      K seeds at once = K sweeps, in first and second order
void expect_op(const OpRow& row);
void expect_ops(const std::vector<OpRow>& rows);

/// The message of the exception of type E that f throws, or "no " and what was expected.
template <class E = error, class F>
std::string message_of(const F& f) {
  try {
    f();
  } catch (const E& failure) {
    return failure.what();
  }
  return std::is_same_v<E, numerical_error> ? "no numerical_error" : "no error";
}

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace xtangent::testing
