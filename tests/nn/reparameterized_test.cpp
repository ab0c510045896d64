// Layers whose weight is computed from other parameters, and other layers around them.
#include "nn/layers/reparameterized.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "autodiff/ops/linear.hpp"
#include "autodiff/ops/reduction.hpp"
#include "nn/layers/attention.hpp"
#include "nn/layers/normalization.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/layers/recurrent.hpp"
#include "nn/layers/squeeze_excitation.hpp"
#include "nn/sequential.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::nn;

namespace {

Array<double> random(const Shape& shape) {
  testing::Random r(to_string(shape));
  return testing::random_array(r, shape);
}

std::string names(const std::vector<ParameterInfo>& infos) {
  std::string out;
  for (const ParameterInfo& info : infos) out += info.name + " ";
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reparameterized)

BOOST_AUTO_TEST_CASE(norms_begin_at_what_the_layer_expects) {
  const WeightNorm layer = weight_norm(Linear(200, 300));
  const auto params = layer.init<double>(1);
  BOOST_TEST(names(params.infos()) == "bias parametrizations.weight.original0 parametrizations.weight.original1 ");
  const Array<double> v = params["parametrizations.weight.original1"];
  double squares = 0;
  for (std::size_t i = 0; i < v.size(); ++i) squares += v[i] * v[i];
  const double norm = std::sqrt(squares / 300);  // that a row has, on average
  for (double g : {params["parametrizations.weight.original0"][0], params["parametrizations.weight.original0"][299]})
    BOOST_TEST(std::abs(g / norm - 1) < 0.02);
}

// The recurrent weight of a layer with children and random numbers of its own, and its place in a network.
BOOST_AUTO_TEST_CASE(any_array_of_any_layer_is_replaced) {
  const Lstm lstm(3, 4, {.num_layers = 2, .dropout = 0.5});
  const auto net = sequential(Tanh{}, weight_norm(lstm, {.name = "weight_hh_l0", .names = WeightNames::suffixes}));
  auto params = net.init<double>(2);
  BOOST_TEST(names(params.infos()) ==
             "1.weight_ih_l0 1.bias_ih_l0 1.bias_hh_l0 1.weight_ih_l1 1.weight_hh_l1 1.bias_ih_l1 1.bias_hh_l1 "
             "1.weight_hh_l0_g 1.weight_hh_l0_v ");
  const auto plain = sequential(Tanh{}, lstm);
  auto own = plain.init<double>(0);
  for (const auto& [info, value] : params)
    if (own.contains(info.name)) own.set(info.name, value);
  const Array<double> v = params["1.weight_hh_l0_v"], g = random({16, 1});
  params.set("1.weight_hh_l0_g", g);
  std::vector<double> weight(v.size());
  for (std::size_t row = 0; row < 16; ++row) {
    double squares = 0;
    for (std::size_t i = 0; i < 4; ++i) squares += v[row * 4 + i] * v[row * 4 + i];
    for (std::size_t i = 0; i < 4; ++i) weight[row * 4 + i] = g[row] * v[row * 4 + i] / std::sqrt(squares);
  }
  own.set("1.weight_hh_l0", Array<double>::from({16, 4}, weight));
  const Array<double> x = random({2, 5, 3});
  BOOST_TEST(testing::difference(net(params, x), plain(own, x)) < 1e-14);
  const auto trained = [&](std::uint64_t seed) { return net(params, x, {Mode::training, seed}); };
  BOOST_TEST(testing::same_bits(trained(1), trained(1)));
  BOOST_TEST(testing::difference(trained(1), trained(2)) > 1e-3);

  const auto attention = weight_norm(MultiheadAttention(4, 2), {.name = "in_proj_weight"});
  BOOST_TEST(names(attention.layout()->parameters) ==
             "in_proj_bias parametrizations.in_proj_weight.original0 parametrizations.in_proj_weight.original1 "
             "out_proj.weight out_proj.bias ");
  BOOST_TEST(attention.summary({3, 4}).layers.size() == 4u);
  BOOST_TEST(attention.summary({3, 4}).layers[3].runs);
  BOOST_TEST(attention.summary({3, 4}).layers[3].path == "out_proj");
}

BOOST_AUTO_TEST_CASE(buffers_of_the_layer_are_kept) {
  const auto wrapped = weight_norm(BatchNorm1d(3), {.dim = {}});
  auto params = wrapped.init<double>(0), before = params;
  Tape<double> tape;
  params.set_buffers(wrapped.record(tape, params, random({5, 3}), Mode::training).buffers);
  auto own = BatchNorm1d(3).init<double>(0);
  Tape<double> other;
  own.set_buffers(BatchNorm1d(3).record(other, own, random({5, 3}), Mode::training).buffers);
  BOOST_TEST(testing::same_bits(params.buffers(), own.buffers()));
  BOOST_TEST(!testing::same_bits(params.buffers(), before.buffers()));
}

BOOST_AUTO_TEST_CASE(a_new_spectral_norm_is_one) {
  const SpectralNorm layer = spectral_norm(Linear(6, 6, {.bias = false}));
  auto params = layer.init<double>(3);
  // x -> W x on the columns of the identity, so the layer returns W^T / sigma
  Array<double> identity = Array<double>::zeros({6, 6});
  for (std::size_t i = 0; i < 6; ++i) identity.mutable_data()[i * 7] = 1.0;
  const auto largest = [](const Array<double>& w) {  // by many power iterations
    Var<double> v(Array<double>::ones({6, 1})), m(w);
    double norm = 0;
    for (int i = 0; i < 2000; ++i) {
      v = matmul(m, matmul(m, v), {.transpose_a = true});
      norm = std::sqrt(sum(v * v).value().item());
      v = v / norm;
    }
    return std::sqrt(norm);
  };
  BOOST_TEST(std::abs(largest(layer(params, identity)) - 1.0) < 0.05);
  for (int i = 0; i < 100; ++i) {
    Tape<double> tape;
    params.set_buffers(layer.record(tape, params, identity, Mode::training).buffers);
  }
  BOOST_TEST(std::abs(largest(layer(params, identity)) - 1.0) < 1e-6);
}

BOOST_AUTO_TEST_CASE(wrong_use_is_refused) {
  BOOST_CHECK_THROW(weight_norm(Relu{}), parameter_error);
  BOOST_CHECK_THROW(weight_norm(Linear(3, 2), {.name = "wieght"}), parameter_error);
  BOOST_CHECK_THROW(weight_norm(MultiheadAttention(4, 2), {.name = "out_proj.weight"}), parameter_error);
  BOOST_CHECK_THROW(weight_norm(Linear(3, 2), {.dim = 2}), option_error);
  BOOST_CHECK_THROW(spectral_norm(Linear(3, 2), {.name = "bias"}), shape_error);
  BOOST_CHECK_THROW(spectral_norm(Linear(3, 2), {.dim = 2}), option_error);
  BOOST_CHECK_THROW(InstanceNorm1d(0), shape_error);
  BOOST_CHECK_THROW(InstanceNorm1d(2, {.momentum = 2.0}), option_error);
  BOOST_CHECK_THROW(LocalResponseNorm(0), shape_error);
  BOOST_CHECK_THROW(LocalResponseNorm(2, {.k = 0.0}), option_error);
  BOOST_CHECK_THROW(RmsNorm(0), shape_error);
  BOOST_CHECK_THROW(TransposedLinear(0, 2), shape_error);
  const auto refuses = [](const AnyModule& layer, const Shape& shape) {
    const auto net = sequential(layer, Flatten{}, Linear(4, 1));
    BOOST_CHECK_THROW(net(net.init<double>(0), Array<double>::ones(shape)), shape_error);
  };
  refuses(InstanceNorm1d(2), {3, 2, 1});
  refuses(InstanceNorm2d(2), {3, 2, 2});
  refuses(LocalResponseNorm(2), {3, 4});
  refuses(RmsNorm(3), {3, 4});
  refuses(SqueezeExcitation(4, 2), {3, 2, 2, 2});
  refuses(Glu(), {3, 5});
}

BOOST_AUTO_TEST_SUITE_END()
