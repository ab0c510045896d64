#include "nn/exported/exported.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "nn/data/file.hpp"
#include "nn/exported/archive.hpp"
#include "nn/exported/interpreter.hpp"
#include "nn/inputs.hpp"

namespace xtangent::nn {
namespace {

using exported::Archive;
using exported::Extent;
using exported::Input;
using exported::Kind;
using exported::Role;
using exported::Tensor;

struct Declared {
  std::string name;  // without the path of its layer
  Shape shape;
  bool trained = true;
};

// A layer of the exported network, which declares its arrays. Only the graph knows how it runs.
class Part : public Module<Part> {
 public:
  explicit Part(std::string type) : type_(std::move(type)) {}

  std::string type() const override { return type_; }
  void parameters(Declaration& declare) const {
    for (const Declared& array : arrays) {
      if (array.trained)
        declare(array.name, array.shape, initializer(array));
      else
        declare.buffer(array.name, array.shape, 0.0);
    }
  }
  void children(Declaration& visit) const {
    for (const auto& [name, part] : parts) visit(name, *part);
  }
  template <class T>
  Var<T> forward(Scope<T>, const Var<T>&) const {
    throw rule_error("[Exported] a part of an exported network does not run by itself.");
  }

  Part& part(const std::string& name, const std::string& type) {
    for (auto& [known, part] : parts)
      if (known == name) return *part;
    parts.emplace_back(name, std::make_unique<Part>(type));
    return *parts.back().second;
  }

  std::vector<Declared> arrays;
  std::vector<std::pair<std::string, std::unique_ptr<Part>>> parts;

 private:
  static Initializer initializer(const Declared& array) {
    if (array.shape.rank() >= 2)
      return uniform(1.0 / std::sqrt(static_cast<double>(array.shape.size() / array.shape.front())));
    return constant(array.name.ends_with("weight") ? 1.0 : 0.0);
  }

  std::string type_;
};

template <class T>
Array<T> converted(const Array<double>& from) {
  Array<T> out(from.shape());
  std::transform(from.data(), from.data() + from.size(), out.mutable_data(),
                 [](double v) { return exported::element<T>(v); });
  return out;
}

bool is_counter(const std::string& name) {
  return name == "num_batches_tracked" || name.ends_with(".num_batches_tracked");
}

// Splits "layer1.0.weight" into the path and the name.
std::pair<std::string, std::string> split_path(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string::npos) return {"", name};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

// What a graph is given for one of its inputs.
struct Given {
  const Input* input = nullptr;     // null: None
  std::vector<std::string> layers;  // the path of the layer that has the array
  std::string name;
  Array<float> single;  // a constant
  Array<double> twice;
};

}  // namespace

struct Exported::State {
  Archive archive;
  std::size_t output = 0;    // index into the outputs of the graph
  std::vector<Given> given;  // in the order of the graph's inputs
  Part root{"Exported"};
  std::vector<std::pair<std::string, std::string>> ties;  // (later, first)
  std::vector<ExportedInput> inputs;
  std::vector<const Input*> users;
  std::vector<std::string> outputs;

  explicit State(Archive a) : archive(std::move(a)) {}

