#include "autodiff/derivatives.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <sstream>

#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/linear.hpp"
#include "autodiff/ops/reduction.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

using Arrays = std::vector<Array<double>>;

Array<double> scalar(double v) { return Array<double>::scalar(v); }

void same(const Array<double>& a, const Array<double>& b, double tolerance = 1e-14) {
  BOOST_TEST(difference(a, b) <= tolerance,
             "shapes " << a.shape() << " and " << b.shape() << " differ by " << difference(a, b));
}

const auto quadratic = [](auto x) { return sum(square(x) * 0.5) + sum(x); };
// A function from (3, 2) to (2, 4), so that its Jacobian is neither symmetric nor square.
const Array<double> weight = [] {
  Random random(3);
  return random_array(random, {3, 4});
}();
const auto bent = [](auto x) { return tanh(matmul(transpose(x), Var<double>(weight))); };

}  // namespace

BOOST_AUTO_TEST_SUITE(derivatives)

BOOST_AUTO_TEST_CASE(gradients_of_arrays_and_xtensor_expressions) {
  const xt::xarray<double> x = {{1.0, 2.0}, {3.0, 4.0}};
  const xt::xarray<double> g = grad(quadratic, x);
  BOOST_TEST((g == xt::xarray<double>(x + 1.0)));
  const auto [value, gradient] = value_and_grad(quadratic, x);
  static_assert(std::is_same_v<decltype(value), const double>);
  BOOST_TEST(value == 25.0);
  same(gradient, Array<double>(x + 1.0), 0);
  same(grad(quadratic, x * 2.0), Array<double>(x * 2.0 + 1.0), 0);                        // a lazy expression
  same(grad(quadratic, xt::view(x, xt::all(), 1)), Array<double>::from({2}, {3, 5}), 0);  // a strided view
  const xt::xarray<float> single = {1.0F, 2.0F};
  const xt::xarray<float> gs = grad(quadratic, single);
  BOOST_TEST(gs(1) == 3.0F);
  const xt::xarray<int> integers = {1, 2};
  same(grad(quadratic, integers), Array<double>::from({2}, {2, 3}), 0);
}

BOOST_AUTO_TEST_CASE(functions_of_several_arguments) {
  const auto span = [](auto v) { return sum(v[0] * v[1]); };
  const auto vector = [](const std::vector<Var<double>>& v) { return sum(v[0] * v[1]); };
  const xt::xarray<double> a = {1.0, 2.0}, b = {3.0, 5.0};
  for (const auto& g : {grad(span, std::vector{a, b}), grad(vector, std::vector{a, b}),
                        grad(vector, Arrays{Array<double>(a), Array<double>(b)})}) {
    same(g.at(0), Array<double>(b), 0);
    same(g.at(1), Array<double>(a), 0);
  }
  const auto h = hessian(span, std::vector{a, b});
  same(h[0][0], Array<double>::zeros({2, 2}), 0);
  same(h[0][1], Array<double>::from({2, 2}, {1, 0, 0, 1}), 0);
  const auto j = jacobian([](auto v) { return v[0] * 2.0 + v[1] * v[1]; }, std::vector{a, b});
  same(j[0], Array<double>::from({2, 2}, {2, 0, 0, 2}), 0);
  same(j[1], Array<double>::from({2, 2}, {6, 0, 0, 10}), 0);
  same(jvp(span, std::vector{a, b}, std::vector{b, a}).tangent, scalar(9 + 25 + 1 + 4), 0);
}

BOOST_AUTO_TEST_CASE(products_and_jacobians_agree) {
  Random random(1);
  const Array<double> x = random_array(random, {3, 2}), dx = random_array(random, {3, 2}),
                      ybar = random_array(random, {2, 4});
  const Array<double> rows = jacobian_reverse(bent, x), columns = jacobian_forward(bent, x);
  BOOST_TEST((rows.shape() == Shape{2, 4, 3, 2}));
  same(rows, columns);
  same(jacobian(bent, x), columns, 0);  // 6 columns are cheaper than 8 rows
  const Var<double> flat(rows.reshaped({8, 6}));
  const auto forward = jvp(bent, x, dx);
  same(forward.tangent, matmul(flat, Var<double>(dx.reshaped({6, 1}))).value().reshaped({2, 4}));
  const auto reverse = vjp(bent, x, ybar);
  same(reverse.cotangent, matmul(Var<double>(ybar.reshaped({1, 8})), flat).value().reshaped({3, 2}));
  same(reverse.value, forward.value, 0);
  same(reverse.value, bent(Var<double>(x)).value(), 0);
}

