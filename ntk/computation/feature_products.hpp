#pragma once

#include "ntk/feature_matrix.hpp"

/// Products with features Phi (n, k), of which a block of rows is held at a time. All are in double.
namespace xtangent::ntk {

/// The upper triangle of out (n, n), whose rows are `ldo` apart, becomes a a^T + beta out for a (n, k), or a^T a + beta
/// out for a (k, n) that is transposed. The rows of a are `lda` apart. Of the lower triangle only the part in the
/// panels on the diagonal changes. Cost: n^2 k / 2 multiply-adds where n is large beside the 512 columns of a panel.
void upper_gram(bool transpose, std::size_t n, std::size_t k, const double* a, std::size_t lda, double beta,
                double* out, std::size_t ldo);

/// Phi^T Phi (k, k), symmetric to the bit.
Array<double> normal_matrix(const FeatureMatrix& phi);
/// Phi^T y (k, m) for y (n, m).
Array<double> projected(const FeatureMatrix& phi, const Array<double>& y);
/// Phi w (n, m) for w (k, m).
Array<double> applied(const FeatureMatrix& phi, const Array<double>& w);

/// Throws shape_error unless the rows of both have as many numbers, and option_error for features in folders that were
/// made with other networks, seeds or anchors.
void check_same_basis(const FeatureMatrix& a, const FeatureMatrix& b);

}  // namespace xtangent::ntk
