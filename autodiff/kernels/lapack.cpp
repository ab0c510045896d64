#include "autodiff/kernels/lapack.hpp"

#include <cblas.h>

#include <string>

#include "autodiff/error.hpp"
#include "autodiff/kernels/blas.hpp"

extern "C" {
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info, std::size_t);
void dsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda, double* w, double* work,
             const int* lwork, int* iwork, const int* liwork, int* info, std::size_t, std::size_t);
}

namespace xtangent::kernels {
namespace {

std::vector<double> eigen(std::size_t size, double* a, char job) {
  if (size == 0) return {};
  const BlasThreads all;
  const int n = static_cast<int>(size);
  int info = 0, work_size = -1, int_work_size = -1, int_query = 0;
  double query = 0;
  std::vector<double> values(size);
  dsyevd_(&job, "L", &n, a, &n, values.data(), &query, &work_size, &int_query, &int_work_size, &info, 1, 1);
  work_size = static_cast<int>(query);
  int_work_size = int_query;
  std::vector<double> work(static_cast<std::size_t>(work_size));
  std::vector<int> int_work(static_cast<std::size_t>(int_work_size));
  dsyevd_(&job, "L", &n, a, &n, values.data(), work.data(), &work_size, int_work.data(), &int_work_size, &info, 1, 1);
  if (info != 0)
    throw numerical_error("[eigenvalues] LAPACK's dsyevd did not converge (info " + std::to_string(info) +
                          ") on a matrix of order " + std::to_string(size) + ". Check that its entries are finite.");
  return values;
}

}  // namespace

std::size_t cholesky(std::size_t size, double* a) {
  if (size == 0) return 0;
  const BlasThreads all;
  const int n = static_cast<int>(size);
  int info = 0;
  // Column-major upper is row-major lower.
  dpotrf_("U", &n, a, &n, &info, 1);
  return info > 0 ? static_cast<std::size_t>(info) : 0;
}

void cholesky_solve(std::size_t n, const double* factor, std::size_t count, double* b) {
  if (n == 0 || count == 0) return;
  const BlasThreads all;
  const int order = static_cast<int>(n), columns = static_cast<int>(count);
  cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, order, columns, 1.0, factor, order, b,
              columns);
  cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasTrans, CblasNonUnit, order, columns, 1.0, factor, order, b,
              columns);
}

std::vector<double> symmetric_eigenvalues(std::size_t n, double* a) { return eigen(n, a, 'N'); }

// The columns of LAPACK's column-major result are the rows of ours.
std::vector<double> symmetric_eigenvectors(std::size_t n, double* a) { return eigen(n, a, 'V'); }

}  // namespace xtangent::kernels
