#pragma once

#include "examples/attribute/study.hpp"

/// The report's figures as SVG text.
namespace xtangent::examples {

/// Test images that the report shows, right ones before wrong ones.
std::vector<std::size_t> shown_images(const Study& study);

/// The test images of shown_images, each in a row with the training images that help it most and harm it most.
std::string influences_figure(const Study& study);

/// One test image's predicted and actual margins, and the linear datamodeling score against the ridge.
std::string datamodel_figure(const Study& study);
/// The test image of that figure: the one whose score is the median of all.
std::size_t median_image(const Study& study);

/// The unit in which scores are shown: 1, or a power of a thousandth by which the largest ones become readable.
struct Unit {
  double size = 1;
  std::string name = {};  ///< "10⁻³", or empty
};
Unit unit_for(double greatest);
/// The unit of influences_figure.
Unit unit_of_scores(const Study& study);

/// The share of flipped labels that each ranking finds, against the share of images that were looked at, for each
/// length of training.
std::string flips_figure(const Study& study);

}  // namespace xtangent::examples
