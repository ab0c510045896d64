#include "ntk/planning/profile.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "nn/part.hpp"

namespace xtangent::ntk {
namespace {

template <class T>
Array<T> two_examples(const Array<T>& x) {
  if (x.shape()[0] >= 2) return x.rows(0, 2);
  Shape shape = x.shape();
  shape[0] = 2;
  if (x.shape()[0] == 0) return Array<T>::zeros(shape);
  Array<T> twice(shape);
  for (std::size_t i = 0; i < 2; ++i) std::copy_n(x.data(), x.size(), twice.mutable_data() + i * x.size());
  return twice;
}

// Records two examples by their shapes alone, without arithmetic and memory for values. A network that looks at values
// is recorded with the values of two examples.
template <class T, class Record>
Recording<T> shapes_of(Tape<T>& tape, const Record& record, const Array<T>& x) {
  const auto unknown = std::make_shared<Unknown>();
  try {
    Shape two = x.shape();
    two[0] = 2;
    Recording<T> out = record(tape, Array<T>::unknown(two, unknown));
    unknown->guarded = false;
    return out;
  } catch (const unknown_value&) {
    tape.rewind(0);
    return record(tape, two_examples(x));
  }
}

// f(), which looks at a recording of two examples by `record`. If it finds an error of shapes or mixed examples, the
// message has to show the examples x that the user gave, so the error is looked for again in a recording of their
// shapes. A network that looks at values, or finds no error there, is told with two examples.
template <class T, class Record, class F>
auto told_of_all(const Record& record, const Array<T>& x, const F& f) {
  const auto tell = [&] {
    if (x.shape()[0] == 0) return;
    Tape<T> tape;
    const auto unknown = std::make_shared<Unknown>();
    try {
      const Recording<T> all = record(tape, Array<T>::unknown(x.shape(), unknown));
      unknown->guarded = false;
      if (all.output.on_tape()) FactorSweep<T>(all.output, Array<T>::zeros(all.output.shape()), all.parameters);
    } catch (const unknown_value&) {
    }
  };
  try {
    return f();
  } catch (const shape_error&) {
    tell();
    throw;
  } catch (const batch_error&) {
    tell();
    throw;
  }
}

// The shape for n examples of an array that was found with two examples.
Shape for_examples(std::size_t n, Shape shape) {
  if (shape.rank() > 0 && shape[0] == 2) shape[0] = n;
  return shape;
}

template <class T>
bool is_batched(const Var<T>& value) {
  return value.examples() == Examples::axis0;
}

// Whether the sweep passes a cotangent of each example on to this argument, which has examples itself.
template <class T>
bool passes(const typename Node<T>::Argument& argument, const std::vector<bool>& active) {
  return argument.index >= 0 && active[static_cast<std::size_t>(argument.index)] && is_batched(argument.value);
}

// The forward and backward work of one example.
template <class T>
void count_work(const Record<T>& record, const std::vector<bool>& active, Profile& out) {
  for (const Node<T>& node : record.nodes) {
    if (!node.op) continue;
    std::vector<Shape> shapes;
    double back = 0;  // elements of the cotangents that the op passes on
    for (const auto& argument : node.arguments) {
      shapes.push_back(argument.value.shape());
      if (passes<T>(argument, active)) back += static_cast<double>(argument.value.size()) / 2;
    }
    const double flop = node.op->flop(shapes, node.value.shape()) / 2;
    out.forward_flop += flop;
    out.forward_elements += static_cast<double>(node.value.size()) / 2;
    if (back > 0) out.backward_flop += flop;
    out.backward_elements += back;
  }
}

// Where the sweep passes a cotangent on to, or nothing where it makes a factor instead: what has examples, and values
// that are made of parameters alone, of which each example has a cotangent. Factors pass changes of a parameter's
// layout, see FactorSweep.
template <class T>
std::optional<std::size_t> receiver(const Record<T>& record, const std::vector<bool>& active, const Node<T>& node,
                                    const typename Node<T>::Argument& argument) {
  if (!node.op || argument.index < 0 || !active[static_cast<std::size_t>(argument.index)]) return std::nullopt;
  auto at = static_cast<std::size_t>(argument.index);
  if (is_batched(argument.value) || !is_batched(node.value)) return at;
  while (record.nodes[at].op && (record.nodes[at].op->reshapes() || record.nodes[at].op->transposes()))
    at = static_cast<std::size_t>(record.nodes[at].arguments[0].index);
  return record.nodes[at].op ? std::optional(at) : std::nullopt;
}

// The most that a reverse sweep with so many probes holds. At each step these are the values that it has not passed,
// the cotangents that wait, and twice the cotangents of the step, since a rule needs as much again for intermediate
// results.
template <class T>
double sweep_memory(const Record<T>& record, const std::vector<bool>& active, double probes, Profile& out) {
  const std::size_t count = record.nodes.size();
  const auto bytes_of = [](const Var<T>& value) { return static_cast<double>(value.value().bytes()) / 2; };
  const auto cotangent_of = [&](const Var<T>& value) { return probes * bytes_of(value) * (is_batched(value) ? 1 : 2); };
  std::vector<double> kept(count + 1, 0);  // bytes that the nodes before a node keep
  std::set<const void*> seen;
  for (std::size_t i = 0; i < count; ++i) {
    const Var<T>& value = record.nodes[i].value;
    const bool counts = (is_batched(value) || record.nodes[i].moved) && seen.insert(value.value().data()).second;
    kept[i + 1] = kept[i] + (counts ? bytes_of(value) : 0);
  }
  out.activation_bytes = kept[count];
  std::vector<bool> waits(count, false);
  waits[count - 1] = true;
  double waiting = cotangent_of(record.nodes[count - 1].value), most = kept[count];
  for (std::size_t i = count; i-- > 0;) {
    const Node<T>& node = record.nodes[i];
    if (!waits[i]) continue;
    double fresh = 0, passed = 0;
    for (const auto& argument : node.arguments) {
      const std::optional<std::size_t> at = receiver(record, active, node, argument);
      if (!at) continue;
      passed += cotangent_of(argument.value);
      if (!waits[*at]) fresh += cotangent_of(argument.value);
      waits[*at] = true;
    }
    waiting += fresh;
    most = std::max(most, kept[i + 1] + waiting + passed + cotangent_of(node.value));
    waiting -= cotangent_of(node.value);
  }
  return most;
}

// The products of both sweeps through a node: one back and one forward for each argument that is differentiated. A bias
// adds no product.
template <class T>
double product_flop(const Node<T>& node, const std::vector<bool>& active) {
  std::vector<Shape> shapes;
  double wanted = 0;
  for (const auto& argument : node.arguments) {
    const Shape& shape = argument.value.shape();
    shapes.push_back(shape);
    const bool depends = argument.index >= 0 && active[static_cast<std::size_t>(argument.index)];
    if (depends && (shape.rank() > 1 || node.arguments.size() == 1)) wanted += 1;
  }
  return 2 * wanted * node.op->flop(shapes, node.value.shape());
}

// The bytes that a forward sweep holds, those of constants such as masks, and the FLOP of a pullback and a pushforward.
template <class T>
void count_products(const Record<T>& record, const std::vector<bool>& active, Profile& out) {
  double largest = 0;
  std::set<const void*> constants;
  for (std::size_t i = 0; i < record.nodes.size(); ++i) {
    const Node<T>& node = record.nodes[i];
    if (!node.op) continue;
    for (const auto& argument : node.arguments)
      if (argument.index < 0 && !is_batched(argument.value) && constants.insert(argument.value.value().data()).second)
        out.fixed_bytes += static_cast<double>(argument.value.value().bytes());
    const double bytes = static_cast<double>(node.value.value().bytes());
    if (!is_batched(node.value)) {
      out.fixed_bytes += bytes;
      continue;
    }
    if (!active[i]) continue;
    out.tangent_bytes += bytes / 2;
    out.product_flop += product_flop(node, active) / 2;
    largest = std::max(largest, bytes / 2);
  }
  out.tangent_bytes += 4 * largest;
}

// With some parameters constant, a recording lacks what lies below all others. These ops are run all the same, and hold
// an argument, a value and as much again for a moment.
template <class T>
void count_unrecorded(const Model<T>& model, const Array<T>& x, Profile& out) {
  Tape<T> tape;
  nn::on_part_of(x.shape(),
                 [&] { told_of_all(model.record_all, x, [&] { shapes_of<T>(tape, model.record_all, x); }); });
  double flop = 0, largest = 0;
  for (const Node<T>& node : tape.record()->nodes) {
    if (!node.op) continue;
    std::vector<Shape> shapes;
    double bytes = 2 * static_cast<double>(node.value.value().bytes());
    for (const auto& argument : node.arguments) {
      shapes.push_back(argument.value.shape());
      if (is_batched(argument.value)) bytes += static_cast<double>(argument.value.value().bytes());
    }
    flop += node.op->flop(shapes, node.value.shape()) / 2;
    if (is_batched(node.value)) largest = std::max(largest, bytes / 2);
  }
  out.forward_flop = flop;
  for (double* bytes : {&out.sweep_bytes, &out.column_sweep_bytes})
    *bytes = std::max(*bytes, out.activation_bytes + 2 * largest);
}

template <class T>
std::string described(const Record<T>& record) {
  std::string text;
  for (const Node<T>& node : record.nodes) {
    text += node.op ? node.op->name() : "leaf";
    for (const auto& argument : node.arguments) text.append(" ").append(std::to_string(argument.index));
    text.append(" ").append(to_string(node.value.shape())).append("\n");
  }
  return text;
}

}  // namespace

template <class T>
Profile profile(const char* who, const Model<T>& model, const Array<T>& x, const Readout& readout) {
  Tape<T> tape;
  const Recording<T> recording = nn::on_part_of(
      x.shape(), [&] { return told_of_all(model.record, x, [&] { return shapes_of<T>(tape, model.record, x); }); });
  const Shape& y = recording.output.shape();
  const std::string name = std::string("[") + who + "] ";
  if (y.rank() != 2 || y[0] != 2 || y[1] == 0)
    throw shape_error(name + "the network's output is " + to_string(for_examples(x.shape()[0], y)) + " for examples " +
                      to_string(x.shape()) + "; kernels need (N, ...), with the same axis of examples.");
  if (model.record_all && !recording.output.on_tape())
    throw option_error(name + "the output depends on none of the chosen parameters, the first of which is " +
                       model.names.front() + ". Choose others.");
  Profile out;
  out.outputs = y[1];
  readout.check(out.outputs);
  std::vector<std::size_t> positions;
  for (const Var<T>& p : recording.parameters) {
    out.parameters += p.size();
    const auto bytes = static_cast<double>(p.value().bytes());
    out.parameter_bytes += bytes;
    out.largest_parameter_bytes = std::max(out.largest_parameter_bytes, bytes);
    positions.push_back(p.position());
  }
  if (out.parameters == 0) throw shape_error(name + "the network has no trainable parameters: its kernel is empty.");
  const Record<T>& record = *tape.record();
  const std::vector<bool> active = depends_on(record, positions, record.nodes.size() - 1);
  count_work(record, active, out);
  const auto sweep_bytes = [&](Readout::Of side) {
    return sweep_memory(record, active, static_cast<double>(readout.columns(out.outputs, side)), out);
  };
  out.sweep_bytes = sweep_bytes(Readout::Of::rows);
  out.column_sweep_bytes = sweep_bytes(Readout::Of::columns);
  count_products(record, active, out);
  if (model.record_all) count_unrecorded(model, x, out);
  out.description = described(record);
  // A sweep with the same cotangents for both examples finds that the last layer has the same left factors.
  Array<T> seeds = Array<T>::ones(y);
  if (!readout.common()) seeds.mutable_data()[0] = T(2);
  std::optional<FactorSweep<T>> sweep;
  told_of_all(model.record, x, [&] { sweep.emplace(recording.output, std::move(seeds), recording.parameters, true); });
  Array<T> before;
  double dense = 0;  // bytes of the largest gradient that an op without a rule makes itself
  while (std::optional<ParameterUse<T>> use = sweep->next()) {
    if (use->factor.kind == FactorKind::dense && record.nodes[use->node].op)
      dense = std::max(dense, static_cast<double>(use->factor.parameter.size() * sizeof(T)));
    const Array<T>& left = use->factor.left;
    out.uses.push_back({model.names.at(use->parameter), use->op, use->parameter, use->factor.shape(),
                        before.defined() && before.data() == left.data()});
    before = left;
    if (model.metric.empty()) continue;
    const Array<double>& metric = model.metric[use->parameter];
    out.uses.back().elementwise = metric.size() > 1;
    out.uses.back().metric = metric.size() > 1 ? 1 : metric[0];
  }
  out.sweep_bytes += dense * static_cast<double>(readout.columns(out.outputs, Readout::Of::rows));
  out.column_sweep_bytes += dense * static_cast<double>(readout.columns(out.outputs, Readout::Of::columns));
  for (const Array<double>& metric : model.metric) out.metric_bytes += static_cast<double>(metric.bytes());
  out.metric_bytes *= 1 + static_cast<double>(sizeof(T)) / sizeof(double);
  return out;
}

template Profile profile(const char*, const Model<float>&, const Array<float>&, const Readout&);
template Profile profile(const char*, const Model<double>&, const Array<double>&, const Readout&);

}  // namespace xtangent::ntk
