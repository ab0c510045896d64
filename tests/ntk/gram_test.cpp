// Compares Grams of outputs and features with sums written out, and with kernels with respect to the head.
#include "ntk/gram.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>

#include "nn/models/lenet.hpp"
#include "nn/models/mlp.hpp"
#include "ntk/kernel.hpp"
#include "tests/ntk/kernels.hpp"
#include "tests/ntk/matrices.hpp"
#include "tests/ntk/networks.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;

namespace {

// a b^T / scale
Array<double> product_with(const Array<double>& a, const Array<double>& b, double scale) {
  Array<double> out = product(a, transposed(b));
  for (std::size_t i = 0; i < out.size(); ++i) out.mutable_data()[i] /= scale;
  return out;
}

// K (x) I_o
Array<double> beside_identity(const Array<double>& k, std::size_t o) {
  const std::size_t n = k.shape()[0], m = k.shape()[1];
  Array<double> out = Array<double>::zeros({n * o, m * o});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j)
      for (std::size_t c = 0; c < o; ++c) out.mutable_data()[(i * o + c) * m * o + j * o + c] = k[i * m + j];
  return out;
}

Array<double> examples(std::size_t n, const Shape& each, const char* name) {
  Random random(name);
  return random_array(random, each.prepended(n));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gram)

BOOST_AUTO_TEST_CASE(outputs_are_multiplied) {
  const nn::Sequential net = nn::mlp({5, 9, 3});
  const auto params = net.init<double>(1);
  // More examples than are recorded at a time.
  const Array<double> x1 = examples(300, {5}, "x1"), x2 = examples(4, {5}, "x2");
  const Array<double> f1 = net(params, x1), f2 = net(params, x2), own = ntk::output_gram(net, params, x1);
  BOOST_TEST(relative_error(own, product_with(f1, f1, 3)) < 1e-13);
  BOOST_TEST(symmetric_to_the_bit(own));
  BOOST_TEST(relative_error(ntk::output_gram(net, params, x1, x2), product_with(f1, f2, 3)) < 1e-13);
  const auto narrow = params.cast<float>();
  BOOST_TEST(relative_error(ntk::output_gram(net, narrow, cast<float>(x1)), own) < 1e-5);
  BOOST_TEST(relative_error(ntk::output_gram(net, narrow, cast<float>(x1), cast<float>(x2)), product_with(f1, f2, 3)) <
             1e-5);
}

BOOST_AUTO_TEST_CASE(features_are_what_the_head_reads) {
  const nn::Sequential body = nn::sequential(nn::Linear(5, 9), nn::Tanh(), nn::Linear(9, 7), nn::Relu());
  const nn::Sequential net =
      nn::sequential(nn::Linear(5, 9), nn::Tanh(), nn::Linear(9, 7), nn::Relu(), nn::Linear(7, 3));
  const auto params = net.init<double>(1);
  auto of_body = body.init<double>(0);
  for (const auto& [info, value] : of_body) of_body.set(info.name, params[info.name]);
  const Array<double> x1 = examples(300, {5}, "x1"), x2 = examples(4, {5}, "x2");
  const Array<double> h1 = body(of_body, x1), h2 = body(of_body, x2), own = ntk::feature_gram(net, params, x1);
  BOOST_TEST(relative_error(own, product_with(h1, h1, 1)) < 1e-13);
  BOOST_TEST(symmetric_to_the_bit(own));
  BOOST_TEST(relative_error(ntk::feature_gram(net, params, x1, x2), product_with(h1, h2, 1)) < 1e-13);
  BOOST_TEST(relative_error(ntk::feature_gram(net, params.cast<float>(), cast<float>(x1)), own) < 1e-5);
}

// One number for each example is one output, and outputs of more axes count as many.
BOOST_AUTO_TEST_CASE(outputs_of_other_ranks) {
  const Written flat({{"w", {3, 5}}}, [](auto p, const auto& y) { return sum(linear(y, p("w")), {-1}); });
  const auto params = flat.init<double>(1);
  const Array<double> x1 = examples(4, {5}, "x1"), x2 = examples(3, {5}, "x2");
  const Array<double> f1 = flat(params, x1), f2 = flat(params, x2);
  BOOST_TEST(f1.shape() == (Shape{4}));
  BOOST_TEST(relative_error(ntk::output_gram(flat, params, x1, x2),
                            product_with(f1.reshaped({4, 1}), f2.reshaped({3, 1}), 1)) < 1e-13);
  const nn::Sequential sequence = nn::sequential(nn::Linear(5, 3));
  const auto of_sequence = sequence.init<double>(1);
  const Array<double> tokens = examples(4, {2, 5}, "tokens"), f = sequence(of_sequence, tokens).reshaped({4, 6});
  BOOST_TEST(relative_error(ntk::output_gram(sequence, of_sequence, tokens), product_with(f, f, 6)) < 1e-13);
  const Written scalar({{"w", {3, 5}}}, [](auto p, const auto& y) { return sum(linear(y, p("w"))); });
  BOOST_CHECK_THROW(ntk::output_gram(scalar, params, x1), shape_error);
}

BOOST_AUTO_TEST_CASE(outputs_of_no_examples) {
  const nn::Sequential net = nn::mlp({5, 9, 3});
  const auto params = net.init<double>(1);
  const Array<double> x = examples(2, {5}, "x"), none({0, 5});
  BOOST_TEST(ntk::output_gram(net, params, none).shape() == (Shape{0, 0}));
  BOOST_TEST(ntk::output_gram(net, params, x, none).shape() == (Shape{2, 0}));
  BOOST_TEST(ntk::output_gram(net, params, none, x).shape() == (Shape{0, 2}));
}

