#include "autodiff/blas_core.hpp"

#include <unistd.h>

#include <cstdlib>

#include "autodiff/kernels/blas.hpp"

namespace xtangent {

std::string blas_core_name() { return kernels::blas_core().core; }

void use_fitting_blas_core(char** argv) {
  const kernels::BlasCore core = kernels::blas_core();
  if (core.fits || std::getenv("OPENBLAS_CORETYPE")) return;  // a core that the user asked for stays
  setenv("OPENBLAS_CORETYPE", core.suggested.c_str(), 1);
  execv("/proc/self/exe", argv);
  // Only reached when the program could not be started again; the first product will say what to set.
  unsetenv("OPENBLAS_CORETYPE");
}

}  // namespace xtangent
