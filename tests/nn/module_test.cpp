// Modules: names and layouts, scopes, evaluation, recording, and errors.
#include <boost/test/unit_test.hpp>

#include "tests/testing.hpp"
#include "xtangent.hpp"

using namespace xtangent;
using testing::has;
using testing::message_of;

namespace {

struct Net : nn::Module<Net> {
  nn::Linear hidden{5, 7}, head{7, 3};
  template <class Visit>
  void children(Visit&& visit) const {
    visit("hidden", hidden);
    visit("head", head);
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    return head(p["head"], relu(hidden(p["hidden"], x)));
  }
};

// A layer of a user with a parameter, a buffer, a child, and one weight used twice.
struct Scaled : nn::Module<Scaled> {
  nn::Linear inner{4, 4};
  template <class Declare>
  void parameters(Declare&& declare) const {
    declare("scale", Shape{4}, nn::constant(2.0));
    declare.buffer("offset", Shape{4}, 0.5);
  }
  template <class Visit>
  void children(Visit&& visit) const {
    visit("inner", inner);
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    return inner(p["inner"], inner(p["inner"], x)) * p("scale") + p.buffer("offset");
  }
};

template <class T>
Array<T> ramp(const Shape& shape) {
  Array<T> out(shape);
  for (std::size_t i = 0; i < out.size(); ++i)
    out.mutable_data()[i] = static_cast<T>(0.1 * static_cast<double>(i % 17) - 0.8);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(module)

BOOST_AUTO_TEST_CASE(names_shapes_and_order_are_those_of_pytorch) {
  const nn::Sequential net =
      nn::sequential(nn::Linear{784, 16}, nn::Relu{}, nn::sequential(nn::Linear{16, 16, {.bias = false}}, nn::Tanh{}),
                     nn::residual(nn::Linear{16, 16}), nn::Linear{16, 10});
  const auto params = net.init<float>(1);
  const std::vector<std::pair<std::string, Shape>> expected = {
      {"0.weight", {16, 784}}, {"0.bias", {16}},       {"2.0.weight", {16, 16}}, {"3.inner.weight", {16, 16}},
      {"3.inner.bias", {16}},  {"4.weight", {10, 16}}, {"4.bias", {10}}};
  BOOST_REQUIRE_EQUAL(params.count(), expected.size());
  std::size_t offset = 0, i = 0;
  for (const auto& [info, value] : params) {
    BOOST_TEST(info.name == expected[i].first);
    BOOST_TEST(info.shape == expected[i].second);
    BOOST_TEST(value.shape() == expected[i].second);
    BOOST_TEST(info.offset == offset);
    BOOST_TEST(value.data() == params.flat().data() + offset);  // no copy
    offset += info.shape.size();
    ++i;
  }
  BOOST_TEST(params.size() == offset);
}

BOOST_AUTO_TEST_CASE(a_net_is_what_its_formula_says) {
  const Net net;
  const auto params = net.init<double>(3);
  const Array<double> x = ramp<double>({6, 5});
  const Array<double> y = net(params, x);
  BOOST_TEST(y.shape() == Shape({6, 3}));
  const Array<double> w1 = params["hidden.weight"], b1 = params["hidden.bias"], w2 = params["head.weight"],
                      b2 = params["head.bias"];
  for (std::size_t n = 0; n < 6; ++n)
    for (std::size_t o = 0; o < 3; ++o) {
      double sum = b2[o];
      for (std::size_t h = 0; h < 7; ++h) {
        double pre = b1[h];
        for (std::size_t i = 0; i < 5; ++i) pre += w1[h * 5 + i] * x[n * 5 + i];
        sum += w2[o * 7 + h] * std::max(pre, 0.0);
      }
      BOOST_TEST(y[n * 3 + o] == sum, boost::test_tools::tolerance(1e-13));
    }
}

BOOST_AUTO_TEST_CASE(arrays_xarrays_and_expressions_give_the_same) {
  const Net net;
  const auto params = net.init<float>(3);
  const xt::xarray<double> x = xt::random::rand<double>({4, 5});
  const Array<float> a = net(params, x), b = net(params, Array<float>(x)), c = net(params, x * 1.0);
  BOOST_TEST(a.to_xarray() == b.to_xarray());
  BOOST_TEST(a.to_xarray() == c.to_xarray());
  Tape<float> tape;
  const auto recording = net.record(tape, params, x);
  BOOST_TEST(recording.output.value().to_xarray() == a.to_xarray());
}

BOOST_AUTO_TEST_CASE(recording_gives_leaves_in_order_and_gradients_of_every_use) {
  const Scaled net;
  const auto params = net.init<double>(5);
  BOOST_TEST(params.buffer_infos().size() == 1u);
  BOOST_TEST(params["offset"][3] == 0.5);
  Tape<double> tape;
  const Array<double> x = ramp<double>({3, 4});
  const auto recording = net.record(tape, params, x);
  BOOST_REQUIRE_EQUAL(recording.parameters.size(), params.count());
  for (std::size_t i = 0; i < params.count(); ++i)
    BOOST_TEST(recording.parameters[i].value().data() == params.slice(i).data());
  BOOST_CHECK(recording.output.examples() == Examples::axis0);

  const Var<double> loss = sum_to(recording.output, {});
  const auto gradients = pullback<double>(loss, Array<double>::scalar(1.0), recording.parameters);
  std::size_t flat = 0;
  for (std::size_t i = 0; i < params.count(); ++i)
    for (std::size_t e = 0; e < gradients[i].size(); ++e, ++flat) {
      const double h = 1e-5;
      double difference = 0.0;
      for (const double sign : {1.0, -1.0}) {
        auto moved = params;
        moved.mutable_data()[flat] += sign * h;
        difference += sign * sum_to(Var<double>(net(moved, x)), {}).value().item() / (2 * h);
      }
      BOOST_TEST(gradients[i].value()[e] == difference, boost::test_tools::tolerance(1e-7));
    }
}

BOOST_AUTO_TEST_CASE(inputs_on_the_tape_get_derivatives) {
  const Net net;
  const auto params = net.init<double>(5);
  Tape<double> tape;
  const Var<double> x = tape.variable(ramp<double>({3, 5}), Examples::axis0);
  const auto recording = net.record(tape, params, x);
  const Var<double> inputs[] = {x};
  const auto gradients = pullback<double>(sum_to(recording.output, {}), Array<double>::scalar(1.0), inputs);
  BOOST_TEST(gradients[0].shape() == x.shape());
}

BOOST_AUTO_TEST_CASE(observers_see_every_layer_children_first) {
  const auto net = nn::sequential(nn::Linear{5, 4}, nn::residual(nn::Linear{4, 4}), nn::Linear{4, 2});
  const auto params = net.init<double>(5);
  const Array<double> x = ramp<double>({3, 5});
  std::vector<std::string> seen;
  Array<double> last;
  net.observe<double>(params, x, [&](const std::string& path, const std::string& type, const Array<double>& output) {
    seen.push_back(path + ":" + type);
    last = output;
  });
  const std::vector<std::string> expected = {"0:Linear",   "1.inner:Linear", "1.shortcut:Identity",
                                             "1:Residual", "2:Linear",       ":Sequential"};
  BOOST_TEST(seen == expected, boost::test_tools::per_element());
  BOOST_TEST(last.to_xarray() == net(params, x).to_xarray());
}

BOOST_AUTO_TEST_CASE(wrong_use_is_named) {
  using nn::sequential;
  const auto net = sequential(nn::Linear{5, 7}, nn::Relu{}, sequential(nn::Linear{8, 3}));
  const auto params = net.init<float>(0);
  const std::string shape = message_of<shape_error>([&] { net(params, ramp<float>({2, 5})); });
  BOOST_TEST(has(shape, "[linear]"), shape);
  BOOST_TEST(has(shape, "layer '2.0' (Linear)"), shape);
  BOOST_TEST(!has(shape, "'2'"), shape);
  const std::string top = message_of<shape_error>([&] {
    nn::Linear(3, 2)(nn::Linear(3, 2).init<float>(0), ramp<float>({2, 4}));
  });
  BOOST_TEST(has(top, "in the network (Linear)"), top);

  const std::string other = message_of<parameter_error>([&] { Net{}(params, ramp<float>({2, 5})); });
  BOOST_TEST(has(other, "[Net] the parameters are not of this network"), other);
  BOOST_CHECK_THROW(net(nn::Parameters<float>(), ramp<float>({2, 5})), parameter_error);
  BOOST_CHECK_THROW(net(nn::sequential(nn::Linear{5, 7}).init<float>(0), ramp<float>({2, 5})), parameter_error);
  BOOST_CHECK_THROW(nn::sequential(nn::Linear{5, 7})(params, ramp<float>({2, 5})), parameter_error);
  BOOST_CHECK_THROW(net(params, Array<float>::scalar(1.0f)), shape_error);

  BOOST_CHECK_THROW(nn::Sequential(std::vector<nn::AnyModule>{}), parameter_error);
  BOOST_CHECK_THROW(sequential(nn::Relu{}, nn::Tanh{}).init<float>(0), parameter_error);
  BOOST_CHECK_THROW(nn::Linear(0, 3), shape_error);
  BOOST_CHECK_THROW(nn::residual(std::shared_ptr<const nn::ModuleBase>()), parameter_error);
  const auto uneven = nn::residual(nn::Linear{4, 3});
  const std::string residual = message_of<shape_error>([&] { uneven(uneven.init<float>(0), ramp<float>({2, 4})); });
  BOOST_TEST(has(residual, "[Residual]"), residual);
}

namespace {

struct Misnamed : nn::Module<Misnamed> {
  std::string first, second;
  Misnamed(std::string a, std::string b) : first(std::move(a)), second(std::move(b)) {}
  void parameters(nn::Declaration& declare) const {
    declare(first, {2}, nn::constant(0));
    declare(second, {2}, nn::constant(0));
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    return x + p("third");
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(bad_names_are_refused) {
  BOOST_CHECK_THROW(Misnamed("a", "a").init<float>(0), parameter_error);
  BOOST_CHECK_THROW(Misnamed("a", "").init<float>(0), parameter_error);
  BOOST_CHECK_THROW(Misnamed("a", "b.c").init<float>(0), parameter_error);
  const Misnamed net("a", "b");
  const std::string text = message_of<parameter_error>([&] { net(net.init<float>(0), ramp<float>({2, 2})); });
  BOOST_TEST(has(text, "no parameter 'third' in the network (Misnamed). Declared: a, b."), text);
}

// A recurrent net whose state begins as a constant: with the mark of the examples, or forgotten.
struct Recurrent : nn::Module<Recurrent> {
  bool marked;
  nn::Linear step{1, 4};
  explicit Recurrent(bool m) : marked(m) {}
  template <class Visit>
  void children(Visit&& visit) const {
    visit("step", step);
  }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& x) const {
    const Shape shape{x.shape()[0], 4};
    Var<T> h = marked ? zeros_like(x, shape) : Var<T>(Array<T>::zeros(shape));
    for (std::size_t t = 0; t < 3; ++t) {
      const Var<T> now = reshape(slice(x, 1, t, t + 1), {x.shape()[0], 1});
      h = tanh(step(p["step"], now) + h);
    }
    return h;
  }
};

struct Averaging : nn::Module<Averaging> {
  template <class T>
  Var<T> forward(nn::Scope<T>, const Var<T>& x) const {
    return x - mean(x, {0});
  }
};

BOOST_AUTO_TEST_CASE(where_examples_are_mixed) {
  const auto refused = [](const nn::ModuleBase& net, const Array<double>& x) {
    return message_of<batch_error>([&] { ntk::entk(net, net.init<double>(1), x); });
  };
  const auto net = nn::sequential(nn::Linear(3, 4), nn::sequential(nn::Relu{}, Averaging{}), nn::Linear(4, 2));
  const std::string average = refused(net, ramp<double>({4, 3}));
  BOOST_TEST(has(average, "[mean] mixes examples in layer '1.1' (Averaging): arguments (4, 4), result (1, 4)"),
             average);
  // A plan looks at two examples, but the message shows those that the user gave.
  for (const std::size_t n : {2, 5}) {
    const std::string state = refused(Recurrent(false), ramp<double>({n, 3})), shape = to_string(Shape{n, 4});
    BOOST_TEST(has(state, "[add] mixes examples in the network (Recurrent)"), state);
    BOOST_TEST(has(state, shape + ", " + shape + " (a constant without the mark)"), state);
  }
  const std::string some = message_of<batch_error>([&] {
    ntk::entk(net, net.init<double>(1), ramp<double>({4, 3}), {.parameters = {"0.*"}});
  });
  BOOST_TEST(has(some, "arguments (4, 4), result (1, 4)"), some);
  const Recurrent marked(true);
  BOOST_TEST(ntk::entk(marked, marked.init<double>(1), ramp<double>({2, 3})).shape() == (Shape{8, 8}));
}

BOOST_AUTO_TEST_CASE(kernels_tell_wrong_shapes_with_all_examples) {
  const auto net = nn::sequential(nn::Linear(3, 4), nn::Linear(5, 2));
  const auto params = net.init<double>(1);
  const std::string wrong = message_of<shape_error>([&] { ntk::pntk(net, params, ramp<double>({6, 3})); });
  BOOST_TEST(has(wrong, "(6, 4)"), wrong);
  BOOST_TEST(!has(wrong, "(2, 4)"), wrong);
  const std::string some = message_of<shape_error>([&] {
    ntk::pntk(net, params, ramp<double>({6, 3}), {.parameters = {"1.weight"}});
  });
  BOOST_TEST(has(some, "(6, 4)"), some);
  const std::string single = message_of<shape_error>([&] { ntk::pntk(net, params, ramp<double>({3})); });
  BOOST_TEST(has(single, "The input is (3,); its axis 0 runs over examples"), single);
}

BOOST_AUTO_TEST_CASE(an_example_without_its_axis_is_told_by_its_own_shape) {
  const auto net = nn::mlp({784, 8, 10});
  const auto params = net.init<float>(1);
  const Array<float> one = ramp<float>({784});
  const std::string predicted = message_of<shape_error>([&] { nn::predict(net, params, one); });
  BOOST_TEST(has(predicted, "The input is (784,); its axis 0 runs over examples"), predicted);
  const std::string fitted = message_of<shape_error>([&] { nn::fit(net, params, one, std::vector<std::size_t>(784)); });
  BOOST_TEST(has(fitted, "The input is (784,)"), fitted);
  const std::string summary = message_of<shape_error>([&] { net.summary({5}); });
  BOOST_TEST(has(summary, "The example is (5,)"), summary);
}

BOOST_AUTO_TEST_CASE(messages_name_parameters_by_their_whole_path) {
  const auto net = nn::sequential(nn::sequential(nn::Linear(3, 4))),
             wide = nn::sequential(nn::sequential(nn::Linear(3, 5)));
  const std::string other = message_of<parameter_error>([&] { wide(net.init<float>(1), ramp<float>({2, 3})); });
  BOOST_TEST(has(other, "have '0.0.weight' (4, 3) where the network has '0.0.weight' (5, 3)"), other);
}

BOOST_AUTO_TEST_SUITE_END()
