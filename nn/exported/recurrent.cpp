// LSTM, GRU and RNN, which PyTorch exports as one call each with a list of all weights.
#include "autodiff/ops/linear.hpp"
#include "nn/exported/table.hpp"
#include "nn/layers/recurrent_step.hpp"

namespace xtangent::nn::exported {
namespace {

using RecurrentKind = Recurrent::Kind;

// The four weights of a cell; undefined biases count as 0.
template <class T>
struct CellWeights {
  Var<T> ih, hh, bias_ih, bias_hh;
};

template <class T>
RecurrentState<T> step(RecurrentKind kind, const CellWeights<T>& w, const Var<T>& x, const RecurrentState<T>& before) {
  return next_state(kind, linear(x, w.ih, w.bias_ih), linear(before.hidden, w.hh, w.bias_hh), before);
}

// A state of the graph, (layers, 1, hidden) or (layers, hidden), as (N, layers, hidden).
template <class T>
Var<T> state_of(const Tensor<T>& state, std::size_t n) {
  const Shape shape = state.shape();
  return with_examples(reshaped(state, {shape.front(), shape.back()}), n);
}

template <class T>
class Sequence {
 public:
  Sequence(const Call<T>& c, RecurrentKind kind) : call_(c), kind_(kind), x_(c.tensor("input")) {
    if (!x_.per_example()) c.refuse("on an input that does not depend on the examples");
    const Shape shape = x_.shape();
    first_ = c.boolean("batch_first", false) ? 0 : 1;
    if (shape.rank() == 3 && shape[first_] != 1) c.refuse("with a batch of " + std::to_string(shape[first_]));
    if (shape.size() == 0) c.refuse("on an empty sequence, " + to_string(shape));
    batched_ = shape.rank() == 3;
    n_ = x_.value.shape().front();
    directions_ = c.boolean("bidirectional", false) ? 2 : 1;
    layers_ = static_cast<std::size_t>(c.integer("num_layers"));
    if (c.boolean("train", false) && c.number("dropout", 0) > 0)
      c.refuse("in training mode: call model.eval() before torch.export.export");
    read_weights();
  }

  Values<T> run() {
    std::vector<RecurrentState<T>> states = first_states();
    const Shape shape = x_.shape();
    std::vector<Var<T>> steps = steps_of(reshape(x_.value, {n_, shape.size() / shape.back(), shape.back()}));
    for (std::size_t layer = 0; layer < layers_; ++layer) steps = run_layer(layer, steps, states);
    const Var<T> y = joined(steps);
    Shape out = y.shape().slice(1, 3);
    if (batched_) out = first_ == 0 ? Shape{1, out[0], out[1]} : Shape{out[0], 1, out[1]};
    Values<T> results{Tensor<T>{reshape(y, out.prepended(n_))}};
    std::vector<Var<T>> hidden, cell;
    for (const RecurrentState<T>& s : states) {
      hidden.push_back(s.hidden);
      cell.push_back(s.cell);
    }
    results.push_back(last_state(hidden));
    if (kind_ == RecurrentKind::lstm) results.push_back(last_state(cell));
    return results;
  }

 private:
  void read_weights() {
    const std::vector<Tensor<T>> all = call_.tensors("params");
    const bool biases = call_.boolean("has_biases", true);
    const std::size_t each = biases ? 4 : 2;
    if (all.size() != each * layers_ * directions_) call_.refuse("with projections, or another number of weights");
    for (std::size_t i = 0; i < all.size(); i += each)
      weights_.push_back(
          {all[i].value, all[i + 1].value, biases ? all[i + 2].value : Var<T>(), biases ? all[i + 3].value : Var<T>()});
  }

