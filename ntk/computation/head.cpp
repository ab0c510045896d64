#include "ntk/computation/head.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "autodiff/factor.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/elementwise.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/symmetric.hpp"
#include "autodiff/ops/scale_of.hpp"
#include "autodiff/rule_calls.hpp"
#include "ntk/algebra/checks.hpp"
#include "ntk/algebra/converted.hpp"

namespace xtangent::ntk {
namespace {

constexpr std::size_t examples_at_a_time = 256;

// The head in a recording: f = scale W h + bias_scale b, where h and W are arguments of a node.
struct HeadNodes {
  std::size_t node, input, weight;
  bool transposed = false;  // W is stored as (I, O)
  double scale = 1, bias_scale = 0;
};

[[noreturn]] void no_head(const char* who, const std::string& why) {
  throw rule_error(std::string("[") + who + "] " + why +
                   " The network must end in a linear layer with a weight of its own.");
}

// What an op does with one of its arguments, if that is a parameter.
enum class Role { none, weight, bias, other };

template <class T>
class HeadSearch {
 public:
  HeadSearch(const char* who, const nn::Recording<T>& recording) : who_(who), recording_(recording) {
    if (!recording.output.on_tape()) no_head(who, "The output depends on no parameter.");
  }

  // Goes back from the output, over a bias that is added and numbers that multiply, to the product with the weight.
  HeadNodes find() {
    std::size_t at = recording_.output.position();
    while (true) {
      const Node<T>& node = nodes()[at];
      if (!node.op) no_head(who_, "The output is a parameter.");
      passed_.push_back(at);
      const std::optional<double> scale = scale_of(*node.op);
      const std::optional<std::size_t> next = scale ? std::optional<std::size_t>(0) : read(at);
      if (scale) head_.scale *= *scale;
      if (!next) break;
      if (node.arguments[*next].index < 0) refuse(node);
      at = static_cast<std::size_t>(node.arguments[*next].index);
    }
    check_own();
    return head_;
  }

 private:
  const std::vector<Node<T>>& nodes() const { return recording_.output.record()->nodes; }
  [[noreturn]] void refuse(const Node<T>& node) const {
    no_head(who_, "The output of op " + node.op->name() + " is not a linear layer of parameters.");
  }

  // Takes the weight and the bias of a node. Returns the argument from which to go on, or nothing where the weight was
  // found.
  std::optional<std::size_t> read(std::size_t at) {
    const Node<T>& node = nodes()[at];
    std::vector<Var<T>> x;
    for (const auto& argument : node.arguments) x.push_back(argument.value);
    const Var<T> seed(Array<T>::ones(node.value.shape().prepended(1)));
    bool weight = false, bias = false;
    std::optional<std::size_t> rest;
    for (std::size_t a = 0; a < x.size(); ++a) {
      const Role role = role_of(node, x, a, seed);
      if (role == Role::weight && !weight) {
        weight = true;
        head_.node = at;
        head_.weight = a;
      } else if (role == Role::bias && head_.bias_scale == 0) {
        bias = true;
        head_.bias_scale = head_.scale;
      } else if (role == Role::none && !rest) {
        rest = a;
      } else {
        refuse(node);
      }
    }
    if (!rest || (!weight && !(bias && passes(node, x, *rest)))) refuse(node);
    if (!weight) return rest;
    head_.input = *rest;
    return std::nullopt;
  }

  // Whether the op adds this argument as it is: its cotangent is then that of the result, the very array.
  static bool passes(const Node<T>& node, Vars<T> x, std::size_t a) {
    const Var<T> seed(Array<T>::ones(node.value.shape()));
    Wanted wanted(x.size());
    wanted[a] = true;
    const Var<T> bar = call_vjp<T>(*node.op, x, node.value, seed, wanted)[a];
    return bar.defined() && bar.shape() == seed.shape() && bar.value().data() == seed.value().data();
  }

  Role role_of(const Node<T>& node, Vars<T> x, std::size_t a, const Var<T>& seed) {
    const std::int64_t at = node.arguments[a].index;
    const bool parameter =
        std::any_of(recording_.parameters.begin(), recording_.parameters.end(),
                    [&](const Var<T>& p) { return at >= 0 && p.position() == static_cast<std::size_t>(at); });
    if (!parameter) return Role::none;
    owned_.push_back(static_cast<std::size_t>(at));
    const std::optional<Factor<T>> f = node.op->factor(a, x, seed);
    if (!f || f->positions != 1 || f->left.data() != seed.value().data()) return Role::other;
    if (f->kind == FactorKind::bias) return Role::bias;
    if (f->kind != FactorKind::outer || x[a].rank() != 2) return Role::other;
    head_.transposed = f->transposed;
    for (std::size_t b = 0; b < x.size(); ++b)
      if (b != a && x[b].value().data() == f->right.data()) return Role::weight;
    return Role::other;
  }

  // Nothing else may use the parameters of the head.
  void check_own() const {
    for (std::size_t i = 0; i < recording_.output.position(); ++i) {
      if (std::find(passed_.begin(), passed_.end(), i) != passed_.end()) continue;
      for (const auto& argument : nodes()[i].arguments)
        if (argument.index >= 0 &&
            std::find(owned_.begin(), owned_.end(), static_cast<std::size_t>(argument.index)) != owned_.end())
          no_head(who_, "The last layer shares its parameters with op " + nodes()[i].op->name() + ".");
    }
  }

  const char* who_;
  const nn::Recording<T>& recording_;
  HeadNodes head_{};
  std::vector<std::size_t> passed_, owned_;  // positions of nodes, and of parameters
};

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
    const HeadNodes head = HeadSearch<T>(who, recording).find();
    const auto& arguments = tape.record()->nodes[head.node].arguments;
    const Array<T>& h = arguments[head.input].value.value();
    const std::size_t width = h.size() / (last - first);
    if (first == 0) {
      out.inputs = Array<double>({n, width});
      out.weight = weight_of(arguments[head.weight].value.value(), head.transposed);
      kernels::affine(out.weight.size(), head.scale, 0.0, out.weight.data(), out.weight.mutable_data());
      out.bias = head.bias_scale;
    }
    double* inputs = out.inputs.mutable_data() + first * width;
    kernels::widen(h.size(), h.data(), inputs);
    kernels::affine(h.size(), head.scale, 0.0, inputs, inputs);
  }
  return out;
}

Array<double> gram(const Array<double>& a, const Array<double>& b, bool symmetric, const GramOptions& options) {
  const std::size_t n = a.shape()[0], m = b.shape()[0], k = a.shape()[1];
  Array<double> out = Array<double>::full({n, m}, options.shift);
  if (out.size() == 0) return out;
  kernels::gemm(false, true, n, m, k, options.scale, a.data(), k, b.data(), k, 1.0, out.mutable_data(), m);
  if (symmetric) kernels::mirror_lower(n, out.mutable_data());
  return out;
}

template Head head_of(const char*, const nn::ModuleBase&, const nn::Parameters<float>&, const Array<float>&);
template Head head_of(const char*, const nn::ModuleBase&, const nn::Parameters<double>&, const Array<double>&);

}  // namespace xtangent::ntk
