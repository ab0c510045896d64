#pragma once

#include <mpi.h>

// The routines of ScaLAPACK and BLACS that are used here; they come without a header.
extern "C" {
int Csys2blacs_handle(MPI_Comm communicator);
void Cfree_blacs_system_handle(int handle);
void Cblacs_gridinit(int* context, const char* order, int rows, int columns);
void Cblacs_gridexit(int context);
void descinit_(int* descriptor, const int* m, const int* n, const int* row_block, const int* column_block,
               const int* first_row, const int* first_column, const int* context, const int* leading, int* info);
void pspotrf_(const char* triangle, const int* n, float* a, const int* row, const int* column, const int* descriptor,
              int* info);
void pdpotrf_(const char* triangle, const int* n, double* a, const int* row, const int* column, const int* descriptor,
              int* info);
void pspotrs_(const char* triangle, const int* n, const int* count, const float* a, const int* row, const int* column,
              const int* descriptor, float* b, const int* row_b, const int* column_b, const int* descriptor_b,
              int* info);
void pdpotrs_(const char* triangle, const int* n, const int* count, const double* a, const int* row, const int* column,
              const int* descriptor, double* b, const int* row_b, const int* column_b, const int* descriptor_b,
              int* info);
}

namespace xtangent::ntk::scalapack {

inline void cholesky(const int& n, float* a, const int* descriptor, int& info) {
  const int one = 1;
  pspotrf_("U", &n, a, &one, &one, descriptor, &info);
}
inline void cholesky(const int& n, double* a, const int* descriptor, int& info) {
  const int one = 1;
  pdpotrf_("U", &n, a, &one, &one, descriptor, &info);
}
inline void solve(const int& n, const int& count, const float* a, const int* descriptor, float* b,
                  const int* descriptor_b, int& info) {
  const int one = 1;
  pspotrs_("U", &n, &count, a, &one, &one, descriptor, b, &one, &one, descriptor_b, &info);
}
inline void solve(const int& n, const int& count, const double* a, const int* descriptor, double* b,
                  const int* descriptor_b, int& info) {
  const int one = 1;
  pdpotrs_("U", &n, &count, a, &one, &one, descriptor, b, &one, &one, descriptor_b, &info);
}

}  // namespace xtangent::ntk::scalapack
