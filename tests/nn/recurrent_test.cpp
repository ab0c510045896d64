// Compares recurrent layers with steps of their cells, and with each other.
#include "nn/layers/recurrent.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/ops/indexing.hpp"
#include "nn/sequential.hpp"
#include "ntk/kernel.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::nn;

namespace {

Array<double> random(const Shape& shape) {
  testing::Random r(to_string(shape));
  return testing::random_array(r, shape);
}

// The parameters of one direction of one layer, for its cell.
Parameters<double> cell_parameters(const ModuleBase& cell, const Parameters<double>& all, const std::string& suffix) {
  auto out = cell.init<double>(0);
  for (const ParameterInfo& info : out.infos()) out.set(info.name, all[info.name + suffix]);
  return out;
}

// All states of a cell over x (N, T, in) as (N, T, hidden), forwards or backwards.
template <class Cell>
struct Steps : Module<Steps<Cell>> {
  Cell cell;
  bool backwards;
  Steps(Cell c, bool b) : cell(c), backwards(b) {}
  void children(Declaration& visit) const { visit("cell", cell); }
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const {
    const std::size_t n = x.shape()[0], steps = x.shape()[1];
    std::vector<Var<T>> out(steps);
    RecurrentState<T> state;
    for (std::size_t i = 0; i < steps; ++i) {
      const std::size_t t = backwards ? steps - 1 - i : i;
      state = cell.step(p["cell"], reshape(slice(x, 1, t, t + 1), {n, x.shape()[2]}), state);
      out[t] = reshape(state.hidden, {n, 1, state.hidden.shape()[1]});
    }
    return concatenate(out, 1);
  }
};

template <class Cell>
Array<double> run_cell(const Cell& cell, const Parameters<double>& params, const Array<double>& x, bool backwards) {
  const Steps<Cell> steps(cell, backwards);
  auto own = steps.template init<double>(0);
  own.set_flat(params.flat());
  return steps(own, x);
}

// Begins with the state of a layer that has twice as many layers.
struct Begins : Module<Begins> {
  Lstm lstm{3, 2};
  void children(Declaration& visit) const { visit("lstm", lstm); }
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const {
    return lstm.run_from(p["lstm"], x, {zeros_like(x, {x.shape()[0], 2, 2}), {}}).output;
  }
};

template <class Layer, class Cell>
void check_layer(const Layer& layer, const Cell& cell, const Cell& upper) {
  const auto params = layer.template init<double>(3);
  const Array<double> x = random({3, 5, 2});
  Array<double> expected = x;
  for (std::size_t l = 0; l < 2; ++l) {
    const Cell& used = l ? upper : cell;
    const std::string suffix = "_l" + std::to_string(l);
    const Array<double> parts[] = {run_cell(used, cell_parameters(used, params, suffix), expected, false),
                                   run_cell(used, cell_parameters(used, params, suffix + "_reverse"), expected, true)};
    expected = concatenate<double>({Var<double>(parts[0]), Var<double>(parts[1])}, -1).value();
  }
  BOOST_TEST(testing::difference(layer(params, x), expected) < 1e-14);
}

const RecurrentOptions both{.num_layers = 2, .bidirectional = true};

}  // namespace

BOOST_AUTO_TEST_SUITE(recurrent)

BOOST_AUTO_TEST_CASE(a_layer_takes_the_steps_of_its_cells) {
  check_layer(Rnn(2, 3, both), RnnCell(2, 3), RnnCell(6, 3));
  check_layer(Rnn(2, 3, both, Nonlinearity::relu), RnnCell(2, 3, {}, Nonlinearity::relu),
              RnnCell(6, 3, {}, Nonlinearity::relu));
  check_layer(Lstm(2, 3, both), LstmCell(2, 3), LstmCell(6, 3));
  check_layer(Gru(2, 3, both), GruCell(2, 3), GruCell(6, 3));
}

BOOST_AUTO_TEST_CASE(the_last_state_is_the_end_of_both_directions) {
  RecurrentOptions last = both;
  last.output = RecurrentOutput::last;
  for (std::size_t steps : {1, 4}) {
    const Array<double> x = random({2, steps, 2});
    const auto params = Lstm(2, 3, both).init<double>(1);
    const Array<double> all = Lstm(2, 3, both)(params, x);  // (N, T, 6)
    auto own = Lstm(2, 3, last).init<double>(0);
    own.set_flat(params.flat());
    const Array<double> y = Lstm(2, 3, last)(own, x);
    BOOST_TEST(y.shape() == Shape({2, 6}));
    for (std::size_t n = 0; n < 2; ++n)
      for (std::size_t i = 0; i < 6; ++i)
        BOOST_TEST(y[n * 6 + i] == all[(n * steps + (i < 3 ? steps - 1 : 0)) * 6 + i]);
  }
}

