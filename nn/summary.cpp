#include "nn/summary.hpp"

#include <algorithm>
#include <iomanip>
#include <ostream>
#include <set>
#include <sstream>

#include "nn/module.hpp"

namespace xtangent::nn {
namespace {

std::size_t depth_of(const std::string& path) {
  return path.empty() ? 0 : 1 + static_cast<std::size_t>(std::count(path.begin(), path.end(), '.'));
}

double flop_of(const Node<float>& node) {
  if (!node.op) return 0.0;
  std::vector<Shape> shapes;
  for (const auto& argument : node.arguments) shapes.push_back(argument.value.shape());
  return node.op->flop(shapes, node.value.shape());
}

// The indices of the parameters of a layer and its children.
std::set<std::size_t> parameters_of(const Layout& layout, std::size_t layer) {
  std::set<std::size_t> out(layout.layers[layer].parameters.begin(), layout.layers[layer].parameters.end());
  for (std::size_t child : layout.layers[layer].children) out.merge(parameters_of(layout, child));
  return out;
}

// 1234567 as 1,234,567
std::string grouped(std::size_t n) {
  const std::string digits = std::to_string(n);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string readable(double n) {
  const char* prefixes[] = {"", " k", " M", " G", " T", " P"};
  std::size_t i = 0;
  for (; n >= 1000 && i < 5; ++i) n /= 1000;
  std::ostringstream text;
  text << std::fixed << std::setprecision(i ? 2 : 0) << n << prefixes[i];
  return text.str();
}

}  // namespace

Summary ModuleBase::summary(const Shape& example) const {
  const std::shared_ptr<const Layout> made = layout();
  const Parameters<float> params(made, Array<float>::zeros({made->parameter_size}),
                                 Array<float>::zeros({made->buffer_size}));
  Summary out;
  out.input = example;
  out.parameters = made->parameter_size;
  out.buffers = made->buffer_size;
  for (std::size_t l = 0; l < made->layers.size(); ++l) {
    const Layout::Layer& layer = made->layers[l];
    std::size_t elements = 0;
    for (std::size_t p : parameters_of(*made, l)) elements += made->parameters[p].shape.size();
    out.layers.push_back({layer.path, layer.type, depth_of(layer.path), Shape{}, false, elements, 0.0});
  }

  Tape<float> tape;
  std::vector<Var<float>> leaves;
  for (std::size_t i = 0; i < params.count(); ++i) leaves.push_back(tape.variable(params.slice(i)));
  const Var<float> x = tape.variable(Array<float>::zeros(example.prepended(1)), Examples::axis0);
  std::size_t counted = tape.size();
  const LayerObserver<float> observer = [&](const std::string& path, const std::string&, const Array<float>& output) {
    double flop = 0.0;  // for the ops recorded since the last layer ended, which belong to this layer itself
    for (; counted < tape.size(); ++counted) flop += flop_of(tape.record()->nodes[counted]);
    for (Summary::Layer& layer : out.layers) {
      const bool around = layer.path.empty() || path == layer.path || path.starts_with(layer.path + ".");
      if (around) layer.flop += flop;
      if (path != layer.path) continue;
      layer.runs = true;
      layer.output = output.rank() ? output.shape().slice(1, output.rank()) : output.shape();
    }
  };
  Array<float> buffers = params.buffers();
  try {
    run_all<float>(params, leaves, x, Context(), &observer, buffers);
  } catch (const shape_error& e) {
    throw shape_error(std::string(e.what()) + " The example is " + to_string(example) +
                      ", without the axis of examples.");
  }
  out.flop = out.layers.front().flop;
  return out;
}

std::ostream& operator<<(std::ostream& out, const Summary& summary) {
  std::vector<std::vector<std::string>> rows = {{"layer", "type", "output", "parameters", "FLOP"}};
  for (const Summary::Layer& layer : summary.layers) {
    const std::string name = layer.path.empty() ? "(network)" : layer.path;
    rows.push_back({std::string(2 * layer.depth, ' ') + name, layer.type,
                    layer.runs ? to_string(layer.output) : "not run", grouped(layer.parameters), readable(layer.flop)});
  }
  std::vector<std::size_t> width(rows[0].size(), 0);
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  std::ostringstream table;
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c)
      table << (c ? "  " : "") << (c < 3 ? std::left : std::right) << std::setw(static_cast<int>(width[c])) << row[c];
    table << '\n';
  }
  table << "input " << summary.input << ": " << grouped(summary.parameters) << " parameters, "
        << grouped(summary.buffers) << " elements of buffers, " << readable(summary.flop) << " FLOP an example\n";
  return out << table.str();
}

}  // namespace xtangent::nn