BOOST_AUTO_TEST_CASE(chunks_do_not_change_a_jacobian) {
  Random random(2);
  const Array<double> x = random_array(random, {3, 2});
  const auto f = [](auto v) { return sum(bent(v)); };
  for (const std::size_t memory : {700u, 1500u, 1u << 20}) {
    const JacobianOptions options{.memory = memory};
    same(jacobian_reverse(bent, x, options), jacobian_reverse(bent, x));
    same(jacobian_forward(bent, x, options), jacobian_forward(bent, x));
  }
  same(hessian(f, x, {.memory = 10000}), hessian(f, x));
  BOOST_CHECK_THROW(jacobian_reverse(bent, x, {.memory = 100}), memory_error);
  BOOST_CHECK_THROW(hessian(f, x, {.memory = 100}), memory_error);
}

BOOST_AUTO_TEST_CASE(hessians) {
  Random random(4);
  const Array<double> x = random_array(random, {3, 2}), v = random_array(random, {3, 2});
  const auto f = [](auto t) { return sum(exp(bent(t))); };
  const Array<double> h = hessian(f, x);
  BOOST_TEST((h.shape() == Shape{3, 2, 3, 2}));
  const Var<double> flat(h.reshaped({6, 6}));
  same(transpose(flat).value(), flat.value());
  same(hvp(f, x, v), matmul(flat, Var<double>(v.reshaped({6, 1}))).value().reshaped({3, 2}));
  // The Hessian as the Jacobian of the gradient, in all nestings of the modes.
  const auto gradient = [&](auto t) { return grad(f, t); };
  same(jacobian_reverse(gradient, x), h);
  same(jacobian_forward(gradient, x), h);
  same(jvp(gradient, x, v).tangent, hvp(f, x, v));
  same(vjp(gradient, x, v).cotangent, hvp(f, x, v));
  same(grad([&](auto t) { return sum(grad(f, t) * Var<double>(v)); }, x), hvp(f, x, v));
  same(grad([&](auto t) { return jvp(f, t, Var<double>(v)).tangent; }, x), hvp(f, x, v));
  same(jvp([&](auto t) { return jvp(f, t, Var<double>(v)).tangent; }, x, v).tangent,
       sum(Var<double>(v) * Var<double>(hvp(f, x, v))).value());
}

BOOST_AUTO_TEST_CASE(seeds_and_directions_can_be_differentiated) {
  // Products are linear in their seed, and are bilinear forms when the seed depends on x.
  Random random(7);
  const Array<double> x = random_array(random, {3, 2}), v = random_array(random, {3, 2}),
                      w = random_array(random, {2, 4}), u = random_array(random, {2, 4});
  const Var<double> at(x);
  const auto f = [](auto t) { return sum(exp(bent(t))); };
  const auto of_cotangent = [&](auto t) { return vjp(bent, at, t).cotangent; };
  const auto of_tangent = [&](auto t) { return jvp(bent, at, t).tangent; };
  const auto of_direction = [&](auto t) { return hvp(f, at, t); };
  same(jvp(of_cotangent, u, w).tangent, vjp(bent, x, w).cotangent);
  same(vjp(of_cotangent, u, v).cotangent, jvp(bent, x, v).tangent);
  same(jvp(of_tangent, x, v).tangent, jvp(bent, x, v).tangent);
  same(vjp(of_tangent, x, w).cotangent, vjp(bent, x, w).cotangent);
  same(jvp(of_direction, x, v).tangent, hvp(f, x, v));
  same(vjp(of_direction, x, v).cotangent, hvp(f, x, v));
  // x and the seed vary together; compared with differences.
  const auto both = [&](auto t) { return vjp(bent, t, matmul(transpose(t), Var<double>(weight))).cotangent; };
  BOOST_TEST(check_gradients(both, x).worst() < 1e-8, check_gradients(both, x));
  const auto twice = [&](auto t) { return hvp(f, t, square(t)); };
  BOOST_TEST(check_gradients(twice, x).worst() < 1e-8, check_gradients(twice, x));
}

