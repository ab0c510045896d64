// Plans of networks, use by use, against formulas that are written out with numbers.
//
// Legend: N examples, `pairs` N^2 / 2 of them; a product of (m, k) and (k, n) is 2 m n k operations.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <map>
#include <string>

#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/winograd_transforms.hpp"
#include "nn/nn.hpp"
#include "ntk/kernel.hpp"

using namespace xtangent;
using ntk::Rule;

namespace {

struct Expected {
  Rule rule;
  double flop, held, scratch;
};
using Table = std::map<std::string, Expected>;

double running(double tasks) { return std::min(tasks, static_cast<double>(kernels::thread_count())); }

// Bytes of a Gram of gradients in float: a product of each task that runs, and its sum in double; of runs that are
// tasks of their own (`apart`) the sums of all.
double gram(double tile, double tasks, bool apart = false) {
  return tile * (running(tasks) * 4 + (apart ? tasks : running(tasks)) * 8);
}

// Bytes of an image's transforms by minimal filtering: 16 matrices, 80 elements of padding each, of 128 channels of 64
// tiles with a vector behind them, twice, and of 128 x 128 weights; and room for a row of 8 tiles.
const double lanes = static_cast<double>(kernels::tiles<float>().lanes);
const double transformed =
    4 * (16 * (2 * (128 * (64 + lanes) + 80) + 128 * 128 + 80) + 20 * std::max(8.0, lanes) + lanes);

template <class Net>
void check(const Net& net, const Shape& example, std::size_t n, const ntk::Readout& readout, Table table) {
  const auto params = net.template init<float>(0);
  const Array<float> x = Array<float>::ones(example.prepended(n));
  const ntk::Plan plan =
      ntk::plan(net, params, x, readout, {.strategy = ntk::Strategy::structured, .memory = std::size_t{4} << 30});
  BOOST_TEST(plan.grid.count() == 1u);
  BOOST_TEST(plan.uses.size() == table.size());
  double sum = 0;
  for (const ntk::UsePlan& use : plan.uses) {
    BOOST_TEST_CONTEXT(use.parameter) {
      const auto at = table.find(use.parameter);
      BOOST_REQUIRE(at != table.end());
      BOOST_TEST(name(use.rule) == name(at->second.rule));
      BOOST_TEST(use.cost.flop == at->second.flop);
      BOOST_TEST(use.held_bytes == at->second.held);
      BOOST_TEST(use.cost.bytes == at->second.scratch);
      sum += at->second.flop;
    }
  }
  BOOST_TEST(plan.contraction_flop == sum);
}

const Expected fused{Rule::materialize, 0, 0, 0};

// The parameters that tests of one network share; a Row takes a name, positions, and channels or elements.
using Row = std::function<void(const std::string&, double, double)>;

// Of the four stages: their convolutions, the first of those, the shortcut, and all normalizations.
void resnet18_stages(Table& t, const Expected (&stage)[4], const Expected (&first)[4], const Expected (&shortcut)[4],
                     const Row& norm) {
  const double channels[] = {64, 128, 256, 512}, pixels[] = {1024, 256, 64, 16};
  norm("bn1", 1024, 64);
  for (std::size_t s = 0; s < 4; ++s) {
    const std::string layer = "layer" + std::to_string(s + 1);
    for (const char* block : {".0", ".1"})
      for (const char* conv : {"1", "2"}) {
        t[layer + block + ".conv" + conv + ".weight"] = stage[s];
        norm(layer + block + ".bn" + conv, pixels[s], channels[s]);
      }
    t[layer + ".0.conv1.weight"] = first[s];
    if (s == 0) continue;
    t[layer + ".0.downsample.0.weight"] = shortcut[s];
    norm(layer + ".0.downsample.1", pixels[s], channels[s]);
  }
}

// Of the three blocks: the convolutions between equal numbers of channels, and all normalizations.
void wide_resnet_blocks(Table& t, const Expected (&inner)[3], const Row& norm) {
  const double into[] = {16, 64, 128}, channels[] = {64, 128, 256}, before[] = {1024, 1024, 256},
               pixels[] = {1024, 256, 64};
  norm("bn1", 64, 256);
  for (std::size_t b = 0; b < 3; ++b) {
    const std::string block = "block" + std::to_string(b + 1) + ".layer.";
    norm(block + "0.bn1", before[b], into[b]);
    for (const char* name : {"0.bn2", "1.bn1", "1.bn2"}) norm(block + name, pixels[b], channels[b]);
    for (const char* conv : {"0.conv2", "1.conv1", "1.conv2"}) t[block + conv + ".weight"] = inner[b];
  }
}

const std::string encoder = "encoder.layers.encoder_layer_0.";

// Normalizations of 65 tokens of 64 features, biases, and what is added to tokens.
void transformer_sums(const Row& norm, const Row& shift) {
  for (const std::string& name : {std::string("encoder.ln"), encoder + "ln_1", encoder + "ln_2"}) norm(name, 65, 64);
  shift(encoder + "mlp.3.bias", 65, 64);
  shift(encoder + "mlp.0.bias", 65, 128);
  shift(encoder + "self_attention.out_proj.bias", 65, 64);
  shift(encoder + "self_attention.in_proj_bias", 65, 192);
  shift("encoder.pos_embedding", 1, 4160);
  shift("conv_proj.bias", 64, 64);
  shift("class_token", 1, 64);
}

// Ten probes of 4 images. Joined they are 40 rows: 6 tiles of at most 16 x 16, runs of 8192 elements in up to 3 tasks.
namespace ten {

constexpr double n = 4, k = 10, pairs = 8, probe_pairs = 100;

double products(double p) {
  const double parts = std::min(std::ceil(p / 8192), 3.0);
  return gram(256, 6 * parts, parts > 1);
}
double flop(double d, double p) { return n * k * 2 * d * p + pairs * 2 * probe_pairs * p; }

// A product over d positions with p parameters: gradients are held,
Expected held(double d, double p) { return {Rule::materialize, flop(d, p), 4 * k * p, products(p)}; }
// or formed anew, each image in its room, of factors that are smaller: d c probes and the inputs.
Expected formed(double d, double p, double c, double inputs, double room) {
  return {Rule::materialize, flop(d, p), 4 * (d * c * k + inputs),
          4 * n * k * p + std::max(products(p), running(n) * room)};
}
// A shift by p elements that d positions share, and scale and shift of c channels.
Row shift(Table& t) {
  return [&t](const std::string& name, double d, double p) {
    t[name] = {Rule::materialize, n * k * d * p + pairs * 2 * probe_pairs * p, 4 * k * p, products(p)};
  };
}
Row norm(Table& t) {
  return [&t](const std::string& name, double d, double c) {
    t[name + ".weight"] = held(d, c);
    shift(t)(name + ".bias", d, c);
  };
}
// Gram of u pixels of r channels, in tiles of `edge` x `edge` images, and sums over taps of rows and columns of d
// positions: as many as pixels, 3 x 3 taps.
Expected pixel_gram(double d, double c, double r, double edge) {
  const double tiles = (n / edge) * (n / edge);
  return {Rule::pixel_gram, pairs * (2 * d * d * r + 2 * probe_pairs * d * d * (c + 1) + 6 * d * d),
          4 * (d * c * k + d * r), 4 * running(tiles) * (edge * edge * 2 * d * d + d * d)};
}
// Gram of patches of r elements at d positions, one tile.
Expected position_gram(double d, double c, double r) {
  return {Rule::position_gram, pairs * 2 * d * d * (r + probe_pairs * (c + 1)), 4 * d * (c * k + r),
          4 * n * n * 2 * d * d};
}
// One row of the readout for all images; the bias is formed with it.
void readout(Table& t, const std::string& name, double features) {
  t[name + ".weight"] = {Rule::readout, pairs * (2 * features + 2 * probe_pairs) + 2 * probe_pairs * 10, 4 * features,
                         4 * (2 * k * 10 + probe_pairs + n * n)};
  t[name + ".bias"] = fused;
}

}  // namespace ten

}  // namespace