  bool held(const Input& input) const {
    return (input.role == Role::parameter || input.role == Role::buffer) && !is_counter(input.name);
  }
};

namespace {

using State = Exported::State;

[[noreturn]] void fail(const std::string& source, const std::string& what) {
  throw data_error("[load_exported] " + source + ": " + what);
}

Part& part_of(State& state, const std::string& path) {
  Part* part = &state.root;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    const std::string whole = path.substr(0, end);
    const auto type = state.archive.program.types.find(whole);
    part = &part->part(path.substr(begin, end - begin),
                       type == state.archive.program.types.end() ? "Module" : type->second);
    begin = end + 1;
  }
  return *part;
}

// Declares the arrays of the program, and ties those that lie in the same place of the file.
void declare_arrays(State& state, const std::string& source) {
  for (const std::string& path : state.archive.program.modules) part_of(state, path);
  std::map<std::string, std::string> first;
  for (const Input& input : state.archive.program.inputs) {
    if (input.role == Role::user) continue;
    const auto array = state.archive.arrays.find(input.name);
    if (array == state.archive.arrays.end()) fail(source, "it has no array '" + input.name + "'.");
    if (!state.held(input)) continue;
    const Kind kind = exported::kind_of(array->second.scalar_type, "the array '" + input.name + "'");
    if (input.role == Role::parameter && kind != Kind::floating)
      fail(source, "the parameter '" + input.name + "' is of type " + exported::type_name(array->second.scalar_type) +
                       ". Make it a buffer, or convert it before the export.");
    const auto [path, name] = split_path(input.name);
    part_of(state, path).arrays.push_back({name, array->second.value.shape(), input.role == Role::parameter});
    const auto [known, added] = first.emplace(array->second.storage, input.name);
    if (!added && input.role == Role::parameter) state.ties.emplace_back(input.name, known->second);
  }
}

// What one example of each input is, and which symbols stand for the number of examples.
void describe_inputs(State& state, const std::string& source) {
  for (const Input& input : state.archive.program.inputs) {
    if (input.role != Role::user) continue;
    const std::vector<Extent>& extents = input.type.extents;
    exported::kind_of(input.type.scalar_type, "the input '" + input.name + "'");
    if (extents.empty()) fail(source, "the input '" + input.name + "' has no axis of examples.");
    const Extent& batch = extents.front();
    if (batch.symbol.empty() && batch.number != 1)
      fail(source, "the input '" + input.name + "' was exported for a batch of " + std::to_string(batch.number) +
                       " examples. Export it for one, as every number of examples is computed by the network of one: "
                       "torch.export.export(model.eval(), (x[:1],)).");
    ExportedInput described{input.name, exported::type_name(input.type.scalar_type), {}};
    for (std::size_t i = 1; i < extents.size(); ++i)
      described.extents.push_back(extents[i].symbol.empty() ? std::optional(extents[i].number) : std::nullopt);
    state.inputs.push_back(std::move(described));
    state.users.push_back(&input);
  }
  if (state.inputs.empty()) fail(source, "its graph has no input.");
}

// Where the values of the graph's inputs come from.
void bind_inputs(State& state) {
  for (const exported::Argument& argument : state.archive.program.graph.inputs) {
    Given given;
    if (const auto* reference = std::get_if<exported::Reference>(&argument.what))
      for (const Input& input : state.archive.program.inputs)
        if (input.value == reference->value) given.input = &input;
    if (given.input && state.held(*given.input)) {
      const auto [path, name] = split_path(given.input->name);
      given.name = name;
      for (std::size_t begin = 0; begin < path.size();) {
        const std::size_t end = std::min(path.find('.', begin), path.size());
        given.layers.push_back(path.substr(begin, end - begin));
        begin = end + 1;
      }
    } else if (given.input && given.input->role != Role::user) {
      given.twice = state.archive.arrays.at(given.input->name).value;
      given.single = converted<float>(given.twice);
    }
    state.given.push_back(std::move(given));
  }
}

void choose_output(State& state, const std::string& wanted, const std::string& source) {
  const auto& outputs = state.archive.program.outputs;
  std::string list;
  for (const auto& output : outputs) {
    state.outputs.push_back(output.name);
    list += (list.empty() ? "" : ", ") + output.name;
  }
  if (outputs.empty()) fail(source, "its graph returns no array.");
  if (wanted.empty() && outputs.size() > 1)
    fail(source, "it returns several arrays. Choose one of them by the option `output`: " + list + ".");
  const auto found = std::find(state.outputs.begin(), state.outputs.end(), wanted);
  if (!wanted.empty() && found == state.outputs.end())
    fail(source, "it returns no '" + wanted + "'. There are: " + list + ".");
  const std::size_t chosen = wanted.empty() ? 0 : static_cast<std::size_t>(found - state.outputs.begin());
  const auto& returned = state.archive.program.graph.outputs;
  for (std::size_t i = 0; i < returned.size(); ++i)
    if (const auto* reference = std::get_if<exported::Reference>(&returned[i].what))
      if (reference->value == outputs[chosen].value) state.output = i;
}

std::string described(const ExportedInput& input) {
  std::string text = "(N";
  for (const auto& extent : input.extents) text += ", " + (extent ? std::to_string(*extent) : std::string("any"));
  return text + ")";
}

[[noreturn]] void refuse(const State& state, const Shape& x) {
  std::string expected;
  for (const ExportedInput& input : state.inputs)
    expected += (expected.empty() ? "" : ", ") + input.name + " " + described(input);
  throw shape_error("[Exported] the input is " + to_string(x) + ". Expected " + expected +
                    (state.inputs.size() > 1 ? ", side by side in one row for each example (join_inputs)." : "."));
}

// The extents of one example of each input, without the axis of examples, for x (N, ...).
std::vector<Shape> example_shapes(const State& state, const Shape& x) {
  if (state.inputs.size() == 1) {
    const ExportedInput& input = state.inputs.front();
    bool fits = x.rank() == input.extents.size() + 1;
    for (std::size_t i = 0; fits && i < input.extents.size(); ++i)
      fits = !input.extents[i] || *input.extents[i] == x[i + 1];
    if (!fits) refuse(state, x);
    return {x.slice(1, x.rank())};
  }
  if (x.rank() != 2) refuse(state, x);
  // The sum of the sizes is known, so one extent that stands for any number can be found.
  std::set<std::string> open;
  for (const Input* input : state.users)
    for (std::size_t i = 1; i < input->type.extents.size(); ++i)
      if (!input->type.extents[i].symbol.empty()) open.insert(input->type.extents[i].symbol);
  const auto shapes_with = [&](std::size_t length) {
    std::vector<Shape> shapes;
    for (const Input* input : state.users) {
      Shape shape;
      for (std::size_t i = 1; i < input->type.extents.size(); ++i) {
        const Extent& extent = input->type.extents[i];
        shape.push_back(extent.symbol.empty() ? extent.number : length);
      }
      shapes.push_back(shape);
    }
    return shapes;
  };
  const auto total = [](const std::vector<Shape>& shapes) {
    std::size_t sum = 0;
    for (const Shape& shape : shapes) sum += shape.size();
    return sum;
  };
  if (open.size() > 1)
    throw shape_error("[Exported] several inputs with " + std::to_string(open.size()) +
                      " dynamic extents: one row does not say where each input ends. Export them with fixed extents.");
  for (std::size_t length = 1; length <= x[1]; ++length) {
    const std::vector<Shape> shapes = shapes_with(length);
    if (total(shapes) == x[1]) return shapes;
    if (open.empty() || total(shapes) > x[1]) break;
  }
  refuse(state, x);
}

}  // namespace

