#include "autodiff/tape.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>

#include "autodiff/factor.hpp"
#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/convolution.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/linear.hpp"
#include "autodiff/ops/loss.hpp"
#include "autodiff/ops/normalization.hpp"
#include "autodiff/ops/reduction.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

const Var<double> one(Array<double>::scalar(1));

Array<double> scalar(double v) { return Array<double>::scalar(v); }

// x^2 y^3 z, an op that counts the calls of its rules.
struct Counted : Op<double> {
  struct Calls {
    std::size_t eval = 0, jvp = 0, vjp = 0;
    std::vector<std::size_t> products = {0, 0, 0};  // number of cotangents computed for each argument
    std::vector<Wanted> wanted;
  };
  std::shared_ptr<Calls> calls;
  explicit Counted(std::shared_ptr<Calls> c) : calls(std::move(c)) {}

  std::string name() const override { return "counted"; }
  Spec infer(std::span<const Spec> x) const override {
    for (const Spec& s : x)
      if (!(s.shape == x[0].shape)) throw shape_error("[counted] shapes differ.");
    return x[0];
  }
  Array<double> eval(std::span<const Array<double>> x) const override {
    ++calls->eval;
    Array<double> y(x[0].shape());
    for (std::size_t i = 0; i < y.size(); ++i) y.mutable_data()[i] = x[0][i] * x[0][i] * std::pow(x[1][i], 3) * x[2][i];
    return y;
  }
  static Var<double> slope(std::size_t i, Vars<double> x) {
    const Var<double> x0 = square(x[0]), x1 = square(x[1]) * x[1];
    return i == 0 ? 2.0 * x[0] * x1 * x[2] : i == 1 ? 3.0 * x0 * square(x[1]) * x[2] : x0 * x1;
  }
  Var<double> jvp(Vars<double> x, const Var<double>&, Vars<double> dx) const override {
    ++calls->jvp;
    Var<double> dy;
    for (std::size_t i = 0; i < 3; ++i)
      if (dx[i].defined()) accumulate(dy, dx[i] * slope(i, x));
    return dy;
  }
  std::vector<Var<double>> vjp(Vars<double> x, const Var<double>&, const Var<double>& ybar,
                               const Wanted& wanted) const override {
    ++calls->vjp;
    calls->wanted.push_back(wanted);
    std::vector<Var<double>> out(3);
    for (std::size_t i = 0; i < 3; ++i)
      if (wanted[i]) {
        ++calls->products[i];
        out[i] = ybar * slope(i, x);
      }
    return out;
  }
};

void expect_words(const std::string& message, const std::vector<std::string>& words) {
  for (const std::string& word : words)
    BOOST_CHECK_MESSAGE(message.find(word) != std::string::npos, "\"" << message << "\" lacks \"" << word << "\"");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tape)

BOOST_AUTO_TEST_CASE(constants_leave_no_trace) {
  const Var<double> a(scalar(2)), b(scalar(3));
  const Var<double> y = a * b;
  BOOST_TEST(!y.on_tape());
  BOOST_TEST(y.is_constant());
  BOOST_TEST(y.value().item() == 6.0);
  const Var<double> x[] = {a};
  BOOST_TEST(!pullback<double>(y, one, x)[0].defined());
}

BOOST_AUTO_TEST_CASE(vars_of_different_tapes) {
  Tape<double> first, second;
  const Var<double> a = first.variable(scalar(1)), b = exp(exp(second.variable(scalar(2))));
  BOOST_CHECK_THROW(a + b, tape_error);
  expect_words(message_of([&] { matmul(a, b); }),
               {"[matmul]", "different tapes", "position 0", "position 2", "detached()"});
  BOOST_TEST(first.size() == 1u);
  BOOST_TEST(second.size() == 3u);
  BOOST_TEST((a + b.detached()).value().item() == 1 + b.value().item());
  const Var<double> of_second[] = {b}, c[] = {Var<double>(scalar(1))};
  expect_words(message_of([&] { pullback<double>(a, one, of_second); }), {"[pullback]", "another tape"});
  expect_words(message_of([&] { pullback<double>(a, one, c); }), {"[pullback]", "no tape", "()"});
  const Var<double> y[] = {a};
  expect_words(message_of([&] { pushforward<double>(y, of_second, of_second); }), {"[pushforward]", "another tape"});
}

