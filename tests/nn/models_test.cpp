// Properties of a table of networks: parameter counts, names, shapes, gradients, examples one by one, float against
// double.
#include <boost/test/unit_test.hpp>

#include "autodiff/ops/arithmetic.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/models/convnet.hpp"
#include "nn/models/lenet.hpp"
#include "nn/models/mlp.hpp"
#include "nn/models/mlp_mixer.hpp"
#include "nn/models/resnet.hpp"
#include "nn/models/text_classifier.hpp"
#include "nn/models/vit.hpp"
#include "nn/models/wide_resnet.hpp"
#include "nn/training/fit.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
namespace tt = boost::test_tools;

namespace {

struct Row {
  std::string name;
  nn::Sequential net;
  Shape example;
  std::size_t outputs, parameters;
  std::string last;  // name of the last parameter
};

const nn::WeightOptions ntk = {.parameterization = nn::Parameterization::ntk, .sigma_w = 1.4, .sigma_b = 0.1};

std::vector<Row> networks() {
  using namespace nn;
  const Conv2dOptions strided = {.stride = {2, 1}, .padding = {1, 0}, .dilation = {1, 2}, .groups = 2};
  return {
      {"mlp", mlp({784, 1024, 1024, 1024, 10}), {784}, 10, 2913290, "6.bias"},
      {"mlp, small", mlp({6, 9, 9, 3}, Gelu{}), {6}, 3, 6 * 9 + 9 + 9 * 9 + 9 + 9 * 3 + 3, "4.bias"},
      {"mlp, NTK", mlp({6, 9, 3}, Erf{}, ntk), {6}, 3, 6 * 9 + 9 + 9 * 3 + 3, "2.bias"},
      {"mlp without bias", mlp({6, 9, 3}, Silu{}, {.bias = false}), {6}, 3, 6 * 9 + 9 * 3, "2.weight"},
      {"lenet", lenet(), {1, 28, 28}, 10, 61706, "11.bias"},
      {"lenet of a half",
       lenet(4, ntk, 0.5),
       {1, 28, 28},
       4,
       78 + 3 * 8 * 25 + 8 + 201 * 60 + 61 * 42 + 43 * 4,
       "11.bias"},
      {"cnn", cnn(), {3, 32, 32}, 10, 235722, "6.bias"},
      {"convnet", convnet(32), {1, 8, 8}, 10, 40 + 8 * 4 * 9 + 8 + 330, "8.bias"},
      {"convnet, larger images", convnet(16, 3, 5, ntk), {3, 11, 9}, 5, 3 * 2 * 9 + 2 + 2 * 4 * 9 + 4 + 85, "8.bias"},
      {"resnet18 of an eighth",
       resnet18({.classes = 3,
                 .stem = Stem::cifar,
                 .width = 0.125,
                 .weights = {.initialization = Initialization::kaiming_normal_fan_out}}),
       {3, 8, 8},
       3,
       175947,
       "fc.bias"},
      {"resnet50 of a 16th, NTK",
       resnet50({.classes = 4, .width = 1.0 / 16, .channels = 1, .weights = ntk}),
       {1, 32, 32},
       4,
       95616,
       "fc.bias"},
      {"wide_resnet", wide_resnet(16, 2, {.classes = 3, .width = 0.25}), {3, 8, 8}, 3, 43671, "fc.bias"},
      {"wide_resnet, NTK",
       wide_resnet(10, 1, {.classes = 2, .width = 0.25, .channels = 1, .weights = ntk}),
       {1, 8, 8},
       2,
       4958,
       "fc.bias"},
      {"mlp_mixer",
       mlp_mixer({.image = 8,
                  .patch = 4,
                  .channels = 1,
                  .layers = 2,
                  .features = 16,
                  .tokens_hidden = 8,
                  .channels_hidden = 32,
                  .classes = 3,
                  .width = 0.5,
                  .weights = ntk}),
       {1, 8, 8},
       3,
       883,
       "head.bias"},
      {"strided groups",
       sequential(Conv2d{4, 6, {3, 2}, strided, ntk}, Softplus{}, AvgPool2d{2, {.stride = 1}}, GlobalAvgPool2d{},
                  residual(sequential(Linear{6, 6}, Tanh{})), Linear{6, 2}),
       {4, 7, 6},
       2,
       6 * 2 * 6 + 6 + 42 + 14,
       "5.bias"},
  };
}

Array<double> inputs_of(const Row& row, std::size_t examples) {
  testing::Random random(row.name);
  return testing::random_array(random, row.example.prepended(examples));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(models)

BOOST_AUTO_TEST_CASE(counts_names_and_shapes) {
  for (const Row& row : networks()) {
    BOOST_TEST_CONTEXT(row.name) {
      const auto params = row.net.init<float>(1);
      BOOST_TEST(params.size() == row.parameters);
      BOOST_TEST(params.infos().back().name == row.last);
      for (const std::size_t examples : {0, 1, 3})
        BOOST_TEST(row.net(params, inputs_of(row, examples).to_xarray()).shape() == Shape({examples, row.outputs}));
    }
  }
}

// The counts and names are those of torchvision, timm and the authors.
BOOST_AUTO_TEST_CASE(the_other_models_have_the_parameters_of_the_originals) {
  const auto count = [](const nn::ModuleBase& net) { return net.layout()->parameter_size; };
  BOOST_TEST(count(nn::cnn(3, {}, 0.125)) == 112u + 2 * 148 + (4 * 676 + 1) * 3);
  BOOST_TEST(count(nn::wide_resnet(16, 8)) == 10961370u);
  BOOST_TEST(count(nn::wide_resnet(28, 10)) == 36479194u);
  BOOST_TEST(count(nn::vit()) == 86567656u);                                                                // vit_b_16
  BOOST_TEST(count(nn::vit({.patch = 32})) == 88224232u);                                                   // vit_b_32
  BOOST_TEST(count(nn::vit({.layers = 24, .heads = 16, .features = 1024, .hidden = 4096})) == 304326632u);  // vit_l_16
  BOOST_TEST(count(nn::mlp_mixer()) == 59880472u);  // mixer_b16_224
  BOOST_TEST(count(nn::text_classifier(1000)) == 1000u * 64 + 64 * 128 + 128 + 128 * 2 + 2);
  const auto names = [](const nn::ModuleBase& net) {
    std::string out;
    const auto layout = net.layout();
    for (const auto& info : layout->parameters) out += info.name + " ";
    return out;
  };
  BOOST_TEST(
      names(nn::vit({.layers = 1})) ==
      "class_token conv_proj.weight conv_proj.bias encoder.pos_embedding encoder.layers.encoder_layer_0.ln_1.weight "
      "encoder.layers.encoder_layer_0.ln_1.bias encoder.layers.encoder_layer_0.self_attention.in_proj_weight "
      "encoder.layers.encoder_layer_0.self_attention.in_proj_bias "
      "encoder.layers.encoder_layer_0.self_attention.out_proj.weight "
      "encoder.layers.encoder_layer_0.self_attention.out_proj.bias encoder.layers.encoder_layer_0.ln_2.weight "
      "encoder.layers.encoder_layer_0.ln_2.bias encoder.layers.encoder_layer_0.mlp.0.weight "
      "encoder.layers.encoder_layer_0.mlp.0.bias encoder.layers.encoder_layer_0.mlp.3.weight "
      "encoder.layers.encoder_layer_0.mlp.3.bias encoder.ln.weight encoder.ln.bias heads.head.weight "
      "heads.head.bias ");
  BOOST_TEST(
      names(nn::mlp_mixer({.layers = 1})) ==
      "stem.proj.weight stem.proj.bias blocks.0.norm1.weight blocks.0.norm1.bias blocks.0.mlp_tokens.fc1.weight "
      "blocks.0.mlp_tokens.fc1.bias blocks.0.mlp_tokens.fc2.weight blocks.0.mlp_tokens.fc2.bias "
      "blocks.0.norm2.weight blocks.0.norm2.bias blocks.0.mlp_channels.fc1.weight blocks.0.mlp_channels.fc1.bias "
      "blocks.0.mlp_channels.fc2.weight blocks.0.mlp_channels.fc2.bias norm.weight norm.bias head.weight "
      "head.bias ");
  BOOST_TEST(
      names(nn::wide_resnet(10, 2)) ==
      "conv1.weight block1.layer.0.bn1.weight block1.layer.0.bn1.bias block1.layer.0.conv1.weight "
      "block1.layer.0.bn2.weight block1.layer.0.bn2.bias block1.layer.0.conv2.weight "
      "block1.layer.0.convShortcut.weight block2.layer.0.bn1.weight block2.layer.0.bn1.bias "
      "block2.layer.0.conv1.weight block2.layer.0.bn2.weight block2.layer.0.bn2.bias block2.layer.0.conv2.weight "
      "block2.layer.0.convShortcut.weight block3.layer.0.bn1.weight block3.layer.0.bn1.bias "
      "block3.layer.0.conv1.weight block3.layer.0.bn2.weight block3.layer.0.bn2.bias block3.layer.0.conv2.weight "
      "block3.layer.0.convShortcut.weight bn1.weight bn1.bias fc.weight fc.bias ");
}

BOOST_AUTO_TEST_CASE(resnets_have_the_parameters_of_torchvision) {
  const auto count = [](const nn::ModuleBase& net) { return net.layout()->parameter_size; };
  BOOST_TEST(count(nn::resnet18()) == 11689512u);
  BOOST_TEST(count(nn::resnet34()) == 21797672u);
  BOOST_TEST(count(nn::resnet50()) == 25557032u);
  BOOST_TEST(count(nn::resnet101()) == 44549160u);
  BOOST_TEST(count(nn::resnet152()) == 60192808u);
  BOOST_TEST(count(nn::resnet18({.classes = 10, .stem = nn::Stem::cifar})) == 11173962u);
  BOOST_TEST(count(nn::resnet34({.classes = 100, .stem = nn::Stem::cifar})) == 21328292u);

  const auto layout = nn::resnet50().layout();
  const auto has = [](const std::vector<nn::ParameterInfo>& infos, const std::string& name, const Shape& shape) {
    for (const auto& info : infos)
      if (info.name == name) return info.shape == shape;
    return false;
  };
  BOOST_TEST(layout->parameters.size() == 161u);
  BOOST_TEST(layout->buffers.size() == 3u * 53u);
  BOOST_TEST(has(layout->parameters, "conv1.weight", {64, 3, 7, 7}));
  BOOST_TEST(has(layout->parameters, "layer1.0.downsample.0.weight", {256, 64, 1, 1}));
  BOOST_TEST(has(layout->parameters, "layer3.5.conv2.weight", {256, 256, 3, 3}));
  BOOST_TEST(has(layout->parameters, "layer4.2.bn3.bias", {2048}));
  BOOST_TEST(has(layout->parameters, "fc.bias", {1000}));
  BOOST_TEST(has(layout->buffers, "bn1.running_var", {64}));
  BOOST_TEST(has(layout->buffers, "layer2.0.downsample.1.num_batches_tracked", {}));
  BOOST_TEST(layout->parameters[0].name == "conv1.weight");
  BOOST_TEST(layout->parameters[1].name == "bn1.weight");
  BOOST_TEST(layout->parameters.back().name == "fc.bias");
}

// The names in state_dict() of the same networks in PyTorch.
BOOST_AUTO_TEST_CASE(lenet_has_the_names_and_layouts_of_pytorch) {
  const std::vector<std::pair<std::string, Shape>> expected = {
      {"0.weight", {6, 1, 5, 5}}, {"0.bias", {6}},   {"3.weight", {16, 6, 5, 5}}, {"3.bias", {16}},
      {"7.weight", {120, 400}},   {"7.bias", {120}}, {"9.weight", {84, 120}},     {"9.bias", {84}},
      {"11.weight", {10, 84}},    {"11.bias", {10}}};
  const auto params = nn::lenet().init<float>(0);
  BOOST_REQUIRE_EQUAL(params.count(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    BOOST_TEST(params.infos()[i].name == expected[i].first);
    BOOST_TEST(params.infos()[i].shape == expected[i].second);
  }
}

BOOST_AUTO_TEST_CASE(gradients_are_those_of_differences) {
  for (const Row& row : networks()) {
    if (row.parameters > 100000) continue;
    BOOST_TEST_CONTEXT(row.name) {
      testing::Random random("directions");
      auto params = row.net.init<double>(1);  // changed from biases of 0, with which relu would get exact zeros
      params.set_flat(testing::moved({params.flat()}, 0.1, {testing::random_array(random, {params.size()})})[0]);
      const Array<double> x = inputs_of(row, 2);
      const Array<double> ybar = testing::random_array(random, {2, row.outputs});
      const Array<double> direction = testing::random_array(random, {params.size()});
      Tape<double> tape;
      const auto recording = row.net.record(tape, params, x);
      const auto gradients = pullback<double>(recording.output, ybar, recording.parameters);
      double along = 0.0;
      for (std::size_t i = 0; i < params.count(); ++i)
        along += testing::inner(gradients[i].value(),
                                direction.flat_slice(params.infos()[i].offset, params.infos()[i].shape));
      const testing::VectorFunction f = [&](const std::vector<Array<double>>& flat) {
        auto moved = params;
        moved.set_flat(flat[0]);
        return std::vector<Array<double>>{row.net(moved, x)};
      };
      const auto difference = testing::central_difference(f, {params.flat()}, {direction}, 1e-6);
      BOOST_TEST(along == testing::inner(difference[0], ybar), tt::tolerance(1e-8));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_batch_is_its_examples) {
  for (const Row& row : networks()) {
    BOOST_TEST_CONTEXT(row.name) {
      const auto params = row.net.init<double>(1);
      const Array<double> x = inputs_of(row, 3), y = row.net(params, x);
      for (std::size_t n = 0; n < 3; ++n)
        BOOST_TEST(testing::difference(row.net(params, x.rows(n, n + 1)), y.rows(n, n + 1)) < 1e-13);
      const Array<float> single = row.net(params.cast<float>(), testing::cast<float>(x));
      BOOST_TEST(testing::difference(testing::to_double(single), y) < 2e-5);
    }
  }
}

// For a struct instead of a Sequential: its gradient along a direction, and examples one by one.
BOOST_AUTO_TEST_CASE(vision_transformer) {
  for (const nn::WeightOptions& weights : {nn::WeightOptions{}, ntk}) {
    const auto net = nn::vit({.image = 8,
                              .patch = 4,
                              .channels = 2,
                              .layers = 2,
                              .heads = 2,
                              .features = 8,
                              .hidden = 12,
                              .classes = 3,
                              .weights = weights});
    auto params = net.init<double>(1);
    testing::Random random("vit");
    const Array<double> x = testing::random_array(random, {3, 2, 8, 8}), ybar = testing::random_array(random, {3, 3});
    const Array<double> direction = testing::random_array(random, {params.size()});
    const Array<double> y = net(params, x);
    for (std::size_t n = 0; n < 3; ++n)
      BOOST_TEST(testing::difference(net(params, x.rows(n, n + 1)), y.rows(n, n + 1)) < 1e-13);
    Tape<double> tape;
    const auto recording = net.record(tape, params, x);
    BOOST_TEST((recording.output.examples() == Examples::axis0));
    const auto gradients = pullback<double>(recording.output, ybar, recording.parameters);
    double along = 0.0;
    for (std::size_t i = 0; i < params.count(); ++i)
      along +=
          testing::inner(gradients[i].value(), direction.flat_slice(params.infos()[i].offset, params.infos()[i].shape));
    const auto difference = testing::central_difference(
        [&](const std::vector<Array<double>>& flat) {
          auto moved = params;
          moved.set_flat(flat[0]);
          return std::vector<Array<double>>{net(moved, x)};
        },
        {params.flat()}, {direction}, 1e-5);
    BOOST_TEST(along == testing::inner(difference[0], ybar), tt::tolerance(1e-8));
    BOOST_CHECK_THROW(net(params, x.rows(0, 2).reshaped({2, 8, 4, 4})), shape_error);
  }
}

BOOST_AUTO_TEST_CASE(text_classifier) {
  const auto net = nn::text_classifier(5, {.features = 6, .hidden = 8, .classes = 3, .width = 0.5, .weights = ntk});
  const auto params = net.init<double>(1);
  BOOST_TEST(params["embedding.weight"].shape() == Shape({5, 3}));
  const Array<double> x = Array<double>::from({2, 4}, {0, 1, 4, 4, 4, 0, 4, 1}), y = net(params, x);
  BOOST_TEST(y.shape() == Shape({2, 3}));
  BOOST_TEST(testing::difference(y.rows(0, 1), y.rows(1, 2)) < 1e-14);  // a bag: the order does not matter
  const auto fit = nn::fit(net, params, Array<double>::from({4, 2}, {0, 1, 1, 0, 2, 3, 3, 3}), {0, 0, 2, 2},
                           {.epochs = 100, .batch = 4, .optimizer = nn::adam({.rate = 0.1})});
  BOOST_TEST(fit.history.back().loss < 0.01);
}

BOOST_AUTO_TEST_CASE(a_wide_resnet_of_one_channel_runs) {
  const auto net = nn::wide_resnet(10, 1, {.width = 0.03});
  BOOST_TEST(net(net.init<float>(1), Array<float>::ones({2, 3, 8, 8})).shape() == Shape({2, 10}));
}

BOOST_AUTO_TEST_CASE(wrong_settings_are_refused) {
  BOOST_CHECK_THROW(nn::mlp({5}), shape_error);
  BOOST_CHECK_THROW(nn::mlp({}), shape_error);
  BOOST_CHECK_THROW(nn::mlp({5, 0, 3}), shape_error);
  BOOST_CHECK_THROW(nn::convnet(12), shape_error);
  BOOST_CHECK_THROW(nn::convnet(0), shape_error);
  BOOST_CHECK_THROW(nn::lenet(0), shape_error);
  BOOST_CHECK_THROW(nn::lenet(10, {}, 0.0), option_error);
  BOOST_CHECK_THROW(nn::cnn(10, {}, -1.0), option_error);
  BOOST_CHECK_THROW(nn::resnet18({.width = 0.0}), option_error);
  BOOST_CHECK_THROW(nn::resnet18({.channels = 0}), shape_error);
  BOOST_CHECK_THROW(nn::wide_resnet(18, 2), option_error);
  BOOST_CHECK_THROW(nn::wide_resnet(4, 2), option_error);
  BOOST_CHECK_THROW(nn::wide_resnet(16, 0), option_error);
  BOOST_CHECK_THROW(nn::vit({.image = 20}), shape_error);
  BOOST_CHECK_THROW(nn::vit({.layers = 0}), option_error);
  BOOST_CHECK_THROW(nn::mlp_mixer({.patch = 15}), shape_error);
  BOOST_CHECK_THROW(nn::text_classifier(0), shape_error);
  BOOST_CHECK_THROW(nn::Conv2d(3, 4, 3, {.groups = 2}), shape_error);
  BOOST_CHECK_THROW(nn::Conv2d(3, 4, 3, {.groups = 0}), shape_error);
  BOOST_CHECK_THROW(nn::Conv2d(3, 4, 0), shape_error);
  BOOST_CHECK_THROW(nn::Conv2d(3, 4, 3, {.stride = {0, 1}}), shape_error);
  const auto net = nn::lenet();
  BOOST_CHECK_THROW(net(net.init<float>(0), Array<float>::zeros({2, 3, 28, 28})), shape_error);
}

BOOST_AUTO_TEST_SUITE_END()
