// Layers for tokens: embeddings with padding, rotations, attention with masks, transformers and GPT-2.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <limits>

#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/layers/embedding.hpp"
#include "nn/layers/transformer.hpp"
#include "nn/models/gpt2.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::nn;

namespace {

Array<double> random(const Shape& shape, const std::string& seed = "") {
  testing::Random r(to_string(shape) + seed);
  return testing::random_array(r, shape);
}

// A function of a layer's scope and its input, as a network.
template <class Layer>
struct Calls : Module<Calls<Layer>> {
  using Function = std::function<Var<double>(const Layer&, Scope<double>, const Var<double>&)>;
  Layer layer;
  Function f;
  Calls(Layer l, Function g) : layer(std::move(l)), f(std::move(g)) {}
  void children(Declaration& visit) const { visit("layer", layer); }
  Var<double> forward(Scope<double> p, const Var<double>& x) const { return f(layer, p["layer"], x); }
  Var<float> forward(Scope<float>, const Var<float>& x) const { return x; }
};

// The result of f with the parameters of the layer, in their order.
template <class Layer>
Array<double> call(const Layer& layer, const Parameters<double>& params, const Array<double>& x,
                   typename Calls<Layer>::Function f) {
  const Calls<Layer> net(layer, std::move(f));
  auto own = net.template init<double>(0);
  own.set_flat(params.flat());
  return net(own, x);
}

Var<double> tokens_of(const Var<double>& x, std::size_t first, std::size_t last) { return slice(x, 1, first, last); }

}  // namespace

BOOST_AUTO_TEST_SUITE(sequence_layers)

BOOST_AUTO_TEST_CASE(the_row_of_padding_begins_at_zero_and_stays) {
  const Embedding layer(4, 3, {.padding_idx = 2});
  auto params = layer.init<double>(1);
  const Array<double> weight = params["weight"];
  for (std::size_t i = 0; i < weight.size(); ++i) BOOST_TEST((weight[i] == 0.0) == (i / 3 == 2));
  const Array<double> loaded = random({4, 3});
  params.set("weight", loaded);
  const Array<double> x = Array<double>::from({1, 3}, {2, 0, 2});
  Tape<double> tape;
  const auto run = layer.record(tape, params, x);
  for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(run.output.value()[i] == loaded[6 + i]);  // as it was loaded
  const auto gradient = pullback(run.output, Var<double>(Array<double>::ones({1, 1, 3, 3})), run.parameters)[0];
  for (std::size_t i = 0; i < 12; ++i) BOOST_TEST(gradient.value()[i] == (i < 3 ? 1.0 : 0.0));
  BOOST_CHECK_THROW(Embedding(4, 3, {.padding_idx = 4}), option_error);
  BOOST_CHECK_THROW(PositionalEmbedding(4, 3, {.padding_idx = 0}), option_error);
}

BOOST_AUTO_TEST_CASE(bags_count_what_is_no_padding) {
  const Array<double> weight = Array<double>::from({3, 1}, {1, 10, 100});
  const Array<double> x = Array<double>::from({3, 3}, {0, 1, 1, 2, 0, 1, 1, 1, 1});
  const auto bag = [&](EmbeddingBagOptions options) {
    const EmbeddingBag layer(3, 1, options);
    auto params = layer.init<double>(0);
    params.set("weight", weight);
    return layer(params, x);
  };
  const EmbeddingOptions padded{.padding_idx = 1};
  const auto expect = [](const Array<double>& y, std::vector<double> numbers) {
    BOOST_TEST(testing::difference(y, Array<double>::from({3, 1}, numbers)) < 1e-14);
  };
  expect(bag({}), {7, 37, 10});
  expect(bag({.mode = BagMode::sum}), {21, 111, 30});
  expect(bag({.embedding = padded}), {1, 50.5, 0});
  expect(bag({.mode = BagMode::sum, .embedding = padded}), {1, 101, 0});
  const EmbeddingBag layer(3, 1);
  const auto params = layer.init<double>(0);
  BOOST_CHECK_THROW(layer(params, Array<double>::zeros({2})), shape_error);
  BOOST_CHECK_THROW(layer(params, Array<double>::zeros({2, 0})), shape_error);
  BOOST_CHECK_THROW(EmbeddingBag(3, 1, {.embedding = {.padding_idx = 3}}), option_error);
}

