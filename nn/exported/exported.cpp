#include "nn/exported/exported.hpp"

#include <algorithm>
#include <cmath>
#include <new>
#include <stdexcept>
#include <utility>

#include "nn/data/file.hpp"
#include "nn/exported/archive.hpp"
#include "nn/exported/interpreter.hpp"
#include "nn/exported/user_inputs.hpp"
#include "nn/inputs.hpp"

namespace xtangent::nn {
namespace {

using exported::Archive;
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
  exported::UserInputs inputs;
  std::vector<std::string> outputs;

  State(Archive a, const std::string& source) : archive(std::move(a)), inputs(archive.program.inputs, source) {}

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

}  // namespace

template <Scalar T>
Parameters<T> Exported::parameters() const {
  Parameters<T> out = init<T>();
  for (const Input& input : state_->archive.program.inputs)
    if (state_->held(input)) out.set(input.name, converted<T>(state_->archive.arrays.at(input.name).value));
  return out;
}

const std::vector<ExportedInput>& Exported::input_types() const { return state_->inputs.described(); }

bool Exported::in_double() const {
  bool any = false;
  for (const Given& given : state_->given) {
    if (!given.input || given.input->role != Role::parameter) continue;
    any = true;
    if (exported::type_name(given.input->type.scalar_type) == "float64") return true;
  }
  if (any) return false;
  for (const ExportedInput& input : input_types())
    if (input.type.starts_with("float")) return input.type == "float64";
  return false;
}
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
  if (x.rank() < 1) state.inputs.refuse(x.shape());
  if (x.examples() != Examples::axis0)
    throw batch_error("[Exported] axis 0 of the input " + to_string(x.shape()) +
                      " does not run over examples. Begin with batched(x), and mix no examples before the network.");
  const std::vector<Shape> shapes = state.inputs.shapes(x.shape());
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
  const Shape x = state.inputs.exported_for();
  if (x.rank() == 0) return;
  const auto layout = net.layout();
  const Parameters<float> params(layout, Array<float>::zeros({layout->parameter_size}),
                                 Array<float>::zeros({layout->buffer_size}));
  const auto stop = [&](const std::string& what) {
    const std::string prefix = "[load_exported] ";
    fail(source, what.starts_with(prefix) ? what.substr(prefix.size()) : what);
  };
  try {
    net(params, Array<float>::unknown(x, std::make_shared<Unknown>()));
  } catch (const unknown_value&) {
  } catch (const shape_error& e) {
    stop(e.what());
  } catch (const data_error& e) {
    stop(e.what());
  } catch (const std::bad_alloc&) {
    stop("its graph makes arrays that are too large for the memory.");
  } catch (const std::out_of_range&) {
    stop("its graph calls an op with fewer arguments than it takes.");
  }
}

}  // namespace

Exported load_exported(const std::filesystem::path& file, const ExportedOptions& options) {
  return load_exported(read_raw_file(file), file.string(), options);
}

Exported load_exported(std::vector<std::uint8_t> bytes, const std::string& source, const ExportedOptions& options) {
  Archive archive = exported::read_archive(std::move(bytes), source);
  if (const std::string unknown = exported::unknown_ops(archive.program.graph); !unknown.empty())
    fail(source,
         "its graph calls ops that this library does not know:" + unknown + "\nCONTRIBUTING.md says how to add one.");
  const auto state = std::make_shared<State>(std::move(archive), source);
  declare_arrays(*state, source);
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
