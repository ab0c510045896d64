#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// The graph of an exported program as its JSON has it, in types of our own.
namespace xtangent::nn::exported {

struct Graph;
struct Argument;
using List = std::vector<Argument>;

/// A value of the graph: an index into the values of a run.
struct Reference {
  std::size_t value = 0;
};

/// What a node is given, under the name of the parameter of its op ("stride"). `monostate` is None. The codes of
/// element types, layouts and memory formats are whole numbers.
struct Argument {
  using What = std::variant<std::monostate, bool, std::int64_t, double, std::string, Reference, List,
                            std::shared_ptr<const Graph>>;
  std::string name;
  What what;
};

/// One call of an op.
struct Node {
  std::string op;  ///< "aten.conv2d.default", "_operator.mul"
  List arguments;
  List results;                        ///< references, or lists of them
  std::string path, type;              ///< describe the module that calls it: "layer1.0.conv1", "Conv2d"
  std::vector<std::size_t> last_used;  ///< values that no later node and no output needs
  bool changes = false;                ///< its first argument, in place: "aten.relu_.default"
};

struct Graph {
  std::vector<std::string> names;  ///< one for each value
  List inputs, outputs;
  std::vector<Node> nodes;
  /// Which values share their elements with one that is changed in place, and for each of these that is a view of
  /// another value, the node that makes it.
  std::vector<bool> shared;
  std::vector<std::optional<std::size_t>> views;
};

/// The type of the elements of an array, as far as ops depend on it.
enum class Kind { boolean, integer, floating };
/// The kind of an element type by its code in the schema of PyTorch. Throws data_error for complex, quantized and
/// 8-bit floating types, naming `what`.
Kind kind_of(std::int64_t scalar_type, const std::string& what);
/// "float32".
std::string type_name(std::int64_t scalar_type);

/// An extent: a number, or the name of a symbol that stands for any number.
struct Extent {
  std::size_t number = 0;  ///< for a symbol that of the example with which the program was exported, or 0 if unknown
  std::string symbol;
};

struct ArrayType {
  std::int64_t scalar_type = 0;
  std::vector<Extent> extents;
};

/// What an input of the graph is.
enum class Role { parameter, buffer, constant, user };

struct Input {
  Role role = Role::user;
  std::size_t value = 0;  ///< its number in the graph
  std::string name;       ///< "layer1.0.weight", or that of the argument of forward
  ArrayType type;
};

struct Output {
  std::string name;  ///< the key under which the model returns it, or its number
  std::size_t value = 0;
};

/// A program that torch.export.save wrote, without its arrays.
struct Program {
  std::string torch_version;
  Graph graph;
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  std::vector<std::string> modules;          ///< the paths of all modules, in the order in which they are registered
  std::map<std::string, std::string> types;  ///< modules that call an op, by their paths: "Conv2d"
};

/// Parses models/model.json. Throws data_error naming `source` for what is no such JSON, another schema than 8.x, and
/// values that no node makes.
Program parse_program(const std::string& json, const std::string& source);

}  // namespace xtangent::nn::exported
