// A library of its own beside the extension, which needs OpenBLAS and nothing else of xtangent. The package loads it to
// ask which core fits, and unloads both, so that OpenBLAS reads OPENBLAS_CORETYPE when the extension loads it again.
#include <cblas.h>

#include <string>

#include "autodiff/kernels/fitting_core.hpp"

extern "C" {

/// The core that fits this processor, or nothing if OpenBLAS has chosen it by itself.
__attribute__((visibility("default"))) const char* xtangent_fitting_core() {
  static char name[64] = "";
  const std::string core = openblas_get_corename(), fitting = xtangent::kernels::fitting_core(core);
  if (fitting == core || fitting.size() >= sizeof(name)) return "";
  fitting.copy(name, fitting.size());
  return name;
}
}
