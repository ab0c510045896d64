#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "autodiff/array.hpp"

/// What of the outputs a kernel sees.
namespace xtangent::ntk {

/// What of the outputs a kernel sees: R (O x C), with the kernel (R^T J)(R^T J')^T of C x C blocks, and how a block is
/// reduced. Made by the functions of namespace `readout`.
struct Readout {
  enum class Kind { full, pseudo, single, random_signs, custom };
  enum class Reduction {
    none,      ///< (N1 C, N2 C), row n C + c
    trace,     ///< (N1, N2): mean over c of the diagonal of each block
    diagonal,  ///< (C, N1, N2): the diagonal of each block; (N1, N2) where C is 1
  };
  Kind kind = Kind::full;
  Reduction reduction = Reduction::none;
  std::size_t output = 0;  ///< of single
  std::uint64_t seed = 0;  ///< of random_signs
  std::size_t count = 1;   ///< of random_signs: vectors whose kernels are averaged
  Array<double> matrix;    ///< of custom, (O, C)

  /// R for a network of O outputs, (O, C). Throws shape_error when it does not fit.
  Array<double> weights(std::size_t outputs) const;
  /// C: columns of R.
  std::size_t columns(std::size_t outputs) const;
  /// As `readout::parse` reads it; "custom" for a matrix.
  std::string name() const;
};

namespace readout {
/// R = I: the eNTK, (N1 O, N2 O).
Readout full();
/// R = 1 / sqrt(O): the pNTK, (N1, N2). Mohamadi, Bae, Sutherland, ICML 2023, definition 1.
Readout pseudo();
/// The kernel of logit `output` alone, (N1, N2).
Readout single(std::size_t output);
/// R = +-1 / sqrt(O), drawn from a seed, (N1, N2): the pNTK with random instead of equal signs. With a count, the mean
/// of the kernels of so many vectors of signs, from one sweep with as many probes. Its expectation is the trace kernel.
/// Throws option_error for a count of 0.
Readout random_signs(std::uint64_t seed, std::size_t count = 1);
/// Any R (O, C).
Readout custom(Array<double> matrix);
/// Mean over the outputs of the kernels of the single logits, (N1, N2).
Readout trace();
/// The kernels of the single logits, (O, N1, N2): the blocks' diagonals, for 1 / O of the eNTK's work and memory. (N1,
/// N2) for a network of one output.
Readout diagonal();
/// From text: "full", "pseudo", "trace", "diagonal", "single:OUTPUT", "signs:SEED" or "signs:SEEDxCOUNT". Throws
/// option_error that lists them.
Readout parse(std::string_view text);
}  // namespace readout

}  // namespace xtangent::ntk
