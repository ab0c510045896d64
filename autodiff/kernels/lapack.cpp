#include "autodiff/kernels/lapack.hpp"

#include <cblas.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "autodiff/error.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/parallel.hpp"

extern "C" {
void spotrf_(const char* uplo, const int* n, float* a, const int* lda, int* info, std::size_t);
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info, std::size_t);
void sgetrf_(const int* m, const int* n, float* a, const int* lda, int* pivots, int* info);
void dgetrf_(const int* m, const int* n, double* a, const int* lda, int* pivots, int* info);
void sgetrs_(const char* trans, const int* n, const int* nrhs, const float* a, const int* lda, const int* pivots,
             float* b, const int* ldb, int* info, std::size_t);
void dgetrs_(const char* trans, const int* n, const int* nrhs, const double* a, const int* lda, const int* pivots,
             double* b, const int* ldb, int* info, std::size_t);
void dsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda, double* w, double* work,
             const int* lwork, int* iwork, const int* liwork, int* info, std::size_t, std::size_t);
void dsyevr_(const char* jobz, const char* range, const char* uplo, const int* n, double* a, const int* lda,
             const double* vl, const double* vu, const int* il, const int* iu, const double* abstol, int* m, double* w,
             double* z, const int* ldz, int* isuppz, double* work, const int* lwork, int* iwork, const int* liwork,
             int* info, std::size_t, std::size_t, std::size_t);
}

namespace xtangent::kernels {
namespace {

// The routines of LAPACK and BLAS for each type of elements.
template <class T>
struct Routines;
template <>
struct Routines<float> {
  static constexpr auto potrf = &spotrf_;
  static constexpr auto getrf = &sgetrf_;
  static constexpr auto getrs = &sgetrs_;
  static constexpr auto trsm = &cblas_strsm;
  static constexpr auto trsv = &cblas_strsv;
  static constexpr auto syrk = &cblas_ssyrk;
};
template <>
struct Routines<double> {
  static constexpr auto potrf = &dpotrf_;
  static constexpr auto getrf = &dgetrf_;
  static constexpr auto getrs = &dgetrs_;
  static constexpr auto trsm = &cblas_dtrsm;
  static constexpr auto trsv = &cblas_dtrsv;
  static constexpr auto syrk = &cblas_dsyrk;
};

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

// By relatively robust representations, whose workspace grows with n alone; that of dsyevd would have more elements
// than LAPACK's 32-bit sizes can say.
std::vector<double> robust_eigenvectors(std::size_t size, double* a) {
  const BlasThreads all;
  const int n = static_cast<int>(size), none = 0;
  const double unused = 0;
  int info = 0, work_size = -1, int_work_size = -1, int_query = 0, found = 0;
  double query = 0;
  std::vector<double> values(size);
  std::unique_ptr<double[]> vectors(new double[size * size]);
  std::vector<int> support(2 * size);
  const auto call = [&](double* work, int* int_work) {
    dsyevr_("V", "A", "L", &n, a, &n, &unused, &unused, &none, &none, &unused, &found, values.data(), vectors.get(), &n,
            support.data(), work, &work_size, int_work, &int_work_size, &info, 1, 1, 1);
  };
  call(&query, &int_query);
  work_size = static_cast<int>(query);
  int_work_size = int_query;
  std::vector<double> work(static_cast<std::size_t>(work_size));
  std::vector<int> int_work(static_cast<std::size_t>(int_work_size));
  call(work.data(), int_work.data());
  if (info != 0 || found != n)
    throw numerical_error("[eigenvectors] LAPACK's dsyevr found " + std::to_string(found) + " of " +
                          std::to_string(size) + " eigenvectors (info " + std::to_string(info) +
                          "). Check that the entries of the matrix are finite.");
  std::copy_n(vectors.get(), size * size, a);
  return values;
}

// One system. LAPACK's matrices are column-major, so it factors a^T, and right-hand sides are transposed for it.
template <class T>
bool lu_solve_one(int n, int m, bool transpose, T* a, T* b, std::vector<int>& pivots, std::vector<T>& columns) {
  int info = 0;
  Routines<T>::getrf(&n, &n, a, &n, pivots.data(), &info);
  if (info != 0) return false;
  const auto rows = static_cast<std::size_t>(n), count = static_cast<std::size_t>(m);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < count; ++j) columns[j * rows + i] = b[i * count + j];
  Routines<T>::getrs(transpose ? "N" : "T", &n, &m, a, &n, pivots.data(), columns.data(), &n, &info, 1);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < count; ++j) b[i * count + j] = columns[j * rows + i];
  return true;
}

}  // namespace

