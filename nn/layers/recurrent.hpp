#pragma once

#include <vector>

#include "nn/module.hpp"

/// Recurrent layers and their cells, with PyTorch's parameters, equations and initial values: uniform between +-1 /
/// sqrt(hidden) in the standard parameterization, whatever the options of the weights say. With G gates (1 for Rnn, 4
/// for Lstm, 3 for Gru), layer k has weight_ih_l{k} (G hidden, in), weight_hh_l{k} (G hidden, hidden), bias_ih_l{k} and
/// bias_hh_l{k} (G hidden,), and the same names with _reverse for the other direction. From the second layer on, `in`
/// is the width of the layer below, 2 hidden where that has two directions.
///
/// Sequences are (N, T, in), since networks of this library have the examples on axis 0, where PyTorch's layers take
/// (T, N, in) unless they are made with batch_first. Within a network that has transposed its sequences, `batch_first =
/// false` takes and returns them as PyTorch does. The parameters do not depend on that.
///
/// Each of the T positions is one use of a weight, and kernels contract all of them together.
namespace xtangent::nn {

/// What a recurrent layer returns.
enum class RecurrentOutput {
  sequence,  ///< the outputs of all positions, (N, T, directions hidden)
  last,      ///< the state of the last layer after the whole sequence, of both directions, (N, directions hidden)
};

struct RecurrentOptions {
  std::size_t num_layers = 1;
  bool bidirectional = false;
  double dropout = 0.0;  ///< rate between layers, in training mode
  /// Sequences are (N, T, in) and not (T, N, in). The states have the examples in front in any case.
  bool batch_first = true;
  /// Only Lstm takes it. If it is not 0, each hidden state is multiplied by weight_hr_l{k} (proj_size, hidden). The
  /// product is the output of its position and what the next position reads, so weight_hh_l{k} is (4 hidden,
  /// proj_size). It must be below `hidden`.
  std::size_t proj_size = 0;
  RecurrentOutput output = RecurrentOutput::sequence;
  WeightOptions weights = {};
};

enum class Nonlinearity { tanh, relu };

/// What one position hands to the next: (N, hidden) each for a cell, and (N, layers directions, hidden) for a layer.
/// PyTorch's layers have the first two axes of these exchanged. With projections the hidden state has proj_size
/// features.
template <class T>
struct RecurrentState {
  Var<T> hidden;
  Var<T> cell;  ///< only an LSTM has one
};

/// The outputs of all positions, (N, T, directions hidden), and the state after the last one.
template <class T>
struct RecurrentRun {
  Var<T> output;
  RecurrentState<T> state;
};

/// The common part of Rnn, Lstm and Gru. Throws shape_error for extents and numbers of layers of 0, and option_error
/// for a dropout outside of [0, 1] and a proj_size that cannot be.
class Recurrent {
 public:
  enum class Kind { tanh, relu, lstm, gru };

  std::size_t in() const { return in_; }
  std::size_t hidden() const { return hidden_; }
  /// Features of the hidden state, in one direction.
  std::size_t width() const { return options_.proj_size ? options_.proj_size : hidden_; }
  const RecurrentOptions& options() const { return options_; }
  void parameters(Declaration& declare) const;

  /// Runs over x (N, T, in) with T >= 1, or (T, N, in), beginning at a state that is zero where it is undefined. `p` is
  /// the scope of this layer. For networks that need the state, such as one whose decoder begins where its encoder
  /// ended. Throws shape_error for other shapes.
  template <class T>
  RecurrentRun<T> run_from(Scope<T> p, const Var<T>& x, const RecurrentState<T>& begin = {}) const;

 protected:
  Recurrent(Kind kind, std::size_t in, std::size_t hidden, RecurrentOptions options);
  /// What the options ask for.
  template <class T>
  Var<T> output(Scope<T> p, const Var<T>& x) const;

