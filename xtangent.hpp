#pragma once

/// Everything: automatic differentiation, networks, kernels.
#include "autodiff/ops/activation.hpp"
#include "autodiff/ops/arithmetic.hpp"
#include "autodiff/ops/indexing.hpp"
#include "autodiff/tape.hpp"
#include "autodiff/xtensor.hpp"