BOOST_AUTO_TEST_CASE(third_derivatives) {
  // d^3/dx^3 sin(x) exp(2x) in every nesting of forward and reverse mode.
  const auto f = [](auto x) { return sin(x) * exp(2.0 * x); };
  const double x = 0.7, third = std::exp(2 * x) * (2 * std::sin(x) + 11 * std::cos(x));
  const Array<double> at = scalar(x);
  const Var<double> one(scalar(1));
  const auto reverse = [](auto g) { return [g](auto t) { return grad(g, t); }; };
  const auto forward = [one](auto g) { return [g, one](auto t) { return jvp(g, t, one).tangent; }; };
  const auto check = [&](auto derivative) { same(derivative(Var<double>(at)).value(), scalar(third), 1e-13); };
  check(reverse(reverse(reverse(f))));
  check(reverse(reverse(forward(f))));
  check(reverse(forward(reverse(f))));
  check(reverse(forward(forward(f))));
  check(forward(reverse(reverse(f))));
  check(forward(reverse(forward(f))));
  check(forward(forward(reverse(f))));
  check(forward(forward(forward(f))));
}

BOOST_AUTO_TEST_CASE(perturbations_are_kept_apart) {
  // d/dx (x d/dy (x + y)) is 1, whatever the modes. It would be 2 if the two perturbations were confused.
  const Var<double> one(scalar(1));
  const Array<double> x = scalar(3), y = scalar(5);
  const auto inner_forward = [&](auto t) {
    return t * jvp([&](auto s) { return t + s; }, Var<double>(y), one).tangent;
  };
  const auto inner_reverse = [&](auto t) { return t * grad([&](auto s) { return t + s; }, Var<double>(y)); };
  same(jvp(inner_forward, x, scalar(1)).tangent, scalar(1), 0);
  same(grad(inner_forward, x), scalar(1), 0);
  same(jvp(inner_reverse, x, scalar(1)).tangent, scalar(1), 0);
  // Reverse in reverse: the inner point stands on the outer tape.
  const auto both = grad([](auto v) { return v[0] * grad([&](auto s) { return v[0] + s; }, v[1]); }, Arrays{x, y});
  same(both[0], scalar(1), 0);
  same(both[1], scalar(0), 0);
  // The inner point is the outer variable itself: d/dx (x d/dy (x y) at y = x) = d/dx x^2.
  same(grad([](auto t) { return t * grad([&](auto s) { return t * s; }, t); }, x), scalar(6), 0);
  same(jvp([](auto t) { return t * grad([&](auto s) { return t * s; }, t); }, x, scalar(1)).tangent, scalar(6), 0);
}

BOOST_AUTO_TEST_CASE(derivatives_that_are_zero) {
  const Array<double> x = Array<double>::from({2}, {1, 2});
  const Var<double> c(Array<double>::ones({3}));
  const auto constant = [&](const Var<double>&) { return sum(c); };
  same(grad(constant, x), Array<double>::zeros({2}), 0);
  same(jvp(constant, x, x).tangent, scalar(0), 0);
  same(hvp(constant, x, x), Array<double>::zeros({2}), 0);
  same(hessian(constant, x), Array<double>::zeros({2, 2}), 0);
  const auto constants = [&](const Var<double>&) { return c; };
  same(jacobian_reverse(constants, x), Array<double>::zeros({3, 2}), 0);
  same(jacobian_forward(constants, x), Array<double>::zeros({3, 2}), 0);
  const auto first = [](auto v) { return sum(v[0]); };
  same(grad(first, Arrays{x, x})[1], Array<double>::zeros({2}), 0);
  same(hessian([](auto t) { return sum(t); }, x), Array<double>::zeros({2, 2}), 0);
  // The same holds where f captures a value of an outer tape and ignores its argument.
  Tape<double> tape;
  const Var<double> outer = tape.variable(x);
  same(grad([&](const Var<double>&) { return sum(outer); }, x), Array<double>::zeros({2}), 0);
}

BOOST_AUTO_TEST_CASE(no_elements) {
  const Array<double> none(Shape{0, 2});
  same(grad(quadratic, none), none, 0);
  BOOST_TEST((jacobian_reverse([](auto t) { return exp(t); }, none).shape() == Shape{0, 2, 0, 2}));
  BOOST_TEST((jacobian_forward([](auto t) { return sum(exp(t), {0}); }, none).shape() == Shape{2, 0, 2}));
  BOOST_TEST((hessian(quadratic, none).shape() == Shape{0, 2, 0, 2}));
}

