#include "nn/exported/graph.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "autodiff/error.hpp"
#include "nn/exported/aliases.hpp"
#include "nn/exported/json.hpp"

namespace xtangent::nn::exported {
namespace {

using Json = nlohmann::json;

struct ScalarType {
  std::int64_t code;
  const char* name;
  std::optional<Kind> kind;
};
constexpr std::array<ScalarType, 18> scalar_types = {{
    {1, "uint8", Kind::integer},
    {2, "int8", Kind::integer},
    {3, "int16", Kind::integer},
    {4, "int32", Kind::integer},
    {5, "int64", Kind::integer},
    {6, "float16", Kind::floating},
    {7, "float32", Kind::floating},
    {8, "float64", Kind::floating},
    {9, "complex32", std::nullopt},
    {10, "complex64", std::nullopt},
    {11, "complex128", std::nullopt},
    {12, "bool", Kind::boolean},
    {13, "bfloat16", Kind::floating},
    {28, "uint16", Kind::integer},
    {29, "float8_e4m3fn", std::nullopt},
    {30, "float8_e5m2", std::nullopt},
    {31, "float8_e4m3fnuz", std::nullopt},
    {32, "float8_e5m2fnuz", std::nullopt},
}};

const ScalarType* find_type(std::int64_t code) {
  const auto found =
      std::find_if(scalar_types.begin(), scalar_types.end(), [&](const ScalarType& t) { return t.code == code; });
  return found == scalar_types.end() ? nullptr : found;
}

// A number, also one that JSON has no digits for.
double number(const Json& json) {
  if (json.is_number()) return json.get<double>();
  const std::string text = json.get<std::string>();
  if (text == "Infinity" || text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity" || text == "-inf") return -std::numeric_limits<double>::infinity();
  return std::numeric_limits<double>::quiet_NaN();
}

// Parses one graph. Graphs inside of it see only values that they are given.
class GraphParser {
 public:
  explicit GraphParser(const Json& json, int depth = 0) : json_(json), depth_(depth) {}

  Graph parse() {
    for (const Json& input : json_.at("inputs")) graph_.inputs.push_back(argument("", input, true));
    for (const Json& node : json_.at("nodes")) add(node);
    for (const Json& output : json_.at("outputs")) graph_.outputs.push_back(argument("", output, false));
    find_aliases(graph_, depth_ > 0);
    return std::move(graph_);
  }

  ArrayType type(const std::string& name) const {
    const Json& meta = json_.at("tensor_values").at(name);
    ArrayType out{whole<std::int64_t>(meta.at("dtype")), {}};
    for (const Json& size : meta.at("sizes")) {
      if (size.contains("as_int"))
        out.extents.push_back({whole<std::size_t>(size.at("as_int")), {}});
      else
        out.extents.push_back(dynamic(size.at("as_expr")));
    }
    return out;
  }

  std::size_t value(const std::string& name, bool makes) {
    const auto found = numbers_.find(name);
    if (found == numbers_.end() && !makes) throw data_error("no node makes the value '" + name + "'");
    if (found != numbers_.end() && makes) throw data_error("two nodes make the value '" + name + "'");
    if (found != numbers_.end()) return found->second;
    graph_.names.push_back(name);
    return numbers_[name] = graph_.names.size() - 1;
  }

 private:
  static constexpr std::size_t most_extent = 1 << 20;  // more is no example, but damage

  static Extent dynamic(const Json& expression) {
    std::size_t example = 0;
    if (const auto hint = expression.find("hint"); hint != expression.end() && hint->contains("as_int"))
      example = whole<std::size_t>(hint->at("as_int"));
    if (example > most_extent) example = 0;
    return {example, symbol(expression.at("expr_str").get<std::string>())};
  }

  // "Symbol('s31', positive=True, integer=True)" in new files, "s31" in old ones. Other expressions stay as they are:
  // nothing here reads an extent that is computed.
  static std::string symbol(const std::string& text) {
    const std::size_t begin = text.find('\''), end = text.find('\'', begin + 1);
    if (text.starts_with("Symbol(") && end != std::string::npos) return text.substr(begin + 1, end - begin - 1);
    return text;
  }

  Argument argument(const std::string& name, const Json& json, bool makes) {
    if (json.size() != 1) throw data_error("an argument with " + std::to_string(json.size()) + " values");
    return {name, what(json.begin().key(), json.begin().value(), makes)};
  }

  Argument::What what(const std::string& key, const Json& json, bool makes) {
    if (depth_ > most_nested) throw data_error("arguments nested more than " + std::to_string(most_nested) + " times");
    ++depth_;
    Argument::What out = what_of(key, json, makes);
    --depth_;
    return out;
  }

  Argument::What what_of(const std::string& key, const Json& json, bool makes) {
    if (key == "as_none") return std::monostate();
    if (key == "as_tensor" || key == "as_custom_obj" || key == "as_name")
      return Reference{value(json.is_string() ? json.get<std::string>() : json.at("name").get<std::string>(), makes)};
    if (key == "as_bool") return json.get<bool>();
    if (key == "as_int" || key == "as_scalar_type" || key == "as_memory_format" || key == "as_layout")
      return whole<std::int64_t>(json);
    if (key == "as_float") return number(json);
    if (key == "as_string") return json.get<std::string>();
    if (key == "as_device") return json.at("type").get<std::string>();
    if (key == "as_sym_int" || key == "as_sym_float" || key == "as_sym_bool" || key == "as_optional_tensor")
      return argument("", json, makes).what;
    if (key == "as_graph") return std::make_shared<const Graph>(GraphParser(json.at("graph"), depth_).parse());
    static const std::unordered_map<std::string, std::string> lists = {{"as_tensors", "as_tensor"},
                                                                       {"as_ints", "as_int"},
                                                                       {"as_floats", "as_float"},
                                                                       {"as_bools", "as_bool"},
                                                                       {"as_strings", "as_string"},
                                                                       {"as_sym_ints", "as_sym_int"},
                                                                       {"as_sym_floats", "as_sym_float"},
                                                                       {"as_sym_bools", "as_sym_bool"},
                                                                       {"as_optional_tensors", "as_optional_tensor"}};
    const auto list = lists.find(key);
    if (list == lists.end()) throw data_error("an argument of the unknown kind '" + key + "'");
    List out;
    for (const Json& item : json) out.push_back({"", what(list->second, item, makes)});
    return out;
  }

  void add(const Json& json) {
    Node node;
    node.op = json.at("target").get<std::string>();
    if (node.op.starts_with("torch.ops.")) node.op.erase(0, 10);
    for (const Json& input : json.at("inputs"))
      node.arguments.push_back(argument(input.at("name").get<std::string>(), input.at("arg"), false));
    const Reference* base = node.arguments.empty() ? nullptr : std::get_if<Reference>(&node.arguments.front().what);
    node.changes = base && changes_in_place(node.op) && json.at("outputs").size() == 1;
    if (node.changes) {  // its result is the value that it changes, under another name
      numbers_[json.at("outputs")[0].at("as_tensor").at("name").get<std::string>()] = base->value;
      node.results.push_back({"", *base});
    } else {
      for (const Json& output : json.at("outputs")) node.results.push_back(argument("", output, true));
    }
    const Json& metadata = json.at("metadata");
    if (const auto stack = metadata.find("nn_module_stack"); stack != metadata.end()) locate(node, *stack);
    graph_.nodes.push_back(std::move(node));
  }

  // "L__self__,,a.b.Net;L__self___conv,conv,torch.nn.modules.conv.Conv2d"
  static void locate(Node& node, const std::string& stack) {
    const std::string last = stack.substr(stack.rfind(';') + 1);
    const std::size_t first = last.find(','), second = last.find(',', first + 1), dot = last.rfind('.');
    if (second == std::string::npos) return;
    node.path = last.substr(first + 1, second - first - 1);
    node.type = last.substr((dot == std::string::npos || dot < second ? second : dot) + 1);
  }

  static constexpr int most_nested = 30;

  const Json& json_;
  int depth_;
  Graph graph_;
  std::unordered_map<std::string, std::size_t> numbers_;
};

// The one member of an object such as {"parameter": {...}}.
std::pair<std::string, const Json&> member(const Json& json) {
  if (!json.is_object() || json.size() != 1) throw data_error("a specification without exactly one kind");
  return {json.begin().key(), json.begin().value()};
}

// The names of the keys of what forward returns, from its tree of containers; empty where it is no dictionary.
std::vector<std::string> output_keys(const Json& module_call_graph) {
  for (const Json& module : module_call_graph)
    if (module.at("fqn") == "" && module.at("signature").is_object()) {
      const Json tree = Json::parse(module.at("signature").at("out_spec").get<std::string>());
      if (!tree.is_array() || tree.size() < 2 || !tree[1].is_object() || !tree[1].at("context").is_string()) return {};
      const Json context = Json::parse(tree[1].at("context").get<std::string>(), nullptr, false);
      std::vector<std::string> keys;
      if (context.is_array())
        for (const Json& key : context)
          if (key.is_string()) keys.push_back(key.get<std::string>());
      if (context.is_array() && context.size() == 2 && context[0].is_array()) {
        keys.clear();
        for (const Json& key : context[0])
          if (key.is_string()) keys.push_back(key.get<std::string>());
      }
      return keys;
    }
  return {};
}

Program parse(const Json& json) {
  const auto major = whole<int>(json.at("schema_version").at("major"));
  if (major != 8)
    throw data_error("its schema is " + std::to_string(major) + "." +
                     std::to_string(whole<int>(json.at("schema_version").at("minor"))) +
                     "; this library reads 8.x, which PyTorch writes since 2.6. Export it anew with such a version");
  Program out;
  out.torch_version = json.value("torch_version", "unknown");
  const Json& module = json.at("graph_module");
  GraphParser parser(module.at("graph"));
  out.graph = parser.parse();
  const auto number_of = [&](const std::string& name) { return parser.value(name, false); };
  const auto add = [&](Role role, const std::string& value, const std::string& name) {
    out.inputs.push_back({role, number_of(value), name, parser.type(value)});
  };
  for (const Json& spec : module.at("signature").at("input_specs")) {
    const auto [kind, body] = member(spec);
    if (kind == "parameter")
      add(Role::parameter, body.at("arg").at("name"), body.at("parameter_name"));
    else if (kind == "buffer")
      add(Role::buffer, body.at("arg").at("name"), body.at("buffer_name"));
    else if (kind == "tensor_constant")
      add(Role::constant, body.at("arg").at("name"), body.at("tensor_constant_name"));
    else if (kind == "user_input") {
      const auto [type, value] = member(body.at("arg"));
      if (type == "as_tensor") {
        add(Role::user, value.at("name"), value.at("name"));
      } else if (type != "as_none") {
        throw data_error("an input of forward that is no array (" + type + "). Export it with that argument fixed");
      }
    } else if (kind != "constant_input") {
      throw data_error("an input of the kind '" + kind + "', which this library does not know");
    }
  }
  for (const Json& called : module.at("module_call_graph"))
    if (const std::string path = called.at("fqn"); !path.empty() && path.find('@') == std::string::npos)
      out.modules.push_back(path);
  const std::vector<std::string> keys = output_keys(module.at("module_call_graph"));
  for (const Json& spec : module.at("signature").at("output_specs")) {
    const auto [kind, body] = member(spec);
    if (kind == "buffer_mutation")
      throw data_error(
          "it changes the buffer '" + body.at("buffer_name").get<std::string>() +
          "' when it runs. Call model.eval() before torch.export.export. If it still does, compute the new "
          "value in forward without storing it in the buffer");
    if (kind != "user_output")
      throw data_error("an output of the kind '" + kind + "', which this library does not know");
    const auto [type, value] = member(body.at("arg"));
    if (type != "as_tensor") continue;
    const std::string name = value.at("name");
    out.outputs.push_back({"", number_of(name)});
  }
  for (std::size_t i = 0; i < out.outputs.size(); ++i)
    out.outputs[i].name = i < keys.size() ? keys[i] : std::to_string(i);
  for (const Node& node : out.graph.nodes)
    if (!node.type.empty()) out.types.emplace(node.path, node.type);
  return out;
}

}  // namespace

Kind kind_of(std::int64_t scalar_type, const std::string& what) {
  const ScalarType* type = find_type(scalar_type);
  if (!type || !type->kind)
    throw data_error("[load_exported] " + what + " is of type " + type_name(scalar_type) +
                     ". This library computes with real numbers: convert it before the export.");
  return *type->kind;
}

std::string type_name(std::int64_t scalar_type) {
  const ScalarType* type = find_type(scalar_type);
  return type ? type->name : "number " + std::to_string(scalar_type);
}

Program parse_program(const std::string& json, const std::string& source) {
  try {
    return parse(Json::parse(json));
  } catch (const nlohmann::json::exception& e) {
    throw data_error("[load_exported] " + source + ": its graph cannot be read: " + e.what() + ".");
  } catch (const data_error& e) {
    const std::string what = e.what();
    throw data_error(what.starts_with("[") ? what : "[load_exported] " + source + ": " + what + ".");
  }
}

}  // namespace xtangent::nn::exported
