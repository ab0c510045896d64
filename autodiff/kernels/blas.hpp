#pragma once

#include <cstddef>
#include <string>

namespace xtangent::kernels {

/// C = alpha op(A) op(B) + beta C, row-major; op transposes where the flag says so. A is (m, k), or (k, m) if it is
/// transposed. Large products are cut into blocks that depend on the shape alone; oneTBB runs the blocks, and BLAS
/// computes each in one thread. beta = 0 overwrites C, also where it holds NaN.
template <class T>
void gemm(bool transpose_a, bool transpose_b, std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a,
          std::size_t lda, const T* b, std::size_t ldb, T beta, T* c, std::size_t ldc);

/// The same in the calling thread only.
template <class T>
void gemm_serial(bool transpose_a, bool transpose_b, std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a,
                 std::size_t lda, const T* b, std::size_t ldb, T beta, T* c, std::size_t ldc);

/// Where rows are shorter, gram_serial computes both triangles: the mirror image would take as long as the half of the
/// product that it saves.
constexpr std::size_t gram_short_rows = 48;

/// C = A A^T + beta C for A (n, k), in the calling thread only, with about 0.6 times the time of gemm_serial. C must be
/// symmetric unless beta is 0.
template <class T>
void gram_serial(std::size_t n, std::size_t k, const T* a, std::size_t lda, T beta, T* c, std::size_t ldc);

/// Gives BLAS and LAPACK all the threads as long as it lives, for a phase that is one big call and runs no tasks.
/// Otherwise the library keeps OpenBLAS at one thread and parallelizes with oneTBB. May be nested.
class BlasThreads {
 public:
  BlasThreads();
  ~BlasThreads();
  BlasThreads(const BlasThreads&) = delete;
  BlasThreads& operator=(const BlasThreads&) = delete;
};

/// Which kernels OpenBLAS uses, and which ones the processor could run.
struct BlasCore {
  std::string core;       ///< openblas_get_corename()
  std::string suggested;  ///< core that fits the processor's vector instructions; as good as `core` when `fits` is true
  bool fits = true;
};
BlasCore blas_core();
/// Prints a line to stderr that says which OPENBLAS_CORETYPE to set, unless the kernels fit or the line has been
/// printed before. `more` stands at its end.
void warn_of_unfitting_core(const std::string& more);

}  // namespace xtangent::kernels
