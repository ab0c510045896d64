// Kernels of networks with positions in their outputs, and of networks of several inputs.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/ops/loss.hpp"
#include "nn/inputs.hpp"
#include "nn/models/vit.hpp"
#include "nn/positions.hpp"
#include "nn/training/evaluate.hpp"
#include "nn/training/fit.hpp"
#include "ntk/compare.hpp"
#include "ntk/differentiable.hpp"
#include "ntk/operator.hpp"
#include "ntk/per_example.hpp"
#include "ntk/solve.hpp"
#include "tests/nn/files.hpp"
#include "tests/ntk/kernels.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/ntk/networks.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace readout = ntk::readout;

namespace {

constexpr std::size_t length = 5, vocabulary = 7;
// Logits (N, 5, 7) of the next token at each position, from token ids (N, 5).
nn::Sequential language_model() {
  return nn::sequential(nn::Embedding(vocabulary, 6),
                        nn::TransformerBlock(6, {.heads = 2, .hidden = 9, .causal = true}), nn::Linear(6, vocabulary));
}

Array<double> tokens(std::size_t n, const std::string& seed) {
  Random random(seed);
  Array<double> out({n, length});
  for (std::size_t i = 0; i < out.size(); ++i) out.mutable_data()[i] = static_cast<double>(random.below(vocabulary));
  return out;
}

// sum_{t s} w_n[t] w_m[s] of the blocks (T V, T V) of the whole eNTK: (N V, N V).
Array<double> weighted(const Array<double>& theta, const Array<double>& w, std::size_t v) {
  const std::size_t n = w.shape()[0], t = w.shape()[1], order = n * t * v;
  Array<double> out = Array<double>::zeros({n * v, n * v});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t p = 0; p < t; ++p)
      for (std::size_t j = 0; j < n; ++j)
        for (std::size_t q = 0; q < t; ++q)
          for (std::size_t a = 0; a < v; ++a)
            for (std::size_t b = 0; b < v; ++b)
              out.mutable_data()[(i * v + a) * n * v + j * v + b] +=
                  w[i * t + p] * w[j * t + q] * theta[((i * t + p) * v + a) * order + (j * t + q) * v + b];
  return out;
}

Array<double> ones_at(std::size_t n, std::size_t position) {
  Array<double> w = Array<double>::zeros({n, length});
  for (std::size_t i = 0; i < n; ++i) w.mutable_data()[i * length + position] = 1;
  return w;
}

// Reads token ids and a mask, and the mean of the words that the mask shows.
struct Classifier : nn::Module<Classifier> {
  nn::Embedding words{vocabulary, 6};
  nn::Linear head{6, 3};
  template <class Visit>
  void children(Visit&& visit) const {
    visit("words", words);
    visit("head", head);
  }
  std::array<Shape, 2> inputs() const { return {Shape{length}, Shape{length}}; }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& ids, const Var<T>& mask) const {
    return head(p["head"], tanh(nn::masked_mean(words(p["words"], ids), mask)));
  }
};

