#include "ntk/contraction/contract.hpp"

#include "autodiff/kernels/parallel.hpp"
#include "ntk/contraction/rectangles.hpp"

namespace xtangent::ntk {

Block::Block(std::size_t rows_, std::size_t columns_, std::size_t probes_, ProbeMode mode_, bool symmetric_)
    : rows(rows_),
      columns(columns_),
      probes(probes_),
      mode(mode_),
      symmetric(symmetric_),
      storage(Array<double>::zeros({height(), width()})),
      values(storage.mutable_data(), storage.size()) {}

template <class T>
void contract(const Side<T>& a, const Side<T>& b, bool fused_bias, std::size_t room, Block& block) {
  if (a.rule() != b.rule() || !meets(a.rule(), a.use(), b.use()))
    throw rule_error(std::string("[ntk] sides of the rules ") + name(a.rule()) + " and " + name(b.rule()) +
                     " do not meet. Give uses of one parameter a rule that is right for all pairs of them.");
  switch (a.rule()) {
    case Rule::outer:
      return rules::add_outer(a, b, fused_bias, block);
    case Rule::readout:
      return rules::add_readout(a, b, fused_bias, block);
    case Rule::pixel_gram:
      return rules::add_pixel_gram(a, b, block);
    case Rule::position_gram:
      return rules::add_position_gram(a, b, block);
    case Rule::gather:
      return rules::add_gather(a, b, block);
    case Rule::materialize:
      break;
  }
  rules::add_materialized(a, b, room, block);
}

void finish_block(const Block& block, Range rows, double scale, double* kernel, std::size_t leading,
                  std::size_t first_row, std::size_t first_column, bool mirror, std::size_t plane) {
  const bool apart = block.mode == ProbeMode::equal;
  const std::size_t c = block.mode == ProbeMode::cross ? block.probes : 1, planes = apart ? block.probes : 1;
  const std::size_t width = block.width();
  kernels::parallel_for(rows.size(), 16, [&](std::size_t begin, std::size_t end) {
    for (std::size_t n = rows.first + begin; n < rows.first + end; ++n)
      for (std::size_t k = 0; k < planes; ++k)
        for (std::size_t p = 0; p < c; ++p)
          for (std::size_t q = 0; q < c; ++q)
            for (std::size_t m = 0; m < block.columns; ++m) {
              const std::size_t i = p * block.rows + n, j = q * block.columns + m;
              // Below the diagonal of a symmetric block the mirror image of what was computed above it.
              const double* values = block.values.data() + k * block.rows * width;
              const double value = scale * values[block.symmetric && i > j ? j * width + i : i * width + j];
              const std::size_t row = (first_row + n - rows.first) * c + p, column = (first_column + m) * c + q;
              kernel[k * plane + row * leading + column] = value;
              if (mirror) kernel[k * plane + column * leading + row] = value;
            }
  });
}

template void contract(const Side<float>&, const Side<float>&, bool, std::size_t, Block&);
template void contract(const Side<double>&, const Side<double>&, bool, std::size_t, Block&);

}  // namespace xtangent::ntk
