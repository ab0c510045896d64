#include "ntk/plan.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iomanip>
#include <mutex>
#include <ostream>
#include <sstream>

#include "autodiff/kernels/blas.hpp"
#include "ntk/strategies/strategies.hpp"

namespace xtangent::ntk {
namespace {

// MemAvailable of the machine and what is kept for arrays, or 2 GiB where it cannot be read.
double free_memory() {
  std::ifstream file("/proc/meminfo");
  std::string word;
  double kib = 0;
  while (file >> word)
    if (word == "MemAvailable:" && file >> kib) return kib * 1024 + memory_statistics().recycled;
  return 2.0 * (1u << 30);
}

std::string readable(double value, const char* unit, double base) {
  const char* prefixes[] = {"", "k", "M", "G", "T", "P"};
  std::size_t i = 0;
  while (value >= base && i < 5) {
    value /= base;
    ++i;
  }
  std::ostringstream text;
  text << std::fixed << std::setprecision(i ? 2 : 0) << value << ' ' << prefixes[i] << (base == 1024 && i ? "i" : "") << unit;
  return text.str();
}

// Two examples through the network (two, so that ops which mix examples show): its uses of parameters, its work and
// its memory.
struct Trace {
  std::vector<UsePlan> uses;
  std::size_t outputs = 0, parameters = 0;
  double forward_flop = 0, backward_flop = 0;  // an example (and a probe)
  double activation_bytes = 0;                 // an example
  double parameter_bytes = 0;
  double largest_value = 0;                    // elements of the largest value of one example
};

template <class T>
Array<T> two_examples(const Array<T>& x) {
  if (x.shape()[0] >= 2) return x.rows(0, 2);
  Shape shape = x.shape();
  shape[0] = 2;
  Array<T> twice(shape);
  for (std::size_t i = 0; i < 2; ++i) std::copy_n(x.data(), x.size(), twice.mutable_data() + i * x.size());
  return twice;
}

template <class T>
Trace trace(const Model<T>& model, const Array<T>& x) {
  Tape<T> tape;
  const Recording<T> recording = model.record(tape, two_examples(x));
  const Shape& y = recording.output.shape();
  if (y.rank() != 2 || y[0] != 2 || y[1] == 0)
    throw shape_error("[ntk] the network's output is " + to_string(y) +
                      " for two examples; kernels need (N, O). Flatten it, or add a readout layer.");
  Trace out;
  out.outputs = y[1];
  for (const Var<T>& p : recording.parameters) {
    out.parameters += p.size();
    out.parameter_bytes += static_cast<double>(p.value().bytes());
  }
  if (out.parameters == 0) throw shape_error("[ntk] the network has no trainable parameters: its kernel is empty.");
  std::vector<std::size_t> positions;
  for (const Var<T>& p : recording.parameters) positions.push_back(p.position());
  const auto& nodes = tape.record()->nodes;
  const std::vector<bool> active = depends_on(*tape.record(), positions, nodes.size() - 1);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Node<T>& node = nodes[i];
    if (!node.op) continue;
    std::vector<Shape> shapes;
    bool back = false;
    for (const auto& argument : node.arguments) {
      shapes.push_back(argument.constant.shape());
      back = back || (argument.index >= 0 && active[static_cast<std::size_t>(argument.index)] &&
                      argument.constant.examples() == Examples::axis0);
    }
    const double flop = node.op->flop(shapes, node.value.shape()) / 2;
    out.forward_flop += flop;
    if (back) out.backward_flop += flop;
    out.largest_value = std::max(out.largest_value, static_cast<double>(node.value.size()) / 2);
  }
  out.activation_bytes = (static_cast<double>(tape.statistics().bytes) - out.parameter_bytes) / 2;
  FactorSweep<T> sweep(recording.output, Array<T>::ones(y), recording.parameters, true);
  Array<T> before;
  while (std::optional<ParameterUse<T>> use = sweep.next()) {
    UsePlan plan;
    plan.index = use->parameter;
    plan.parameter = model.names.at(use->parameter);
    plan.op = use->op;
    plan.shape = shape_of(use->factor);
    plan.shares_left = before.defined() && before.data() == use->factor.left.data();
    before = use->factor.left;
    out.uses.push_back(std::move(plan));
  }
  return out;
}

// Examples a recording: the activations stay in the cache together with the weights they meet; weights are packed anew
// for every recording, so many of them want many examples. A matter of shapes alone, so results do not depend on the
// number of threads.
std::size_t shard_size(const Trace& t, std::size_t block, std::size_t probes) {
  const double each = std::max(1.0, t.activation_bytes * (1.0 + 0.25 * static_cast<double>(probes - 1)));
  const double target = (2 << 20) + 4 * t.parameter_bytes;
  return static_cast<std::size_t>(std::clamp(target / each, 1.0, static_cast<double>(block)));
}

RuleCost cost_of(const UsePlan& use, const Plan& p, std::size_t rows, std::size_t columns, bool symmetric) {
  return cost(use.rule, use.shape, rows, columns, p.probes, symmetric, p.mode, p.scalar_bytes,
              static_cast<std::size_t>(materialization_room));
}

// Bytes that the structured strategy holds for a pair of blocks besides the result.
double structured_bytes(const Trace& t, const Plan& p, std::size_t block) {
  const double n = static_cast<double>(std::min(block, p.rows)), m = static_cast<double>(std::min(block, p.columns));
  const double sides = p.symmetric && p.pairs == 1 ? n : n + m;
  const double k = static_cast<double>(p.probes), scalar = static_cast<double>(p.scalar_bytes);
  double scratch = 0, held = 0;
  std::vector<double> of_parameter;  // all uses of one are held until its last
  for (const UsePlan& use : p.uses) {
    of_parameter.resize(std::max(of_parameter.size(), use.index + 1), 0.0);
    of_parameter[use.index] += use.fused ? 0 : sides * use.held_bytes;
    held = std::max(held, of_parameter[use.index]);
    scratch = std::max(scratch, cost_of(use, p, static_cast<std::size_t>(n), static_cast<std::size_t>(m),
                                        p.symmetric && p.pairs == 1).bytes);
  }
  const double block_values = 8 * n * m * (p.mode == ProbeMode::cross ? k * k : 1);
  const double cotangents = 3 * sides * k * t.largest_value * scalar;
  return block_values + sides * t.activation_bytes + cotangents + held + scratch;
}

// A weight and its bias whose only uses follow each other share their left factors: (La Lb^T) o (Ra Rb^T + 1).
void fuse_biases(std::vector<UsePlan>& uses) {
  std::vector<std::size_t> count;
  for (const UsePlan& use : uses) {
    count.resize(std::max(count.size(), use.index + 1), 0);
    ++count[use.index];
  }
  for (std::size_t i = 0; i + 1 < uses.size(); ++i) {
    UsePlan &a = uses[i], &b = uses[i + 1];
    a.with_bias = (a.rule == Rule::outer || a.rule == Rule::readout) && b.shape.kind == FactorKind::rows && b.shape.positions == 1 &&
                  b.shares_left && count[a.index] == 1 && count[b.index] == 1;
    b.fused = a.with_bias;
    if (!b.fused) continue;
    b.cost = {};
    b.held_bytes = 0;
  }
}

// Uses of one parameter are contracted with each other: where their rules do not meet, all of them materialize.
void let_uses_meet(std::vector<UsePlan>& uses) {
  for (const UsePlan& a : uses)
    for (const UsePlan& b : uses) {
      if (a.index != b.index || (a.rule == b.rule && meets(a.rule, a.shape, b.shape))) continue;
      const std::size_t index = a.index;
      for (UsePlan& use : uses)
        if (use.index == index) use.rule = Rule::materialize;
    }
}

void choose_rules(Plan& p, const Options& options) {
  const std::size_t n = std::min(p.block, p.rows), m = std::min(p.block, p.columns);
  for (UsePlan& use : p.uses) {
    use.rule = cheapest_rule(use.shape, n, m, p.probes, p.symmetric, p.mode);
    const std::vector<Rule> rules = rules_for(use.shape);
    if (options.rule && std::find(rules.begin(), rules.end(), *options.rule) != rules.end()) use.rule = *options.rule;
  }
  let_uses_meet(p.uses);
  for (UsePlan& use : p.uses) {
    use.cost = cost_of(use, p, n, m, p.symmetric);
    use.held_bytes = held_bytes(use.rule, use.shape, p.probes, p.mode, p.scalar_bytes);
  }
  fuse_biases(p.uses);
}

void set_block(Plan& p, std::size_t block) {
  p.block = block;
  const std::size_t a = (p.rows + block - 1) / block, b = (p.columns + block - 1) / block;
  p.pairs = p.symmetric ? a * (a + 1) / 2 : a * b;
}

void choose_block(Plan& p, const Trace& t, const Options& options) {
  const std::size_t whole = std::max(p.rows, p.columns);
  std::size_t block = options.block ? std::min(options.block, whole) : whole;
  while (true) {
    set_block(p, block);
    choose_rules(p, options);
    p.working_bytes = structured_bytes(t, p, block) + t.parameter_bytes;
    if (p.bytes() <= p.budget_bytes) return;
    if (block == 1 || options.block)
      throw memory_error("[ntk] the kernel of " + std::to_string(p.rows) + " x " + std::to_string(p.columns) +
                         " examples needs " + readable(p.bytes(), "B", 1024) + " (result " +
                         readable(p.result_bytes, "B", 1024) + ") in blocks of " + std::to_string(block) +
                         ", the budget is " + readable(p.budget_bytes, "B", 1024) +
                         ". Raise options.memory, use fewer examples, or a readout with fewer columns.");
    block = (block + 1) / 2;
  }
}

}  // namespace

