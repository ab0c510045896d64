// The table of a plan, and the speed that its seconds are predicted from.
#include <algorithm>
#include <chrono>
#include <iomanip>
#include <mutex>
#include <ostream>

#include "autodiff/kernels/blas.hpp"
#include "ntk/planning/memory.hpp"

namespace xtangent::ntk {
namespace {

void write_uses(std::ostream& out, const Plan& p) {
  std::size_t longest = 9, longest_op = 10;
  for (const UsePlan& use : p.uses) {
    longest = std::max(longest, use.parameter.size());
    longest_op = std::max(longest_op, std::string(use.op).size());
  }
  const int first = static_cast<int>(longest) + 2, second = static_cast<int>(longest_op) + 2;
  out << std::left << std::setw(first) << "parameter" << std::setw(second) << "op" << std::setw(11) << "factor"
      << std::setw(15) << "rule" << std::right << std::setw(12) << "FLOP" << std::setw(14) << "an example"
      << std::setw(12) << "scratch\n";
  for (const UsePlan& use : p.uses)
    out << std::left << std::setw(first) << use.parameter << std::setw(second) << use.op << std::setw(11)
        << name(use.shape.kind) << std::setw(15) << (use.fused ? "with weight" : name(use.rule)) << std::right
        << std::setw(12) << readable_number(use.cost.flop, "") << std::setw(14) << readable_bytes(use.held_bytes)
        << std::setw(11) << readable_bytes(use.cost.bytes) << "\n";
}

void write_cut(std::ostream& out, const Plan& p) {
  const Partition& c = p.partition;
  out << "tiles    " << p.grid.count() << " of " << std::min(c.tile, std::max(p.rows, p.columns)) << " x "
      << std::min(c.tile, p.columns) << " examples";
  if (!c.rows_held)
    out << ", all examples swept in step, " << c.shard << " a recording\n";
  else
    out << ", factors of " << std::min(c.panel, p.rows) << " examples held"
        << (c.columns_held || c.panel >= p.rows ? "" : ", columns swept in step") << ", " << c.shard
        << " a recording\n";
}

}  // namespace

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
  const std::ios_base::fmtflags flags = out.flags();
  const std::streamsize precision = out.precision();
  out << "kernel   " << p.rows << " x " << p.columns << " examples" << (p.symmetric ? " (symmetric)" : "")
      << ", readout " << p.readout << ", " << p.probes << (p.probes == 1 ? " probe" : " probes") << " of " << p.outputs
      << " outputs, " << p.parameters << " parameters\n"
      << "strategy " << name(p.strategy) << "\n";
  if (!p.uses.empty()) write_uses(out, p);
  write_cut(out, p);
  const double speed = product_speed(p.scalar_bytes);
  out << "work     " << readable_number(p.sweep_flop, "FLOP") << " in sweeps, "
      << readable_number(p.contraction_flop, "FLOP") << " in contractions\n"
      << "memory   " << readable_bytes(p.result_held) << " for the kernel";
  if (p.result_held < p.result_bytes) out << " (" << readable_bytes(p.result_bytes) << " in all)";
  out << ", " << readable_bytes(p.working_bytes) << " to work in, of a budget of " << readable_bytes(p.budget_bytes)
      << "\n"
      << "time     about " << std::setprecision(2) << p.seconds(speed) << " s at " << readable_number(speed, "FLOP/s")
      << "\n";
  out.flags(flags);
  out.precision(precision);
  return out;
}

}  // namespace xtangent::ntk
