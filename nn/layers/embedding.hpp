#pragma once

#include <optional>

#include "nn/module.hpp"

namespace xtangent::nn {

struct EmbeddingOptions {
  double deviation = 1.0;  ///< standard deviation of the normal initial weights, for the standard parameterization
  Parameterization parameterization = Parameterization::standard;
  /// For the NTK parameterization, in which weights are N(0, 1) and rows are multiplied by sigma_w.
  double sigma_w = 1.0;
  /// A token that stands for nothing: its row is 0 at first and has no gradient, so training and kernels leave it out.
  /// Embedding still returns the row; EmbeddingBag does not count the token at all.
  std::optional<std::size_t> padding_idx = {};
};

/// PyTorch's nn.Embedding: from tokens (N, ...), whole numbers below `vocabulary`, to their rows (N, ..., features) of
/// the weight (vocabulary, features). Throws shape_error for extents of 0, option_error for a padding_idx that is no
/// token, and data_error for other tokens.
class Embedding : public Module<Embedding> {
 public:
  Embedding(std::size_t vocabulary, std::size_t features, EmbeddingOptions options = {});

  std::size_t vocabulary() const { return vocabulary_; }
  std::size_t features() const { return features_; }
  void parameters(Declaration& declare) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  std::size_t vocabulary_, features_;
  EmbeddingOptions options_;
};

enum class BagMode { mean, sum, max };

struct EmbeddingBagOptions {
  BagMode mode = BagMode::mean;
  EmbeddingOptions embedding = {};
};

/// PyTorch's nn.EmbeddingBag: the mean, the sum or the largest elements of the rows of tokens (N, tokens), (N,
/// features), with weight (vocabulary, features). Tokens of padding_idx are left out and not counted; a bag of nothing
/// else gives 0. Throws shape_error for extents of 0 and another rank, option_error for a padding_idx that is no token,
/// and data_error for other tokens.
class EmbeddingBag : public Module<EmbeddingBag> {
 public:
  EmbeddingBag(std::size_t vocabulary, std::size_t features, EmbeddingBagOptions options = {});

  void parameters(Declaration& declare) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  std::size_t vocabulary_, features_;
  EmbeddingBagOptions options_;
};

/// Adds a learned vector for each position to x (N, tokens, features); weight (length, features). Sequences may be
/// shorter than `length`; longer ones throw shape_error.
class PositionalEmbedding : public Module<PositionalEmbedding> {
 public:
  PositionalEmbedding(std::size_t length, std::size_t features, EmbeddingOptions options = {.deviation = 0.02});

  void parameters(Declaration& declare) const;
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  std::size_t length_, features_;
  EmbeddingOptions options_;
};

}  // namespace xtangent::nn
