#include <boost/test/unit_test.hpp>

#include "autodiff/xtensor.hpp"

using namespace xtangent;

BOOST_AUTO_TEST_SUITE(array)

BOOST_AUTO_TEST_CASE(writing_to_a_shared_buffer_copies_it) {
  Array<double> a = Array<double>::from({2, 2}, {1, 2, 3, 4});
  const Array<double> b = a;
  BOOST_TEST(!a.unique());
  a.mutable_data()[0] = 9;
  BOOST_TEST(a[0] == 9);
  BOOST_TEST(b[0] == 1);
  BOOST_TEST(a.unique());
  BOOST_TEST(b.unique());
}

BOOST_AUTO_TEST_SUITE_END()
