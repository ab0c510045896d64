#include "autodiff/blas_core.hpp"

#include <cstdlib>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/restart.hpp"

namespace xtangent {

std::string blas_core_name() { return kernels::blas_core().core; }

void use_fitting_blas_core(char** argv) {
  const kernels::BlasCore core = kernels::blas_core();
  if (core.fits || std::getenv("OPENBLAS_CORETYPE")) return;  // a core that the user asked for stays
  const std::string why = restart_with("OPENBLAS_CORETYPE", core.suggested, argv);
  kernels::warn_of_unfitting_core("; it could not be set by starting the program again: " + why);
}

}  // namespace xtangent