const char* name(Strategy strategy) {
  switch (strategy) {
    case Strategy::automatic: return "automatic";
    case Strategy::structured: return "structured";
    case Strategy::jacobian: return "jacobian";
    case Strategy::vector_products: break;
  }
  return "vector_products";
}

template <class T>
Plan make_plan(const Model<T>& model, const Array<T>& x, std::size_t rows, std::size_t columns, bool symmetric,
               const Readout& readout, const Options& options) {
  if (x.rank() < 1 || x.shape()[0] == 0 || rows == 0 || columns == 0)
    throw shape_error("[ntk] no examples: inputs of shape " + to_string(x.shape()) + ". Axis 0 runs over examples; give at least one.");
  const Trace t = trace(model, x);
  readout.weights(t.outputs);  // throws where the readout does not fit the network
  Plan p;
  p.rows = rows;
  p.columns = columns;
  p.outputs = t.outputs;
  p.parameters = t.parameters;
  p.probes = readout.columns(t.outputs);
  p.symmetric = symmetric;
  p.mode = readout.reduction == Readout::Reduction::trace ? ProbeMode::summed : ProbeMode::cross;
  p.readout = readout.name();
  p.scalar_bytes = sizeof(T);
  p.uses = t.uses;
  const double k = static_cast<double>(p.probes), edge = p.mode == ProbeMode::cross ? k : 1;
  const double n = static_cast<double>(rows), m = static_cast<double>(columns);
  p.result_bytes = 8 * n * edge * m * edge;
  p.budget_bytes = options.memory ? static_cast<double>(options.memory) : 0.5 * free_memory();
  choose_block(p, t, options);
  p.shard = shard_size(t, std::min(p.block, std::max(rows, columns)), p.probes);

  const double each = t.forward_flop + k * t.backward_flop;
  // Blocks are swept once for each pair they are in.
  const double sweeps = p.pairs == 1 ? (symmetric ? n : n + m) : 2.0 * static_cast<double>(p.pairs * p.block);
  p.sweep_flop = sweeps * each;
  p.contraction_flop = 0;
  for (const UsePlan& use : p.uses)
    if (!use.fused)
      p.contraction_flop += cost_of(use, p, rows, columns, symmetric).flop;
  // An example of the columns after the other: C pullbacks through it, C pushforwards through all rows.
  const double products = m * (t.forward_flop + 2 * k * t.forward_flop) + n * t.forward_flop + n * m * k * 2 * t.forward_flop;
  p.strategy = options.strategy;
  if (p.strategy == Strategy::automatic)
    p.strategy = products < p.flop() ? Strategy::vector_products : Strategy::structured;
  if (p.strategy == Strategy::vector_products) {
    p.sweep_flop = products;
    p.contraction_flop = 0;
  } else if (p.strategy == Strategy::jacobian) {
    p.sweep_flop = (symmetric ? n : n + m) * (t.forward_flop + 2 * k * t.forward_flop);
    p.contraction_flop = 2 * n * m * edge * edge * static_cast<double>(t.parameters) * (symmetric ? 0.5 : 1.0);
  }
  return p;
}

