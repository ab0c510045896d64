#pragma once

#include "ntk/packed.hpp"
#include "ntk/sink.hpp"

namespace xtangent::ntk {

/// Puts the tiles of a symmetric kernel into a packed one.
class PackedTiles : public TileSink {
 public:
  /// Throws shape_error (there are two sets of examples or several planes).
  explicit PackedTiles(const KernelShape& shape);
  void put(const FinishedTile& tile) override;
  PackedKernel take() { return {shape_.height(), std::move(values_)}; }

 private:
  KernelShape shape_;
  Array<double> values_;
};

}  // namespace xtangent::ntk
