// The rule that forms the gradients themselves, (K, N, P), and multiplies them, which is right for every use. A side
// holds the gradients if they are not larger than the factors. Otherwise it holds the factors, and each contraction
// forms the gradients in pieces of rows of the parameter. Gradients of different parts of a term are added before the
// product.
#include <algorithm>
#include <numeric>
#include <utility>

#include "autodiff/kernels/convolution.hpp"
#include "autodiff/kernels/layout.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "ntk/contraction/effort.hpp"
#include "ntk/contraction/gradients.hpp"
#include "ntk/contraction/rectangles.hpp"
#include "ntk/contraction/rule.hpp"

namespace xtangent::ntk {
namespace {

using kernels::loops;
using kernels::parallel_for;

constexpr std::size_t run_length = 8192;

// How a Gram of long rows is cut: into rectangles, into runs of the rows whose products are added in double and in
// order, and, if there are few rectangles, into parts of runs that are tasks of their own.
struct GramCut {
  std::size_t edge, rectangles, largest, runs, parts;

  GramCut(std::size_t row_probes, std::size_t rows, std::size_t column_probes, std::size_t columns, bool symmetric,
          std::size_t length, ProbeMode mode)
      : edge(rectangle_edge(rows, columns)),
        rectangles(count_rectangles(row_probes, rows, column_probes, columns, symmetric, edge, mode)),
        largest(std::min(rows, edge) * std::min(columns, edge)),
        runs((length + run_length - 1) / run_length),
        parts(rectangles >= 16 ? 1 : std::min(runs, 16 / rectangles + 1)) {}
  // The scratch for products and partial sums.
  std::size_t bytes(const Workspace& w) const {
    const std::size_t tasks = rectangles * parts, running = w.at_a_time(tasks);
    return largest * (running * w.scalar_bytes + (parts > 1 ? tasks : running) * sizeof(double));
  }
};

void add_rectangle(const Rectangle& t, const double* sum, Block& block) {
  for (std::size_t i = 0; i < t.rows; ++i)
    loops<double>().axpy(t.columns, 1.0, sum + i * t.columns,
                         block.values.data() + (t.row + i) * block.width() + t.column);
}

// values += A B^T for A (K N, length) and B (K' M, length).
template <class T>
void add_gram(Rows<T> a, Rows<T> b, Block& block) {
  join_probes(a, b, block.mode);
  const GramCut cut(a.probes, a.rows, b.probes, b.rows, block.symmetric, a.length, block.mode);
  const std::vector<Rectangle> rectangles =
      rectangles_of(a.probes, a.rows, b.probes, b.rows, block.symmetric, cut.edge, block.mode);
  const std::size_t runs_each = (cut.runs + cut.parts - 1) / cut.parts,
                    largest = rectangles.empty() ? 0 : rectangles[0].rows * rectangles[0].columns;
  Array<double> partial;
  if (cut.parts > 1) partial = Array<double>({rectangles.size() * cut.parts, largest});
  double* partials = cut.parts > 1 ? partial.mutable_data() : nullptr;
  parallel_for(rectangles.size() * cut.parts, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t task = begin; task < end; ++task) {
      const Rectangle& t = rectangles[task / cut.parts];
      const std::size_t part = task % cut.parts;
      Array<T> product({t.rows, t.columns});
      Array<double> own;
      if (!partials) own = Array<double>({t.rows, t.columns});
      double* sum = partials ? partials + task * largest : own.mutable_data();
      std::fill_n(sum, t.rows * t.columns, 0.0);
      for (std::size_t run = part * runs_each; run < std::min(cut.runs, (part + 1) * runs_each); ++run) {
        rectangle_product(t, a, b, run * run_length, std::min(a.length, (run + 1) * run_length),
                          product.mutable_data());
        loops<T>().accumulate(t.rows * t.columns, product.data(), 1.0, sum);
      }
      if (!partials) add_rectangle(t, sum, block);
    }
  });
  for (std::size_t task = 0; partials && task < rectangles.size() * cut.parts; ++task)
    add_rectangle(rectangles[task / cut.parts], partials + task * largest, block);
}

