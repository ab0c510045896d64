#pragma once

/// Which of its kernels OpenBLAS computes with, and a restart with those that fit the processor.
#include <string>

namespace xtangent {

/// The kernels that OpenBLAS has chosen for this processor, such as "Haswell" or "SkylakeX".
std::string blas_core_name();

/// Makes OpenBLAS use kernels that fit the processor, by starting this program again with OPENBLAS_CORETYPE set.
/// Call it first in main: `xtangent::use_fitting_blas_core(argv);`. Returns when nothing needs to change, and also
/// where the program cannot or must not be started again: without /proc, and in a program that has other rights than
/// its user has, such as a set-uid one. Then it prints one line to stderr that says what to set. OpenBLAS before 0.3.22
/// or so does not know processors newer than itself and falls back to kernels that are up to seven times slower.
/// Without this call the library prints that line at its first product.
void use_fitting_blas_core(char** argv);

}  // namespace xtangent
