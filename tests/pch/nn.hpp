// Compiled once for all tests of nn/, as autodiff.hpp is for those of autodiff/.
#include "autodiff.hpp"
#include "nn/nn.hpp"
