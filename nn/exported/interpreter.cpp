#include "nn/exported/interpreter.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "autodiff/origin.hpp"
#include "nn/exported/aliases.hpp"
#include "nn/exported/table.hpp"

namespace xtangent::nn::exported {
namespace {

std::string module_name(const Node& node) {
  if (node.path.empty()) return "the network" + (node.type.empty() ? "" : " (" + node.type + ")");
  return "layer '" + node.path + "' (" + node.type + ")";
}

template <class T>
class Interpreter {
 public:
  Interpreter(const Graph& graph, const Var<T>& on, const ModuleObserver<T>* observer)
      : graph_(graph), on_(on), observer_(observer), values_(graph.names.size()) {}

  Values<T> run(const Values<T>& inputs) {
    if (inputs.size() != graph_.inputs.size())
      throw data_error("[load_exported] a graph of " + std::to_string(graph_.inputs.size()) +
                       " inputs is called with " + std::to_string(inputs.size()) + ".");
    for (std::size_t i = 0; i < inputs.size(); ++i) bind(graph_.inputs[i].what, inputs[i], "the graph");
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      run_in_module(node);
      if (observer_) observe(node, i + 1 == graph_.nodes.size() ? "" : graph_.nodes[i + 1].path);
      for (std::size_t value : node.last_used) values_[value] = {};
    }
    Values<T> out;
    for (const Argument& output : graph_.outputs) out.push_back(value_of(output.what));
    return out;
  }

 private:
  Value<T> value_of(const Argument::What& what) const {
    if (const auto* reference = std::get_if<Reference>(&what)) return values_[reference->value];
    if (const auto* list = std::get_if<List>(&what)) {
      Values<T> out;
      for (const Argument& item : *list) out.push_back(value_of(item.what));
      return out;
    }
    Value<T> out;
    std::visit(
        [&](const auto& v) {
          using V = std::decay_t<decltype(v)>;
          if constexpr (!std::is_same_v<V, Reference> && !std::is_same_v<V, List>) out.what = v;
        },
        what);
    return out;
  }

  void bind(const Argument::What& what, const Value<T>& value, const std::string& who) {
    if (const auto* reference = std::get_if<Reference>(&what)) {
      values_[reference->value] = value;
    } else if (const auto* list = std::get_if<List>(&what)) {
      const auto* values = std::get_if<Values<T>>(&value.what);
      if (!values || values->size() != list->size())
        throw data_error("[load_exported] " + who + " does not return as many values as the graph says.");
      for (std::size_t i = 0; i < list->size(); ++i) bind((*list)[i].what, (*values)[i], who);
    }
  }

  void bind_results(const Node& node, const Value<T>& result) {
    if (node.results.size() == 1) bind(node.results.front().what, result, node.op);
    if (node.results.size() > 1) bind(node.results, result, node.op);
  }

  void run_in_module(const Node& node) {
    const PlaceName<T> place(record_of(on_), [&] { return module_name(node); });
    try {
      Values<T> arguments;
      for (const Argument& argument : node.arguments) arguments.push_back(value_of(argument.what));
      const Value<T> result = call(node, std::move(arguments));
      if (node.changes && result.tensor())
        change(std::get<Reference>(node.arguments.front().what).value, *result.tensor(), index_of(node));
      else
        bind_results(node, result);
    } catch (const unsupported_call& e) {
      throw data_error("[load_exported] " + node.op + " " + e.what() + ", in " + module_name(node) +
                       ": this library does not do that.");
    } catch (const shape_error& e) {
      throw shape_error(std::string(e.what()) + " This is " + node.op + " in " + module_name(node) + ".");
    }
  }

  Value<T> call(const Node& node, Values<T> arguments) const {
    if (node.op.starts_with("higher_order.wrap_with_")) return inner(node, arguments);
    const Row* row = find_row(node.op);
    if (!row) throw unsupported_call("is unknown");
    const Call<T> c(node, std::move(arguments));
    if constexpr (std::is_same_v<T, float>)
      return row->single(c);
    else
      return row->twice(c);
  }

  std::size_t index_of(const Node& node) const { return static_cast<std::size_t>(&node - graph_.nodes.data()); }

  // Gives a value, and all that share its elements, what an op in place makes of it: first the array of which it is a
  // view, of a view, and so on; then all views of that array that there are by now.
  void change(std::size_t value, Tensor<T> now, std::size_t until) {
    values_[value] = now;
    if (!graph_.shared[value]) return;
    while (const auto made = graph_.views[value]) {
      const Node& view = graph_.nodes[*made];
      value = std::get<Reference>(view.arguments.front().what).value;
      now = put_back(view, *values_[value].tensor(), now);
      values_[value] = now;
    }
    std::set<std::size_t> changed = {value};
    for (std::size_t i = 0; i < until; ++i) {
      const Node& node = graph_.nodes[i];
      if (node.arguments.empty()) continue;
      const auto* base = std::get_if<Reference>(&node.arguments.front().what);
      if (!base || !changed.contains(base->value)) continue;
      bool made = false;
      const auto of_here = [&](std::size_t result) { made = made || graph_.views[result] == i; };
      for (const Argument& result : node.results) each_reference(result.what, of_here);
      if (!made) continue;
      Values<T> arguments;
      for (const Argument& argument : node.arguments) arguments.push_back(value_of(argument.what));
      bind_results(node, call(node, std::move(arguments)));
      for (const Argument& result : node.results)
        each_reference(result.what, [&](std::size_t v) { changed.insert(v); });
    }
  }

