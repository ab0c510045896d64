// Checks the products in bfloat16 of each kind of instructions that this processor has against sums in double, and
// times them beside OpenBLAS in float, on one thread and on panels of long rows as contractions have them. It needs
// nothing of the library but autodiff/kernels/simd/bfloat16*.cpp, so that it can be linked statically and carried to a
// machine with other instructions; tests/benchmarks/meson.build has the target.
//
//   bfloat16 check                  only checks
//   bfloat16 [SECONDS [DEPTH...]]   at least so many seconds a product (0.3), for these depths beside the usual one
#include <cblas.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "autodiff/kernels/fitting_core.hpp"
#include "autodiff/kernels/simd/bfloat16.hpp"

namespace {

using namespace xtangent::kernels;
using Halves = std::vector<std::uint16_t>;

struct Shape {
  std::size_t rows, columns, length;
};

float widened(std::uint16_t x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16); }

// Numbers with the mantissas of a normal distribution, cut to bfloat16.
Halves random_halves(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> some(1 << 16);
  for (float& x : some) x = normal(random);
  Halves out(count);
  for (std::size_t i = 0; i < count; ++i)
    out[i] = static_cast<std::uint16_t>(
        std::bit_cast<std::uint32_t>(some[(i * 7919 + i / some.size()) % some.size()]) >> 16);
  return out;
}

class Scratch {
 public:
  explicit Scratch(std::size_t bytes) : memory_(std::aligned_alloc(64, (bytes + 63) / 64 * 64)) {
    if (!memory_) throw std::bad_alloc();
  }
  ~Scratch() { std::free(memory_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  void* get() const { return memory_; }

 private:
  void* memory_;
};

// The largest error of an entry in units of float's rounding of the sum of absolute products.
double error_of(const Bfloat16Product& product, const Shape& s, std::size_t depth, bool& outside_kept) {
  const std::size_t lda = s.length + 5, ldb = s.length + 3, ldc = s.columns + 2;
  const Halves a = random_halves(s.rows * lda, 1), b = random_halves(s.columns * ldb, 2);
  std::vector<float> c(s.rows * ldc, 0.5F);
  const Scratch scratch(product.room(s.rows, s.columns, depth));
  product.add(s.rows, s.columns, s.length, a.data(), lda, b.data(), ldb, c.data(), ldc, depth, scratch.get());
  double worst = 0;
  for (std::size_t i = 0; i < s.rows; ++i)
    for (std::size_t j = 0; j < ldc; ++j) {
      if (j >= s.columns) {
        outside_kept = outside_kept && c[i * ldc + j] == 0.5F;
        continue;
      }
      double sum = 0.5, size = 0.5;
      for (std::size_t k = 0; k < s.length; ++k) {
        const double term = static_cast<double>(widened(a[i * lda + k])) * static_cast<double>(widened(b[j * ldb + k]));
        sum += term;
        size += std::abs(term);
      }
      worst = std::max(worst, std::abs(c[i * ldc + j] - sum) / (std::ldexp(size, -24)));
    }
  return worst;
}

bool check(const Bfloat16Product& product) {
  bool right = true;
  double worst = 0;
  for (const std::size_t rows : {1, 2, 7, 13, 14, 15, 16, 17, 28, 31, 32, 33, 47, 70})
    for (const std::size_t columns : {1, 15, 16, 17, 31, 32, 33, 64, 65})
      for (const std::size_t length : {1, 2, 31, 32, 33, 63, 255, 256, 257, 1100})
        for (const std::size_t depth : {std::size_t{32}, product.depth}) {
          bool kept = true;
          const double error = error_of(product, {rows, columns, length}, depth, kept);
          // Sums of n terms in any order are wrong by at most n roundings; random ones by a few.
          if (!kept || !(error < 24)) {
            std::printf("WRONG: %s, %zu x %zu x %zu, depth %zu: %.3g roundings%s\n", product.instruction_set, rows,
                        columns, length, depth, error, kept ? "" : ", wrote outside");
            right = false;
          }
          worst = std::max(worst, error);
        }
  std::printf("%-12s %s, largest error %.2f roundings of the sum of absolute products\n", product.instruction_set,
              right ? "right" : "WRONG", worst);
  return right;
}

double best_seconds(double at_least, const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  double best = std::numeric_limits<double>::infinity();
  const auto start = Clock::now();
  for (int runs = 0; runs < 2 || std::chrono::duration<double>(Clock::now() - start).count() < at_least; ++runs) {
    const auto from = Clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - from).count());
  }
  return best;
}

