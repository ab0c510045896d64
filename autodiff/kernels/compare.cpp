#include "autodiff/kernels/compare.hpp"

#include "autodiff/kernels/parallel.hpp"

namespace xtangent::kernels {
namespace {

void add(PairSums& to, double a, double b) {
  to.aa += a * a;
  to.bb += b * b;
  to.ab += a * b;
  to.difference += (a - b) * (a - b);
}

// The sum of row(i) over all rows, which are computed in parallel and added in order.
template <class Row>
PairSums sum_of_rows(std::size_t rows, const Row& row) {
  std::vector<PairSums> each(rows);
  parallel_for(rows, 16, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) each[i] = row(i);
  });
  PairSums out;
  for (const PairSums& s : each) out = {out.aa + s.aa, out.bb + s.bb, out.ab + s.ab, out.difference + s.difference};
  return out;
}

// The mean of each row, of each column, and of all elements.
struct Means {
  std::vector<double> rows, columns;
  double all = 0;
};
template <class T>
Means means(std::size_t n, const T* a) {
  Means out{std::vector<double>(n), std::vector<double>(n), 0};
  const double count = static_cast<double>(n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      out.rows[i] += static_cast<double>(a[i * n + j]) / count;
      out.columns[j] += static_cast<double>(a[i * n + j]) / count;
    }
  for (double m : out.rows) out.all += m / count;
  return out;
}

}  // namespace

template <class A, class B>
PairSums pair_sums(std::size_t rows, std::size_t columns, const A* a, const B* b) {
  return sum_of_rows(rows, [&](std::size_t i) {
    PairSums out;
    for (std::size_t j = i * columns; j < (i + 1) * columns; ++j)
      add(out, static_cast<double>(a[j]), static_cast<double>(b[j]));
    return out;
  });
}

template <class A, class B>
PairSums pair_sums_of_blocks(std::size_t rows, std::size_t columns, std::size_t o, const A* a, std::size_t lda,
                             const B* b, std::size_t ldb) {
  return sum_of_rows(rows * o, [&](std::size_t i) {
    PairSums out;
    for (std::size_t m = 0; m < columns; ++m)
      for (std::size_t p = 0; p < o; ++p)
        add(out, static_cast<double>(a[i * lda + m * o + p]),
            p == i % o ? static_cast<double>(b[i / o * ldb + m]) : 0.0);
    return out;
  });
}

template <class A>
PairSums pair_sums_of_head(std::size_t rows, std::size_t columns, std::size_t o, const A* a, const double* head,
                           const double* rest, const double* outputs) {
  return sum_of_rows(rows * o, [&](std::size_t i) {
    PairSums out;
    const std::size_t first = i / o * columns;
    for (std::size_t m = 0; m < columns; ++m)
      for (std::size_t p = 0; p < o; ++p)
        add(out, static_cast<double>(a[(i * columns + m) * o + p]),
            rest[first + m] * outputs[i % o * o + p] + (p == i % o ? head[first + m] : 0.0));
    return out;
  });
}

template <class A, class B>
PairSums centered_pair_sums(std::size_t n, const A* a, const B* b) {
  const Means ma = means(n, a), mb = means(n, b);
  return sum_of_rows(n, [&](std::size_t i) {
    PairSums out;
    for (std::size_t j = 0; j < n; ++j)
      add(out, static_cast<double>(a[i * n + j]) - ma.rows[i] - ma.columns[j] + ma.all,
          static_cast<double>(b[i * n + j]) - mb.rows[i] - mb.columns[j] + mb.all);
    return out;
  });
}

#define XTANGENT_INSTANTIATE(A, B)                                                                              \
  template PairSums pair_sums(std::size_t, std::size_t, const A*, const B*);                                    \
  template PairSums pair_sums_of_blocks(std::size_t, std::size_t, std::size_t, const A*, std::size_t, const B*, \
                                        std::size_t);                                                           \
  template PairSums centered_pair_sums(std::size_t, const A*, const B*);
XTANGENT_INSTANTIATE(float, float)
XTANGENT_INSTANTIATE(float, double)
XTANGENT_INSTANTIATE(double, float)
XTANGENT_INSTANTIATE(double, double)
#undef XTANGENT_INSTANTIATE
template PairSums pair_sums_of_head(std::size_t, std::size_t, std::size_t, const float*, const double*, const double*,
                                    const double*);
template PairSums pair_sums_of_head(std::size_t, std::size_t, std::size_t, const double*, const double*, const double*,
                                    const double*);

}  // namespace xtangent::kernels
