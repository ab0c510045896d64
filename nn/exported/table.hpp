#pragma once

#include "nn/exported/call.hpp"

/// The ops of PyTorch that graphs may call, by families. Each is one row: its name in ATen without the overload, and a
/// function of the call. An op that changes its argument, whose name ends in an underscore, is the same on a new value.
namespace xtangent::nn::exported {

void add_elementwise_ops(Table& table);
void add_comparisons(Table& table);
void add_shape_ops(Table& table);
void add_selections(Table& table);
void add_reductions(Table& table);
void add_constants(Table& table);
void add_layers(Table& table);
void add_convolutions(Table& table);
void add_attention(Table& table);
void add_recurrent_layers(Table& table);
void add_scalar_ops(Table& table);

/// All of them.
const Table& table();
/// The row of "aten.add_.Tensor", or null.
const Row* find_row(const std::string& op);

}  // namespace xtangent::nn::exported
