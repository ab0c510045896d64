#include "autodiff/kernels/blas.hpp"

#include <cblas.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>

#include "autodiff/kernels/fitting_core.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/symmetric.hpp"

namespace xtangent::kernels {
namespace {

// Runs once in a process: keeps OpenBLAS at one thread, and prints a line when it uses the wrong kernels.
void prepare() {
  static std::once_flag once;
  std::call_once(once, [] {
    openblas_set_num_threads(1);
    warn_of_unfitting_core(", or call xtangent::use_fitting_blas_core(argv) first in main");
  });
}

void call_gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, float alpha, const float* a, int lda,
               const float* b, int ldb, float beta, float* c, int ldc) {
  cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
void call_gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, double alpha, const double* a, int lda,
               const double* b, int ldb, double beta, double* c, int ldc) {
  cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void call_syrk(int n, int k, const float* a, int lda, float beta, float* c, int ldc) {
  cblas_ssyrk(CblasRowMajor, CblasUpper, CblasNoTrans, n, k, 1, a, lda, beta, c, ldc);
}
void call_syrk(int n, int k, const double* a, int lda, double beta, double* c, int ldc) {
  cblas_dsyrk(CblasRowMajor, CblasUpper, CblasNoTrans, n, k, 1, a, lda, beta, c, ldc);
}

// Blocks of about this many rows and columns keep BLAS near its peak and are enough for many cores.
std::size_t block_size(std::size_t extent, std::size_t target) {
  const std::size_t blocks = std::max<std::size_t>(1, (extent + target / 2) / target);
  const std::size_t size = (extent + blocks - 1) / blocks;
  return (size + 15) / 16 * 16;
}

std::atomic<int> wide_phases{0};

}  // namespace

template <class T>
void gemm_serial(bool transpose_a, bool transpose_b, std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a,
                 std::size_t lda, const T* b, std::size_t ldb, T beta, T* c, std::size_t ldc) {
  prepare();
  if (m == 0 || n == 0) return;
  const auto width = [](std::size_t ld) { return static_cast<int>(std::max<std::size_t>(ld, 1)); };
  call_gemm(transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans, static_cast<int>(m),
            static_cast<int>(n), static_cast<int>(k), alpha, a, width(lda), b, width(ldb), beta, c, width(ldc));
}

template <class T>
void gram_serial(std::size_t n, std::size_t k, const T* a, std::size_t lda, T beta, T* c, std::size_t ldc) {
  if (k < gram_short_rows) return gemm_serial(false, true, n, n, k, T(1), a, lda, a, lda, beta, c, ldc);
  prepare();
  if (n == 0) return;
  call_syrk(static_cast<int>(n), static_cast<int>(k), a, static_cast<int>(lda), beta, c, static_cast<int>(ldc));
  mirror_upper_serial(n, c, ldc);
}

template <class T>
void gemm(bool transpose_a, bool transpose_b, std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a,
          std::size_t lda, const T* b, std::size_t ldb, T beta, T* c, std::size_t ldc) {
  const double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  if (work < 1 << 21) {
    gemm_serial(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    return;
  }
  const std::size_t rows = block_size(m, 256), columns = block_size(n, 256);
  const std::size_t column_blocks = (n + columns - 1) / columns;
  const std::size_t blocks = (m + rows - 1) / rows * column_blocks;
  parallel_for(blocks, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t block = first; block < last; ++block) {
      const std::size_t i = block / column_blocks * rows, j = block % column_blocks * columns;
      gemm_serial(transpose_a, transpose_b, std::min(rows, m - i), std::min(columns, n - j), k, alpha,
                  a + (transpose_a ? i : i * lda), lda, b + (transpose_b ? j * ldb : j), ldb, beta, c + i * ldc + j,
                  ldc);
    }
  });
}

BlasThreads::BlasThreads() {
  prepare();
  if (wide_phases.fetch_add(1) == 0) openblas_set_num_threads(static_cast<int>(thread_count()));
}

BlasThreads::~BlasThreads() {
  if (wide_phases.fetch_sub(1) == 1) openblas_set_num_threads(1);
}

BlasCore blas_core() {
  BlasCore out;
  out.core = openblas_get_corename();
  out.suggested = fitting_core(out.core);
  out.fits = out.suggested == out.core;
  return out;
}

void warn_of_unfitting_core(const std::string& more) {
  static std::atomic_flag printed;
  const BlasCore core = blas_core();
  if (core.fits || printed.test_and_set()) return;
  std::fprintf(stderr,
               "xtangent: OpenBLAS runs its %s kernels, this processor can run %s, several times faster. Set "
               "OPENBLAS_CORETYPE=%s%s.\n",
               core.core.c_str(), core.suggested.c_str(), core.suggested.c_str(), more.c_str());
}

#define XTANGENT_INSTANTIATE(T)                                                                                    \
  template void gemm(bool, bool, std::size_t, std::size_t, std::size_t, T, const T*, std::size_t, const T*,        \
                     std::size_t, T, T*, std::size_t);                                                             \
  template void gemm_serial(bool, bool, std::size_t, std::size_t, std::size_t, T, const T*, std::size_t, const T*, \
                            std::size_t, T, T*, std::size_t);                                                      \
  template void gram_serial(std::size_t, std::size_t, const T*, std::size_t, T, T*, std::size_t);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