BOOST_AUTO_TEST_CASE(rewinding) {
  Tape<double> tape;
  const Var<double> x[] = {tape.variable(scalar(0.5))};
  const std::size_t mark = tape.mark();
  const Var<double> y = exp(x[0]), z = sin(y);
  tape.rewind(mark);
  BOOST_TEST(tape.size() == 1u);
  BOOST_CHECK_THROW(y + 1.0, tape_error);
  expect_words(message_of([&] { tanh(z); }), {"[tanh]", "position 2", "rewound", "size 1"});
  expect_words(message_of([&] { pullback<double>(y, one, x); }), {"[pullback]", "position 1", "rewound"});
  // Another node takes the place, and the old Var is still refused.
  const Var<double> other = cos(x[0]);
  BOOST_TEST(other.position() == y.position());
  BOOST_CHECK_THROW(y + 1.0, tape_error);
  BOOST_CHECK_THROW(pullback<double>(y, one, x), tape_error);
  BOOST_TEST(pullback<double>(other, one, x)[0].value().item() == -std::sin(0.5), boost::test_tools::tolerance(1e-15));
  const Var<double> old[] = {y};
  BOOST_CHECK_THROW(pullback<double>(other, one, old), tape_error);
  BOOST_CHECK_THROW(tape.rewind(3), tape_error);
  BOOST_CHECK_THROW(tape.variable(Array<double>()), tape_error);
  // The value itself still exists.
  BOOST_TEST(y.value().item() == std::exp(0.5), boost::test_tools::tolerance(1e-15));
}

BOOST_AUTO_TEST_CASE(a_rewound_tape_records_the_same_again) {
  Tape<double> tape;
  const Var<double> x[] = {tape.variable(Array<double>::from({2}, {0.3, 0.4}))};
  const std::size_t mark = tape.mark();
  Array<double> first;
  for (int i = 0; i < 3; ++i) {
    const Var<double> y = sum(tanh(x[0]) * x[0]);
    const Array<double> g = pullback<double>(y, one, x)[0].value();
    if (i == 0) first = g;
    BOOST_TEST(same_bits(g, first));
    BOOST_TEST(tape.size() == y.position() + 1);
    tape.rewind(mark);
  }
}

BOOST_AUTO_TEST_CASE(vars_keep_the_recording_alive) {
  std::vector<Var<double>> x;
  Var<double> y;
  {
    Tape<double> tape;
    x.push_back(tape.variable(scalar(3)));
    y = square(x[0]);
  }
  BOOST_TEST(pullback<double>(y, one, x)[0].value().item() == 6.0);
}

BOOST_AUTO_TEST_CASE(statistics_count_shared_buffers_once) {
  Tape<double> tape;
  const Var<double> x = tape.variable(Array<double>::ones({10}));
  const Var<double> c(Array<double>::ones({5}));
  BOOST_TEST(tape.statistics().bytes == 80u);
  reshape(x, {2, 5});  // shares the buffer
  BOOST_TEST(tape.statistics().bytes == 80u);
  reshape(x, {2, 5}) + c;  // 80 for the result, 40 for the constant
  BOOST_TEST(tape.statistics().bytes == 200u);
  BOOST_TEST(tape.statistics().nodes == 4u);
  BOOST_TEST(tape.statistics().leaves == 1u);
}

BOOST_AUTO_TEST_CASE(failed_ops_record_nothing) {
  Tape<double> tape;
  const Var<double> x = tape.variable(Array<double>::ones({2, 3}));
  const std::vector<std::function<void()>> calls = {[&] { x + Var<double>(Array<double>::ones({2})); },
                                                    [&] { matmul(x, x); },
                                                    [&] { reshape(x, {5}); },
                                                    [&] {
                                                      transpose(x, {0, 0});
                                                    },
                                                    [&] { slice(x, 1, 2, 4); },
                                                    [&] { gather(x, 0, {2}); },
                                                    [&] { linear(x, x, x); }};
  for (std::size_t i = 0; i < calls.size(); ++i) {
    BOOST_CHECK_THROW(calls[i](), shape_error);
    BOOST_TEST(tape.size() == 1u, "call " << i);
  }
}

