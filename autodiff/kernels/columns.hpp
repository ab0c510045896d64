#pragma once

#include <cstddef>
#include <vector>

/// Loops over row-major matrices (n, m) that treat every column by itself. They are made for few, long columns.
namespace xtangent::kernels {

/// out (n, m) = x, each column divided by its entry of `scale` (m), or 0 where that entry is 0.
template <class To>
void divide_columns(std::size_t n, std::size_t m, const double* scale, const double* x, To* out);
/// out (n, m) += x, each column times its entry of `scale` (m).
template <class From>
void add_columns(std::size_t n, std::size_t m, const double* scale, const From* x, double* out);

/// out (n, m), column at[j] += column j of x (n, count) times scale[j].
void add_columns_at(std::size_t n, std::size_t m, const std::vector<std::size_t>& at, const double* scale,
                    const double* x, double* out);

/// out (m) = the largest |x| of each column of x (n, m), or NaN if the column has one.
void column_maxima(std::size_t n, std::size_t m, const double* x, double* out);

/// y = x + scale y, column by column.
void scale_add_columns(std::size_t n, std::size_t m, const double* scale, const double* x, double* y);

/// out (m) = the inner products of the columns of a and b, summed by blocks of rows.
void column_dots(std::size_t n, std::size_t m, const double* a, const double* b, double* out);

}  // namespace xtangent::kernels
