#include "nn/layers/recurrent.hpp"

#include <cmath>
#include <string>

#include "autodiff/ops/indexing.hpp"
#include "autodiff/ops/linear.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/parameterized.hpp"
#include "nn/layers/recurrent_step.hpp"

namespace xtangent::nn {
namespace {

using Kind = Recurrent::Kind;

const char* name_of(Kind kind) { return kind == Kind::lstm ? "Lstm" : kind == Kind::gru ? "Gru" : "Rnn"; }

std::size_t gates(Kind kind) { return kind == Kind::lstm ? 4 : kind == Kind::gru ? 3 : 1; }

void check_extents(Kind kind, std::size_t in, std::size_t hidden) {
  if (in == 0 || hidden == 0)
    throw shape_error(std::string("[") + name_of(kind) + "] " + std::to_string(in) + " inputs and a state of " +
                      std::to_string(hidden) + ". Both must be at least 1.");
}

// The parameters of a cell; names end in `suffix`. Its state is projected to `proj` features unless this is 0.
void declare_cell(Declaration& declare, Kind kind, std::size_t in, std::size_t hidden, std::size_t proj,
                  const WeightOptions& weights, const std::string& suffix) {
  const bool ntk = weights.parameterization == Parameterization::ntk;
  const Initializer initial = ntk ? normal(1.0) : uniform(1.0 / std::sqrt(static_cast<double>(hidden)));
  const std::size_t rows = gates(kind) * hidden;
  declare("weight_ih" + suffix, {rows, in}, initial);
  declare("weight_hh" + suffix, {rows, proj ? proj : hidden}, initial);
  if (has_bias(weights)) {
    declare("bias_ih" + suffix, {rows}, initial);
    declare("bias_hh" + suffix, {rows}, initial);
  }
  if (proj) declare("weight_hr" + suffix, {proj, hidden}, initial);
}

template <class T>
struct Cell {
  Kind kind;
  std::size_t in, hidden, proj;
  const WeightOptions& weights;
  Var<T> weight_ih, weight_hh, bias_ih, bias_hh, weight_hr;

  Cell(Kind k, std::size_t i, std::size_t h, std::size_t r, const WeightOptions& w, Scope<T> p,
       const std::string& suffix)
      : kind(k),
        in(i),
        hidden(h),
        proj(r),
        weights(w),
        weight_ih(p("weight_ih" + suffix)),
        weight_hh(p("weight_hh" + suffix)),
        bias_ih(has_bias(w) ? p("bias_ih" + suffix) : Var<T>()),
        bias_hh(has_bias(w) ? p("bias_hh" + suffix) : Var<T>()),
        weight_hr(proj ? p("weight_hr" + suffix) : Var<T>()) {}

  Var<T> product(std::size_t fan_in, const Var<T>& x, const Var<T>& w, const Var<T>& b) const {
    return parameterized(weights, fan_in, x, w, b, [](const Var<T>& input, const Var<T>& weight, const Var<T>& bias) {
      return linear(input, weight, bias);
    });
  }

