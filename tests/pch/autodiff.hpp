// Compiled once for all tests of autodiff/, which takes a third to a half off the compilation of each. Sources still
// include what they use. Without #pragma once, which g++ does not want in a header that it compiles by itself.
#include <boost/test/unit_test.hpp>

#include "autodiff/derivatives.hpp"
#include "autodiff/xtensor.hpp"
#include "tests/testing.hpp"
