#pragma once

/// Everything of nn/.
#include "nn/data/digits.hpp"
#include "nn/data/idx.hpp"
#include "nn/data/images.hpp"
#include "nn/data/npy.hpp"
#include "nn/initialize.hpp"
#include "nn/layers/activation.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/linear.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/models/convnet.hpp"
#include "nn/models/lenet.hpp"
#include "nn/models/mlp.hpp"
#include "nn/module.hpp"
#include "nn/parameters.hpp"
#include "nn/sequential.hpp"
