#pragma once

#include "autodiff/ops/rearranging.hpp"
#include "autodiff/origin.hpp"
#include "tests/ntk/networks.hpp"

/// Networks that compute with the examples in another axis than 0, and the same networks with the examples on axis 0.
namespace xtangent::testing {

struct MovedRow {
  std::string name;
  nn::AnyModule moved, plain;
  Shape input;
  std::size_t tokens = 0;
};

/// Attention of PyTorch's kind: from (T, N, E), with the examples and the heads in one axis, (N heads, T, E / heads).
template <class S, class V>
auto sequence_first_attention(S p, const V& x, std::size_t heads) {
  const std::size_t t = x.shape()[0], n = x.shape()[1], e = x.shape()[2];
  std::vector<V> part;
  for (const V& one : chunk(linear(x, p("in"), p("in_bias")), 3, -1))
    part.push_back(transpose(reshape(one, {t, n * heads, e / heads}), {1, 0, 2}));
  const V weights = softmax(matmul(part[0], part[1], {.transpose_b = true}) + p("mask"));
  const V y = reshape(transpose(matmul(weights, part[2]), {1, 0, 2}), {t * n, e});
  return reshape(linear(y, p("out")), {t, n, e});
}

/// The same from (N, T, E), with an axis for the heads.
template <class S, class V>
auto batch_first_attention(S p, const V& x, std::size_t heads) {
  const std::size_t n = x.shape()[0], t = x.shape()[1], e = x.shape()[2];
  std::vector<V> part;
  for (const V& one : chunk(linear(x, p("in"), p("in_bias")), 3, -1))
    part.push_back(transpose(reshape(one, {n, t, heads, e / heads}), {0, 2, 1, 3}));
  const V weights = softmax(matmul(part[0], part[1], {.transpose_b = true}) + p("mask"));
  return linear(reshape(transpose(matmul(weights, part[2]), {0, 2, 1, 3}), {n, t, e}), p("out"));
}

inline std::vector<MovedRow> moved_networks() {
  std::vector<MovedRow> rows;
  const auto add = [&](std::string name, std::vector<std::pair<std::string, Shape>> parameters, Shape input, auto moved,
                       auto plain, std::size_t tokens = 0) {
    rows.push_back({std::move(name), Written(parameters, moved), Written(parameters, plain), std::move(input), tokens});
  };
  add(
      "tokens merged with the examples", {{"w", {6, 4}}, {"b", {6}}, {"g", {6}}, {"v", {3, 6}}}, {5, 4},
      [](auto p, const auto& x) {
        const std::size_t n = x.shape()[0], t = x.shape()[1];
        const auto h = tanh(linear(reshape(x, {n * t, 4}), p("w"), p("b")));
        return linear(mean(reshape(layer_norm(h, {6}, p("g"), p("b")), {n, t, 6}), {1}), p("v"));
      },
      [](auto p, const auto& x) {
        const auto h = tanh(linear(x, p("w"), p("b")));
        return linear(mean(layer_norm(h, {6}, p("g"), p("b")), {1}), p("v"));
      });
  add(
      "sequence first, a position added, the last step read",
      {{"w", {4, 4}}, {"b", {4}}, {"place", {5, 1, 4}}, {"scale", {4}}, {"v", {2, 4}}}, {5, 4},
      [](auto p, const auto& x) {
        const auto h = tanh(linear(transpose(x, {1, 0, 2}), p("w"), p("b"))) + p("place");
        const auto last = slice(relu(cumsum(h, 0) * p("scale")), 0, 4, 5);
        return linear(reshape(last, {x.shape()[0], 4}), p("v"));
      },
      [](auto p, const auto& x) {
        const auto h = tanh(linear(x, p("w"), p("b"))) + reshape(p("place"), {5, 4});
        const auto last = slice(relu(cumsum(h, 1) * p("scale")), 1, 4, 5);
        return linear(reshape(last, {x.shape()[0], 4}), p("v"));
      });
  add(
      "sequence-first attention",
      {{"in", {12, 4}}, {"in_bias", {12}}, {"mask", {3, 3}}, {"out", {4, 4}}, {"v", {2, 4}}}, {3, 4},
      [](auto p, const auto& x) {
        const auto y = sequence_first_attention(p, transpose(x, {1, 0, 2}), 2);
        return linear(mean(y, {0}), p("v"));
      },
      [](auto p, const auto& x) { return linear(mean(batch_first_attention(p, x, 2), {1}), p("v")); });
  add(
      "recurrent network, sequence first, from a state of zeros", {{"w", {4, 3}}, {"u", {4, 4}}, {"v", {2, 4}}}, {4, 3},
      [](auto p, const auto& x) {
        const auto steps = transpose(x, {1, 0, 2});
        auto h = zeros_like(steps, {1, x.shape()[0], 4});
        for (const auto& step : split(steps, 1)) h = tanh(linear(step, p("w")) + linear(h, p("u")));
        return linear(reshape(h, {x.shape()[0], 4}), p("v"));
      },
      [](auto p, const auto& x) {
        auto h = zeros_like(x, {x.shape()[0], 1, 4});
        for (const auto& step : split(x, 1, 1)) h = tanh(linear(step, p("w")) + linear(h, p("u")));
        return linear(reshape(h, {x.shape()[0], 4}), p("v"));
      });
  add(
      "tokens of a tied embedding, sequence first", {{"e", {7, 4}}, {"mix", {4, 4}}}, {3},
      [](auto p, const auto& x) {
        const auto h = embedding(transpose(x), p("e"));
        return linear(max(tanh(matmul(h, p("mix"))), 0), p("e"));
      },
      [](auto p, const auto& x) { return linear(max(tanh(matmul(embedding(x, p("e")), p("mix"))), 1), p("e")); }, 7);
  add(
      "groups of channels, with steps merged into the examples", {{"g", {4}}, {"b", {4}}, {"v", {2, 4}}}, {3, 4, 2},
      [](auto p, const auto& x) {
        const std::size_t n = x.shape()[0];
        const auto h = group_norm(reshape(x, {n * 3, 4, 2}), 2, p("g"), p("b"));
        return linear(mean(reshape(tanh(h), {n, 3, 4, 2}), {1, 3}), p("v"));
      },
      [](auto p, const auto& x) {
        auto sum = mean(tanh(group_norm(reshape(slice(x, 1, 0, 1), {x.shape()[0], 4, 2}), 2, p("g"), p("b"))), {-1});
        for (std::size_t t = 1; t < 3; ++t)
          sum = sum +
                mean(tanh(group_norm(reshape(slice(x, 1, t, t + 1), {x.shape()[0], 4, 2}), 2, p("g"), p("b"))), {-1});
        return linear(sum / 3.0, p("v"));
      });
  add(
      "frames of a video merged with the examples", {{"w", {3, 2, 2, 2}}, {"b", {3}}, {"v", {2, 3}}}, {3, 2, 4, 4},
      [](auto p, const auto& x) {
        const std::size_t n = x.shape()[0];
        const auto h = max_pool2d(conv2d(reshape(x, {n * 3, 2, 4, 4}), p("w"), p("b")), 2, {.stride = 1});
        return linear(mean(reshape(tanh(h), {n, 3, 3, 4}), {1, 3}), p("v"));
      },
      [](auto p, const auto& x) {
        const auto h = max_pool2d(conv2d(x, p("w"), p("b")), 2, {.stride = 1});
        return linear(mean(tanh(h), {1, 3, 4}), p("v"));
      });
  add(
      "examples last, and ops of all kinds", {{"s", {3, 1}}, {"c", {3, 1}}, {"v", {2, 3}}}, {3},
      [](auto p, const auto& x) {
        const auto h = transpose(x);  // (3, N)
        const auto masked = where(step(h), pow(clamp(h, 0.1, 0.7), 1.5) * p("s"), h - p("c"));
        const auto both = stack({masked, flip(roll(masked, 1, 0), {0})});  // (2, 3, N)
        return linear(transpose(logsumexp(both, 0)), p("v"));
      },
      [](auto p, const auto& x) {
        const auto s = reshape(p("s"), {3}), c = reshape(p("c"), {3});
        const auto masked = where(step(x), pow(clamp(x, 0.1, 0.7), 1.5) * s, x - c);
        return linear(logsumexp(stack({masked, flip(roll(masked, 1, 1), {1})}, 1), 1), p("v"));
      });
  return rows;
}

}  // namespace xtangent::testing