// The gradient of output o with respect to the weight of the head is h in row o.
BOOST_AUTO_TEST_CASE(features_make_the_kernel_of_the_head) {
  const nn::WeightOptions ntk{.parameterization = nn::Parameterization::ntk, .sigma_w = 1.5},
      other_biases{.parameterization = nn::Parameterization::ntk, .sigma_w = 1.2, .sigma_b = 0.3},
      no_bias{.bias = false, .parameterization = nn::Parameterization::ntk, .sigma_w = 0.7};
  struct Row {
    nn::Sequential net;
    Shape example;
    std::string head;
    std::size_t outputs;
  };
  const Row rows[] = {
      {nn::mlp({5, 9, 3}), {5}, "2.weight", 3},
      {nn::sequential(nn::Linear(5, 3)), {5}, "0.weight", 3},
      {nn::mlp({5, 9, 3}, nn::Relu(), ntk), {5}, "2.weight", 3},
      {nn::mlp({5, 9, 3}, nn::Relu(), no_bias), {5}, "2.weight", 3},
      {nn::sequential(nn::Linear(5, 4), nn::Tanh(), nn::TransposedLinear(4, 3, {.bias = false})), {5}, "2.weight", 3},
      {nn::mlp({5, 9, 3}, nn::Relu(), other_biases), {5}, "2.weight", 3},
      {nn::sequential(nn::Linear(5, 4), nn::Tanh(), nn::TransposedLinear(4, 3, other_biases)), {5}, "2.weight", 3},
      {nn::lenet(), {1, 28, 28}, "", 10},
  };
  for (const Row& row : rows) {
    const auto params = row.net.init<double>(4);
    const std::string head = row.head.empty() ? params.infos()[params.count() - 2].name : row.head;
    BOOST_TEST_CONTEXT(row.net.type() << " " << head) {
      const Array<double> x1 = examples(4, row.example, "x1"), x2 = examples(3, row.example, "x2");
      const ntk::Options of_head{.parameters = {head}};
      BOOST_TEST(relative_error(beside_identity(ntk::feature_gram(row.net, params, x1), row.outputs),
                                ntk::entk(row.net, params, x1, of_head)) < 1e-12);
      BOOST_TEST(relative_error(beside_identity(ntk::feature_gram(row.net, params, x1, x2), row.outputs),
                                ntk::entk(row.net, params, x1, x2, of_head)) < 1e-12);
    }
  }
}

BOOST_AUTO_TEST_CASE(errors) {
  const nn::Sequential net = nn::mlp({5, 9, 3}), sequence = nn::sequential(nn::Linear(5, 3));
  const auto params = net.init<double>(1), of_sequence = sequence.init<double>(1);
  const Array<double> x = examples(2, {5}, "x"),
                      nan = Array<double>::full({2, 5}, std::numeric_limits<double>::quiet_NaN());
  auto broken = params;
  broken.set("0.bias", Array<double>::full({9}, std::numeric_limits<double>::infinity()));
  const auto both = [&](const auto& call) {
    call([](const auto&... arguments) { return ntk::output_gram(arguments...); });
    call([](const auto&... arguments) { return ntk::feature_gram(arguments...); });
  };
  both([&](const auto& gram) {
    BOOST_CHECK_THROW(gram(net, params, examples(2, {4}, "x")), shape_error);
    BOOST_CHECK_THROW(gram(net, params, x, examples(2, {4}, "x")), shape_error);
    BOOST_CHECK_THROW(gram(net, params, nan), numerical_error);
    BOOST_CHECK_THROW(gram(net, params, x, nan), numerical_error);
    BOOST_CHECK_THROW(gram(net, broken, x), numerical_error);
    BOOST_CHECK_THROW(gram(net, of_sequence, x), parameter_error);
  });
  BOOST_CHECK_THROW(ntk::feature_gram(net, params, Array<double>({0, 5})), shape_error);
  BOOST_CHECK_THROW(ntk::feature_gram(net, params, x, Array<double>({0, 5})), shape_error);
  const nn::Sequential bent = nn::sequential(nn::Linear(5, 3), nn::Tanh());
  BOOST_CHECK_THROW(ntk::feature_gram(bent, bent.init<double>(1), x), rule_error);
  // A bias that is added to what is no product with a weight, and a head that is read by something else.
  const nn::AnyModule shifted = Written({{"w", {3, 5}}, {"b", {3}}},
                                        [](auto p, const auto&y) { return tanh(linear(y, p("w"))) + p("b"); }),
                      twice = Written({{"w", {3, 5}}, {"b", {3}}}, [](auto p, const auto&y) {
                        return 2.0 * linear(y + mean(p("b")), p("w"), p("b"));
                      });
  BOOST_CHECK_THROW(ntk::feature_gram(*shifted, shifted->init<double>(1), x), rule_error);
  BOOST_CHECK_THROW(ntk::feature_gram(*twice, twice->init<double>(1), x), rule_error);
  const nn::Sequential square = nn::sequential(nn::Linear(5, 5), nn::Tanh(), nn::Linear(5, 5));
  const auto tied = nn::tied(square, {{"2", "0"}});
  BOOST_TEST(has(message_of<rule_error>([&] { ntk::feature_gram(tied, tied.init<double>(1), x); }), "[feature_gram]"));
}

BOOST_AUTO_TEST_SUITE_END()