// The product of a rotated query and a rotated key depends on the distance of their tokens.
BOOST_AUTO_TEST_CASE(rotated_products_depend_on_distances) {
  for (bool interleaved : {false, true}) {
    const auto rotated = [&](const Array<double>& row) {  // the same row for 6 tokens
      const Var<double> x = broadcast_to(Var<double>(row), {6, 4});
      return rotary_embedding(x, {.base = 50.0, .interleaved = interleaved});
    };
    const Var<double> q = rotated(random({1, 4}, "q")), k = rotated(random({1, 4}, "k"));
    const auto product = [&](std::size_t s, std::size_t t) {
      return sum(slice(q, 0, s, s + 1) * slice(k, 0, t, t + 1)).value().item();
    };
    BOOST_TEST(std::abs(product(0, 2) - product(3, 5)) < 1e-14);
    BOOST_TEST(std::abs(product(4, 1) - product(5, 2)) < 1e-14);
    BOOST_TEST(std::abs(product(0, 2) - product(2, 0)) > 1e-3);
  }
  BOOST_CHECK_THROW(rotary_embedding(Var<double>(random({2, 3}))), shape_error);
  BOOST_CHECK_THROW(RotaryEmbedding({.base = 0.0}), option_error);
}

BOOST_AUTO_TEST_CASE(rotary_attention_sees_order_and_not_place) {
  const MultiheadAttention layer(4, 2, {.rotary = RotaryOptions{}}), plain(4, 2);
  const auto params = layer.init<double>(1);
  BOOST_TEST(params.size() == plain.init<double>(1).size());
  const Array<double> x = random({2, 5, 4});
  auto own = plain.init<double>(0);
  own.set_flat(params.flat());
  BOOST_TEST(testing::difference(layer(params, x), plain(own, x)) > 1e-3);
}

// Tokens that a mask leaves out change nothing, and all three forms of an attn_mask say the same.
BOOST_AUTO_TEST_CASE(masks_leave_tokens_out) {
  const MultiheadAttention layer(4, 2);
  const auto params = layer.init<double>(2);
  const Array<double> x = random({3, 5, 4});
  const Array<double> expected = call(layer, params, x, [](const auto& l, auto p, const auto& v) {
    return l.attend(p, v, tokens_of(v, 0, 3), tokens_of(v, 0, 3));
  });
  std::vector<double> padding(15), ahead(25);
  for (std::size_t i = 0; i < 15; ++i) padding[i] = i % 5 < 3 ? 0.0 : 1.0;
  for (std::size_t i = 0; i < 25; ++i) ahead[i] = i % 5 < 3 ? 0.0 : -std::numeric_limits<double>::infinity();
  const Var<double> mask(Array<double>::from({5, 5}, ahead));
  const Var<double> zeros(Array<double>::zeros({3, 1, 1}), Examples::axis0);
  const std::vector<AttentionMasks<double>> all = {
      {{}, Var<double>(Array<double>::from({3, 5}, padding), Examples::axis0)},
      {mask, {}},
      {zeros + mask, {}},
      {Var<double>(Array<double>::zeros({3, 2, 1, 1}), Examples::axis0) + mask, {}}};
  for (const auto& masks : all) {
    const Array<double> y =
        call(layer, params, x, [&](const auto& l, auto p, const auto& v) { return l.attend(p, v, v, v, masks); });
    BOOST_TEST(testing::difference(y, expected) < 1e-14);
  }
  // A query without a key takes a mean of the values.
  std::vector<double> none(25, 0.0);
  std::fill_n(none.begin() + 10, 5, -std::numeric_limits<double>::infinity());
  const Var<double> without(Array<double>::from({5, 5}, none));
  BOOST_TEST(all_finite(call(layer, params, x, [&](const auto& l, auto p, const auto& v) {
    return l.attend(p, v, v, v, AttentionMasks<double>{without, {}});
  })));
  const auto wrong = [&](AttentionMasks<double> masks) {
    return [&, masks] {
      call(layer, params, x, [&](const auto& l, auto p, const auto& v) { return l.attend(p, v, v, v, masks); });
    };
  };
  const Var<double> odd(Array<double>::zeros({4, 5}));
  BOOST_CHECK_THROW(wrong({odd, {}})(), shape_error);
  BOOST_CHECK_THROW(wrong({{}, odd})(), shape_error);
  const Array<double> nothing = padding_mask(Var<double>(Array<double>::from({1, 3}, {0, 7, 1})), 7).value();
  BOOST_TEST(testing::difference(nothing, Array<double>::from({1, 3}, {0, 1, 0})) == 0.0);
}

