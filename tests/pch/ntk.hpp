// Compiled once for all tests of ntk/, as autodiff.hpp is for those of autodiff/.
#include "autodiff.hpp"
#include "xtangent.hpp"