BOOST_AUTO_TEST_SUITE(rule_plans)

BOOST_AUTO_TEST_CASE(resnet18_of_32_images) {
  const double n = 32, pairs = 512;
  Table t;
  // Scale and shift of c channels of d pixels: gradients of c elements, n d c products and sums.
  const auto norm = [&](const std::string& name, double d, double c) {
    t[name + ".weight"] = {Rule::materialize, n * 2 * d * c + pairs * 2 * c, 4 * c, gram(256, 3)};
    t[name + ".bias"] = {Rule::materialize, n * d * c + pairs * 2 * c, 4 * c, gram(256, 3)};
  };
  t["fc.weight"] = {Rule::readout, pairs * (2 * 512 + 2) + 2 * 10, 4 * 512, 4 * (2 * 10 + 1 + running(3) * 256)};
  t["fc.bias"] = fused;
  t["conv1.weight"] = {Rule::materialize, n * 2 * 1024 * 1728 + pairs * 2 * 1728, 4 * 1728, gram(256, 3)};
  const Expected stage[] = {
      // 36864 elements: smaller than the factors, 5 runs of 8192 in as many tasks for each of 3 tiles.
      {Rule::materialize, n * 2 * 1024 * 36864 + pairs * 2 * 36864, 4 * 36864, gram(256, 15, true)},
      // 147456 elements: larger than 2 x 128 x 256 of the factors; 18 runs in 6 tasks; patches of 1152 by four rows
      // of 16.
      {Rule::materialize, n * 2 * 256 * 147456 + pairs * 2 * 147456, 4 * 2 * 128 * 256,
       4 * n * 147456 + std::max(gram(256, 18, true), running(32) * transformed)},
      // Tiles of 4 x 4 images of 64 pixels: the Gram of pixels, the one of patches, and sums over taps of rows.
      {Rule::pixel_gram, pairs * (2.0 * 4096 * 256 + 2 * 4096 * 257 + 6 * 4096), 4 * 2 * 256 * 64,
       4 * running(64) * (16 * 2 * 4096 + 4096)},
      {Rule::pixel_gram, pairs * (2.0 * 256 * 512 + 2 * 256 * 513 + 6 * 256), 4 * 2 * 512 * 16,
       4 * running(4) * (256 * 2 * 256 + 256)}};
  const Expected first[] = {
      stage[0],
      {Rule::materialize, n * 2 * 256 * 73728 + pairs * 2 * 73728, 4 * 73728, gram(256, 18, true)},
      {Rule::materialize, n * 2 * 64 * 294912 + pairs * 2 * 294912, 4 * (64 * 256 + 128 * 256),
       4 * n * 294912 + std::max(gram(256, 18, true), running(32) * 4 * 1152 * 128)},
      {Rule::position_gram, pairs * 2 * 256 * (2304.0 + 513), 4 * 16 * (512 + 2304), 4 * running(4) * 2 * 65536}};
  const Expected shortcut[] = {
      {},
      {Rule::materialize, n * 2 * 256 * 8192 + pairs * 2 * 8192, 4 * 8192, gram(256, 3)},
      {Rule::materialize, n * 2 * 64 * 32768 + pairs * 2 * 32768, 4 * 32768, gram(256, 12, true)},
      {Rule::position_gram, pairs * 2 * 256 * (256.0 + 513), 4 * 16 * (512 + 256), 4 * running(4) * 2 * 65536}};
  resnet18_stages(t, stage, first, shortcut, norm);
  check(nn::resnet18({.classes = 10, .stem = nn::Stem::cifar}), {3, 32, 32}, 32, ntk::readout::pseudo(), t);
}

