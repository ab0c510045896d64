#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nn/module.hpp"

/// Networks of PyTorch as they are: what torch.export.save wrote is read as a network of this library.
///
///   # Python
///   program = torch.export.export(model.eval(), (x[:1],))   # one example
///   torch.export.save(program, "net.pt2")
///
///   // C++
///   const nn::Exported net = nn::load_exported("net.pt2");
///   const auto params = net.parameters<float>();
///   const auto k = ntk::pntk(net, params, x);   // x (N, ...), any N
///
/// The network was exported for one example, and is computed for N of them at the same time: the axis of examples that
/// PyTorch saw has one entry, and stays so. docs/exported.md lists the networks that were tried; the ops are the rows
/// of the tables in nn/exported/.
namespace xtangent::nn {

/// An input of an exported network.
struct ExportedInput {
  std::string name;  ///< the argument's in forward
  std::string type;  ///< "float32", "int64", "bool"
  /// The extents of one example, without the axis of examples; none for those that were exported as dynamic.
  std::vector<std::optional<std::size_t>> extents;
};

/// A network from a file. Copies share everything.
///
/// Parameters and buffers have the names of PyTorch's state_dict; arrays that are used under several names are tied.
/// The inputs of a network with several of them stand side by side in one row, see inputs.hpp. Whole numbers, such as
/// tokens, are given as floating ones. `init` draws new values: for arrays of two or more axes uniform between +-1 /
/// sqrt(elements of a row), 1 for other weights, 0 for the rest.
class Exported : public Module<Exported> {
 public:
  struct State;
  explicit Exported(std::shared_ptr<const State> state) : state_(std::move(state)) {}

  /// The parameters and buffers of the file.
  template <Scalar T>
  Parameters<T> parameters() const;
  const std::vector<ExportedInput>& input_types() const;
  /// Whether a parameter is float64 in the file, or, where there is none, the first floating input.
  bool in_double() const;
  /// The names of what forward returns, as `ExportedOptions::output` takes them.
  const std::vector<std::string>& outputs() const;
  /// "2.13.0+cpu"
  const std::string& torch_version() const;

  void parameters(Declaration& declare) const;
  void children(Declaration& visit) const;
  /// (N, ...) of the output, for x (N, ...) in the shape of the input. Throws shape_error naming the input or the
  /// layer, batch_error where axis 0 of x does not run over examples, and data_error for a call that the library cannot
  /// do.
  template <class T>
  Var<T> forward(Scope<T> p, const Var<T>& x) const;

 private:
  std::shared_ptr<const State> state_;
};

struct ExportedOptions {
  /// Which of several outputs: its key in the dictionary that forward returns, or its number from 0.
  std::string output = {};
};

/// Reads a file that torch.export.save wrote, with schema 8.x: PyTorch 2.6 and newer. Throws data_error: naming file
/// and byte for what is no such file or is damaged; listing all ops that this library does not know, with the modules
/// that call them; for a batch that is fixed at more than one example, training mode, complex or quantized arrays,
/// whole numbers that are trained; for a call that the library does not do in this way; and listing the outputs if
/// there are several and none is chosen. Cost: the file is in memory once, and its arrays once more.
Exported load_exported(const std::filesystem::path& file, const ExportedOptions& options = {});
/// The same from a file in memory, which messages call `source`.
Exported load_exported(std::vector<std::uint8_t> bytes, const std::string& source, const ExportedOptions& options = {});

}  // namespace xtangent::nn
