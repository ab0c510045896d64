#pragma once

#include <cstddef>
#include <string>

#include "nn/data/images.hpp"

namespace xtangent::examples {

/// An image of a set as an address that a page can show without a file, "data:image/png;base64,...". Gray images are
/// ink on paper, 0 white; color images are what they are. Throws data_error for other numbers of channels than 1 and 3.
std::string picture(const nn::LabeledImages& images, std::size_t index);

}  // namespace xtangent::examples