template <class T>
std::size_t lu_solve(std::size_t count, std::size_t n, std::size_t m, bool transpose, T* a, T* b) {
  if (n == 0 || count == 0) return count;
  std::vector<char> solved(count, 1);
  parallel_for(count, std::max<std::size_t>(1, (1 << 16) / (n * n * (n + m) + 1)),
               [&](std::size_t first, std::size_t last) {
                 std::vector<int> pivots(n);
                 std::vector<T> columns(n * m);
                 for (std::size_t i = first; i < last; ++i)
                   solved[i] = lu_solve_one(static_cast<int>(n), static_cast<int>(m), transpose, a + i * n * n,
                                            b + i * n * m, pivots, columns);
               });
  return static_cast<std::size_t>(std::find(solved.begin(), solved.end(), 0) - solved.begin());
}
template std::size_t lu_solve(std::size_t, std::size_t, std::size_t, bool, float*, float*);
template std::size_t lu_solve(std::size_t, std::size_t, std::size_t, bool, double*, double*);

template <class T>
std::size_t cholesky(std::size_t size, T* a, std::size_t ld, Triangle triangle) {
  if (size == 0) return 0;
  const BlasThreads all;
  const int n = static_cast<int>(size), stride = static_cast<int>(ld);
  int info = 0;
  // The upper triangle of a column-major matrix is the lower triangle of a row-major one.
  Routines<T>::potrf(triangle == Triangle::lower ? "U" : "L", &n, a, &stride, &info, 1);
  return info > 0 ? static_cast<std::size_t>(info) : 0;
}

template <class T>
void triangular_solve(bool transpose, std::size_t n, const T* l, std::size_t ld, std::size_t count, T* b,
                      std::size_t ldb, Triangle triangle) {
  const BlasThreads all;
  triangular_solve_serial(transpose, n, l, ld, count, b, ldb, triangle);
}

template <class T>
void triangular_solve_serial(bool transpose, std::size_t n, const T* l, std::size_t ld, std::size_t count, T* b,
                             std::size_t ldb, Triangle triangle) {
  if (n == 0 || count == 0) return;
  const bool lower = triangle == Triangle::lower;
  const auto uplo = lower ? CblasLower : CblasUpper;
  const auto turned = transpose == lower ? CblasTrans : CblasNoTrans;
  const int order = static_cast<int>(n), stride = static_cast<int>(ld), step = static_cast<int>(ldb);
  if (count == 1)
    Routines<T>::trsv(CblasRowMajor, uplo, turned, CblasNonUnit, order, l, stride, b, step);
  else
    Routines<T>::trsm(CblasRowMajor, CblasLeft, uplo, turned, CblasNonUnit, order, static_cast<int>(count), T(1), l,
                      stride, b, step);
}

template <class T>
void triangular_solve_rows(std::size_t n, const T* l, std::size_t ld, std::size_t rows, T* b, std::size_t ldb) {
  if (n == 0 || rows == 0) return;
  const BlasThreads all;
  Routines<T>::trsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, static_cast<int>(rows),
                    static_cast<int>(n), T(1), l, static_cast<int>(ld), b, static_cast<int>(ldb));
}

template <class T>
void symmetric_product(std::size_t n, std::size_t k, T alpha, const T* a, std::size_t lda, T* c, std::size_t ldc) {
  if (n == 0 || k == 0) return;
  const BlasThreads all;
  Routines<T>::syrk(CblasRowMajor, CblasLower, CblasNoTrans, static_cast<int>(n), static_cast<int>(k), alpha, a,
                    static_cast<int>(lda), T(1), c, static_cast<int>(ldc));
}

std::vector<double> symmetric_eigenvalues(std::size_t n, double* a) { return eigen(n, a, 'N'); }

// The columns of LAPACK's column-major result are rows of a row-major one.
std::vector<double> symmetric_eigenvectors(std::size_t n, double* a, std::size_t divided) {
  return n > divided ? robust_eigenvectors(n, a) : eigen(n, a, 'V');
}

#define XTANGENT_INSTANTIATE(T)                                                                                     \
  template std::size_t cholesky(std::size_t, T*, std::size_t, Triangle);                                            \
  template void triangular_solve(bool, std::size_t, const T*, std::size_t, std::size_t, T*, std::size_t, Triangle); \
  template void triangular_solve_serial(bool, std::size_t, const T*, std::size_t, std::size_t, T*, std::size_t,     \
                                        Triangle);                                                                  \
  template void triangular_solve_rows(std::size_t, const T*, std::size_t, std::size_t, T*, std::size_t);            \
  template void symmetric_product(std::size_t, std::size_t, T, const T*, std::size_t, T*, std::size_t);
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::kernels
