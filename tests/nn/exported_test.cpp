// Networks that PyTorch exported, against PyTorch's own numbers. tests/fixtures/exported.py makes the files.
#include "nn/exported/exported.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <set>

#include "nn/data/file.hpp"
#include "nn/exported/archive.hpp"
#include "nn/exported/call.hpp"
#include "nn/exported/graph.hpp"
#include "nn/inputs.hpp"
#include "nn/safetensors.hpp"
#include "nn/summary.hpp"
#include "nn/training/fit.hpp"
#include "ntk/kernel.hpp"
#include "tests/nn/exported_files.hpp"
#include "tests/nn/files.hpp"
#include "tests/testing.hpp"

using namespace xtangent;
using namespace xtangent::testing;
namespace fs = std::filesystem;

namespace {

// An exported network and what PyTorch computes with it.
template <class T>
struct Case {
  explicit Case(const std::string& name)
      : net(nn::load_exported(program(name))),
        file(nn::read_safetensors(fixtures() / (name + ".safetensors"))),
        params(net.template parameters<T>()) {
    std::vector<Array<T>> inputs;
    while (file.contains("x" + std::to_string(inputs.size())))
      inputs.push_back(file.get<T>("x" + std::to_string(inputs.size())));
    x = inputs.size() == 1 ? inputs.front() : nn::join_inputs(inputs);
  }
  nn::Exported net;
  nn::TensorFile file;
  nn::Parameters<T> params;
  Array<T> x;
};

template <class T>
void check(const std::string& name, double tolerance) {
  const Case<T> here(name);
  const Array<double> logits = here.file.template get<double>("logits"), pntk = here.file.template get<double>("pntk");
  BOOST_TEST(relative(to_double(here.net(here.params, here.x)), logits) < tolerance);
  for (const ntk::Strategy strategy :
       {ntk::Strategy::automatic, ntk::Strategy::structured, ntk::Strategy::jacobian, ntk::Strategy::vector_products})
    BOOST_TEST(relative(ntk::pntk(here.net, here.params, here.x, {.strategy = strategy}), pntk) < tolerance,
               ntk::name(strategy));
}

// What the gradients of each example are recognized by, as tests/fixtures/exported.py has them, (N, arrays, 3).
Array<double> marks_of_gradients(const Case<double>& here) {
  const std::size_t arrays = here.params.count(), examples = here.x.shape()[0];
  Array<double> marks = Array<double>::zeros({examples, arrays, 3});
  for (std::size_t n = 0; n < examples; ++n) {
    Tape<double> tape;
    const auto one = here.net.record(tape, here.params, here.x.rows(n, n + 1));
    const Shape shape = one.output.shape();
    const double weight = 1 / std::sqrt(static_cast<double>(shape.size()));
    const auto gradients =
        pullback<double>(one.output, Var<double>(Array<double>::full(shape, weight)), one.parameters);
    for (std::size_t p = 0; p < arrays; ++p) {
      double squares = 0, cosines = 0, sines = 0;
      if (gradients[p].defined()) {
        const Array<double> gradient = gradients[p].value();
        for (std::size_t i = 0; i < gradient.size(); ++i) {
          squares += gradient[i] * gradient[i];
          cosines += gradient[i] * std::cos(static_cast<double>(i + 1));
          sines += gradient[i] * std::sin(static_cast<double>(i + 1));
        }
      }
      double* mark = marks.mutable_data() + (n * arrays + p) * 3;
      mark[0] = std::sqrt(squares), mark[1] = cosines, mark[2] = sines;
    }
  }
  return marks;
}

bool says(const std::exception& e, std::initializer_list<const char*> texts) {
  for (const char* text : texts)
    if (std::string(e.what()).find(text) == std::string::npos) {
      BOOST_TEST_MESSAGE(e.what());
      return false;
    }
  return true;
}

void expect_refused(const std::string& name, std::initializer_list<const char*> texts) {
  BOOST_CHECK_EXCEPTION(nn::load_exported(program(name)), data_error, [&](const auto& e) { return says(e, texts); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(exported)

BOOST_AUTO_TEST_CASE(networks_compute_what_pytorch_computes) {
  for (const std::string& name : networks()) BOOST_TEST_CONTEXT(name) check<double>(name, 1e-12);
}

BOOST_AUTO_TEST_CASE(gradients_of_each_example_are_those_of_pytorch) {
  for (const std::string& name : networks()) BOOST_TEST_CONTEXT(name) {
      const Case<double> here(name);
      BOOST_TEST(relative(marks_of_gradients(here), here.file.get<double>("gradients")) < 1e-12);
    }
}

BOOST_AUTO_TEST_CASE(every_file_is_used) {
  const std::set<std::string> refused = {"batch_of_three", "training",    "unknown_ops", "whole_parameter",
                                         "branching",      "unsupported", "complex",     "several_outputs"};
  const std::vector<std::string> tried = networks();
  for (const auto& file : fs::directory_iterator(fixtures())) {
    if (file.is_directory()) continue;
    const std::string name = file.path().stem().string();
    BOOST_TEST((refused.contains(name) || std::count(tried.begin(), tried.end(), name) == 1), name);
  }
}

// Each version of PyTorch wrote the same three networks. tests/fixtures/exported_versions.py makes the files.
BOOST_AUTO_TEST_CASE(files_of_all_versions_are_read) {
  std::set<std::string> versions;
  for (const auto& file : fs::directory_iterator(fixtures() / "versions")) {
    if (file.path().extension() != ".safetensors") continue;
    const std::string name = file.path().stem().string();
    versions.insert(name.substr(name.find('_') + 1));
    BOOST_TEST_CONTEXT(name) check<double>("versions/" + name, 1e-12);
  }
  BOOST_TEST(versions == (std::set<std::string>{"2.10.0", "2.11.0", "2.12.0", "2.13.0", "2.14.1", "2.6.0", "2.7.1",
                                                "2.8.0", "2.9.1"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(networks_compute_what_pytorch_computes_in_float) {
  for (const std::string& name : networks()) BOOST_TEST_CONTEXT(name) check<float>(name, 2e-5);
}

BOOST_AUTO_TEST_CASE(parameters_have_the_names_of_the_state_dict) {
  const nn::Exported net = nn::load_exported(program("as_saved"));
  const auto params = net.parameters<double>();
  std::vector<std::string> names;
  for (const auto& info : params.infos()) names.push_back(info.name);
  BOOST_TEST(names == (std::vector<std::string>{"0.weight", "0.bias", "1.weight", "1.bias", "6.weight", "6.bias"}),
             boost::test_tools::per_element());
  BOOST_TEST(params.buffer_infos().size() == 2u);  // running mean and variance
  BOOST_TEST(net.input_types().size() == 1u);
  BOOST_TEST(net.input_types()[0].type == "float64");
  BOOST_TEST(net.input_types()[0].extents.size() == 3u);
  BOOST_TEST(net.torch_version().starts_with("2."));
  const nn::Summary summary = net.summary({3, 8, 8});
  BOOST_TEST(summary.layers.size() == 8u);
  BOOST_TEST(summary.layers[1].path == "0");
  BOOST_TEST(summary.layers[1].type == "Conv2d");
  BOOST_TEST((summary.layers[4].output == Shape{1, 4, 4, 4}));
}

BOOST_AUTO_TEST_CASE(extents_that_are_not_fixed_come_from_the_input) {
  const Case<double> here("any_length");
  BOOST_TEST(here.net.input_types()[0].extents.size() == 2u);
  BOOST_TEST(!here.net.input_types()[0].extents[0].has_value());
  BOOST_TEST((here.x.shape() == Shape{3, 7, 8}));  // it was exported for 4 positions
  BOOST_TEST((here.net(here.params, Array<double>::ones({2, 5, 8})).shape() == Shape{2, 3}));
}

BOOST_AUTO_TEST_CASE(tied_arrays_are_one) {
  const auto params = nn::load_exported(program("tied")).parameters<double>();
  BOOST_TEST(params.count() == 3u);
  BOOST_TEST(params.contains("head.weight"));
}

BOOST_AUTO_TEST_CASE(files_in_memory_are_read_as_files) {
  const auto file = nn::load_exported(program("as_saved")).parameters<double>();
  const auto memory = nn::load_exported(nn::read_raw_file(program("as_saved")), "a module").parameters<double>();
  BOOST_TEST(relative(memory.flat(), file.flat()) == 0.0);
  BOOST_CHECK_EXCEPTION(nn::load_exported({1, 2, 3}, "a module"), data_error,
                        [](const auto& e) { return says(e, {"a module"}); });
}

BOOST_AUTO_TEST_CASE(weights_go_back_to_pytorch_as_they_came) {
  const nn::Exported net = nn::load_exported(program("as_saved"));
  const TemporaryFolder folder;
  auto params = net.parameters<double>();
  params.set("6.bias", Array<double>::from({3}, {1, 2, 3}));
  nn::save_parameters(params, folder / "changed.safetensors");
  const auto again = nn::load_parameters<double>(net, folder / "changed.safetensors");
  BOOST_TEST(again["6.bias"][2] == 3.0);
  BOOST_TEST(relative(again.flat(), params.flat()) == 0.0);
  BOOST_TEST(relative(again.buffers(), params.buffers()) == 0.0);
}

BOOST_AUTO_TEST_CASE(exported_networks_are_trained) {
  const Case<float> here("vit");
  const auto fitted =
      nn::fit(here.net, here.params, here.x, std::vector<std::size_t>{0, 1, 2}, {.epochs = 40, .batch = 3});
  BOOST_TEST(nn::accuracy(here.net, fitted.params, here.x, std::vector<std::size_t>{0, 1, 2}) == 1.0);
}

BOOST_AUTO_TEST_CASE(one_of_several_outputs_is_chosen) {
  expect_refused("several_outputs", {"several arrays", "`output`", "left, right"});
  const nn::Exported net = nn::load_exported(program("several_outputs"), {.output = "right"});
  const auto params = net.parameters<double>();
  const Array<double> x = Array<double>::from({1, 4}, {1, -1, 2, 0});
  const Array<double> y = net(params, x), w = params["b.weight"];
  BOOST_TEST((y.shape() == Shape{1, 3}));
  BOOST_TEST(std::abs(y[2] - (params["b.bias"][2] + w(2, 0) - w(2, 1) + 2 * w(2, 2))) < 1e-14);
  BOOST_CHECK_EXCEPTION(nn::load_exported(program("several_outputs"), {.output = "middle"}), data_error,
                        [](const auto& e) {
                          return says(e, {"no 'middle'", "left, right"});
                        });
}

BOOST_AUTO_TEST_CASE(what_cannot_be_computed_is_refused) {
  expect_refused("batch_of_three", {"batch of 3", "x[:1]"});
  expect_refused("training", {"model.eval()"});
  expect_refused("unsupported",
                 {"unsupported.pt2", "aten.avg_pool2d.default with divisor_override, in layer '0' (AvgPool2d)"});
  expect_refused("unknown_ops", {"aten.sort.default in the network", "aten.special_i0.default in the network"});
  expect_refused("complex", {"aten.fft_fft.default"});
  expect_refused("whole_parameter", {"the parameter 'shift' is of type int64. Make it a buffer"});
  expect_refused("branching", {"higher_order.cond"});
  for (const std::int64_t type : {9, 10, 11, 29, 99})  // complex, 8-bit floating; PyTorch writes no quantized ones
    BOOST_CHECK_EXCEPTION(nn::exported::kind_of(type, "the array 'a'"), data_error,
                          [](const auto& e) { return says(e, {"the array 'a'"}); });
}

BOOST_AUTO_TEST_CASE(inputs_of_another_shape_are_refused) {
  const Case<double> images("as_saved");
  BOOST_CHECK_EXCEPTION(images.net(images.params, Array<double>::ones({2, 3, 8, 9})), shape_error, [](const auto& e) {
    return says(e, {"(2, 3, 8, 9)", "input (N, 3, 8, 8)"});
  });
  const Case<double> two("mixed");
  BOOST_CHECK_EXCEPTION(two.net(two.params, Array<double>::ones({2, 11})), shape_error, [](const auto& e) {
    return says(e, {"(2, 11)", "ids (N, 5), mask (N, 5)", "join_inputs"});
  });
}

BOOST_AUTO_TEST_CASE(damaged_files_are_refused) {
  const TemporaryFolder folder;
  for (const char* name : {"as_saved", "lora", "versions/steps_2.6.0", "versions/steps_2.8.0"}) {
    const std::vector<std::uint8_t> whole = nn::read_raw_file(program(name));
    Random random(name);
    int passed = 0;
    for (int i = 0; i < 150; ++i) {
      std::vector<std::uint8_t> bytes = whole;
      if (i % 2 == 0)
        bytes.resize(random.below(whole.size()));
      else
        for (int flips = 0; flips < 4; ++flips)
          bytes[random.below(bytes.size())] ^= static_cast<std::uint8_t>(1u << random.below(8));
      std::ofstream(folder / "damaged.pt2", std::ios::binary)
          .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
      try {
        const nn::Exported net = nn::load_exported(folder / "damaged.pt2");  // damage of what is not read passes
        BOOST_TEST(i % 2 == 1);
        ++passed;
        Shape shape{2};
        for (const auto& extent : net.input_types().at(0).extents) shape.push_back(extent.value_or(3));
        net(net.parameters<double>(), Array<double>::ones(shape));
      } catch (const error& e) {
        BOOST_TEST(std::string(e.what()).starts_with("["));
      }
    }
    BOOST_TEST(passed < 50);  // among 75 with exchanged bits
  }
}

BOOST_AUTO_TEST_CASE(numbers_that_no_integer_holds_are_refused) {
  for (const char* major : {"4.4e121", "-4.4e121", "8.5", "18446744073709551615", "-9000000000"})
    BOOST_CHECK_EXCEPTION(
        nn::exported::parse_program(R"({"schema_version": {"minor": 1, "major": )" + std::string(major) + "}}", "x"),
        data_error, [](const auto& e) {
          return says(e, {"[load_exported] x: the number", "not whole or out of range"});
        });
  BOOST_CHECK_EXCEPTION(nn::exported::parse_program(R"({"schema_version": {"minor": 1, "major": "8"}})", "x"),
                        data_error, [](const auto& e) { return says(e, {"a string stands in the place"}); });
  for (const double value : {9.3e18, -9.3e18, std::nan(""), HUGE_VAL})
    BOOST_CHECK_THROW(nn::exported::truncated(value), nn::exported::unsupported_call);
  BOOST_TEST(nn::exported::truncated(-2.9) == -2);
}

BOOST_AUTO_TEST_SUITE_END()