BOOST_AUTO_TEST_CASE(a_rule_forms_wanted_products_only) {
  const auto calls = std::make_shared<Counted::Calls>();
  Tape<double> tape;
  const Var<double> x[] = {tape.variable(scalar(2)), tape.variable(scalar(3)), tape.variable(scalar(5))};
  const Var<double> middle = exp(x[1]);
  const Var<double> y = apply_op(Counted(calls), x[0], middle, Var<double>(scalar(7)));
  const Vars<double> all(x);
  BOOST_TEST(calls->eval == 1u);
  pullback<double>(y, one, all);  // the third argument is a constant
  BOOST_TEST(calls->products == (std::vector<std::size_t>{1, 1, 0}), boost::test_tools::per_element());
  const std::vector<Var<double>> second = pullback<double>(y, one, all.subspan(1));
  BOOST_TEST(calls->products == (std::vector<std::size_t>{1, 2, 0}), boost::test_tools::per_element());
  BOOST_TEST(!second[1].defined());  // y does not depend on the third variable
  pullback<double>(y, one, all.subspan(2));
  BOOST_TEST(calls->vjp == 2u);  // no rule runs where no derivative is wanted
  const Var<double> outputs[] = {y}, tangents[] = {Var<double>(), Var<double>(), one};
  BOOST_TEST(!pushforward<double>(outputs, x, tangents)[0].defined());
  BOOST_TEST(calls->jvp == 0u);
  BOOST_TEST(calls->eval == 1u);  // sweeps evaluate nothing again
}

BOOST_AUTO_TEST_CASE(cotangents_that_nobody_reads_are_not_formed) {
  const auto calls = std::make_shared<Counted::Calls>();
  Tape<double> tape;
  const Var<double> a = tape.variable(scalar(2)), b = tape.variable(scalar(3));
  const Var<double> unused = apply_op(Counted(calls), a, a, a);
  const Var<double> of_a = apply_op(Counted(calls), a, a, a), y = of_a * b;
  const Var<double> only_b[] = {b}, only_a[] = {a};
  BOOST_TEST(pullback<double>(y, one, only_b)[0].value().item() == 64.0);
  BOOST_TEST(calls->vjp == 0u);
  BOOST_TEST(pullback<double>(y, one, only_a)[0].value().item() == 6 * 32 * 3.0);
  BOOST_TEST(calls->vjp == 1u);
  BOOST_TEST(unused.on_tape());
}

