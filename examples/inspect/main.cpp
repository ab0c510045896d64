// Says what is in a network that PyTorch exported: its inputs, outputs and layers, and what its kernels would cost.
#include <filesystem>
#include <iostream>

#include "examples/common/format.hpp"
#include "examples/common/program.hpp"
#include "nn/exported/exported.hpp"
#include "nn/summary.hpp"
#include "ntk/kernel.hpp"

namespace {

using namespace xtangent;
using namespace xtangent::examples;

struct Settings {
  std::filesystem::path file;
  std::string output;
  std::size_t n = 1000, extent = 0;
};

const Program program = {
    "inspect",
    "The inputs, outputs and layers of a network that torch.export.save wrote, and what its kernels would cost.",
    {{"net.pt2", "layers, parameters and FLOP, and the plans of its pNTK and eNTK for 1,000 examples"},
     {"net.pt2 --extent 128 --n 5000", "5,000 sequences of 128 tokens, for a network of any length"}},
    "Plan for fewer examples by --n."};

void add_options(CLI::App& app, Settings& s) {
  app.add_option("file", s.file, "What torch.export.save wrote")
      ->type_name("FILE")
      ->required()
      ->check(named())
      ->default_str("no default");
  option(app, "--output", s.output, "NAME", "Which of several outputs")->default_str("the only one");
  count_option(app, "--n", s.n, 1, "Examples for which the kernels are planned");
  count_option(app, "--extent", s.extent, 0, "Extent of the axes that were exported as dynamic; 0: there are none");
}

// The shape of one example of one input, and all inputs of an example as one.
Shape example_shape(const nn::Exported& net, std::size_t extent) {
  std::size_t total = 0;
  Shape one;
  for (const nn::ExportedInput& input : net.input_types()) {
    one = {};
    for (const auto& fixed : input.extents) {
      if (!fixed && extent == 0)
        throw option_error("The input '" + input.name +
                           "' was exported with an axis of any extent. Choose the extent by --extent.");
      one.push_back(fixed.value_or(extent));
    }
    total += one.size();
  }
  return net.input_types().size() == 1 ? one : Shape{total};
}

std::string described(const nn::ExportedInput& input) {
  std::string text = "  " + input.name + " (N";
  for (const auto& extent : input.extents) text += ", " + (extent ? std::to_string(*extent) : std::string("any"));
  return text + ") " + input.type;
}

void run(const Settings& s) {
  const nn::Exported net = nn::load_exported(s.file, {.output = s.output});
  std::cout << s.file.filename().string() << ", exported by PyTorch " << net.torch_version() << "\n\ninputs\n";
  for (const nn::ExportedInput& input : net.input_types()) std::cout << described(input) << '\n';
  std::cout << "outputs\n";
  for (const std::string& name : net.outputs()) std::cout << "  " << name << '\n';
  const Shape example = example_shape(net, s.extent);
  std::cout << '\n' << net.summary(example);
  const auto params = net.parameters<float>();
  const auto x = Array<float>::zeros(example.prepended(s.n));
  for (const bool whole : {false, true}) {
    std::cout << '\n' << (whole ? "eNTK" : "pNTK") << " of " << s.n << " examples, in float\n";
    try {
      std::cout << ntk::plan(net, params, x, whole ? ntk::readout::full() : ntk::readout::pseudo());
    } catch (const memory_error& e) {
      std::cout << "  does not fit into the memory: " << e.what() << '\n';
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  if (const auto status = parse_options(argc, argv, program, settings, add_options)) return *status;
  return run_program(program, argv, [&] { run(settings); });
}