// One layer of a graph network: the features of the nodes and an adjacency matrix of each example.
struct Graph : nn::Module<Graph> {
  nn::Linear message{3, 5}, head{5, 2};
  template <class Visit>
  void children(Visit&& visit) const {
    visit("message", message);
    visit("head", head);
  }
  std::array<Shape, 2> inputs() const { return {Shape{4, 3}, Shape{4, 4}}; }
  template <class T>
  Var<T> forward(nn::Scope<T> p, const Var<T>& nodes, const Var<T>& adjacency) const {
    return head(p["head"], mean(tanh(matmul(adjacency, message(p["message"], nodes))), {1}));
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(sequences)

BOOST_AUTO_TEST_CASE(outputs_at_positions_are_parts_of_the_whole_entk) {
  const auto net = language_model();
  const auto params = net.init<double>(3);
  const Array<double> x = tokens(4, "positions");
  const Array<double> theta = ntk::entk(net, params, x);
  BOOST_TEST(theta.shape() == (Shape{4 * length * vocabulary, 4 * length * vocabulary}));
  Array<double> mask = ones_at(4, 1);
  mask.mutable_data()[2] = 0.5;
  mask.mutable_data()[3 * length + 4] = 1;
  Array<double> normal(mask.shape());
  for (std::size_t n = 0; n < 4; ++n) {
    double sum = 0;
    for (std::size_t t = 0; t < length; ++t) sum += mask[n * length + t];
    for (std::size_t t = 0; t < length; ++t) normal.mutable_data()[n * length + t] = mask[n * length + t] / sum;
  }
  const auto narrow = params.cast<float>();
  const Array<float> z = cast<float>(x);
  const nn::AnyModule at_2 = nn::at_position(net, 2), at_last = nn::at_last_position(net),
                      at_all = nn::mean_over_positions(net);
  struct Part {
    const nn::ModuleBase& net;
    ntk::Readout readout;
    Array<double> weights;
  };
  const std::vector<Part> parts = {
      {net, readout::full(), Array<double>()},
      {*at_2, readout::full(), ones_at(4, 2)},
      {*at_last, readout::full(), ones_at(4, 4)},
      {*at_all, readout::full(), Array<double>::full({4, length}, 0.2)},
      {net, readout::masked_mean(mask, readout::full()), normal},
  };
  for (const Part& part : parts) {
    const Array<double> expected = part.weights.defined() ? weighted(theta, part.weights, vocabulary) : theta;
    for (const ntk::Strategy strategy : all_strategies)
      for (const std::size_t tile : {0, 1, 3}) BOOST_TEST_CONTEXT(ntk::name(strategy) << ", tiles of " << tile) {
          const ntk::Options options{.strategy = strategy, .tile = tile};
          BOOST_TEST(kernel_difference(ntk::kernel(part.net, params, x, part.readout, options), expected) < 1e-12);
          BOOST_TEST(kernel_difference(ntk::kernel(part.net, narrow, z, part.readout, options), expected) < 1e-4);
        }
  }
  const Array<double> last = net(params, x).reshaped({4, length, vocabulary});
  const Array<double> picked = nn::at_last_position(net)(params, x);
  for (std::size_t n = 0; n < 4; ++n)
    for (std::size_t v = 0; v < vocabulary; ++v)
      BOOST_TEST(picked[n * vocabulary + v] == last[(n * length + 4) * vocabulary + v]);
  BOOST_CHECK_THROW(nn::at_position(net, 5)(params, x), shape_error);
}

// The Gram of the gradients of each sequence's loss: its diagonal are squared norms of gradients from pullbacks.
BOOST_AUTO_TEST_CASE(losses_of_language_models) {
  const auto net = language_model();
  const auto params = net.init<double>(4);
  const Array<double> x = tokens(4, "inputs"), next = tokens(4, "targets");
  ntk::Labels y;
  for (std::size_t i = 0; i < next.size(); ++i) y.push_back(static_cast<std::size_t>(next[i]));
  Array<double> mask = Array<double>::ones({4, length});
  for (const std::size_t hidden : {0, 7, 8, 19}) mask.mutable_data()[hidden] = 0;
  for (const bool masked : {false, true}) {
    std::vector<std::vector<double>> gradients;
    for (std::size_t n = 0; n < 4; ++n) {
      Tape<double> tape;
      const auto r = net.record(tape, params, Array<double>(x.rows(n, n + 1)));
      const Var<double> losses =
          cross_entropy(r.output, ntk::Labels(y.begin() + n * length, y.begin() + (n + 1) * length), Reduction::none);
      Array<double> weights({length});
      double sum_of_weights = 0;
      for (std::size_t t = 0; t < length; ++t) sum_of_weights += masked ? mask[n * length + t] : 1;
      for (std::size_t t = 0; t < length; ++t)
        weights.mutable_data()[t] = (masked ? mask[n * length + t] : 1) / sum_of_weights;
      const Var<double> loss = sum(reshape(losses, {length}) * Var<double>(weights));
      std::vector<double> flat;
      for (const Var<double>& g : pullback<double>(loss, Var<double>(Array<double>::scalar(1)), r.parameters))
        flat.insert(flat.end(), g.value().data(), g.value().data() + g.size());
      gradients.push_back(flat);
    }
    Array<double> expected({4, 4});
    for (std::size_t n = 0; n < 4; ++n)
      for (std::size_t m = 0; m < 4; ++m) {
        double sum_of_products = 0;
        for (std::size_t p = 0; p < gradients[n].size(); ++p) sum_of_products += gradients[n][p] * gradients[m][p];
        expected.mutable_data()[n * 4 + m] = sum_of_products;
      }
    const ntk::Readout own = readout::token_loss(y, length, masked ? mask : Array<double>());
    for (const ntk::Strategy strategy : all_strategies)
      for (const std::size_t tile : {0, 1, 3}) {
        const ntk::Options options{.strategy = strategy, .tile = tile};
        BOOST_TEST(kernel_difference(ntk::kernel(net, params, x, own, options), expected) < 1e-11);
        BOOST_TEST(kernel_difference(ntk::kernel(net, params.cast<float>(), cast<float>(x), own, options), expected) <
                   1e-4);
      }
  }
}

BOOST_AUTO_TEST_CASE(masks_and_targets_that_do_not_fit) {
  const auto net = language_model();
  const auto params = net.init<double>(4);
  const Array<double> x = tokens(4, "inputs");
  const ntk::Labels y(20, 1);
  Array<double> mask = Array<double>::ones({4, length});
  std::fill_n(mask.mutable_data() + 2 * length, length, 0.0);
  const std::string empty = message_of<data_error>([&] { readout::token_loss(y, length, mask); });
  BOOST_TEST(has(empty, "the mask of example 2 is empty"));
  BOOST_TEST(has(message_of<data_error>([&] { readout::masked_mean(mask, readout::full()); }), "example 2 is empty"));
  mask.mutable_data()[12] = -1;
  BOOST_CHECK_THROW(readout::token_loss(y, length, mask), data_error);
  BOOST_CHECK_THROW(readout::token_loss(y, 3), shape_error);
  BOOST_CHECK_THROW(readout::token_loss(y, 0), shape_error);
  BOOST_CHECK_THROW(readout::token_loss(y, length, Array<double>::ones({5, 4})), shape_error);
  BOOST_CHECK_THROW(readout::masked_mean(Array<double>::ones({4}), readout::full()), shape_error);
  BOOST_CHECK_THROW(readout::masked_mean(Array<double>::ones({4, 5}), readout::labels({1, 2})), option_error);
  ntk::Labels wrong = y;
  wrong[8] = vocabulary;
  const std::string target =
      message_of<data_error>([&] { ntk::kernel(net, params, x, readout::token_loss(wrong, length)); });
  BOOST_TEST(has(target, "example 1 has the target 7 at position 3"));
  BOOST_CHECK_THROW(ntk::kernel(net, params, x, readout::masked_mean(Array<double>::ones({4, 6}), readout::pseudo())),
                    shape_error);
  BOOST_CHECK_THROW(ntk::kernel(net, params, x, readout::token_loss(ntk::Labels(15, 1), length)), shape_error);
}

BOOST_AUTO_TEST_CASE(networks_of_several_inputs_work_everywhere) {
  const Classifier net;
  const auto params = net.init<double>(2);
  const Array<double> ids = tokens(6, "ids");
  Random random("mask");
  Array<double> mask({6, length});
  for (std::size_t i = 0; i < mask.size(); ++i) mask.mutable_data()[i] = i % length == 0 || random.below(2) ? 1.0 : 0.0;
  const Array<double> x = nn::join_inputs<double>({ids, mask});
  BOOST_TEST(x.shape() == (Shape{6, 2 * length}));
  // The same network of one input, for each example by itself: words that the mask hides do not count.
  const Array<double> y = net(params, x);
  for (std::size_t n = 0; n < 6; ++n) {
    std::vector<double> shown;
    for (std::size_t t = 0; t < length; ++t)
      if (mask[n * length + t] > 0) shown.push_back(ids[n * length + t]);
    std::vector<double> mean_word(6, 0.0);
    for (const double id : shown)
      for (std::size_t e = 0; e < 6; ++e)
        mean_word[e] +=
            params["words.weight"][static_cast<std::size_t>(id) * 6 + e] / static_cast<double>(shown.size());
    for (std::size_t o = 0; o < 3; ++o) {
      double out = params["head.bias"][o];
      for (std::size_t e = 0; e < 6; ++e) out += params["head.weight"][o * 6 + e] * std::tanh(mean_word[e]);
      BOOST_TEST(std::abs(y[n * 3 + o] - out) < 1e-13);
    }
  }
  const Array<double> k = ntk::entk(net, params, x, ntk::Options{.strategy = ntk::Strategy::jacobian});
  for (const ntk::Strategy strategy : all_strategies)
    BOOST_TEST(kernel_difference(ntk::entk(net, params, x, ntk::Options{.strategy = strategy, .tile = 2}), k) < 1e-12);
  // The eNTK of a graph network against finite differences in its parameters.
  const Graph graph;
  const auto weights = graph.init<double>(5);
  const Array<double> nodes = random_array(random, {3, 4, 3}), adjacency = random_array(random, {3, 4, 4});
  const Array<double> g = nn::join_inputs<double>({nodes, adjacency});
  const std::size_t p = weights.size();
  std::vector<Array<double>> slopes;
  for (std::size_t i = 0; i < p; ++i) {
    nn::Parameters<double> up = weights, down = weights;
    up.mutable_data()[i] += 1e-5;
    down.mutable_data()[i] -= 1e-5;
    const Array<double> a = graph(up, g), b = graph(down, g);
    Array<double> slope({6});
    for (std::size_t o = 0; o < 6; ++o) slope.mutable_data()[o] = (a[o] - b[o]) / 2e-5;
    slopes.push_back(slope);
  }
  Array<double> expected = Array<double>::zeros({6, 6});
  for (const Array<double>& slope : slopes)
    for (std::size_t i = 0; i < 6; ++i)
      for (std::size_t j = 0; j < 6; ++j) expected.mutable_data()[i * 6 + j] += slope[i] * slope[j];
  BOOST_TEST(kernel_difference(ntk::entk(graph, weights, g), expected) < 1e-7);

  const ntk::Operator<double> op(net, params, x);
  const Array<double> u = random_array(random, {18, 1});
  BOOST_TEST(kernel_difference(op(u), product(k, u)) < 1e-12);
  const TemporaryFolder folder;
  BOOST_TEST(kernel_difference(
                 ntk::stored_kernel(net, params, x, readout::full(), {.tile = 2, .store = folder / "s"}).matrix(), k) <
             1e-12);
  const auto fitted = nn::fit(net, params, x, ntk::Labels{0, 1, 2, 0, 1, 2},
                              {.epochs = 60, .batch = 3, .optimizer = nn::adam({.rate = 0.05})});
  BOOST_TEST(fitted.history.back().loss < 0.5 * fitted.history.front().loss);

  BOOST_TEST(has(message_of<shape_error>([&] { net(params, ids); }),
                 "(6, 5), and the network has the inputs (5,), (5,): they must be (N, 10)"));
  BOOST_CHECK_THROW(nn::join_inputs<double>({}), shape_error);
  BOOST_CHECK_THROW(nn::join_inputs<double>({ids, Array<double>::zeros({5, 2})}), shape_error);
  const Array<double> empty_mask = nn::join_inputs<double>({ids, Array<double>::zeros({6, length})});
  const Array<double> nothing = net(params, empty_mask);
  for (std::size_t o = 0; o < 3; ++o) BOOST_TEST(nothing[o] == params["head.bias"][o]);
}

BOOST_AUTO_TEST_SUITE_END()