BOOST_AUTO_TEST_CASE(intermediate_values_as_inputs) {
  // For x -> h = exp(x) -> y = h x: the cotangents of x and h, and the same linear map in forward mode.
  Tape<double> tape;
  const Var<double> x = tape.variable(scalar(0.7)), h = exp(x), y = h * x;
  const Var<double> inputs[] = {x, h}, outputs[] = {y},
                    tangents[] = {Var<double>(scalar(0.3)), Var<double>(scalar(0.2))};
  const double e = std::exp(0.7);
  const std::vector<Var<double>> bars = pullback<double>(y, one, inputs);
  BOOST_TEST(bars[0].value().item() == e + 0.7 * e, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(bars[1].value().item() == 0.7, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(pushforward<double>(outputs, inputs, tangents)[0].value().item() == 0.3 * (e + 0.7 * e) + 0.2 * 0.7,
             boost::test_tools::tolerance(1e-15));
  const Var<double> itself[] = {y};
  BOOST_TEST(pullback<double>(y, one, itself)[0].value().item() == 1.0);
  BOOST_TEST(pushforward<double>(outputs, itself, Vars<double>(&one, 1))[0].value().item() == 1.0);
}

BOOST_AUTO_TEST_CASE(an_input_named_twice) {
  Tape<double> tape;
  const Var<double> x = tape.variable(scalar(3)), y = square(x);
  const Var<double> twice[] = {x, x}, outputs[] = {y}, tangents[] = {one, one};
  const std::vector<Var<double>> bars = pullback<double>(y, one, twice);
  BOOST_TEST(bars[0].value().item() == 6.0);
  BOOST_TEST(bars[1].value().item() == 6.0);
  BOOST_TEST(pushforward<double>(outputs, twice, tangents)[0].value().item() == 12.0);
}

BOOST_AUTO_TEST_CASE(two_sweeps_give_identical_bits) {
  Random random(8);
  Tape<float> tape;
  const Var<float> x = tape.variable(cast<float>(random_array(random, {64, 3, 12, 12})), Examples::axis0);
  const Var<float> w = tape.variable(cast<float>(random_array(random, {8, 3, 3, 3})));
  const Var<float> v = tape.variable(cast<float>(random_array(random, {10, 800})));
  const Var<float> y = logsumexp(linear(flatten(relu(conv2d(x, w))), v));
  const Var<float> ybar(cast<float>(random_array(random, {64})));
  const Var<float> inputs[] = {x, w, v};
  const std::vector<Var<float>> first = pullback<float>(y, ybar, inputs);
  const std::size_t nodes = tape.size();
  for (int i = 0; i < 5; ++i) {
    const std::vector<Var<float>> again = pullback<float>(y, ybar, inputs);
    for (std::size_t a = 0; a < 3; ++a) BOOST_TEST(same_bits(first[a].value(), again[a].value()));
  }
  BOOST_TEST(tape.size() == nodes);  // an unrecorded sweep leaves the tape alone
}

BOOST_AUTO_TEST_CASE(seeds_are_checked_and_left_alone) {
  Tape<double> tape;
  const Var<double> x[] = {tape.variable(Array<double>::ones({2, 3}))};
  const Var<double> y = x[0] + x[0];
  expect_words(message_of([&] {
                 pullback<double>(y, Var<double>(Array<double>::ones({3, 2})), x);
               }),
               {"[pullback]", "(3, 2)", "(2, 3)", "probe"});
  BOOST_CHECK_THROW(pullback<double>(y, Var<double>(Array<double>::ones({2, 2, 2, 3})), x), shape_error);
  const Var<double> outputs[] = {y}, wrong[] = {Var<double>(Array<double>::ones({2}))};
  BOOST_CHECK_THROW(pushforward<double>(outputs, x, wrong), shape_error);
  BOOST_CHECK_THROW(pushforward<double>(outputs, x, {}), shape_error);
  const Var<double> seed(Array<double>::ones({2, 3}));
  BOOST_TEST(pullback<double>(y, seed, x)[0].value()[0] == 2.0);
  BOOST_TEST(seed.value()[0] == 1.0);
}

BOOST_AUTO_TEST_CASE(values_never_change_once_recorded) {
  Tape<double> tape;
  Array<double> a = Array<double>::ones({3});
  const Var<double> x[] = {tape.variable(a)};
  const Var<double> y = sum(square(x[0]));
  a.mutable_data()[0] = 100;  // as a step of an optimizer does
  BOOST_TEST(x[0].value()[0] == 1.0);
  BOOST_TEST(pullback<double>(y, one, x)[0].value()[0] == 2.0);
}

BOOST_AUTO_TEST_CASE(mixed_examples_are_refused_with_the_op_named) {
  Tape<double> tape;
  const Var<double> x = tape.variable(Array<double>::ones({4, 3}), Examples::axis0);
  const Var<double> p[] = {tape.variable(Array<double>::ones({3}))};
  const Var<double> y = x * p[0], centered = y - mean(y, {0});
  const Array<double> ybar = Array<double>::ones({4, 3});
  BOOST_CHECK_THROW(FactorSweep<double>(centered, ybar, p), batch_error);
  expect_words(message_of([&] { FactorSweep<double>(centered, ybar, p); }), {"[mean]", "(4, 3)", "examples"});
  const Var<double> unmarked = Var<double>(Array<double>::ones({4, 3})) * p[0];
  BOOST_CHECK_THROW(FactorSweep<double>(unmarked, ybar, p), batch_error);
  BOOST_CHECK_THROW(FactorSweep<double>(Var<double>(ybar), ybar, p), tape_error);
  BOOST_CHECK_THROW(FactorSweep<double>(y, Array<double>::ones({3, 3}), p), shape_error);
  const Var<double> not_leaf[] = {exp(p[0])};
  BOOST_CHECK_THROW(FactorSweep<double>(x * not_leaf[0], ybar, not_leaf), tape_error);
}

// The message names what the user called, the first op that mixes, and what to do about a constant without the mark.
BOOST_AUTO_TEST_CASE(what_mixes_is_named_as_the_user_knows_it) {
  Tape<double> tape;
  const Array<double> values = Array<double>::ones({4, 3});
  const Var<double> x = tape.variable(values, Examples::axis0);
  const Var<double> p[] = {tape.variable(Array<double>::ones({3}))};
  const Var<double> y = x * p[0];
  const auto refused = [&](const Var<double>& output) {
    return message_of<batch_error>([&] { FactorSweep<double>(output, Array<double>::ones(output.shape()), p); });
  };
  expect_words(refused(softmax(y, 0)), {"[softmax] mixes"});
  expect_words(refused(variance(y, {0}, {.keepdims = true}) + y), {"[variance] mixes"});
  expect_words(refused(exp(y - mean(y, {0}))), {"[mean] mixes"});  // the first of several
  expect_words(refused(layer_norm(y, {4, 3})), {"[layer_norm] mixes"});
  expect_words(refused(mean_squared_error(y, y)), {"[mean_squared_error] mixes"});
  const Var<double> state(Array<double>::zeros({4, 3}));
  expect_words(refused(y + state), {"[add] mixes", "(4, 3), (4, 3) (a constant without the mark)", "zeros_like"});
  expect_words(refused(y + tape.variable(state.value())), {"(4, 3) (without the mark)", "Examples::axis0"});
  expect_words(refused(y * mean(batched(values), {0}, true)), {"[multiply] mixes", "(mixed before)"});
  BOOST_TEST(tape.record()->origin.function == nullptr);
  BOOST_CHECK_THROW(mean(y, {7}), shape_error);
  BOOST_TEST(tape.record()->origin.function == nullptr);
}

BOOST_AUTO_TEST_CASE(constants_beside_examples_carry_their_mark) {
  const Var<double> x = batched(Array<double>::ones({4, 3})), free(Array<double>::ones({4, 3}));
  const Var<double> state = zeros_like(x, {4, 7}), ones = ones_like(x), twos = full_like(x, 2.0);
  BOOST_TEST(state.shape() == (Shape{4, 7}));
  for (const Var<double>& v : {state, ones, twos}) BOOST_CHECK(v.examples() == Examples::axis0);
  BOOST_TEST((state.value()[27] == 0.0 && ones.value()[11] == 1.0 && twos.value()[0] == 2.0));
  BOOST_CHECK(zeros_like(free, {5, 2}).examples() == Examples::none);
  BOOST_CHECK(zeros_like(mean(x, {0})).examples() == Examples::none);
  BOOST_CHECK_THROW(zeros_like(x, {3, 4}), shape_error);
  BOOST_CHECK_THROW(zeros_like(x, Shape{}), shape_error);
  Tape<double> tape;
  const Var<double> p[] = {tape.variable(Array<double>::ones({3}))};
  FactorSweep<double> sweep(x * p[0] + zeros_like(x), Array<double>::ones({4, 3}), p);
  BOOST_TEST(sweep.next()->factor.examples == 4u);
}

// Functions that take Vars take a span, a vector, an array and braces.
BOOST_AUTO_TEST_CASE(lists_of_vars_in_every_form) {
  Tape<double> tape;
  const Var<double> a = tape.variable(Array<double>::scalar(2)), b = tape.variable(Array<double>::scalar(3));
  const Var<double> y = a * b, one = ones_like(y);
  const std::vector<Var<double>> list = {a, b};
  const Var<double> array[] = {a, b};
  for (const auto& bars : {pullback(y, one, {a, b}), pullback(y, one, list), pullback(y, one, array),
                           pullback(y, one, Vars<double>(list))})
    BOOST_TEST((bars[0].value().item() == 3.0 && bars[1].value().item() == 2.0));
  BOOST_TEST(pullback(y, one, {a}).size() == 1u);
  BOOST_TEST(pullback(y, one, {}).empty());
  BOOST_TEST(pushforward(y, {a}, {one}).value().item() == 3.0);
  BOOST_TEST(pushforward<double>({y, a}, list, {one, one})[0].value().item() == 5.0);
  BOOST_TEST(concatenate({reshape(a, {1}), reshape(b, {1})}, 0).value()(1) == 3.0);
  BOOST_TEST(concatenate(std::vector<Var<double>>{reshape(a, {1})}, 0).size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
