#include "examples/study/part.hpp"

namespace xtangent::examples {

const std::vector<Part>& study_parts() {
  static const std::vector<Part> parts = {width_part(),    training_part(), regression_part(),
                                          readouts_part(), cost_part(),     scale_part()};
  return parts;
}

}  // namespace xtangent::examples
