// The entry point of every test program.
#define BOOST_TEST_NO_MAIN
#include <boost/test/unit_test.hpp>

#include "autodiff/blas_core.hpp"

int main(int argc, char** argv) {
  xtangent::use_fitting_blas_core(argv);
  return boost::unit_test::unit_test_main([] { return true; }, argc, argv);
}