BOOST_AUTO_TEST_CASE(wide_resnet_16_4_of_8_images) {
  const double n = 8, pairs = 32;
  Table t;
  const auto norm = [&](const std::string& name, double d, double c) {
    t[name + ".weight"] = {Rule::materialize, n * 2 * d * c + pairs * 2 * c, 4 * c, gram(64, 1)};
    t[name + ".bias"] = {Rule::materialize, n * d * c + pairs * 2 * c, 4 * c, gram(64, 1)};
  };
  // Gradients of p elements of which the one tile takes `tasks` tasks.
  const auto held = [&](double d, double p, double tasks) {
    return Expected{Rule::materialize, n * 2 * d * p + pairs * 2 * p, 4 * p, gram(64, tasks, tasks > 1)};
  };
  const Expected third{Rule::pixel_gram, pairs * (2.0 * 4096 * 256 + 2 * 4096 * 257 + 6 * 4096), 4 * 2 * 256 * 64,
                       4 * running(4) * (16 * 2 * 4096 + 4096)};
  const Expected second{Rule::materialize, n * 2 * 256 * 147456 + pairs * 2 * 147456, 4 * 2 * 128 * 256,
                        4 * n * 147456 + std::max(gram(64, 17, true), running(8) * transformed)};
  t["fc.weight"] = {Rule::readout, pairs * (2 * 256 + 2) + 2 * 10, 4 * 256, 4 * (2 * 10 + 1 + 64)};
  t["fc.bias"] = fused;
  t["conv1.weight"] = held(1024, 432, 1);
  t["block1.layer.0.conv1.weight"] = held(1024, 9216, 2);
  t["block1.layer.0.convShortcut.weight"] = held(1024, 1024, 1);
  t["block2.layer.0.conv1.weight"] = held(256, 73728, 9);
  t["block2.layer.0.convShortcut.weight"] = held(256, 8192, 1);
  t["block3.layer.0.conv1.weight"] = {Rule::position_gram, pairs * 2 * 4096 * (1152.0 + 257), 4 * 64 * (256 + 1152),
                                      4 * running(4) * 2 * 16 * 4096};
  t["block3.layer.0.convShortcut.weight"] = held(64, 32768, 4);
  const Expected inner[] = {held(1024, 36864, 5), second, third};
  wide_resnet_blocks(t, inner, norm);
  check(nn::wide_resnet(16, 4, {.classes = 10}), {3, 32, 32}, 8, ntk::readout::pseudo(), t);
}

