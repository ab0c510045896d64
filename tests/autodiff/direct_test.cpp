// Compares the loops of direct convolution, in every instruction set of this processor, with plain sums.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/kernels/simd/direct.hpp"
#include "autodiff/kernels/simd/instruction_sets.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

template <class T>
void check() {
  Random random("direct");
  const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-13;
  for (const kernels::Direct<T>* d : kernels::usable_tables<kernels::Direct<T>>())
    for (std::size_t outputs : {1, 2, 3, 5, 7, 8, 9, 17})
      for (std::size_t length : {1, 7, 16, 33, 64, 131}) {
        const std::size_t channels = 3, plane = length + 40, block = d->out_block;
        const std::vector<std::size_t> offset{0, 1, 5, 17};
        const std::size_t taps = offset.size(), rounded = (length + d->lanes - 1) / d->lanes * d->lanes;
        const Array<T> x = cast<T>(random_array(random, {channels * plane + d->lanes}));
        const Array<T> w = cast<T>(random_array(random, {outputs, channels * taps}));
        Array<T> packed = Array<T>::zeros({(outputs + block - 1) / block * block * channels * taps});
        for (std::size_t o = 0; o < outputs; ++o)
          for (std::size_t i = 0; i < channels * taps; ++i)
            packed.mutable_data()[(o / block * channels * taps + i) * block + o % block] = w[o * channels * taps + i];
        Array<T> y = Array<T>::zeros({outputs, rounded});
        d->correlate(outputs, channels, taps, offset.data(), packed.data(), x.data(), plane, length, y.mutable_data(),
                     rounded);
        double worst = 0;
        for (std::size_t o = 0; o < outputs; ++o)
          for (std::size_t q = 0; q < length; ++q) {
            double sum = 0;
            for (std::size_t c = 0; c < channels; ++c)
              for (std::size_t f = 0; f < taps; ++f)
                sum += static_cast<double>(w[(o * channels + c) * taps + f]) *
                       static_cast<double>(x[c * plane + q + offset[f]]);
            worst = std::max(worst, std::abs(sum - static_cast<double>(y[o * rounded + q])));
          }
        BOOST_TEST(worst < tolerance);

        for (std::size_t o = 0; o < outputs; ++o)
          for (std::size_t q = length; q < rounded; ++q) y.mutable_data()[o * rounded + q] = T(0);
        std::vector<const T*> rows;
        for (std::size_t c = 0; c < channels; ++c)
          for (std::size_t at : offset) rows.push_back(x.data() + c * plane + at);
        Array<T> gradient = Array<T>::ones({outputs, rows.size()});
        for (bool add : {false, true}) {
          d->gradient(outputs, rows.size(), length, y.data(), rounded, rows.data(), add, gradient.mutable_data(),
                      rows.size());
          worst = 0;
          for (std::size_t o = 0; o < outputs; ++o)
            for (std::size_t r = 0; r < rows.size(); ++r) {
              double sum = 0;
              for (std::size_t q = 0; q < length; ++q)
                sum += static_cast<double>(y[o * rounded + q]) * static_cast<double>(rows[r][q]);
              worst =
                  std::max(worst, std::abs((add ? 2 : 1) * sum - static_cast<double>(gradient[o * rows.size() + r])));
            }
          BOOST_TEST(worst < 100 * tolerance);
        }
      }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(direct)

BOOST_AUTO_TEST_CASE(of_float) { check<float>(); }
BOOST_AUTO_TEST_CASE(of_double) { check<double>(); }

BOOST_AUTO_TEST_SUITE_END()