std::size_t factors_size(const Term& term, std::size_t probes) {
  std::size_t sum = 0;
  for (const UseShape& part : term.parts) sum += part.factor_size(probes);
  return sum;
}

bool holds_gradients(const Term& term, std::size_t probes) {
  return probes * term.parameter_size() <= factors_size(term, probes);
}

// FLOP to form the gradients of one example.
double forming_flop(const UseShape& use, std::size_t probes) {
  const double k = static_cast<double>(probes), d = static_cast<double>(use.positions),
               c = static_cast<double>(use.left), p = static_cast<double>(use.parameter_size);
  if (use.is_product()) return 2 * k * d * p;
  if (use.kind == FactorKind::dense) return 0;
  return (use.kind == FactorKind::diag ? 2 : 1) * k * d * c;
}

struct Materialize : RuleOf<Materialize> {
  const char* name() const override { return "materialize"; }
  bool fits(const Term&) const override { return true; }

  RuleCost cost(const Term& term, const BlockShape& b, const Workspace& w) const override {
    const double p = static_cast<double>(term.parameter_size());
    double forming = static_cast<double>(term.parts.size() - 1) * p;  // for one probe of one example
    for (const UseShape& part : term.parts) forming += forming_flop(part, 1);
    return {static_cast<double>(b.probes_of_examples()) * forming +
                2 * b.pairs() * b.probe_pairs() * static_cast<double>(b.side_by_side()) * p,
            static_cast<double>(scratch(term, b, w))};
  }

  double effort(const Term& term, const BlockShape& b) const override {
    const double p = static_cast<double>(term.parameter_size());
    double forming = 0, patches = 0;  // for one probe of one example, and for one example
    for (const UseShape& part : term.parts) {
      if (part.is_product()) forming += (part.patches ? effort::convolved : 1) * forming_flop(part, 1);
      if (part.is_product() && part.patches)
        patches += effort::moved * static_cast<double>(part.positions * part.right);
      if (part.kind != FactorKind::dense) forming += effort::written * p;
    }
    const effort::Areas area(b);
    const double length = static_cast<double>(b.side_by_side()) * p;
    const double runs = std::ceil(length / static_cast<double>(run_length));
    return static_cast<double>(b.probes_of_examples()) * forming + static_cast<double>(b.examples()) * patches +
           effort::products(area.left, length, area.left_edge) +
           (effort::stored * runs + effort::accumulated) * area.left;
  }

  double held_bytes(const Term& term, std::size_t probes, std::size_t scalar_bytes) const override {
    return static_cast<double>(std::min(probes * term.parameter_size(), factors_size(term, probes)) * scalar_bytes);
  }

  template <class T>
  void put(SideArrays<T>& side, std::size_t first, const std::vector<Factor<T>>& parts) const {
    if (holds_gradients(side.term, side.probes))
      put_gradients(side, first, parts);
    else
      put_factors(side, first, parts);
  }

  template <class T>
  void add(const Side<T>& a, const Side<T>& b, const Contraction& how, Block& block) const {
    if (block.rows == 0 || block.columns == 0) return;
    const Term& term = a.term();
    const std::size_t size = term.parameter_size(), together = block.side_by_side();
    if (holds_gradients(term, block.probes) && holds_gradients(term, block.column_probes))
      return add_gram(a.left(1, size * together), b.left(1, size * together), block);
    const bool same = a.same(b);
    const std::size_t formed = block.rows * block.probes + (same ? 0 : block.columns * block.column_probes);
    const std::size_t step = step_of(term, formed * sizeof(T), how.room);
    Array<T> of_a, of_b;
    for (std::size_t begin = 0; begin < size; begin += step) {
      const std::size_t end = std::min(size, begin + step);
      const auto form = [&](const Side<T>& side, Array<T>& gradients) -> Rows<T> {
        const std::size_t k = side.probes(), n = side.examples(), length = end - begin, row = length * together;
        const bool ready = holds_gradients(term, side.arrays().probes);  // with fewer probes than the other side
        if (ready && length == size) return side.left(1, size);
        if (!gradients.defined()) gradients = Array<T>({k * n, row});
        if (ready)
          copy_gradients(side.left(1, size), begin, length, gradients.mutable_data());
        else
          form_gradients(side.arrays().factors, side.arrays().scales, {side.first(), side.first() + n}, begin, end,
                         together > 1 || k == 1 ? length : n * length, row, gradients.mutable_data());
        return {gradients.data(), k, n, row, n * row};
      };
      const Rows<T> rows = form(a, of_a);
      add_gram(rows, same ? rows : form(b, of_b), block);
    }
  }

