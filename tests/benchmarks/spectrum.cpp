// All eigenvalues and eigenvectors of a stored kernel. Prints seconds, how exact a sample of the eigenvectors is, and
// the peak memory as one line of JSON.
//
//   spectrum STORE        a folder of ./run kernel --store, of one symmetric kernel
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

#include "autodiff/kernels/blas.hpp"
#include "tests/benchmarks/measured.hpp"
#include "xtangent.hpp"

namespace {

using namespace xtangent;
using benchmarks::Clock;
using Json = nlohmann::ordered_json;
constexpr std::size_t sampled = 64;

// a b^T of a (m, k) and b (n, k).
Array<double> products(const Array<double>& a, const Array<double>& b) {
  const std::size_t m = a.shape()[0], n = b.shape()[0], k = a.shape()[1];
  Array<double> out({m, n});
  kernels::gemm(false, true, m, n, k, 1.0, a.data(), k, b.data(), k, 0.0, out.mutable_data(), n);
  return out;
}

Json described(const ntk::StoredKernel& kernel) {
  Array<double> matrix = kernel.matrix();
  const std::size_t n = matrix.shape()[0];
  double trace = 0;
  for (std::size_t i = 0; i < n; ++i) trace += matrix.data()[i * n + i];

  const Clock clock;
  const ntk::Eigensystem found = ntk::eigensystem(std::move(matrix));
  const double seconds = clock.seconds(), largest = found.values.back();

  // Evenly spread, with those of the smallest and the largest eigenvalue.
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < std::min(sampled, n); ++i)
    rows.push_back(i * (n - 1) / std::max<std::size_t>(sampled - 1, 1));
  const Array<double> some = found.vectors.rows_at(rows);  // (m, n)
  double deviation = 0, residual = 0;
  const Array<double> overlaps = products(some, found.vectors);
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < n; ++j)
      deviation = std::max(deviation, std::abs(overlaps.data()[i * n + j] - (j == rows[i] ? 1.0 : 0.0)));
  std::vector<double> squares(rows.size(), 0.0);
  for (std::size_t first = 0; first < n; first += 1024) {
    const std::size_t last = std::min(n, first + 1024);
    const Array<double> images = products(some, kernel.rows(first, last));  // K v, of these rows
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (std::size_t j = first; j < last; ++j) {
        const double rest =
            images.data()[i * (last - first) + j - first] - found.values[rows[i]] * some.data()[i * n + j];
        squares[i] += rest * rest;
      }
  }
  for (const double square : squares) residual = std::max(residual, std::sqrt(square) / largest);
  return {{"n", n},
          {"seconds", seconds},
          {"smallest", found.values.front()},
          {"largest", largest},
          {"sum_minus_trace", std::accumulate(found.values.begin(), found.values.end(), -trace) / trace},
          {"residual", residual},
          {"not_orthonormal", deviation},
          {"peak_mib", benchmarks::peak_mib()}};
}

}  // namespace

int main(int argc, char** argv) {
  use_fitting_blas_core(argv);
  if (argc != 2) {
    std::fprintf(stderr, "usage: spectrum STORE\n");
    return 1;
  }
  try {
    std::printf("%s\n", described(ntk::StoredKernel(argv[1])).dump().c_str());
    return 0;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "spectrum: %s\n", failure.what());
    return 1;
  }
}
