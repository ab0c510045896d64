#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "nn/module.hpp"

/// Examples from NumPy files, one file for each input of the network, and networks for them.
namespace xtangent::examples {

/// The inputs of the same N examples, each (N, ...), whole or floating numbers. Messages name the program
/// and its option. Throws what reading throws, and shape_error for an array without an axis of examples or with another
/// number of them.
template <class T>
std::vector<Array<T>> read_inputs(const std::string& program, const std::string& option,
                                  const std::vector<std::filesystem::path>& files);

/// Whole numbers (N,) from 0 on. Throws what reading throws, shape_error (another shape), data_error (a negative one).
std::vector<std::size_t> read_labels(const std::string& program, const std::string& option,
                                     const std::filesystem::path& file, std::size_t examples);

/// What is known of examples when a network is made for them.
struct InputSizes {
  std::vector<Shape> inputs;         ///< for one example, in the order of the files
  std::size_t classes = 0;           ///< outputs; 0: not known
  std::size_t vocabulary = 0;        ///< tokens are below it; 0: not known
  std::optional<double> width = {};  ///< factor of numbers of features; none: the usual one
};

/// A network for examples of these sizes.
struct NetworkForInputs {
  nn::AnyModule net;
  double width;
  bool flat = false;  ///< it takes the numbers of an example in one row, whatever their shape
};

/// The networks of networks.hpp, for images (channels, height, width); text, for tokens (T), or for tokens and a mask
/// of the same shape; and gpt2, for tokens (T). Throws option_error for a name that is not known, and where classes or
/// width are missing or do not fit; shape_error for other inputs, which names those that the network takes.
NetworkForInputs network_for(const std::string& name, const InputSizes& sizes);

/// Whether only inputs from files fit this network.
bool takes_tokens(const std::string& name);

}  // namespace xtangent::examples
