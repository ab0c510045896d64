#pragma once

#include <cstddef>
#include <cstdint>

#include "nn/module.hpp"
#include "ntk/algebra/conjugate_gradients.hpp"

/// Approximate inverses of an eNTK of N examples and O outputs, for conjugate gradients. A in their names is
/// Theta + ridge I.
namespace xtangent::ntk {

enum class SolvePreconditioner {
  none,
  pseudo,   ///< (pNTK + ridge I)^-1 (x) I: one factorization of order N
  trace,    ///< the same with the mean of the kernels of the logits: O times the sweeps, fewer iterations
  outputs,  ///< O factorizations of order N: the kernels of O combinations of the logits, exactly
  nearest,  ///< an approximate factor of A^-1, exact among near examples; memory grows as N
};
const char* name(SolvePreconditioner preconditioner);

/// A preconditioner, and the bytes that it holds.
struct HeldPreconditioner {
  Preconditioner apply = {};
  double bytes = 0;
};

/// What `pseudo`, `trace`, `outputs` and `nearest` share.
struct PreconditionerOptions {
  double ridge = 0;            ///< absolute
  std::size_t memory = 0;      ///< bytes, what is made beside it included; 0: half of what the machine has free
  bool float_factor = false;   ///< kernels and factors in float: half of memory and time, for a condition below 1e6
  std::size_t group = 20;      ///< of nearest: examples that share their neighbors
  std::size_t neighbors = 80;  ///< of nearest: examples that a group is conditioned on
  std::uint64_t seed = 0;      ///< of nearest: of the order of the examples
};

/// Cost of pseudo and trace: the kernel and N^3 / 3 multiply-adds; an application 2 N^2 O; memory 8 N^2 bytes, with
/// float_factor 4 N^2, and what the kernel needs while it is made.
///
/// outputs: O times that, O / 2 times the memory, since two factors share a square. With Q the eigenvectors of the mean
/// O x O block on the diagonal (of up to 64 examples) the logits turn into combinations q_j that are nearly
/// uncorrelated, and each has its own kernel q_j^T Theta q_j. After training the blocks are far from multiples of I,
/// and this is far better than the pNTK.
///
/// nearest: A^-1 = G^T G with rows of G that are exact for what they hold: the examples stand in a random order, those
/// that come together in groups of near ones, and each group's rows are those of the inverse Cholesky factor of A on
/// the group and the `neighbors` nearest examples before it. Near: by correlation in the kernel of the trace. A random
/// order, so that early groups lie far apart and later ones refine. Cost: the trace kernel's N^2 / 2, and N / group
/// eNTKs and factorizations of (group + neighbors) O; memory and application N (group + neighbors) O^2 elements.
/// Vecchia 1988; Kolotilina and Yeremin 1993; Schaefer, Katzfuss and Owhadi, Sparse Cholesky factorization by
/// Kullback-Leibler minimization, 2021, section 4.
///
/// Throws memory_error, option_error (group of 0, negative ridge), numerical_error (a factorization that fails), and
/// what `kernel` throws.
template <class T>
HeldPreconditioner make_preconditioner(SolvePreconditioner kind, const nn::ModuleBase& net,
                                       const nn::Parameters<T>& params, const Array<T>& x, std::size_t outputs,
                                       const PreconditionerOptions& options = {});

}  // namespace xtangent::ntk