  // `base` with the elements of one of its views replaced.
  Tensor<T> put_back(const Node& view, const Tensor<T>& base, const Tensor<T>& part) const {
    Values<T> arguments;
    for (const Argument& argument : view.arguments) arguments.push_back(value_of(argument.what));
    const Call<T> c(view, std::move(arguments));
    const std::string name = base_name(view.op);
    if (name == "slice" || name == "select" || name == "narrow") return with_part(c, name, base, part);
    for (const char* own_inverse : {"transpose", "swapaxes", "swapdims", "t", "mT"})
      if (name == own_inverse) {
        Values<T> again = c.arguments();
        again.front() = part;
        return *call(view, std::move(again)).tensor();
      }
    for (const char* same_order :
         {"view", "view_as", "unflatten", "unsqueeze", "squeeze", "alias", "detach", "dropout", "alpha_dropout",
          "feature_dropout", "feature_alpha_dropout", "positive", "conj", "resolve_conj", "lift_fresh"})
      if (name == same_order) return reshaped(part, base.shape());
    throw unsupported_call("in place on a view by " + view.op);
  }

  // A graph that is run with gradients switched off or on, or with automatic conversions, which do nothing here.
  Value<T> inner(const Node& node, const Values<T>& arguments) const {
    std::size_t at = 0;
    while (at < arguments.size() && !std::holds_alternative<std::shared_ptr<const Graph>>(arguments[at].what)) ++at;
    if (at == arguments.size()) throw unsupported_call("without a graph");
    const bool* enabled = std::get_if<bool>(&arguments.front().what);
    const bool stops = node.op.find("set_grad_enabled") != std::string::npos && enabled && !*enabled;
    const Values<T> given(arguments.begin() + static_cast<std::ptrdiff_t>(at) + 1, arguments.end());
    Values<T> out = Interpreter(*std::get<std::shared_ptr<const Graph>>(arguments[at].what), on_, nullptr).run(given);
    if (stops)
      for (Value<T>& value : out)
        if (auto* tensor = std::get_if<Tensor<T>>(&value.what)) tensor->value = tensor->value.detached();
    const bool single = node.results.size() == 1 && std::holds_alternative<Reference>(node.results.front().what);
    return single && out.size() == 1 ? out.front() : Value<T>(std::move(out));
  }

  // Reports the module of a node, and those around it, that end before the module of the next node.
  void observe(const Node& node, const std::string& next) const {
    const Tensor<T>* last = nullptr;
    for (const Argument& result : node.results)
      if (const auto* reference = std::get_if<Reference>(&result.what); reference && !last)
        last = values_[reference->value].tensor();
    if (!last) return;
    for (std::string path = node.path; !path.empty();) {
      if (next == path || next.starts_with(path + ".")) return;
      (*observer_)(path, path == node.path ? node.type : "", last->value);
      const std::size_t dot = path.rfind('.');
      path.resize(dot == std::string::npos ? 0 : dot);
    }
  }

  const Graph& graph_;
  const Var<T>& on_;
  const ModuleObserver<T>* observer_;
  Values<T> values_;
};

void collect_unknown(const Graph& graph, std::map<std::string, std::vector<std::string>>& out) {
  for (const Node& node : graph.nodes) {
    for (const Argument& argument : node.arguments)
      if (const auto* inner = std::get_if<std::shared_ptr<const Graph>>(&argument.what)) collect_unknown(**inner, out);
    if (node.op.starts_with("higher_order.wrap_with_") || find_row(node.op)) continue;
    std::vector<std::string>& places = out[node.op];
    const std::string place = node.path.empty() ? "the network" : node.path;
    if (std::find(places.begin(), places.end(), place) == places.end()) places.push_back(place);
  }
}

}  // namespace

template <class T>
Values<T> run(const Graph& graph, const Values<T>& inputs, const Var<T>& on, const ModuleObserver<T>* observer) {
  return Interpreter<T>(graph, on, observer).run(inputs);
}

std::string unknown_ops(const Graph& graph) {
  std::map<std::string, std::vector<std::string>> unknown;
  collect_unknown(graph, unknown);
  std::string text;
  for (const auto& [op, places] : unknown) {
    text += "\n  " + op + " in ";
    for (std::size_t i = 0; i < std::min<std::size_t>(places.size(), 3); ++i) text += (i ? ", " : "") + places[i];
    if (places.size() > 3) text += " and " + std::to_string(places.size() - 3) + " more";
  }
  return text;
}

template Values<float> run(const Graph&, const Values<float>&, const Var<float>&, const ModuleObserver<float>*);
template Values<double> run(const Graph&, const Values<double>&, const Var<double>&, const ModuleObserver<double>*);

}  // namespace xtangent::nn::exported