// As in contractions: rectangles of at most 256 x 256, over runs of 8,192 columns.
void in_rectangles(
    const Shape& s,
    const std::function<void(std::size_t, std::size_t, std::size_t, std::size_t, std::size_t, std::size_t)>& work) {
  constexpr std::size_t edge = 256, run = 8192;
  for (std::size_t i = 0; i < s.rows; i += edge)
    for (std::size_t j = 0; j < s.columns; j += edge)
      for (std::size_t k = 0; k < s.length; k += run)
        work(i, std::min(edge, s.rows - i), j, std::min(edge, s.columns - j), k, std::min(run, s.length - k));
}

void time_products(const Shape& s, double seconds, const std::vector<std::size_t>& depths) {
  const double gflop = 2e-9 * static_cast<double>(s.rows * s.columns) * static_cast<double>(s.length);
  const Halves a = random_halves(s.rows * s.length, 1), b = random_halves(s.columns * s.length, 2);
  std::vector<float> c(s.rows * s.columns);
  double in_float = 0;
  {
    std::vector<float> wide_a(a.size()), wide_b(b.size());
    std::transform(a.begin(), a.end(), wide_a.begin(), widened);
    std::transform(b.begin(), b.end(), wide_b.begin(), widened);
    const auto one = [&](std::size_t i, std::size_t rows, std::size_t j, std::size_t columns, std::size_t k,
                         std::size_t length) {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(rows), static_cast<int>(columns),
                  static_cast<int>(length), 1.0F, wide_a.data() + i * s.length + k, static_cast<int>(s.length),
                  wide_b.data() + j * s.length + k, static_cast<int>(s.length), 1.0F, c.data() + i * s.columns + j,
                  static_cast<int>(s.columns));
    };
    in_float = gflop / best_seconds(seconds, [&] { in_rectangles(s, one); });
    std::printf("%5zu x %-5zu x %-7zu OpenBLAS, float %9.1f GFLOP/s\n", s.rows, s.columns, s.length, in_float);
  }
  for (const Bfloat16Product* product : bfloat16_products()) {
    std::vector<std::size_t> tried = {product->depth};
    tried.insert(tried.end(), depths.begin(), depths.end());
    for (const std::size_t depth : tried) {
      const Scratch scratch(product->room(256, 256, depth));
      const auto one = [&](std::size_t i, std::size_t rows, std::size_t j, std::size_t columns, std::size_t k,
                           std::size_t length) {
        product->add(rows, columns, length, a.data() + i * s.length + k, s.length, b.data() + j * s.length + k,
                     s.length, c.data() + i * s.columns + j, s.columns, depth, scratch.get());
      };
      const double speed = gflop / best_seconds(seconds, [&] { in_rectangles(s, one); });
      std::printf("%24s %s, depth %4zu %9.1f GFLOP/s, %5.2f times float\n", "", product->instruction_set, depth, speed,
                  speed / in_float);
    }
  }
}

// The OpenBLAS of Debian 12 does not know newer processors. It reads its variable when the program begins.
void choose_core(char** argv) {
  const std::string core = openblas_get_corename(), fitting = fitting_core(core);
  if (fitting == core || std::getenv("OPENBLAS_CORETYPE")) return;
  setenv("OPENBLAS_CORETYPE", fitting.c_str(), 1);
  execv("/proc/self/exe", argv);
}

}  // namespace

int main(int argc, char** argv) {
  choose_core(argv);
  openblas_set_num_threads(1);
  const bool only_checks = argc > 1 && std::string(argv[1]) == "check";
  const double seconds = argc > 1 ? std::atof(argv[1]) : 0.3;
  std::vector<std::size_t> depths;
  for (int i = 2; i < argc; ++i) depths.push_back(std::stoul(argv[i]));
  std::printf("OpenBLAS runs its %s kernels, one thread\n", openblas_get_corename());
  bool right = true;
  if (bfloat16_products().empty()) std::printf("This processor has neither AVX512-BF16 nor AMX.\n");
  for (const Bfloat16Product* product : bfloat16_products()) right = check(*product) && right;
  if (only_checks) return right ? 0 : 1;
  const std::size_t long_row = 4608 * 16;
  for (const Shape& s : {Shape{1000, 1000, long_row}, Shape{256, 256, long_row}, Shape{128, 128, long_row},
                         Shape{64, 64, long_row}, Shape{256, 256, 4608}, Shape{128, 128, 1024}})
    time_products(s, seconds, depths);
  return right ? 0 : 1;
}