template Plan make_plan(const Model<float>&, const Array<float>&, std::size_t, std::size_t, bool, const Readout&, const Options&);
template Plan make_plan(const Model<double>&, const Array<double>&, std::size_t, std::size_t, bool, const Readout&, const Options&);

double product_speed(std::size_t scalar_bytes) {
  const auto measure = [](auto zero) {
    using T = decltype(zero);
    constexpr std::size_t n = 512;
    const Array<T> a = Array<T>::ones({n, n});
    Array<T> c({n, n});
    double best = 1e30;
    for (int i = 0; i < 5; ++i) {
      const auto start = std::chrono::steady_clock::now();
      kernels::gemm(false, false, n, n, n, T(1), a.data(), n, a.data(), n, T(0), c.mutable_data(), n);
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return 2.0 * n * n * n / best;
  };
  static std::once_flag once;
  static double of_float = 0, of_double = 0;
  std::call_once(once, [&] {
    of_float = measure(0.0f);
    of_double = measure(0.0);
  });
  return scalar_bytes == sizeof(float) ? of_float : of_double;
}

std::ostream& operator<<(std::ostream& out, const Plan& p) {
  std::size_t width = 9;
  for (const UsePlan& use : p.uses) width = std::max(width, use.parameter.size());
  out << "kernel   " << p.rows << " x " << p.columns << " examples" << (p.symmetric ? " (symmetric)" : "") << ", readout "
      << p.readout << ", " << p.probes << (p.probes == 1 ? " probe" : " probes") << " of " << p.outputs << " outputs, "
      << p.parameters << " parameters\n"
      << "strategy " << name(p.strategy) << "\n";
  if (p.strategy == Strategy::structured) {
    out << std::left << std::setw(static_cast<int>(width) + 2) << "parameter" << std::setw(12) << "op" << std::setw(11)
        << "factor" << std::setw(15) << "rule" << std::right << std::setw(12) << "FLOP" << std::setw(13) << "memory\n";
    for (const UsePlan& use : p.uses)
      out << std::left << std::setw(static_cast<int>(width) + 2) << use.parameter << std::setw(12) << use.op
          << std::setw(11) << name(use.shape.kind) << std::setw(15) << (use.fused ? "with weight" : name(use.rule)) << std::right << std::setw(12)
          << readable(use.cost.flop, "", 1000) << std::setw(12) << readable(use.cost.bytes, "B", 1024) << "\n";
    out << "blocks   " << p.pairs << (p.pairs == 1 ? " pair" : " pairs") << " of " << p.block << " examples, recorded "
        << p.shard << " at a time\n";
  }
  out << "work     " << readable(p.sweep_flop, "FLOP", 1000) << " in sweeps, " << readable(p.contraction_flop, "FLOP", 1000)
      << " in contractions\n"
      << "memory   " << readable(p.result_bytes, "B", 1024) << " for the kernel, "
      << readable(p.working_bytes, "B", 1024) << " to work in, of a budget of " << readable(p.budget_bytes, "B", 1024) << "\n"
      << "time     about " << std::setprecision(2) << p.seconds(product_speed(p.scalar_bytes)) << " s at "
      << readable(product_speed(p.scalar_bytes), "FLOP/s", 1000) << "\n";
  return out;
}

}  // namespace xtangent::ntk
