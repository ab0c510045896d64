#include "ntk/computation/head.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "autodiff/factor.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/symmetric.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/algebra/converted.hpp"

namespace xtangent::ntk {
namespace {

constexpr std::size_t examples_at_a_time = 256;

// The nodes of a recording that are the input, the weight and the bias of the head.
struct HeadNodes {
  std::size_t input, weight;
  bool transposed = false;  // the weight is stored as (I, O)
  std::optional<std::size_t> bias = {};
};

[[noreturn]] void no_head(const char* who, const std::string& why) {
  throw rule_error(std::string("[") + who + "] " + why +
                   " The network must end in a linear layer with a weight of its own.");
}

template <class T>
HeadNodes nodes_of_head(const char* who, const nn::Recording<T>& recording) {
  if (!recording.output.on_tape()) no_head(who, "The output depends on no parameter.");
  const auto& nodes = recording.output.record()->nodes;
  const Node<T>& last = nodes[recording.output.position()];
  if (!last.op) no_head(who, "The output is a parameter.");
  std::vector<Var<T>> x;
  for (const auto& argument : last.arguments) x.push_back(argument.value);
  const Var<T> seed(Array<T>::ones(last.value.shape().prepended(1)));
  std::optional<HeadNodes> head;
  std::vector<std::size_t> biases, positions;
  for (std::size_t a = 0; a < x.size(); ++a) {
    const std::int64_t at = last.arguments[a].index;
    const bool parameter = std::any_of(recording.parameters.begin(), recording.parameters.end(), [&](const Var<T>& p) {
      return at >= 0 && p.position() == static_cast<std::size_t>(at);
    });
    if (!parameter) continue;
    positions.push_back(static_cast<std::size_t>(at));
    const std::optional<Factor<T>> f = last.op->factor(a, x, seed);
    const bool plain = f && f->positions == 1 && f->left.data() == seed.value().data();
    if (plain && f->kind == FactorKind::bias) {
      biases.push_back(a);
    } else if (plain && f->kind == FactorKind::outer && !head && x[a].rank() == 2) {
      for (std::size_t b = 0; b < x.size(); ++b)
        if (b != a && x[b].value().data() == f->right.data()) head = HeadNodes{b, a, f->transposed};
    }
  }
  if (!head || positions.size() != 1 + biases.size() || biases.size() > 1)
    no_head(who, "The output of op " + last.op->name() + " is not a linear layer of parameters.");
  if (!biases.empty()) head->bias = biases.front();
  for (std::size_t i = 0; i < recording.output.position(); ++i)
    for (const auto& argument : nodes[i].arguments)
      if (argument.index >= 0 &&
          std::find(positions.begin(), positions.end(), static_cast<std::size_t>(argument.index)) != positions.end())
        no_head(who, "The last layer shares its parameters with op " + nodes[i].op->name() + ".");
  return *head;
}

// (O, I)
template <class T>
Array<double> weight_of(const Array<T>& stored, bool transposed) {
  const Array<double> w = converted<double>(stored);
  if (!transposed) return w;
  Array<double> out({w.shape()[1], w.shape()[0]});
  kernels::transpose(w.shape(), {1, 0}, w.data(), out.mutable_data());
  return out;
}

}  // namespace

template <class T>
Head head_of(const char* who, const nn::ModuleBase& net, const nn::Parameters<T>& params, const Array<T>& x) {
  check_examples(who, x, "x");
  check_parameters(who, params);
  Head out;
  const std::size_t n = x.shape()[0];
  for (std::size_t first = 0; first < n; first += examples_at_a_time) {
    const std::size_t last = std::min(n, first + examples_at_a_time);
    Tape<T> tape;
    const nn::Recording<T> recording = net.record(tape, params, x.rows(first, last));
    const HeadNodes head = nodes_of_head(who, recording);
    const auto& arguments = tape.record()->nodes[recording.output.position()].arguments;
    const Array<T>& h = arguments[head.input].value.value();
    const std::size_t width = h.size() / (last - first);
    if (first == 0) {
      out.inputs = Array<double>({n, width});
      out.weight = weight_of(arguments[head.weight].value.value(), head.transposed);
      out.bias = head.bias.has_value();
    }
    kernels::widen(h.size(), h.data(), out.inputs.mutable_data() + first * width);
  }
  return out;
}

Array<double> gram(const Array<double>& a, const Array<double>& b, bool symmetric, const GramOptions& options) {
  const std::size_t n = a.shape()[0], m = b.shape()[0], k = a.shape()[1];
  Array<double> out = Array<double>::full({n, m}, options.shift);
  kernels::gemm(false, true, n, m, k, options.scale, a.data(), k, b.data(), k, 1.0, out.mutable_data(), m);
  if (symmetric) kernels::mirror_lower(n, out.mutable_data());
  return out;
}

template Head head_of(const char*, const nn::ModuleBase&, const nn::Parameters<float>&, const Array<float>&);
template Head head_of(const char*, const nn::ModuleBase&, const nn::Parameters<double>&, const Array<double>&);

}  // namespace xtangent::ntk