 private:
  static std::size_t scratch(const Term& term, const BlockShape& b, const Workspace& w) {
    std::size_t gradients = 0, forming = 0, length = term.parameter_size();
    if (!holds_gradients(term, b.probes) || !holds_gradients(term, b.column_probes)) {
      const std::size_t formed = b.probes_of_examples() * w.scalar_bytes;
      length = step_of(term, formed, w.room);
      gradients = formed * length;
      std::size_t more = 0;
      for (const auto& [n, k] : {std::pair(b.rows, b.probes), std::pair(b.columns, b.column_probes)}) {
        for (const UseShape& part : term.parts) forming = std::max(forming, forming_bytes(part, n, k, length, w));
        more = std::max(more, n * k * length * w.scalar_bytes);
      }
      if (term.parts.size() > 1) forming += more;
    }
    const std::size_t products = larger_way(b, [&](std::size_t k, std::size_t n, std::size_t j, std::size_t m) {
      return GramCut(k, n, j, m, b.symmetric, length * b.side_by_side(), b.mode).bytes(w);
    });
    return gradients + std::max(forming, products);
  }

  // Elements [begin, begin + length) of gradients (K, N, P): (K, N, length).
  template <class T>
  static void copy_gradients(const Rows<T>& rows, std::size_t begin, std::size_t length, T* out) {
    for (std::size_t k = 0; k < rows.probes; ++k)
      kernels::copy_runs(rows.rows, length, rows.at(k, 0) + begin, rows.length, out + k * rows.rows * length, length);
  }

  // A side that holds gradients: (K, N, P), or (N, K P) with probes summed.
  template <class T>
  static void put_gradients(SideArrays<T>& side, std::size_t first, const std::vector<Factor<T>>& parts) {
    const Factor<T>& f = parts[0];
    const std::size_t size = side.term.parameter_size(), k = side.probes;
    if (side.whole(f) && parts.size() == 1 && f.kind == FactorKind::dense && side.probes_lie_well() &&
        !side.scales.defined()) {
      side.left = f.left;
      return;
    }
    T* to = side.make_left(k * side.examples * size) + first * size * side.side_by_side();
    form_gradients(parts, side.scales, {0, f.examples}, 0, size, side.summed ? size : side.examples * size,
                   size * side.side_by_side(), to);
  }

  // A side that holds the factors as they are.
  template <class T>
  static void put_factors(SideArrays<T>& side, std::size_t first, const std::vector<Factor<T>>& parts) {
    const std::size_t k = side.probes, n = parts[0].examples;
    if (side.whole(parts[0])) {
      side.factors = parts;
      return;
    }
    side.once([&] {
      for (const Factor<T>& part : parts) {
        Factor<T> all = part;
        all.examples = side.examples;
        Shape left = part.left.shape();
        left[1] = side.examples;
        all.left = Array<T>(left);
        all.left.mutable_data();
        if (part.right.defined()) {
          Shape right = part.right.shape();
          right[0] = side.examples;
          all.right = Array<T>(right);
        }
        side.factors.push_back(std::move(all));
      }
    });
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const Factor<T>& f = parts[i];
      const std::size_t one = f.left.size() / (k * n);
      kernels::copy_runs(k, n * one, f.left.data(), n * one, side.factors[i].left.mutable_data() + first * one,
                         side.examples * one);
      if (!f.right.defined()) continue;
      const std::size_t input = f.right.size() / n;
      kernels::copy_runs(1, f.right.size(), f.right.data(), 0, side.factors[i].right.mutable_data() + first * input, 0);
    }
  }
};

}  // namespace

const Rule& materialize() {
  static const Materialize rule;
  return rule;
}

}  // namespace xtangent::ntk
