// The factorization of a stored kernel in memory, or from the disk within a budget. Prints seconds, GFLOP/s, the
// accuracy of a solution and the peak memory as one line of JSON. Factorizations in memory begin with the kernel there.
//
//   cholesky memory STORE [float]
//   cholesky disk STORE FOLDER MIB [float]     the factor goes to FOLDER, which should be empty
//
// STORE is a folder of ./run kernel --store, of one symmetric kernel. The ridge is 1e-3 of the mean diagonal.
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "ntk/algebra/converted.hpp"
#include "tests/benchmarks/measured.hpp"
#include "xtangent.hpp"

namespace {

using namespace xtangent;
using benchmarks::Clock;
using Json = nlohmann::ordered_json;
constexpr double ridge = 1e-3;

Array<double> targets(std::size_t n) {
  Array<double> out = Array<double>::zeros({n});
  for (std::size_t i = 0; i < n; ++i) out.mutable_data()[i] = std::sin(static_cast<double>(i));
  return out;
}

double norm(const Array<double>& x) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * x[i];
  return std::sqrt(sum);
}

// Residual, determinant and what solutions take, by either kind of factor.
template <class Factor>
Json described(const Factor& factor, double seconds, const char* where) {
  const double n = static_cast<double>(factor.size());
  const Array<double> y = targets(factor.size());
  const Clock clock;
  const Array<double> x = factor.solve(y);
  const double solving = clock.seconds();
  return {{"factor", where},
          {"n", factor.size()},
          {"seconds", seconds},
          {"gflops", n * n * n / 3 / seconds / 1e9},
          {"seconds_to_solve", solving},
          {"residual", norm(factor.residual(x, y)) / norm(y)},
          {"log_determinant", factor.log_determinant()},
          {"peak_mib", benchmarks::peak_mib()}};
}

template <class T>
Json in_memory(const ntk::StoredKernel& kernel) {
  Array<T> matrix = ntk::converted<T>(kernel.matrix());
  const Clock clock;
  const ntk::Cholesky<T> factor(std::move(matrix), {.ridge = ridge, .relative = true});
  return described(factor, clock.seconds(), "memory");
}

Json from_disk(const ntk::StoredKernel& kernel, const std::string& folder, std::size_t mib, bool single) {
  const Clock clock;
  const ntk::StoredCholesky factor(kernel, folder,
                                   {.ridge = ridge, .relative = true, .memory = mib << 20, .single = single});
  return described(factor, clock.seconds(), "disk");
}

}  // namespace

int main(int argc, char** argv) {
  use_fitting_blas_core(argv);
  const std::string mode = argc > 2 ? argv[1] : "";
  const bool single = argc > 3 && std::string(argv[argc - 1]) == "float";
  if (mode != "memory" && !(mode == "disk" && argc > 4)) {
    std::fprintf(stderr, "usage: cholesky memory STORE [float] | cholesky disk STORE FOLDER MIB [float]\n");
    return 1;
  }
  try {
    const ntk::StoredKernel kernel(argv[2]);
    const Json found = mode == "disk" ? from_disk(kernel, argv[3], std::stoul(argv[4]), single)
                       : single       ? in_memory<float>(kernel)
                                      : in_memory<double>(kernel);
    std::printf("%s\n", found.dump().c_str());
    return 0;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "cholesky: %s\n", failure.what());
    return 1;
  }
}
