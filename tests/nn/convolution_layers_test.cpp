// Convolutions and pooling of signals, images and volumes as layers: what they say and refuse, and small known results.
// Their values are compared with PyTorch's in torch_parity_test.cpp.
#include <boost/test/unit_test.hpp>

#include "nn/layers/conv1d.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/conv3d.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/sequential.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using testing::difference;
using testing::has;
using testing::message_of;

namespace {

Array<double> run(const nn::ModuleBase& layer, const Array<double>& x) {
  return layer(nn::Parameters<double>(layer.layout(), Array<double>(Shape{0}), Array<double>(Shape{0})), x);
}

template <class F>
void refused(const char* part, F f) {
  const std::string text = message_of<shape_error>(f);
  BOOST_TEST_CONTEXT(text) BOOST_TEST(has(text, part));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(convolution_layers)

BOOST_AUTO_TEST_CASE(shapes_and_parameters) {
  const nn::Conv3d layer(4, 6, {2, 1, 3}, {.groups = 2});
  const auto params = layer.init<double>(1);
  BOOST_TEST((params["weight"].shape() == Shape{6, 2, 2, 1, 3}));
  BOOST_TEST((params["bias"].shape() == Shape{6}));
  BOOST_TEST((layer(params, Array<double>::ones({5, 4, 3, 2, 4})).shape() == Shape{5, 6, 2, 2, 2}));
  const nn::Conv3d same(1, 2, {2, 3, 4}, {.padding = same_padding}, {.bias = false});
  BOOST_TEST(same.init<double>(1).count() == 1u);
  BOOST_TEST((same(same.init<double>(1), Array<double>::ones({1, 1, 3, 2, 5})).shape() == Shape{1, 2, 3, 2, 5}));
}

BOOST_AUTO_TEST_CASE(impossible_layers_are_refused_by_name) {
  refused("[Conv3d] 0 channels to 2, kernel (1, 2, 3). All must be at least 1.", [] { nn::Conv3d(0, 2, {1, 2, 3}); });
  refused("[Conv3d] 2 channels to 2, kernel (0, 2, 3).", [] { nn::Conv3d(2, 2, {0, 2, 3}); });
  refused("[Conv3d] 3 groups do not divide 4 and 6 channels.", [] { nn::Conv3d(4, 6, 2, {.groups = 3}); });
  refused("[Conv3d] a stride or dilation of 0.", [] { nn::Conv3d(4, 6, 2, {.stride = {0, 1, 1}}); });
  refused("[Conv3d] a stride or dilation of 0.", [] { nn::Conv3d(4, 6, 2, {.dilation = {1, 1, 0}}); });
  refused("[Conv3d] same_padding with a stride of 2. It is for stride 1: name a padding instead.", [] {
    nn::Conv3d(4, 6, 2, {.stride = {2, 1, 1}, .padding = same_padding});
  });
  refused("[Conv2d] 2 channels to 2, kernel (2, 0).", [] { nn::Conv2d(2, 2, {2, 0}); });
  refused("[Conv2d] 0 groups do not divide", [] { nn::Conv2d(2, 2, 1, {.groups = 0}); });
  refused("[Conv2d] a stride or dilation of 0.", [] { nn::Conv2d(2, 2, 1, {.stride = {1, 0}}); });
  refused("[Conv2d] same_padding with a stride of 3.", [] {
    nn::Conv2d(2, 2, 1, {.stride = {1, 3}, .padding = {1, same_padding}});
  });
  refused("[Conv1d] 2 channels to 0, kernel 3.", [] { nn::Conv1d(2, 0, 3); });
  refused("[Conv1d] 3 groups do not divide 2 and 3 channels.", [] { nn::Conv1d(2, 3, 3, {.groups = 3}); });
  refused("[Conv1d] a stride or dilation of 0.", [] { nn::Conv1d(2, 3, 3, {.dilation = 0}); });
  refused("[Conv1d] same_padding with a stride of 2.",
          [] { nn::Conv1d(2, 3, 3, {.stride = 2, .padding = same_padding}); });
}

BOOST_AUTO_TEST_CASE(pooling_of_volumes) {
  const Array<double> x = Array<double>::from({1, 2, 2, 1, 2}, {1, 2, 3, 6, -1, -2, -3, -6});
  BOOST_TEST(difference(run(nn::GlobalAvgPool3d{}, x), Array<double>::from({1, 2}, {3, -3})) < 1e-15);
  BOOST_TEST(difference(run(nn::GlobalMaxPool3d{}, x), Array<double>::from({1, 2}, {6, -1})) == 0.0);
  BOOST_TEST(difference(run(nn::AdaptiveAvgPool3d{1}, x), Array<double>::from({1, 2, 1, 1, 1}, {3, -3})) < 1e-15);
  BOOST_TEST(difference(run(nn::AdaptiveMaxPool3d{{2, 1, 1}}, x),
                        Array<double>::from({1, 2, 2, 1, 1}, {2, 6, -1, -3})) == 0.0);
  BOOST_TEST(difference(run(nn::MaxPool3d{{2, 1, 1}}, x), Array<double>::from({1, 2, 1, 1, 2}, {3, 6, -1, -2})) == 0.0);
  BOOST_TEST(difference(run(nn::AvgPool3d{{1, 1, 2}}, x),
                        Array<double>::from({1, 2, 2, 1, 1}, {1.5, 4.5, -1.5, -4.5})) < 1e-15);
  refused("[GlobalAvgPool3d] got (2, 3, 4). Expected volumes", [] {
    run(nn::GlobalAvgPool3d{}, Array<double>::ones({2, 3, 4}));
  });
}

BOOST_AUTO_TEST_CASE(last_windows_and_dilation_of_signals) {
  const Array<double> x = Array<double>::from({1, 1, 5}, {1, 5, 2, 4, 3});
  BOOST_TEST(difference(run(nn::MaxPool1d(2, {.ceil_mode = true}), x), Array<double>::from({1, 1, 3}, {5, 4, 3})) ==
             0.0);
  BOOST_TEST(difference(run(nn::MaxPool1d(2, {.stride = 1, .dilation = 3}), x),
                        Array<double>::from({1, 1, 2}, {4, 5})) == 0.0);
  BOOST_TEST(difference(run(nn::AvgPool1d(2, {.ceil_mode = true}), x), Array<double>::from({1, 1, 3}, {3, 3, 3})) <
             1e-15);
  refused("[avg_pool2d] has no dilation.", [&] { run(nn::AvgPool1d(2, {.dilation = 2}), x); });
}

BOOST_AUTO_TEST_CASE(pads) {
  const Array<double> x = Array<double>::from({1, 3}, {1, 2, 3});
  BOOST_TEST(difference(run(nn::Pad({2, 1}, {.mode = PadMode::reflect}), x),
                        Array<double>::from({1, 6}, {3, 2, 1, 2, 3, 2})) == 0.0);
  BOOST_TEST(difference(run(nn::Pad({0, 1, 1, 0}, {.value = 7}), x),
                        Array<double>::from({2, 4}, {7, 7, 7, 7, 1, 2, 3, 7})) == 0.0);
}

BOOST_AUTO_TEST_SUITE_END()