BOOST_AUTO_TEST_CASE(vars_stay_on_their_tape) {
  Tape<double> tape;
  const Var<double> x[] = {tape.variable(scalar(2))};
  const Var<double> g = grad([](auto t) { return t * t * t; }, x[0]);
  BOOST_TEST(g.on_tape());
  BOOST_TEST(g.value().item() == 12.0);
  same(pullback<double>(g, Var<double>(scalar(1)), x)[0].value(), scalar(12), 0);
  BOOST_TEST(!grad([](auto t) { return t * t; }, Var<double>(scalar(2))).on_tape());
  BOOST_TEST(!value_and_grad([](auto t) { return t * t; }, Var<double>(scalar(2))).value.on_tape());
}

BOOST_AUTO_TEST_CASE(gradient_checks) {
  Random random(6);
  const Array<double> a = random_array(random, {2, 3}), b = random_array(random, {3});
  const auto report = check_gradients([](auto v) { return tanh(v[0] * v[1]) + exp(v[1]); }, Arrays{a, b});
  BOOST_TEST(report.passed(), report);
  BOOST_TEST(report.entries.size() == 2u);
  BOOST_TEST(report.worst() < 1e-9);
  BOOST_TEST(bool(check_gradients([](auto x) { return sum(tanh(x)); }, cast<float>(a))));
  // A function with a kink next to the point.
  const auto kinked = check_gradients([](auto x) { return relu(x - 1e-4); }, Array<double>::zeros({4}));
  BOOST_TEST(!kinked.passed());
  std::ostringstream text;
  text << kinked;
  BOOST_TEST(text.str().find("failed") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(errors_name_the_function_and_the_remedy) {
  const Array<double> x = Array<double>::ones({2, 3}), y = Array<double>::ones({3});
  const auto identity = [](auto t) { return exp(t); };
  const auto total = [](auto t) { return sum(exp(t)); };
  struct Case {
    const char* what;
    std::function<void()> call;
    std::vector<std::string> words;
  };
  const std::vector<Case> cases = {
      {"grad of many elements", [&] { grad(identity, x); }, {"[grad]", "(2, 3)", "vjp or jacobian"}},
      {"value_and_grad", [&] { value_and_grad(identity, x); }, {"[value_and_grad]", "(2, 3)", "vjp or jacobian"}},
      {"hvp of many elements", [&] { hvp(identity, x, x); }, {"[hvp]", "(2, 3)"}},
      {"hessian of many elements", [&] { hessian(identity, x); }, {"[hessian]", "(2, 3)"}},
      {"vjp", [&] { vjp(identity, x, y); }, {"[vjp]", "(3,)", "(2, 3)"}},
      {"jvp", [&] { jvp(identity, x, y); }, {"[jvp]", "(3,)", "(2, 3)"}},
      {"hvp", [&] { hvp(total, x, y); }, {"[hvp]", "(3,)", "(2, 3)"}},
      {"number of tangents",
       [&] {
         jvp([](auto v) { return v[0]; }, Arrays{x, y}, Arrays{x});
       },
       {"[jvp]", "2", "1"}},
      {"number of directions",
       [&] {
         hvp([](auto v) { return sum(v[0]); }, Arrays{x, y}, Arrays{x});
       },
       {"[hvp]", "2", "1"}},
      {"undefined argument", [&] { grad(total, Var<double>()); }, {"[grad]", "undefined"}},
      {"f throws", [&] { grad([](auto t) { return sum(matmul(t, t)); }, x); }, {"[matmul]", "(2, 3)"}},
      {"rank of a Jacobian",
       [&] {
         jacobian(identity, Array<double>::ones({1, 1, 1, 1, 2}));
       },
       {"8 axes"}},
  };
  for (const Case& c : cases)
    BOOST_CHECK_EXCEPTION(c.call(), shape_error, [&](const shape_error& e) {
      for (const std::string& word : c.words)
        BOOST_CHECK_MESSAGE(std::string(e.what()).find(word) != std::string::npos,
                            c.what << ": \"" << e.what() << "\" lacks " << word);
      return true;
    });
  BOOST_CHECK_THROW(grad([](const Var<double>&) { return Var<double>(); }, x), rule_error);
}

BOOST_AUTO_TEST_SUITE_END()
