// Tied arrays: one array in several places.
#include <boost/test/unit_test.hpp>

#include "autodiff/ops/arithmetic.hpp"
#include "nn/layers/embedding.hpp"
#include "nn/layers/normalization.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/safetensors.hpp"
#include "nn/sequential.hpp"
#include "tests/nn/files.hpp"
#include "tests/testing.hpp"

using namespace xtangent;

namespace {

std::string names(const std::vector<nn::ParameterInfo>& infos) {
  std::string out;
  for (const auto& info : infos) out += info.name + " ";
  return out;
}

nn::Sequential language_model() {
  return nn::sequential(nn::Named{{"embedding", nn::Embedding(7, 3)},
                                  {"mean", nn::MeanOfTokens{}},
                                  {"norm", nn::LayerNorm(3)},
                                  {"head", nn::Linear(3, 7, {.bias = false})}});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tied)

BOOST_AUTO_TEST_CASE(an_array_is_listed_under_its_first_name) {
  const auto net = nn::tied(language_model(), {{"head.weight", "embedding.weight"}});
  const auto params = net.init<double>(1);
  BOOST_TEST(names(params.infos()) == "embedding.weight norm.weight norm.bias ");
  BOOST_TEST(params.size() == 27u);
  BOOST_TEST(params.infos()[1].offset == 21u);
  BOOST_TEST(params.contains("head.weight"));
  BOOST_TEST(testing::same_bits(params["head.weight"], params["embedding.weight"]));
  auto changed = params;
  changed.set("head.weight", Array<double>::ones({7, 3}));
  BOOST_TEST(changed["embedding.weight"][5] == 1.0);

  // The untied network with the same array twice computes the same, and its two gradients add up.
  const auto loose = language_model();
  auto twice = loose.init<double>(0);
  for (const char* name : {"embedding.weight", "norm.weight", "norm.bias", "head.weight"})
    twice.set(name, params[name]);
  const Array<double> x = Array<double>::from({2, 3}, {0, 6, 6, 1, 2, 3});
  BOOST_TEST(testing::same_bits(net(params, x), loose(twice, x)));
  Tape<double> tape;
  const auto one = net.record(tape, params, x), two = loose.record(tape, twice, x);
  const Var<double> ybar(Array<double>::ones({2, 7}));
  const auto g = pullback<double>(one.output, ybar, one.parameters),
             h = pullback<double>(two.output, ybar, two.parameters);
  BOOST_TEST(testing::difference(g[0].value(), (h[0] + h[3]).value()) < 1e-14);
}

BOOST_AUTO_TEST_CASE(whole_layers) {
  const auto block = nn::sequential(nn::Linear(4, 4), nn::BatchNorm1d(4), nn::Tanh{});
  const auto net = nn::tied(nn::sequential(block, block, block, nn::Linear(4, 2)), {{"1", "0"}, {"2", "1"}});
  const auto params = net.init<double>(1);
  BOOST_TEST(names(params.infos()) == "0.0.weight 0.0.bias 0.1.weight 0.1.bias 3.weight 3.bias ");
  BOOST_TEST(names(params.buffer_infos()) == "0.1.running_mean 0.1.running_var 0.1.num_batches_tracked ");
  BOOST_TEST(params.buffers().size() == 9u);
  Tape<double> tape;
  const auto recording =
      net.record(tape, params, Array<double>::from({2, 4}, {1, 2, 3, 4, 5, 6, 7, 9}), nn::Mode::training);
  BOOST_TEST(recording.buffers[8] == 3.0);  // the statistics moved three times
}

BOOST_AUTO_TEST_CASE(parameters_of_another_tying_are_refused) {
  const auto tied = nn::tied(language_model(), {{"head.weight", "embedding.weight"}});
  const auto loose = language_model();
  const Array<double> x = Array<double>::zeros({1, 2});
  BOOST_CHECK_THROW(tied(loose.init<double>(0), x), parameter_error);
  BOOST_CHECK_THROW(loose(tied.init<double>(0), x), parameter_error);
}

BOOST_AUTO_TEST_CASE(impossible_ties) {
  const auto refused = [](const char* later, const char* first, const char* part) {
    BOOST_CHECK_EXCEPTION(
        nn::tied(language_model(), {{later, first}}).layout(), parameter_error,
        [&](const parameter_error& e) { return std::string(e.what()).find(part) != std::string::npos; });
  };
  refused("head.wieght", "embedding.weight", "no 'head.wieght'");
  refused("head.weight", "embeding.weight", "no 'embeding.weight'");
  refused("norm.weight", "embedding.weight", "shapes (3,) and (7, 3)");
  refused("embedding.weight", "head.weight", "Exchange them");
  refused("head", "norm", "shapes");
}

// PyTorch's save_model keeps any one of the names; a state_dict has both.
BOOST_AUTO_TEST_CASE(files_may_use_any_of_the_names) {
  const auto net = nn::tied(language_model(), {{"head.weight", "embedding.weight"}});
  const auto params = net.init<double>(1);
  const testing::TemporaryFolder folder;
  const auto file = folder / "tied.safetensors";
  for (bool all_names : {true, false}) {
    nn::save_parameters(params, file, {.all_names = all_names});
    BOOST_TEST(nn::read_safetensors(file).contains("head.weight") == all_names);
    BOOST_TEST(testing::same_bits(nn::load_parameters<double>(net, file).flat(), params.flat()));
  }
  std::vector<nn::NamedArray<double>> arrays = {{"head.weight", params["head.weight"]},
                                                {"norm.weight", params["norm.weight"]},
                                                {"norm.bias", params["norm.bias"]}};
  nn::write_safetensors(file, arrays);
  BOOST_TEST(testing::same_bits(nn::load_parameters<double>(net, file).flat(), params.flat()));
  arrays.push_back({"embedding.weight", params["head.weight"]});
  nn::write_safetensors(file, arrays);
  BOOST_TEST(testing::same_bits(nn::load_parameters<double>(net, file).flat(), params.flat()));
  arrays.back().value = Array<double>::ones({7, 3});
  nn::write_safetensors(file, arrays);
  BOOST_CHECK_THROW(nn::load_parameters<double>(net, file), parameter_error);
}

BOOST_AUTO_TEST_SUITE_END()
