// The table of a plan, and the speed from which its seconds are predicted.
#include <algorithm>
#include <chrono>
#include <iomanip>
#include <ostream>
#include <vector>

#include "autodiff/kernels/bfloat16.hpp"
#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "ntk/contraction/rule.hpp"
#include "ntk/planning/planner.hpp"

namespace xtangent::ntk {
namespace {

// A row of the table: one term, or several that cost the same.
struct Row {
  std::string parameter, op, factor, rule;
  double flop, held, scratch;
  std::size_t count = 1;

  bool equals(const Row& other) const {
    return op == other.op && factor == other.factor && rule == other.rule && flop == other.flop && held == other.held &&
           scratch == other.scratch;
  }
};

std::string kinds(const Term& term) {
  std::string out;
  for (const UseShape& part : term.parts) out.append(out.empty() ? "" : " + ").append(name(part.kind));
  return out;
}

// Terms with less than a hundredth of the work share one row, unless there is only one.
std::vector<Row> rows_of(const Plan& p) {
  std::vector<Row> out, small;
  for (const TermPlan& term : p.terms) {
    if (term.fused) continue;  // in the row of its weight
    const std::string uses = term.term.uses > 1 ? ", " + std::to_string(term.term.uses) + " uses" : "";
    const std::string rule =
        std::string(term.rule->name()) + (term.with_bias ? " + bias" : "") + (term.term.rounded ? ", bfloat16" : "");
    Row row{term.parameter, term.op + uses, kinds(term.term),
            rule,           term.cost.flop, std::max(term.held_bytes, term.column_held_bytes),
            term.cost.bytes};
    if (row.flop < 0.01 * p.flop()) {
      small.push_back(std::move(row));
      continue;
    }
    const auto same = std::find_if(out.begin(), out.end(), [&](const Row& other) { return row.equals(other); });
    if (same == out.end())
      out.push_back(std::move(row));
    else
      ++same->count;
  }
  if (small.size() == 1) out.push_back(small[0]);
  if (small.size() > 1) {
    Row rest{std::to_string(small.size()) + (out.empty() ? " parameters" : " others"), "", "", "", 0, 0, 0};
    for (const Row& row : small) {
      rest.flop += row.flop;
      rest.held += row.held;
      rest.scratch = std::max(rest.scratch, row.scratch);
    }
    out.push_back(std::move(rest));
  }
  for (Row& row : out)
    if (row.count > 1) row.parameter += " and " + std::to_string(row.count - 1) + " like it";
  return out;
}

void write_terms(std::ostream& out, const Plan& p) {
  const std::vector<Row> rows = rows_of(p);
  const auto width = [&](const std::string& title, std::string Row::*field) {
    std::size_t most = title.size();
    for (const Row& row : rows) most = std::max(most, (row.*field).size());
    return static_cast<int>(most) + 2;
  };
  const int parameter = width("parameter", &Row::parameter), op = width("op", &Row::op),
            factor = width("factor", &Row::factor), rule = width("rule", &Row::rule);
  out << std::left << std::setw(parameter) << "parameter" << std::setw(op) << "op" << std::setw(factor) << "factor"
      << std::setw(rule) << "rule" << std::right << std::setw(10) << "FLOP" << std::setw(14) << "an example"
      << std::setw(12) << "scratch\n";
  for (const Row& row : rows) {
    const double n = static_cast<double>(row.count);
    out << std::left << std::setw(parameter) << row.parameter << std::setw(op) << row.op << std::setw(factor)
        << row.factor << std::setw(rule) << row.rule << std::right << std::setw(10) << readable_number(n * row.flop, "")
        << std::setw(14) << readable_bytes(n * row.held) << std::setw(11) << readable_bytes(row.scratch) << "\n";
  }
}

// "1 probe", or "1 and 10 probes" where rows and columns have different numbers.
std::string probes_of(const Plan& p) {
  std::string text = std::to_string(p.probes);
  if (p.column_probes != p.probes) text.append(" and ").append(std::to_string(p.column_probes));
  return text.append(p.probes == 1 && p.column_probes == 1 ? " probe" : " probes");
}

void write_sharing(std::ostream& out, const Plan& p) {
  if (p.sharing == Sharing::Mode::claims) out << "shared   with all processes that claim tiles in the same folder\n";
  if (p.sharing == Sharing::Mode::shard)
    out << "shared   this process computes part " << p.shard.index + 1 << " of " << p.shard.count << "\n";
}

double rounded_flop(const Plan& p) {
  double sum = 0;
  for (const TermPlan& term : p.terms)
    if (term.term.rounded) sum += term.cost.flop;
  return sum;
}

// What Precision::bfloat16 does here.
void write_precision(std::ostream& out, const Plan& p) {
  const auto rounded =
      std::count_if(p.terms.begin(), p.terms.end(), [](const TermPlan& term) { return term.term.rounded; });
  out << "rounding ";
  if (rounded == 0) {
    out << "to bfloat16 changes nothing: no weight of at least " << least_rounded
        << " elements is contracted by its gradients\n";
    return;
  }
  out << "to bfloat16 for " << rounded << (rounded == 1 ? " parameter, " : " parameters, ")
      << readable_number(rounded_flop(p), "FLOP") << " of the contractions, ";
  if (const char* instructions = kernels::bfloat16_instructions())
    out << "by " << instructions << "\n";
  else
    out << "emulated by this processor: it saves memory and no time\n";
}

void write_time(std::ostream& out, const Plan& p) {
  const double speed = product_speed(p.scalar_bytes), rounded = rounded_flop(p);
  double seconds = p.seconds(speed);
  if (rounded > 0) seconds += rounded / rounded_product_speed() - rounded / speed;
  out << "time     about " << std::setprecision(2) << seconds << " s, with products at "
      << readable_number(speed, "FLOP/s");
  if (rounded > 0) out << " and " << readable_number(rounded_product_speed(), "FLOP/s") << " in bfloat16";
  out << "\n";
}

void write_cut(std::ostream& out, const Plan& p) {
  const Partition& c = p.partition;
  out << "tiles    " << p.grid.count() << " of " << std::min(c.tile, p.rows) << " x " << std::min(c.tile, p.columns)
      << " examples";
  if (!c.rows_held)
    out << ", all examples swept in step, " << c.shard << " a recording\n";
  else
    out << ", factors of " << std::min(c.panel, p.rows) << " examples held"
        << (c.columns_held || c.panel >= p.rows ? "" : ", columns swept in step") << ", " << c.shard
        << " a recording\n";
}

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Seconds of the fastest of several rounds, behind one that starts the threads. round() gives the seconds that it would
// take if all its products were as fast as the fastest. Some rounds fall into a time in which the machine does other
// work, so they go on until four in a row are no faster or a tenth of a second is over. For some time the system may
// run two threads on one core: while the fastest round takes 1.4 times what round() gives, they go on for three tenths.
template <class F>
double least_seconds(const F& round) {
  round();
  double best = 1e30, possible = 1e30;
  int no_faster = 0;
  const auto begin = Clock::now();
  for (int rounds = 0; rounds < 3 || (best > 1.4 * possible ? since(begin) < 0.3 : no_faster < 4 && since(begin) < 0.1);
       ++rounds) {
    const auto start = Clock::now();
    possible = std::min(possible, round());
    const double seconds = since(start);
    no_faster = seconds < 0.98 * best ? 0 : no_faster + 1;
    best = std::min(best, seconds);
  }
  return best;
}

// Each thread has products of its own, as in a contraction: one product that all threads share would have to be large
// to show what many of them can do. Two for each, so that a thread that comes late does not make up the whole time.
// product(c) computes one of them into an n x n array.
template <class T, class F>
double speed_of_products(std::size_t n, double flop, const F& product) {
  const std::size_t each = 2, products = each * kernels::thread_count();
  std::vector<double> seconds(products);
  const double least = least_seconds([&] {
    kernels::parallel_for(products, 1, [&](std::size_t begin, std::size_t end) {
      Array<T> c({n, n});
      for (std::size_t i = begin; i < end; ++i) {
        const auto start = Clock::now();
        product(c.mutable_data());
        seconds[i] = since(start);
      }
    });
    return static_cast<double>(each) * *std::min_element(seconds.begin(), seconds.end());
  });
  return flop * static_cast<double>(products) / least;
}

template <class T>
double speed_of_large_products() {
  constexpr std::size_t n = 512;
  const Array<T> a = Array<T>::ones({n, n});
  return speed_of_products<T>(n, 2.0 * n * n * n, [&](T* c) {
    kernels::gemm_serial(false, false, n, n, n, T(1), a.data(), n, a.data(), n, T(0), c, n);
  });
}

double speed_of_rounded_products() {
  constexpr std::size_t n = 256, length = 8192;
  const std::vector<std::uint16_t> rows(n * length, 0x3f80);  // ones
  return speed_of_products<float>(n, 2.0 * n * n * length, [&](float* c) {
    kernels::bfloat16_product(n, n, length, rows.data(), length, rows.data(), length, c, n);
  });
}

}  // namespace

double product_speed(std::size_t scalar_bytes) {
  if (scalar_bytes == sizeof(float)) {
    static const double of_float = speed_of_large_products<float>();
    return of_float;
  }
  static const double of_double = speed_of_large_products<double>();
  return of_double;
}

double rounded_product_speed() {
  static const double speed = speed_of_rounded_products();
  return speed;
}

std::ostream& operator<<(std::ostream& out, const Plan& p) {
  const std::ios_base::fmtflags flags = out.flags();
  const std::streamsize precision = out.precision();
  out << "kernel   " << p.rows << " x " << p.columns << " examples" << (p.symmetric ? " (symmetric)" : "")
      << ", readout " << p.readout << ", " << probes_of(p) << " of " << p.outputs << " outputs, " << p.parameters
      << " parameters\n"
      << "strategy " << name(p.strategy) << "\n";
  if (p.precision == Precision::bfloat16) write_precision(out, p);
  if (!p.terms.empty()) write_terms(out, p);
  write_cut(out, p);
  write_sharing(out, p);
  out << "work     " << readable_number(p.sweep_flop, "FLOP") << " in sweeps"
      << (p.strategy == Strategy::structured && p.backward_flop == 0 ? " (one forward pass, no backward one), " : ", ")

      << readable_number(p.contraction_flop, "FLOP") << " in contractions\n"
      << "memory   " << readable_bytes(p.result_held) << " for the kernel";
  if (p.kernels > 1) out << "s of " << p.kernels << " groups of parameters";
  if (p.result_held < p.result_bytes) out << " (" << readable_bytes(p.result_bytes) << " in all)";
  out << ", " << readable_bytes(p.working_bytes) << " to work in, of a budget of " << readable_bytes(p.budget_bytes)
      << "\n";
  write_time(out, p);
  out.flags(flags);
  out.precision(precision);
  return out;
}

}  // namespace xtangent::ntk