template <Scalar T>
Parameters<T> Exported::parameters() const {
  Parameters<T> out = init<T>();
  for (const Input& input : state_->archive.program.inputs)
    if (state_->held(input)) out.set(input.name, converted<T>(state_->archive.arrays.at(input.name).value));
  return out;
}

const std::vector<ExportedInput>& Exported::input_types() const { return state_->inputs; }
const std::vector<std::string>& Exported::outputs() const { return state_->outputs; }
const std::string& Exported::torch_version() const { return state_->archive.program.torch_version; }

void Exported::parameters(Declaration& declare) const { state_->root.parameters(declare); }

void Exported::children(Declaration& visit) const {
  state_->root.children(visit);
  for (const auto& [later, first] : state_->ties) visit.tie(later, first);
}

template <class T>
Var<T> Exported::forward(Scope<T> p, const Var<T>& x) const {
  const State& state = *state_;
  if (x.rank() < 1 || x.examples() != Examples::axis0) refuse(state, x.shape());
  const std::vector<Shape> shapes = example_shapes(state, x.shape());
  const std::vector<Var<T>> rows = shapes.size() == 1 ? std::vector<Var<T>>{x} : split_inputs(x, shapes);
  const std::size_t n = x.shape()[0];
  exported::Values<T> values;
  std::size_t user = 0;
  for (const Given& given : state.given) {
    if (!given.input) {
      values.emplace_back();
      continue;
    }
    Var<T> value;
    if (given.input->role == Role::user) {
      value = reshape(rows[user], shapes[user].prepended(1).prepended(n));
      ++user;
    } else if (!given.name.empty()) {
      Scope<T> layer = p;
      for (const std::string& name : given.layers) layer = layer[name];
      value = given.input->role == Role::parameter ? layer(given.name) : layer.buffer(given.name);
    } else if constexpr (std::is_same_v<T, float>) {
      value = Var<T>(given.single);
    } else {
      value = Var<T>(given.twice);
    }
    values.push_back(Tensor<T>{value, exported::kind_of(given.input->type.scalar_type, "an input")});
  }
  const exported::ModuleObserver<T> report = [&](const std::string& path, const std::string& type, const Var<T>& y) {
    (*p.run().observer)(path, type, y.value());
  };
  const exported::Values<T> all =
      exported::run(state.archive.program.graph, values, x, p.run().observer ? &report : nullptr);
  const Tensor<T>* y = all.at(state.output).tensor();
  if (!y || !y->per_example()) throw shape_error("[Exported] the output does not depend on the input.");
  const Shape shape = y->shape();
  const bool batch = shape.rank() > 0 && shape.front() == 1;
  return reshape(y->value, (batch ? shape.slice(1, shape.rank()) : shape).prepended(n));
}