BOOST_AUTO_TEST_CASE(mlp_of_128_examples) {
  const double pairs = 8192;
  const auto net = nn::mlp({784, 1024, 1024, 10});
  // Tiles of 48 along 128: 6 of them.
  Table t;
  t["4.weight"] = {Rule::readout, pairs * (2 * 1024 + 2) + 2 * 10, 4 * 1024, 4 * (2 * 10 + 1 + running(6) * 48 * 48)};
  t["2.weight"] = {Rule::outer, pairs * (2 * 1024 + 2 * 1024 + 2), 4 * (1024 + 1024),
                   4 * (128.0 * 128 + running(6) * 48 * 48)};
  t["0.weight"] = {Rule::outer, pairs * (2 * 784 + 2 * 1024 + 2), 4 * (1024 + 784),
                   4 * (128.0 * 128 + running(6) * 48 * 48)};
  for (const char* name : {"4.bias", "2.bias", "0.bias"}) t[name] = fused;
  check(net, {784}, 128, ntk::readout::pseudo(), t);
  // Ten probes: 100 pairs of them meet one right Gram; 1280 rows in tiles of 256, with all tiles of the readout.
  t["4.weight"] = {Rule::readout, pairs * (2 * 1024 + 2 * 100) + 2 * 100 * 10, 4 * 1024,
                   4 * (2 * 100 + 100 + running(9) * 48 * 48)};
  t["2.weight"] = {Rule::outer, pairs * (2 * 1024 + 100.0 * (2 * 1024 + 2)), 4 * (10 * 1024 + 1024),
                   4 * (128.0 * 128 + running(15) * 256 * 256)};
  t["0.weight"] = {Rule::outer, pairs * (2 * 784 + 100.0 * (2 * 1024 + 2)), 4 * (10 * 1024 + 784),
                   4 * (128.0 * 128 + running(15) * 256 * 256)};
  check(net, {784}, 128, ntk::readout::full(), t);
  // Ten probes side by side.
  t["4.weight"] = {Rule::readout, pairs * (2 * 1024 + 2) + 2 * 100, 4 * 1024, 4 * (2 * 100 + 1 + running(6) * 48 * 48)};
  t["2.weight"] = {Rule::outer, pairs * (2 * 1024 + 2 * 10240 + 2), 4 * (10 * 1024 + 1024),
                   4 * (128.0 * 128 + running(6) * 48 * 48)};
  t["0.weight"] = {Rule::outer, pairs * (2 * 784 + 2 * 10240 + 2), 4 * (10 * 1024 + 784),
                   4 * (128.0 * 128 + running(6) * 48 * 48)};
  check(net, {784}, 128, ntk::readout::trace(), t);
  // Ten probes apart: ten pairs.
  t["4.weight"] = {Rule::readout, pairs * (2 * 1024 + 2 * 10) + 2 * 10 * 10, 4 * 1024,
                   4 * (2 * 100 + 100 + running(6) * 48 * 48)};
  t["2.weight"] = {Rule::outer, pairs * (2 * 1024 + 10.0 * (2 * 1024 + 2)), 4 * (10 * 1024 + 1024),
                   4 * (128.0 * 128 + running(60) * 48 * 48)};
  t["0.weight"] = {Rule::outer, pairs * (2 * 784 + 10.0 * (2 * 1024 + 2)), 4 * (10 * 1024 + 784),
                   4 * (128.0 * 128 + running(60) * 48 * 48)};
  check(net, {784}, 128, ntk::readout::diagonal(), t);
}

