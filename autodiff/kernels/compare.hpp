#pragma once

#include <cstddef>
#include <vector>

/// Sums over two row-major matrices of float or double each, computed in double. They are added up row by row, so that
/// they do not depend on the number of threads.
namespace xtangent::kernels {

/// <a, a>, <b, b>, <a, b> and ||a - b||^2 for a and b (rows, columns).
struct PairSums {
  double aa = 0, bb = 0, ab = 0, difference = 0;
};
template <class A, class B>
PairSums pair_sums(std::size_t rows, std::size_t columns, const A* a, const B* b);
/// The same for a (rows o, columns o), rows `lda` apart, and b (x) I_o with b (rows, columns), rows `ldb` apart.
template <class A, class B>
PairSums pair_sums_of_blocks(std::size_t rows, std::size_t columns, std::size_t o, const A* a, std::size_t lda,
                             const B* b, std::size_t ldb);
/// The same for a (rows o, columns o) and b = head (x) I_o + rest (x) outputs, with head and rest (rows, columns) and
/// outputs (o, o).
template <class A>
PairSums pair_sums_of_head(std::size_t rows, std::size_t columns, std::size_t o, const A* a, const double* head,
                           const double* rest, const double* outputs);
/// The same for H a H and H b H with H = I - 1 1^T / n, for a and b (n, n).
template <class A, class B>
PairSums centered_pair_sums(std::size_t n, const A* a, const B* b);

}  // namespace xtangent::kernels