// In the NTK parameterization a layer is the standard one with scaled weights.
BOOST_AUTO_TEST_CASE(ntk_parameterization_scales_weights) {
  const WeightOptions ntk{.parameterization = Parameterization::ntk, .sigma_w = 1.5, .sigma_b = 0.5};
  const Gru scaled(4, 9, {.weights = ntk}), plain(4, 9);
  const auto params = scaled.init<double>(2);
  auto own = plain.init<double>(0);
  for (const auto& [info, value] : params) {
    const double fan = info.name.find("_ih") != std::string::npos ? 4 : 9;
    const double scale = info.name.starts_with("bias") ? 0.5 : 1.5 / std::sqrt(fan);
    own.set(info.name, (Var<double>(value) * scale).value());
  }
  const Array<double> x = random({3, 4, 4});
  BOOST_TEST(testing::difference(scaled(params, x), plain(own, x)) < 1e-14);
  BOOST_TEST(std::abs(params["weight_hh_l0"][0]) > 0.0);
  const Gru without(4, 9, {.weights = {.parameterization = Parameterization::ntk, .sigma_b = 0.0}});
  BOOST_TEST(without.layout()->parameters.size() == 2u);
}

// Sequences whose positions were brought to the front, as PyTorch has them by default.
struct PositionsFirst : Module<PositionsFirst> {
  Lstm first{3, 4, {.num_layers = 2, .bidirectional = true, .batch_first = false}};
  Gru second{8, 2, {.batch_first = false, .output = RecurrentOutput::last}};
  void children(Declaration& visit) const {
    visit("0", first);
    visit("1", second);
  }
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const {
    return second(p["1"], first(p["0"], transpose(x, {1, 0, 2})));
  }
};

BOOST_AUTO_TEST_CASE(positions_may_stand_in_front) {
  const auto net =
      sequential(Lstm(3, 4, {.num_layers = 2, .bidirectional = true}), Gru(8, 2, {.output = RecurrentOutput::last}));
  const PositionsFirst turned;
  const auto params = net.init<double>(3);
  auto same = turned.init<double>(0);
  same.set_flat(params.flat());
  const Array<double> x = random({4, 5, 3});
  BOOST_TEST(testing::same_bits(turned(same, x), net(params, x)));
  for (const ntk::Strategy strategy :
       {ntk::Strategy::structured, ntk::Strategy::jacobian, ntk::Strategy::vector_products}) {
    const ntk::Options options{.strategy = strategy};
    BOOST_TEST(testing::difference(ntk::entk(turned, same, x, options), ntk::entk(net, params, x, options)) < 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(dropout_is_between_layers_in_training) {
  const Array<double> x = random({3, 4, 2});
  for (std::size_t layers : {1, 2}) {
    const Rnn net(2, 8, {.num_layers = layers, .dropout = 0.5});
    const auto params = net.init<double>(4);
    const auto run = [&](Context context) { return net(params, x, context); };
    const bool alike = testing::difference(run({Mode::training, 1}), run({})) == 0.0;
    BOOST_TEST(alike == (layers == 1));
    BOOST_TEST((testing::difference(run({Mode::training, 1}), run({Mode::training, 2})) == 0.0) == (layers == 1));
    BOOST_TEST(testing::same_bits(run({Mode::training, 1}), run({Mode::training, 1})));
  }
}

BOOST_AUTO_TEST_CASE(wrong_use_is_refused) {
  BOOST_CHECK_THROW(Lstm(0, 3), shape_error);
  BOOST_CHECK_THROW(Gru(3, 0), shape_error);
  BOOST_CHECK_THROW(Rnn(3, 3, {.num_layers = 0}), shape_error);
  BOOST_CHECK_THROW(LstmCell(0, 1), shape_error);
  BOOST_CHECK_THROW(Rnn(3, 3, {.dropout = 1.5}), option_error);
  BOOST_CHECK_THROW(Lstm(3, 4, {.proj_size = 4}), option_error);
  BOOST_CHECK_THROW(Gru(3, 4, {.proj_size = 2}), option_error);
  const Lstm layer(3, 2);
  const auto params = layer.init<double>(0);
  for (const Shape& shape : {Shape{4, 3}, Shape{4, 5, 2}, Shape{4, 0, 3}})
    BOOST_CHECK_THROW(layer(params, Array<double>::ones(shape)), shape_error);
  BOOST_CHECK_THROW(GruCell(3, 2)(GruCell(3, 2).init<double>(0), Array<double>::ones({4, 2})), shape_error);
  BOOST_CHECK_THROW(Begins()(Begins().init<double>(0), random({4, 5, 3})), shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
