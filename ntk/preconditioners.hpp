#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "nn/module.hpp"
#include "ntk/algebra/conjugate_gradients.hpp"

/// Preconditioners: approximate inverses of A = Theta + ridge I for conjugate gradients, where Theta is the eNTK of N
/// examples and O outputs.
namespace xtangent::ntk {

enum class SolvePreconditioner {
  none,     ///< conjugate gradients without a preconditioner
  pseudo,   ///< (pNTK + ridge I)^-1 (x) I: one factorization of order N
  trace,    ///< the same with the mean of the kernels of the logits: O times the sweeps, but fewer iterations
  outputs,  ///< O factorizations of order N, of the exact kernels of O combinations of the logits
  /// A Vecchia approximation: a sparse factor of A^-1, exact among near examples, whose memory grows as N. Vecchia
  /// 1988; Schaefer, Katzfuss, Owhadi: Sparse Cholesky factorization by Kullback-Leibler minimization, 2021.
  nearest,
};
const char* name(SolvePreconditioner preconditioner);
/// The preconditioner of a name. Throws option_error, which lists the names.
SolvePreconditioner parse_preconditioner(std::string_view text);

/// A preconditioner and the number of bytes that it holds.
struct HeldPreconditioner {
  Preconditioner apply = {};
  double bytes = 0;
};

/// Options of make_preconditioner(). Float suffices for a condition number of A below about 1e6.
struct PreconditionerOptions {
  double ridge = 0;        ///< added to the diagonal of Theta; absolute
  std::size_t memory = 0;  ///< bytes to hold at most while it is made; 0: half of what the machine has free
  std::vector<std::string> parameters = {};  ///< those of the eNTK, as in Options
  bool float_factor = false;                 ///< kernels and factors in float, with half the memory and time
  std::size_t group = 20;                    ///< for nearest: examples that share their neighbors
  std::size_t neighbors = 80;                ///< for nearest: examples on which a group is conditioned
  std::uint64_t seed = 0;                    ///< for nearest: seed of the order of the examples
};

/// Makes a preconditioner for the eNTK of examples x (N, ...).
///
/// The cost of `pseudo` and `trace` is that of the kernel and N^3 / 3 FLOP. An application takes 2 N^2 O FLOP. Memory:
/// 8 N^2 bytes, or 4 N^2 with float_factor, and what the kernel needs while it is computed.
///
/// `outputs` takes O times that work and O / 2 times the memory, since two factors share a square. The eigenvectors q_j
/// of the mean block (O, O) on the diagonal, taken over up to 64 examples, are combinations of the logits that are
/// nearly uncorrelated, and each has its own kernel q_j^T Theta q_j. After training the blocks are far from multiples
/// of I, and this preconditioner is far better than the pNTK.
///
/// `nearest` is a Vecchia approximation A^-1 ~ G^T G with a sparse triangular G. The examples are put in a random
/// order, so that early ones lie far apart and later ones fill the gaps, and near examples that follow each other form
/// a group. The rows of G for a group are the last rows of the inverse Cholesky factor of A restricted to the group and
/// to the `neighbors` nearest examples before it. Examples are near if they correlate strongly in the kernel of the
/// trace. Cost: half of that kernel, and N / group eNTKs and factorizations of order (group + neighbors) O. Memory, and
/// multiply-adds of an application: about N (group + neighbors) O^2. Vecchia 1988; Kolotilina and Yeremin 1993;
/// Schaefer, Katzfuss and Owhadi, Sparse Cholesky factorization by Kullback-Leibler minimization, 2021, section 4.
///
/// Throws memory_error, option_error (group is 0, or the ridge is negative), numerical_error (a factorization fails),
/// and what `kernel` throws.
template <class T>
HeldPreconditioner make_preconditioner(SolvePreconditioner kind, const nn::ModuleBase& net,
                                       const nn::Parameters<T>& params, const Array<T>& x, std::size_t outputs,
                                       const PreconditionerOptions& options = {});

}  // namespace xtangent::ntk
