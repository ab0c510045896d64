// Compares Grams of rows with themselves, of which half is computed, with the general product.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/kernels/blas.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

template <class T>
void check() {
  Random random("gram");
  for (const std::size_t n : {1, 15, 16, 17, 64, 131})
    for (const std::size_t k : {1, 47, 48, 300}) {
      const std::size_t lda = k + 3, ldc = n + 5;
      const Array<T> a = cast<T>(random_array(random, {n, lda}));
      Array<T> given = cast<T>(random_array(random, {n, ldc}));
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < i; ++j) given.mutable_data()[i * ldc + j] = given[j * ldc + i];
      for (const T beta : {T(0), T(1), T(-0.5)}) {
        Array<T> c = given.clone(), expected = given.clone();
        kernels::gram_serial(n, k, a.data(), lda, beta, c.mutable_data(), ldc);
        kernels::gemm_serial(false, true, n, n, k, T(1), a.data(), lda, a.data(), lda, beta, expected.mutable_data(),
                             ldc);
        double worst = 0;
        bool symmetric = true, kept = true;
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t j = 0; j < ldc; ++j) {
            worst = std::max(worst, std::abs(static_cast<double>(c[i * ldc + j] - expected[i * ldc + j])));
            if (j >= n)
              kept &= c[i * ldc + j] == given[i * ldc + j];
            else if (k >= 48)
              symmetric &= c[i * ldc + j] == c[j * ldc + i];
          }
        BOOST_TEST_CONTEXT("n = " << n << ", k = " << k << ", beta = " << beta) {
          BOOST_TEST(worst < (sizeof(T) == 4 ? 1e-6 : 1e-15) * static_cast<double>(k + 1));
          BOOST_TEST(symmetric);
          BOOST_TEST(kept);
        }
      }
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gram)

BOOST_AUTO_TEST_CASE(is_the_product_with_the_transpose) {
  check<float>();
  check<double>();
}

BOOST_AUTO_TEST_CASE(zero_overwrites_what_is_no_number) {
  const Array<float> a = Array<float>::ones({20, 60});
  Array<float> c = Array<float>::full({20, 20}, std::nanf(""));
  kernels::gram_serial<float>(20, 60, a.data(), 60, 0, c.mutable_data(), 20);
  BOOST_TEST(std::all_of(c.data(), c.data() + c.size(), [](float x) { return x == 60; }));
}

BOOST_AUTO_TEST_SUITE_END()
