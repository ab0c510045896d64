#pragma once

#include "examples/study/part.hpp"

namespace xtangent::examples {

Section report_scale(const Tables& tables);

}  // namespace xtangent::examples