namespace {

// Runs the graph on shapes alone, so that what it calls in a way that the library does not do is known at once. A graph
// that looks at values, and one of extents for which no example is known, is left to its first run.
void try_calls(const Exported& net, const State& state, const std::string& source) {
  std::vector<Shape> shapes;
  std::size_t elements = 0;
  for (const Input* input : state.users) {
    Shape shape;
    double size = 1;
    for (std::size_t i = 1; i < input->type.extents.size(); ++i) {
      shape.push_back(input->type.extents[i].number);
      size *= static_cast<double>(shape.back());
    }
    if (size == 0 || size > 1e9) return;
    elements += shape.size();
    shapes.push_back(shape);
  }
  const Shape one = shapes.size() == 1 ? shapes.front() : Shape{elements};
  const auto layout = net.layout();
  const Parameters<float> params(layout, Array<float>::zeros({layout->parameter_size}),
                                 Array<float>::zeros({layout->buffer_size}));
  const auto stop = [&](const std::string& what) {
    const std::string prefix = "[load_exported] ";
    fail(source, what.starts_with(prefix) ? what.substr(prefix.size()) : what);
  };
  try {
    net(params, Array<float>::unknown(one.prepended(2), std::make_shared<Unknown>()));
  } catch (const unknown_value&) {
  } catch (const shape_error& e) {
    stop(e.what());
  } catch (const data_error& e) {
    stop(e.what());
  }
}

}  // namespace

Exported load_exported(const std::filesystem::path& file, const ExportedOptions& options) {
  return load_exported(read_raw_file(file), file.string(), options);
}

Exported load_exported(std::vector<std::uint8_t> bytes, const std::string& source, const ExportedOptions& options) {
  auto state = std::make_shared<State>(exported::read_archive(std::move(bytes), source));
  if (const std::string unknown = exported::unknown_ops(state->archive.program.graph); !unknown.empty())
    fail(source,
         "its graph calls ops that this library does not know:" + unknown + "\nCONTRIBUTING.md says how to add one.");
  declare_arrays(*state, source);
  describe_inputs(*state, source);
  bind_inputs(*state);
  choose_output(*state, options.output, source);
  const Exported net(state);
  try_calls(net, *state, source);
  return net;
}

#define XTANGENT_INSTANTIATE(T)                           \
  template Parameters<T> Exported::parameters<T>() const; \
  template Var<T> Exported::forward(Scope<T>, const Var<T>&) const;
XTANGENT_INSTANTIATE(float)
XTANGENT_INSTANTIATE(double)
#undef XTANGENT_INSTANTIATE

}  // namespace xtangent::nn
