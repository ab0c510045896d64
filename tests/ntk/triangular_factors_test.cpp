// Factors that share an array, and kernels that go to a sink tile by tile.
#include "ntk/algebra/triangular_factors.hpp"

#include <boost/test/unit_test.hpp>

#include "nn/models/mlp.hpp"
#include "ntk/algebra/cholesky.hpp"
#include "ntk/kernel.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

struct Problem {
  nn::Sequential net = nn::mlp({6, 64, 3});
  nn::Parameters<double> params = net.init<double>(4);
  Array<double> x = examples(17);

  static Array<double> examples(std::size_t n) {
    Random random("triangles");
    return random_array(random, {n, 6});
  }
};

template <class T>
ntk::TriangularFactors<T> factors_of(const Problem& p, const ntk::Readout& readout, double ridge, std::size_t tile) {
  ntk::TriangularFactors<T> out(readout.reduction == ntk::Readout::Reduction::diagonal ? 3 : 1, p.x.shape()[0]);
  ntk::kernel_into<double>([&](const ntk::KernelShape& shape) { return out.tiles(shape); }, p.net, p.params, p.x,
                           readout, {.tile = tile});
  out.factor(ridge);
  return out;
}

template <class T>
void check(double tolerance) {
  const Problem p;
  const std::size_t n = 17;
  for (std::size_t tile : {0, 5, 16})
    for (std::size_t m : {1, 2}) {
      const auto factors = factors_of<T>(p, ntk::readout::diagonal(), 0.4, tile);
      BOOST_TEST(ntk::TriangularFactors<T>::bytes(3, n) == 2.0 * 18 * 17 * sizeof(T));
      Random random("columns");
      Array<double> y = random_array(random, {3, n, m});
      for (std::size_t i = 0; i < n; ++i) y.mutable_data()[i * m] *= 1e-60;  // columns of any size
      Array<double> found = y.clone();
      factors.solve(found);
      for (std::size_t o = 0; o < 3; ++o) {
        const ntk::Cholesky<double> exact(ntk::kernel(p.net, p.params, p.x, ntk::readout::single(o)),
                                          {.ridge = 0.4, .relative = false});
        const Array<double> expected = exact.solve(y.rows(o, o + 1).reshaped({n, m})),
                            mine = found.rows(o, o + 1).reshaped({n, m});
        for (std::size_t c = 0; c < m; ++c)
          BOOST_TEST(relative_error(picked(mine, range(0, n), {c}), picked(expected, range(0, n), {c})) < tolerance);
      }
    }
  // A single factor, whose columns are solved together.
  const auto single = factors_of<T>(p, ntk::readout::pseudo(), 0.0, 0);
  const ntk::Cholesky<double> exact(ntk::pntk(p.net, p.params, p.x));
  Random random("columns");
  Array<double> y = random_array(random, {1, n, 4});
  const Array<double> expected = exact.solve(y.reshaped({n, 4}));
  single.solve(y);
  BOOST_TEST(relative_error(y.reshaped({n, 4}), expected) < 100 * tolerance);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(triangular_factors)

BOOST_AUTO_TEST_CASE(solve_as_the_kernels_do) {
  check<double>(1e-11);
  check<float>(1e-4);
}

BOOST_AUTO_TEST_CASE(say_what_is_wrong) {
  Problem p;
  std::copy_n(p.x.data(), 6, p.x.mutable_data() + 9 * 6);  // example 9 is example 0 again
  const std::string singular =
      message_of<numerical_error>([&] { factors_of<double>(p, ntk::readout::diagonal(), 0.0, 0); });
  BOOST_TEST(has(singular, "not positive definite at row 9"), singular);
  BOOST_TEST(has(singular, "add a ridge"), singular);
  const std::string narrow = message_of<numerical_error>([&] { factors_of<float>(p, ntk::readout::pseudo(), 0.0, 0); });
  BOOST_TEST(has(narrow, "float_factor"), narrow);
  ntk::TriangularFactors<double> two(2, 17);
  const auto fill = [&](const Array<double>& x, const ntk::Readout& readout, const ntk::Options& options = {}) {
    ntk::kernel_into<double>([&](const ntk::KernelShape& shape) { return two.tiles(shape); }, p.net, p.params, x,
                             readout, options);
  };
  BOOST_CHECK_THROW(fill(p.x, ntk::readout::pseudo()), shape_error);
  BOOST_CHECK_THROW(fill(p.x, ntk::readout::full()), shape_error);
  BOOST_CHECK_THROW(fill(p.x.rows(0, 5), ntk::readout::diagonal()), shape_error);
  BOOST_CHECK_THROW(fill(p.x, ntk::readout::pseudo(), {.store = "nowhere"}), option_error);
  Array<double> y = Array<double>::ones({3, 17, 1});
  BOOST_CHECK_THROW(two.solve(y), shape_error);
  BOOST_CHECK_THROW(ntk::TriangularFactors<double>(2, 0), shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
