#pragma once

#include "ntk/contract.hpp"

namespace xtangent::ntk {

/// block += contraction of two uses of kind gather (embeddings): rows of the parameter that both examples picked meet,
/// the others contribute nothing. Cost: of each pair of examples 2 K^2 E FLOP a row that they share; memory: the picked
/// rows.
template <class T>
void add_gather(const Pieces<T>& a, const Pieces<T>& b, Block& block);

}  // namespace xtangent::ntk