BOOST_AUTO_TEST_CASE(transformer_block_of_16_images) {
  const double n = 16, pairs = 128;
  const auto net = nn::vit(
      {.image = 32, .patch = 4, .channels = 3, .layers = 1, .heads = 4, .features = 64, .hidden = 128, .classes = 10});
  Table t;
  // A product over d tokens, a scale and a shift: gradients of p elements; one tile of 16 x 16, in `tasks` tasks.
  const auto product = [&](const std::string& name, double d, double p, double tasks) {
    t[name] = {Rule::materialize, n * 2 * d * p + pairs * 2 * p, 4 * p, gram(256, tasks, tasks > 1)};
  };
  const auto scale = [&](const std::string& name, double d, double p) {
    t[name] = {Rule::materialize, n * 2 * d * p + pairs * 2 * p, 4 * p, gram(256, 1)};
  };
  const auto shift = [&](const std::string& name, double d, double p) {
    t[name] = {Rule::materialize, n * d * p + pairs * 2 * p, 4 * p, gram(256, 1)};
  };
  t["heads.head.weight"] = {Rule::readout, pairs * (2 * 64 + 2) + 2 * 10, 4 * 64, 4 * (2 * 10 + 1 + 256)};
  t["heads.head.bias"] = fused;
  product(encoder + "mlp.3.weight", 65, 8192, 1);
  product(encoder + "mlp.0.weight", 65, 8192, 1);
  product(encoder + "self_attention.out_proj.weight", 65, 4096, 1);
  product(encoder + "self_attention.in_proj_weight", 65, 12288, 2);
  product("conv_proj.weight", 64, 3072, 1);
  const auto norm = [&](const std::string& name, double d, double c) {
    scale(name + ".weight", d, c);
    shift(name + ".bias", d, c);
  };
  transformer_sums(norm, shift);
  check(net, {3, 32, 32}, 16, ntk::readout::pseudo(), t);
}

BOOST_AUTO_TEST_CASE(resnet18_of_ten_outputs) {
  Table t;
  ten::readout(t, "fc", 512);
  t["conv1.weight"] = ten::held(1024, 1728);
  const Expected stage[] = {ten::held(1024, 36864), ten::formed(256, 147456, 128, 128 * 256, transformed),
                            ten::pixel_gram(64, 256, 256, 4), ten::pixel_gram(16, 512, 512, 4)};
  // Patches of five rows of 16, or of two images of 8 x 8.
  const Expected first[] = {stage[0], ten::formed(256, 73728, 128, 64 * 1024, 4 * 576 * 80),
                            ten::position_gram(64, 256, 1152), ten::position_gram(16, 512, 2304)};
  const Expected shortcut[] = {{},
                               ten::held(256, 8192),
                               ten::formed(64, 32768, 256, 128 * 256, 4 * 128 * 128),
                               ten::position_gram(16, 512, 256)};
  resnet18_stages(t, stage, first, shortcut, ten::norm(t));
  check(nn::resnet18({.classes = 10, .stem = nn::Stem::cifar}), {3, 32, 32}, 4, ntk::readout::full(), t);
}

BOOST_AUTO_TEST_CASE(wide_resnet_16_4_of_ten_outputs) {
  Table t;
  ten::readout(t, "fc", 256);
  t["conv1.weight"] = ten::held(1024, 432);
  t["block1.layer.0.conv1.weight"] = ten::held(1024, 9216);
  t["block1.layer.0.convShortcut.weight"] = ten::held(1024, 1024);
  t["block2.layer.0.conv1.weight"] = ten::formed(256, 73728, 128, 64 * 1024, 4 * 576 * 80);
  t["block2.layer.0.convShortcut.weight"] = ten::held(256, 8192);
  t["block3.layer.0.conv1.weight"] = ten::position_gram(64, 256, 1152);
  t["block3.layer.0.convShortcut.weight"] = ten::formed(64, 32768, 256, 128 * 256, 4 * 128 * 128);
  const Expected inner[] = {ten::held(1024, 36864), ten::formed(256, 147456, 128, 128 * 256, transformed),
                            ten::pixel_gram(64, 256, 256, 4)};
  wide_resnet_blocks(t, inner, ten::norm(t));
  check(nn::wide_resnet(16, 4, {.classes = 10}), {3, 32, 32}, 4, ntk::readout::full(), t);
}

BOOST_AUTO_TEST_CASE(transformer_block_of_ten_outputs) {
  const auto net = nn::vit(
      {.image = 32, .patch = 4, .channels = 3, .layers = 1, .heads = 4, .features = 64, .hidden = 128, .classes = 10});
  Table t;
  ten::readout(t, "heads.head", 64);
  // 65 tokens: 64 cotangents of each probe and 128 inputs of each token are fewer than ten gradients.
  t[encoder + "mlp.3.weight"] = ten::formed(65, 8192, 64, 65 * 128, 0);
  t[encoder + "mlp.0.weight"] = ten::held(65, 8192);
  t[encoder + "self_attention.out_proj.weight"] = ten::held(65, 4096);
  t[encoder + "self_attention.in_proj_weight"] = ten::held(65, 12288);
  t["conv_proj.weight"] = ten::held(64, 3072);
  transformer_sums(ten::norm(t), ten::shift(t));
  check(net, {3, 32, 32}, 4, ntk::readout::full(), t);
}

BOOST_AUTO_TEST_SUITE_END()
