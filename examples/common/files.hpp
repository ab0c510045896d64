#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nn/module.hpp"

/// Examples that a user has in NumPy files, instead of images, and a network for them: one with a name, or one that
/// PyTorch exported.
namespace xtangent::examples {

struct InputFiles {
  std::vector<std::filesystem::path> inputs, test_inputs;  ///< one file for each input of the network
  std::filesystem::path labels, test_labels;               ///< for these examples; empty: none
  std::filesystem::path model;                             ///< what torch.export.save wrote; empty: none
  std::string output;                                      ///< which of several outputs of the model
  std::string positions;       ///< "last", "mean" or a number: where outputs (N, T, ...) of the model are taken
  std::size_t classes = 0;     ///< outputs of a network with a name; 0: largest label + 1
  std::size_t vocabulary = 0;  ///< tokens are below it; 0: the largest + 1, or that of gpt2

  bool given() const { return !inputs.empty(); }
};

/// Declares --inputs, --model, --output, --positions, --test-inputs, --labels, --test-labels, --classes and
/// --vocabulary. `images` is the option that names images, which then may not be given; `tests` says what test inputs
/// are for.
void input_options(CLI::App& app, InputFiles& files, const std::string& images, const std::string& tests);

/// How many of the examples are taken, the first ones; none or 0: all. `test` is 0 for no test examples.
struct TakenExamples {
  std::optional<std::size_t> train, test;
};

/// Examples as a network takes them, and the network at its parameters. Several inputs stand side by side in the rows,
/// as nn::join_inputs puts them.
template <class T>
struct FileExamples {
  nn::AnyModule net;
  nn::Parameters<T> params;
  double width = 1;
  Array<T> train, test;  ///< (N, ...) and (M, ...); test is undefined without test examples
  std::vector<std::size_t> train_labels, test_labels;
  std::string described;  ///< "x.npy (1000, 16)"
};

/// Reads them, and makes the network `name`, its parameters drawn from `seed`, or reads the model. Messages begin with
/// [program]. Throws what reading throws, option_error for more examples than there are, and shape_error for shapes
/// that do not fit one another or the network.
template <class T>
FileExamples<T> read_examples(const std::string& program, const InputFiles& files, const std::string& name,
                              std::optional<double> width, const TakenExamples& taken, std::uint64_t seed);

}  // namespace xtangent::examples
