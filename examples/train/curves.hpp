#pragma once

#include <filesystem>
#include <string>

#include "examples/train/training.hpp"

namespace xtangent::examples {

/// Loss and accuracy during a training as SVG: the lines of its metrics file between the epochs, where there are
/// enough, and the test images at the end of each. Throws error when gnuplot fails, data_error for an unreadable file.
std::string curves_svg(const Training& training, const std::filesystem::path& metrics);

}  // namespace xtangent::examples