// The layers with one input, in which the memory stands before the tokens.
BOOST_AUTO_TEST_CASE(a_decoder_reads_its_memory_from_the_front) {
  const TransformerOptions options{.dim_feedforward = 6, .causal = true};
  const TransformerDecoderLayer layer(4, 2, options, 2);
  const auto params = layer.init<double>(3);
  const Array<double> x = random({2, 5, 4});
  const auto decoded = [](const auto& l, auto p, const auto& v) {
    return l.decode(p, tokens_of(v, 2, 5), tokens_of(v, 0, 2));
  };
  const Var<double> y(layer(params, x));
  BOOST_TEST(testing::difference(tokens_of(y, 0, 2).value(), tokens_of(Var<double>(x), 0, 2).value()) == 0.0);
  BOOST_TEST(testing::difference(tokens_of(y, 2, 5).value(), call(layer, params, x, decoded)) == 0.0);
  const TransformerDecoder stack(layer, 2, LayerNorm(4));
  const auto all = stack.init<double>(4);
  BOOST_TEST(testing::difference(stack(all, x), call(stack, all, x, decoded)) == 0.0);
  BOOST_CHECK_THROW(layer(params, random({2, 2, 4})), shape_error);
  BOOST_CHECK_THROW(TransformerDecoderLayer(4, 2, options, 0), shape_error);
  BOOST_CHECK_THROW(TransformerEncoder(TransformerEncoderLayer(4, 2), 0), shape_error);
  BOOST_CHECK_THROW(TransformerEncoderLayer(4, 3), shape_error);
  BOOST_CHECK_THROW(TransformerEncoderLayer(4, 2, {.dropout = 2.0}), option_error);
}

BOOST_AUTO_TEST_CASE(an_encoder_does_not_see_padding) {
  const TransformerEncoder encoder(TransformerEncoderLayer(4, 2, {.dim_feedforward = 5, .norm_first = true}), 2);
  const auto params = encoder.init<double>(5);
  const Array<double> x = random({2, 5, 4});
  const Var<double> mask(Array<double>::from({2, 5}, {0, 0, 0, 1, 1, 0, 0, 0, 1, 1}), Examples::axis0);
  const Array<double> y = call(encoder, params, x, [&](const auto& l, auto p, const auto& v) {
    return tokens_of(l.encode(p, v, {{}, mask}), 0, 3);
  });
  const Array<double> shorter = encoder(params, tokens_of(Var<double>(x), 0, 3).value());
  BOOST_TEST(testing::difference(y, shorter) < 1e-14);
  const Array<double> dropped = encoder(params, x, {Mode::training, 1});
  BOOST_TEST(testing::difference(dropped, encoder(params, x)) > 1e-3);
}

BOOST_AUTO_TEST_CASE(gpt2_has_the_parameters_of_the_published_model) {
  const auto layout = gpt2().layout();
  BOOST_TEST(layout->parameter_size == 124439808u);
  BOOST_TEST(layout->parameters.size() == 148u);
  BOOST_TEST(layout->listed("lm_head.weight") == "transformer.wte.weight");
  for (const ParameterInfo& info : layout->parameters)
    if (info.name == "transformer.h.11.attn.c_attn.weight") BOOST_TEST(info.shape == Shape({768, 2304}));
  const Gpt2Options small{.vocab_size = 7, .n_positions = 5, .n_embd = 8, .n_layer = 1, .n_head = 2};
  Gpt2Options all = small;
  all.logits = LogitsOf::all_tokens;
  const auto params = gpt2(small).init<double>(1);
  auto own = gpt2(all).init<double>(0);
  own.set_flat(params.flat());
  const Array<double> x = Array<double>::from({2, 3}, {1, 2, 3, 6, 0, 5});
  const Array<double> every = gpt2(all)(own, x), last = gpt2(small)(params, x);
  BOOST_TEST(every.shape() == Shape({2, 3, 7}));
  BOOST_TEST(testing::difference(slice(Var<double>(every), 1, 2, 3).value().reshaped({2, 7}), last) < 1e-14);
  BOOST_CHECK_THROW(gpt2(small)(params, Array<double>::zeros({2, 6})), shape_error);
  BOOST_CHECK_THROW(gpt2({.n_head = 5}), shape_error);
  BOOST_CHECK_THROW(gpt2({.n_layer = 0}), shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