  // x (N, in) and a state of (N, proj or hidden) and (N, hidden)
  RecurrentState<T> step(const Var<T>& x, const RecurrentState<T>& before) const {
    const Var<T> from_x = product(in, x, weight_ih, bias_ih);
    const Var<T> from_h = product(proj ? proj : hidden, before.hidden, weight_hh, bias_hh);
    RecurrentState<T> next = next_state(kind, from_x, from_h, before);
    if (proj) next.hidden = product(hidden, next.hidden, weight_hr, {});
    return next;
  }
};

template <class T>
void check_state(Kind kind, const char* what, const Var<T>& state, const Shape& expected) {
  if (state.defined() && !(state.shape() == expected))
    throw shape_error(std::string("[") + name_of(kind) + "] a " + what + " state of " + to_string(state.shape()) +
                      ". Expected " + to_string(expected) + ".");
}

// Both parts of a state, with zeros for those that are not given.
template <class T>
RecurrentState<T> completed(Kind kind, const Var<T>& x, const RecurrentState<T>& state, const Shape& hidden,
                            const Shape& cell) {
  check_state(kind, "hidden", state.hidden, hidden);
  check_state(kind, "cell", state.cell, cell);
  RecurrentState<T> out = state;
  if (!out.hidden.defined()) out.hidden = zeros_like(x, hidden);
  if (kind == Kind::lstm && !out.cell.defined()) out.cell = zeros_like(x, cell);
  return out;
}

}  // namespace

Recurrent::Recurrent(Kind kind, std::size_t in, std::size_t hidden, RecurrentOptions options)
    : kind_(kind), in_(in), hidden_(hidden), options_(options) {
  const std::string who = std::string("[") + name_of(kind) + "] ";
  check_extents(kind, in, hidden);
  if (options.num_layers == 0) throw shape_error(who + "0 layers.");
  if (!(options.dropout >= 0.0 && options.dropout <= 1.0))
    throw option_error(who + "a dropout of " + std::to_string(options.dropout) + ". It must lie in [0, 1].");
  if (options.proj_size && (kind != Kind::lstm || options.proj_size >= hidden))
    throw option_error(who + "projections to " + std::to_string(options.proj_size) + " of a state of " +
                       std::to_string(hidden) + ". Only Lstm has them, and they must be smaller than its state.");
}

void Recurrent::parameters(Declaration& declare) const {
  for (std::size_t layer = 0; layer < options_.num_layers; ++layer)
    for (std::size_t d = 0; d < directions(); ++d)
      declare_cell(declare, kind_, layer ? directions() * width() : in_, hidden_, options_.proj_size, options_.weights,
                   "_l" + std::to_string(layer) + (d ? "_reverse" : ""));
}

// Reads x, one (N, width) for each position, moves the states, and returns the outputs in the same form if they are
// wanted.
template <class T>
std::vector<Var<T>> Recurrent::run_layer(Scope<T> p, std::size_t layer, const std::vector<Var<T>>& x,
                                         std::vector<RecurrentState<T>>& states, bool wanted) const {
  std::vector<Var<T>> out(x.size());
  for (std::size_t d = 0; d < directions(); ++d) {
    const Cell<T> cell(kind_, layer ? directions() * width() : in_, hidden_, options_.proj_size, options_.weights, p,
                       "_l" + std::to_string(layer) + (d ? "_reverse" : ""));
    RecurrentState<T>& state = states[layer * directions() + d];
    for (std::size_t t = 0; t < x.size(); ++t) {
      const std::size_t at = d ? x.size() - 1 - t : t;
      state = cell.step(x[at], state);
      if (wanted) out[at] = d ? concatenate<T>({out[at], state.hidden}, -1) : state.hidden;
    }
  }
  return out;
}

// The states before the first position, of each layer and direction.
template <class T>
std::vector<RecurrentState<T>> Recurrent::states_of(const Var<T>& x, const RecurrentState<T>& begin) const {
  if (x.rank() != 3 || x.shape()[1] == 0 || x.shape()[2] != in_)
    throw shape_error(std::string("[") + name_of(kind_) + "] got " + to_string(x.shape()) + ". Expected (N, T, " +
                      std::to_string(in_) + ") with at least one position.");
  const std::size_t count = options_.num_layers * directions(), n = x.shape()[0];
  const RecurrentState<T> all = completed(kind_, x, begin, {n, count, width()}, {n, count, hidden_});
  const std::vector<Var<T>> hidden = steps_of(all.hidden);
  const std::vector<Var<T>> cell = kind_ == Kind::lstm ? steps_of(all.cell) : std::vector<Var<T>>(count);
  std::vector<RecurrentState<T>> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back({hidden[i], cell[i]});
  return out;
}

// Runs all layers. Returns the outputs of the last one, for each position, if they are wanted.
template <class T>
std::vector<Var<T>> Recurrent::run_layers(Scope<T> p, const Var<T>& x, std::vector<RecurrentState<T>>& states,
                                          bool wanted) const {
  std::vector<Var<T>> steps = steps_of(x);
  for (std::size_t layer = 0; layer < options_.num_layers; ++layer) {
    if (layer > 0 && p.training() && options_.dropout > 0.0)
      steps = steps_of(dropout(joined(steps), options_.dropout, p.random()));
    steps = run_layer(p, layer, steps, states, wanted || layer + 1 < options_.num_layers);
  }
  return steps;
}

// (T, N, width) as (N, T, width) or the other way round, for sequences with the positions in front.
template <class T>
Var<T> Recurrent::turned(const Var<T>& x) const {
  return options_.batch_first || x.rank() != 3 ? x : transpose(x, {1, 0, 2});
}

template <class T>
RecurrentRun<T> Recurrent::run_from(Scope<T> p, const Var<T>& sequence, const RecurrentState<T>& begin) const {
  const Var<T> x = turned(sequence);
  std::vector<RecurrentState<T>> states = states_of(x, begin);
  const std::vector<Var<T>> steps = run_layers(p, x, states, true);
  std::vector<Var<T>> hidden, cell;
  for (const RecurrentState<T>& state : states) {
    hidden.push_back(state.hidden);
    cell.push_back(state.cell);
  }
  return {turned(joined(steps)), {joined(hidden), kind_ == Kind::lstm ? joined(cell) : Var<T>()}};
}

template <class T>
Var<T> Recurrent::output(Scope<T> p, const Var<T>& sequence) const {
  const Var<T> x = turned(sequence);
  const bool all = options_.output == RecurrentOutput::sequence;
  std::vector<RecurrentState<T>> states = states_of(x, {});
  const std::vector<Var<T>> steps = run_layers(p, x, states, all);
  if (all) return turned(joined(steps));
  const Var<T>& back = states.back().hidden;
  return options_.bidirectional ? concatenate<T>({states[states.size() - 2].hidden, back}, -1) : back;
}

RecurrentCell::RecurrentCell(Kind kind, std::size_t in, std::size_t hidden, WeightOptions weights)
    : kind_(kind), in_(in), hidden_(hidden), weights_(weights) {
  check_extents(kind, in, hidden);
}

void RecurrentCell::parameters(Declaration& declare) const {
  declare_cell(declare, kind_, in_, hidden_, 0, weights_, "");
}

template <class T>
RecurrentState<T> RecurrentCell::step(Scope<T> p, const Var<T>& x, const RecurrentState<T>& state) const {
  if (x.rank() != 2 || x.shape()[1] != in_)
    throw shape_error(std::string("[") + name_of(kind_) + "] got " + to_string(x.shape()) + ". Expected (N, " +
                      std::to_string(in_) + ").");
  const Shape shape{x.shape()[0], hidden_};
  return Cell<T>(kind_, in_, hidden_, 0, weights_, p, "").step(x, completed(kind_, x, state, shape, shape));
}

#define XTANGENT_INSTANTIATE(T)                                                                          \
  template RecurrentRun<T> Recurrent::run_from(Scope<T>, const Var<T>&, const RecurrentState<T>&) const; \
  template Var<T> Recurrent::output(Scope<T>, const Var<T>&) const;                                      \
  template RecurrentState<T> RecurrentCell::step(Scope<T>, const Var<T>&, const RecurrentState<T>&) const;
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
