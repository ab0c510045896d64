#pragma once

#include "nn/sequential.hpp"

namespace xtangent::nn {

/// For which tokens a language model returns logits.
enum class LogitsOf {
  all_tokens,  ///< (N, tokens, vocabulary)
  last_token,  ///< (N, vocabulary)
};

struct Gpt2Options {
  std::size_t vocab_size = 50257, n_positions = 1024;
  std::size_t n_embd = 768, n_layer = 12, n_head = 12;
  std::size_t n_inner = 0;  ///< width of the perceptrons; 0: four times n_embd
  double layer_norm_epsilon = 1e-5;
  double dropout = 0.1;  ///< rate of all dropouts, in training mode
  LogitsOf logits = LogitsOf::last_token;
};

/// GPT-2 (Radford et al. 2019) with the names, layouts and initial values of Hugging Face's GPT2LMHeadModel, for tokens
/// (N, at most n_positions), whole numbers below vocab_size. The weights of c_attn, c_proj and c_fc are (in, out), and
/// lm_head.weight is transformer.wte.weight. The defaults are the model "gpt2" with 124,439,808 parameters. Throws
/// shape_error for extents of 0, unless n_head divides n_embd, and for longer sequences.
class Gpt2 : public Module<Gpt2> {
 public:
  explicit Gpt2(Gpt2Options options = {});

  const Gpt2Options& options() const { return options_; }
  void children(Declaration& visit) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  Gpt2Options options_;
  AnyModule transformer_, lm_head_;
};

inline Gpt2 gpt2(Gpt2Options options = {}) { return Gpt2(options); }

}  // namespace xtangent::nn