 private:
  std::size_t directions() const { return options_.bidirectional ? 2 : 1; }
  template <class T>
  std::vector<Var<T>> run_layer(Scope<T> p, std::size_t layer, const std::vector<Var<T>>& x,
                                std::vector<RecurrentState<T>>& states, bool wanted) const;
  template <class T>
  std::vector<Var<T>> run_layers(Scope<T> p, const Var<T>& x, std::vector<RecurrentState<T>>& states,
                                 bool wanted) const;
  template <class T>
  Var<T> turned(const Var<T>& x) const;
  template <class T>
  std::vector<RecurrentState<T>> states_of(const Var<T>& x, const RecurrentState<T>& begin) const;

  Kind kind_;
  std::size_t in_, hidden_;
  RecurrentOptions options_;
};

/// PyTorch's nn.RNN: h' = f(W_ih x + b_ih + W_hh h + b_hh).
struct Rnn : Module<Rnn>, Recurrent {
  Rnn(std::size_t in, std::size_t hidden, RecurrentOptions options = {}, Nonlinearity f = Nonlinearity::tanh)
      : Recurrent(f == Nonlinearity::tanh ? Kind::tanh : Kind::relu, in, hidden, options) {}
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const {
    return this->output(p, x);
  }
};

/// PyTorch's nn.LSTM. Its gates are, in this order, input, forget, cell and output.
struct Lstm : Module<Lstm>, Recurrent {
  Lstm(std::size_t in, std::size_t hidden, RecurrentOptions options = {})
      : Recurrent(Kind::lstm, in, hidden, options) {}
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const {
    return this->output(p, x);
  }
};

/// PyTorch's nn.GRU. Its gates are, in this order, reset, update and new.
struct Gru : Module<Gru>, Recurrent {
  Gru(std::size_t in, std::size_t hidden, RecurrentOptions options = {}) : Recurrent(Kind::gru, in, hidden, options) {}
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const {
    return this->output(p, x);
  }
};

/// The common part of the cells: one step. Their parameters are weight_ih (G hidden, in), weight_hh (G hidden, hidden),
/// bias_ih and bias_hh (G hidden,). As a layer, a cell maps x (N, in) to the hidden state (N, hidden) after one step
/// from zero. Throws shape_error for extents of 0.
class RecurrentCell {
 public:
  void parameters(Declaration& declare) const;
  /// The state after reading x (N, in); an undefined state is zero. `p` is the scope of this cell. Throws shape_error
  /// for other shapes.
  template <class T>
  RecurrentState<T> step(Scope<T> p, const Var<T>& x, const RecurrentState<T>& state = {}) const;

 protected:
  RecurrentCell(Recurrent::Kind kind, std::size_t in, std::size_t hidden, WeightOptions weights);

 private:
  Recurrent::Kind kind_;
  std::size_t in_, hidden_;
  WeightOptions weights_;
};

struct RnnCell : Module<RnnCell>, RecurrentCell {
  RnnCell(std::size_t in, std::size_t hidden, WeightOptions weights = {}, Nonlinearity f = Nonlinearity::tanh)
      : RecurrentCell(f == Nonlinearity::tanh ? Recurrent::Kind::tanh : Recurrent::Kind::relu, in, hidden, weights) {}
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const {
    return step(p, x).hidden;
  }
};
struct LstmCell : Module<LstmCell>, RecurrentCell {
  LstmCell(std::size_t in, std::size_t hidden, WeightOptions weights = {})
      : RecurrentCell(Recurrent::Kind::lstm, in, hidden, weights) {}
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const {
    return step(p, x).hidden;
  }
};
struct GruCell : Module<GruCell>, RecurrentCell {
  GruCell(std::size_t in, std::size_t hidden, WeightOptions weights = {})
      : RecurrentCell(Recurrent::Kind::gru, in, hidden, weights) {}
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const {
    return step(p, x).hidden;
  }
};

}  // namespace xtangent::nn