  std::vector<RecurrentState<T>> first_states() const {
    const std::vector<Tensor<T>> given =
        kind_ == RecurrentKind::lstm ? call_.tensors("hx") : std::vector<Tensor<T>>{call_.tensor("hx")};
    const std::vector<Var<T>> hidden = steps_of(state_of(given.at(0), n_));
    const std::vector<Var<T>> cell =
        given.size() > 1 ? steps_of(state_of(given[1], n_)) : std::vector<Var<T>>(hidden.size());
    if (hidden.size() != weights_.size()) call_.refuse("with " + std::to_string(hidden.size()) + " states");
    std::vector<RecurrentState<T>> out;
    for (std::size_t i = 0; i < hidden.size(); ++i) out.push_back({hidden[i], cell[i]});
    return out;
  }

  std::vector<Var<T>> run_layer(std::size_t layer, const std::vector<Var<T>>& x,
                                std::vector<RecurrentState<T>>& states) const {
    std::vector<Var<T>> out(x.size());
    for (std::size_t d = 0; d < directions_; ++d) {
      const std::size_t cell = layer * directions_ + d;
      for (std::size_t t = 0; t < x.size(); ++t) {
        const std::size_t at = d ? x.size() - 1 - t : t;
        states[cell] = step(kind_, weights_[cell], x[at], states[cell]);
        out[at] = d ? concatenate<T>({out[at], states[cell].hidden}, -1) : states[cell].hidden;
      }
    }
    return out;
  }

  Value<T> last_state(const std::vector<Var<T>>& states) const {
    const Var<T> all = joined(states);  // (N, layers, hidden)
    if (!batched_) return Tensor<T>{all};
    return Tensor<T>{reshape(all, {n_, all.shape()[1], 1, all.shape()[2]})};
  }

  const Call<T>& call_;
  RecurrentKind kind_;
  Tensor<T> x_;
  std::size_t first_ = 0, n_ = 0, directions_ = 1, layers_ = 1;
  bool batched_ = true;
  std::vector<CellWeights<T>> weights_;
};

// One position: input (1, in) or (in), states in the same form.
template <class T>
Value<T> cell_step(const Call<T>& c, RecurrentKind kind) {
  const Tensor<T> x = c.tensor("input");
  if (!x.per_example()) c.refuse("on an input that does not depend on the examples");
  const std::vector<Tensor<T>> given =
      kind == RecurrentKind::lstm ? c.tensors("hx") : std::vector<Tensor<T>>{c.tensor("hx")};
  const std::size_t n = x.value.shape().front();
  const auto row = [&](const Tensor<T>& t) { return reshape(with_examples(t, n), {n, t.shape().back()}); };
  if (x.shape().size() != x.shape().back()) c.refuse("with a batch");
  const CellWeights<T> w{c.tensor("w_ih").value, c.tensor("w_hh").value, c.var_or_none("b_ih"), c.var_or_none("b_hh")};
  const RecurrentState<T> next = step(kind, w, row(x), {row(given.at(0)), given.size() > 1 ? row(given[1]) : Var<T>()});
  const auto result = [&](const Var<T>& v) {
    const Shape shape = given[0].shape();
    return Value<T>(Tensor<T>{reshape(v, shape.prepended(n))});
  };
  if (kind == RecurrentKind::lstm) return Values<T>{result(next.hidden), result(next.cell)};
  return result(next.hidden);
}

}  // namespace

void add_recurrent_layers(Table& table) {
  const auto add_kind = [&](const char* layer, const char* cell, RecurrentKind kind) {
    add(table, {layer}, [kind](const auto& c) {
      using T = element_of<decltype(c)>;
      if (c.has("data") || c.has("batch_sizes")) c.refuse("on packed sequences");
      return Sequence<T>(c, kind).run();
    });
    add(table, {cell}, [kind](const auto& c) { return cell_step(c, kind); });
  };
  add_kind("lstm", "lstm_cell", RecurrentKind::lstm);
  add_kind("gru", "gru_cell", RecurrentKind::gru);
  add_kind("rnn_tanh", "rnn_tanh_cell", RecurrentKind::tanh);
  add_kind("rnn_relu", "rnn_relu_cell", RecurrentKind::relu);
}

}  // namespace xtangent::nn::exported
