// Which core of OpenBLAS fits this processor.
#include "autodiff/kernels/fitting_core.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/simd/instruction_sets.hpp"

using namespace xtangent;

BOOST_AUTO_TEST_SUITE(fitting_core)

BOOST_AUTO_TEST_CASE(what_fits_is_left_as_it_is) {
  for (const std::string core : {"Prescott", "Haswell", "Zen", "SkylakeX", "Cooperlake"}) {
    const std::string fitting = kernels::fitting_core(core);
    BOOST_TEST(kernels::fitting_core(fitting) == fitting);
  }
  BOOST_TEST(kernels::fitting_core("of a later OpenBLAS") == "of a later OpenBLAS");
  BOOST_TEST(kernels::blas_core().suggested == kernels::fitting_core(kernels::blas_core().core));
}

#if defined(__x86_64__)
BOOST_AUTO_TEST_CASE(cores_without_the_instructions_of_the_processor_are_replaced) {
  const std::vector<kernels::InstructionSet>& sets = kernels::usable_instruction_sets();
  BOOST_TEST((kernels::fitting_core("Prescott") != "Prescott") == (sets.size() > 1));
  BOOST_TEST((kernels::fitting_core("SkylakeX") == "SkylakeX") == (sets.back() == kernels::InstructionSet::avx512));
}
#endif

BOOST_AUTO_TEST_SUITE_END()
