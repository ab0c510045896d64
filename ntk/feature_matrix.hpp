#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ntk/algebra/any_matrix.hpp"
#include "ntk/algebra/linear_map.hpp"
#include "ntk/feature_store.hpp"

/// Kernels from features: K = Phi Phi^T, formed or only applied, from an array or from a folder.
namespace xtangent::ntk {

/// Features Phi (n, k) as functions on them take them: an Array of float or double, an xtensor expression, or features
/// in a folder, which are read a part at a time.
class FeatureMatrix {
 public:
  /// Throws shape_error (the array is not a matrix, or is empty).
  FeatureMatrix(AnyMatrix phi);
  FeatureMatrix(Array<float> phi) : FeatureMatrix(AnyMatrix(std::move(phi))) {}
  FeatureMatrix(Array<double> phi) : FeatureMatrix(AnyMatrix(std::move(phi))) {}
  template <class E>
  FeatureMatrix(const xt::xexpression<E>& expression) : FeatureMatrix(AnyMatrix(expression)) {}
  /// Throws data_error (not all of them are there).
  FeatureMatrix(StoredFeatures stored);

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  /// The first so many rows. Throws shape_error (there are fewer, or it is 0).
  FeatureMatrix first(std::size_t rows) const;
  /// Rows [first, last) in double. Throws what reading a folder throws.
  Array<double> block(std::size_t first, std::size_t last) const { return block_(first, last); }
  /// The same in float.
  Array<float> float_block(std::size_t first, std::size_t last) const { return float_block_(first, last); }
  /// Tells these features from others. Cost: for an array, one pass.
  std::string identity() const;
  /// StoredFeatures::basis() for features in a folder, and nothing for an array.
  const StoreSettings& basis() const { return basis_; }
  /// Rows in a block: of an array as many as make 64 MiB, of a folder those of a file, which is then read once.
  std::size_t block_rows() const { return block_rows_; }
  /// Calls f(first row, rows in double) for all rows in blocks, in order.
  void for_each_block(const std::function<void(std::size_t first, const Array<double>& rows)>& f) const;

 private:
  std::size_t rows_ = 0, columns_ = 0, block_rows_ = 1;
  std::function<Array<double>(std::size_t, std::size_t)> block_;
  std::function<Array<float>(std::size_t, std::size_t)> float_block_;
  std::function<std::string()> source_;
  StoreSettings basis_;
};

/// K = Phi Phi^T (n, n), symmetric to the bit. Products are in double. Cost: n^2 k / 2 multiply-adds. Memory: K and two
/// blocks of rows.
Array<double> feature_kernel(const FeatureMatrix& phi);
/// Phi_1 Phi_2^T (n1, n2) of two sets with the same basis. Throws shape_error (other numbers of columns).
Array<double> feature_kernel(const FeatureMatrix& phi1, const FeatureMatrix& phi2);

/// Phi w (n, m) for w (k, m): what a linear model with these weights says. Throws shape_error.
Array<double> feature_product(const FeatureMatrix& phi, const Doubles& w);

/// The map u -> Phi (Phi^T u), for products and for Lanczos on a kernel that is never formed. Cost: 2 n k multiply-adds
/// for each column, and reading the folder twice where the features are in one.
LinearMap feature_map(const FeatureMatrix& phi);

}  // namespace xtangent::ntk
