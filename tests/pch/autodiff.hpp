#pragma once

// Compiled once for all tests of autodiff/, which takes a third to a half off the compilation of each. Sources still
// include what they use.
#include <boost/test/unit_test.hpp>

#include "autodiff/derivatives.hpp"
#include "autodiff/xtensor.hpp"
#include "tests/testing.hpp"
