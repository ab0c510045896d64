#include "nn/summary.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <sstream>

#include "nn/layers/conv2d.hpp"
#include "nn/layers/embedding.hpp"
#include "nn/layers/normalization.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/models/resnet.hpp"
#include "nn/sequential.hpp"

using namespace xtangent;

BOOST_AUTO_TEST_SUITE(summary)

BOOST_AUTO_TEST_CASE(layers_shapes_parameters_and_flop) {
  const auto net = nn::sequential(nn::Conv2d(3, 8, 3, {.padding = 1}), nn::BatchNorm2d(8), nn::Relu{},
                                  nn::residual(nn::sequential(nn::Conv2d(8, 8, 1, {}, {.bias = false}))), nn::Flatten{},
                                  nn::Linear(128, 10));
  const nn::Summary s = net.summary({3, 4, 4});
  const auto check = [&](std::size_t i, const char* path, const char* type, std::size_t depth, const Shape& output,
                         std::size_t parameters, double flop) {
    BOOST_TEST_CONTEXT(path) {
      BOOST_TEST(s.layers.at(i).path == path);
      BOOST_TEST(s.layers[i].type == type);
      BOOST_TEST(s.layers[i].depth == depth);
      BOOST_TEST(s.layers[i].output == output);
      BOOST_TEST(s.layers[i].parameters == parameters);
      BOOST_TEST(s.layers[i].flop == flop);
      BOOST_TEST(s.layers[i].runs);
    }
  };
  const double conv = 2.0 * 8 * 16 * 27, point = 2.0 * 8 * 16 * 8, linear = 2.0 * 1280;
  BOOST_TEST(s.layers.size() == 10u);
  check(1, "0", "Conv2d", 1, {8, 4, 4}, 224, conv);
  check(2, "1", "BatchNorm2d", 1, {8, 4, 4}, 16, 256);
  check(3, "2", "Relu", 1, {8, 4, 4}, 0, 128);
  check(4, "3", "Residual", 1, {8, 4, 4}, 64, point + 128);
  check(5, "3.inner", "Sequential", 2, {8, 4, 4}, 64, point);
  check(6, "3.inner.0", "Conv2d", 3, {8, 4, 4}, 64, point);
  check(7, "3.shortcut", "Identity", 2, {8, 4, 4}, 0, 0);
  check(9, "5", "Linear", 1, {10}, 1290, linear);
  BOOST_TEST(s.layers[0].parameters == 224u + 16 + 64 + 1290);
  BOOST_TEST(s.parameters == s.layers[0].parameters);
  BOOST_TEST(s.buffers == 17u);
  BOOST_TEST(s.flop == s.layers[0].flop);
  BOOST_TEST(s.layers[8].flop + conv + 256 + 128 + point + 128 + linear == s.flop);
}

BOOST_AUTO_TEST_CASE(the_table) {
  const auto net =
      nn::sequential(nn::Named{{"fc1", nn::Linear(784, 1024)}, {"relu", nn::Relu{}}, {"fc2", nn::Linear(1024, 10)}});
  std::ostringstream text;
  text << net.summary({784});
  BOOST_TEST(text.str() ==
             "layer      type        output   parameters     FLOP\n"
             "(network)  Sequential  (10,)       814,090   1.63 M\n"
             "  fc1      Linear      (1024,)     803,840   1.61 M\n"
             "  relu     Relu        (1024,)           0   1.02 k\n"
             "  fc2      Linear      (10,)        10,250  20.48 k\n"
             "input (784,): 814,090 parameters, 0 elements of buffers, 1.63 M FLOP an example\n");
}

// The whole network has 0.56 billion multiply-adds in its convolutions and its head; a quarter of the width a
// sixteenth.
BOOST_AUTO_TEST_CASE(work_of_resnet18_on_small_images) {
  const nn::Summary s = nn::resnet18({.classes = 10, .stem = nn::Stem::cifar, .width = 0.25}).summary({3, 32, 32});
  BOOST_TEST(s.layers.front().output == Shape({10}));
  const auto products = [](const nn::Summary& summary) {
    double flop = 0;
    for (const nn::Summary::Layer& layer : summary.layers)
      if (layer.type == "Conv2d" || layer.type == "Linear") flop += layer.flop;
    return flop;
  };
  // stem, four convolutions of 16 channels, three stages that begin with half the pixels, head
  const double stages = 3 * (1179648 + 3 * 2359296 + 131072);
  BOOST_TEST(products(s) == 2 * (442368 + 4 * 2359296 + stages + 1280));
  BOOST_TEST(s.flop > products(s));
  BOOST_TEST(s.flop < 1.05 * products(s));
  const nn::Summary whole = nn::resnet18({.classes = 10, .stem = nn::Stem::cifar}).summary({3, 32, 32});
  BOOST_TEST(std::abs(products(whole) / 2e9 - 0.56) < 0.005);
}

BOOST_AUTO_TEST_CASE(shared_arrays_count_once_and_unused_layers_do_not_run) {
  const auto tied = nn::tied(nn::sequential(nn::Linear(4, 4), nn::Linear(4, 4)), {{"1", "0"}});
  BOOST_TEST(tied.summary({4}).parameters == 20u);
  BOOST_TEST(tied.summary({4}).layers[0].parameters == 20u);
  BOOST_TEST(tied.summary({4}).layers[2].parameters == 20u);
  BOOST_TEST(nn::sequential(nn::Embedding(5, 2)).summary({3}).layers[0].output == Shape({3, 2}));
  BOOST_CHECK_THROW(tied.summary({5}), shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
