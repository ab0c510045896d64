// The rule that forms the gradients themselves, (K, N, P), and multiplies them, which is right for every use. A side
// holds the gradients unless they are much larger than the factors. Otherwise it holds the factors, and each
// contraction forms the gradients in pieces of rows of the parameter. Gradients of different parts of a term are added
// before the product. Gradients of a rounded term are kept and multiplied in bfloat16, with a correction for each row,
// whose number of elements is even.
#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "autodiff/kernels/layout.hpp"
#include "ntk/contraction/effort.hpp"
#include "ntk/contraction/gradients.hpp"
#include "ntk/contraction/long_gram.hpp"
#include "ntk/contraction/rectangles.hpp"
#include "ntk/contraction/rule.hpp"

namespace xtangent::ntk {
namespace {

using Bits = std::uint16_t;  // of a number in bfloat16

std::size_t factors_size(const Term& term, std::size_t probes) {
  std::size_t sum = 0;
  for (const UseShape& part : term.parts) sum += part.factor_size(probes);
  return sum;
}

// The gradients are held if they take at most half as many bytes again as the factors. They are then formed while the
// factors are in the cache, and once, not for every block. Rounded ones take half as many bytes.
bool holds_gradients(const Term& term, std::size_t probes) {
  return 2 * probes * term.parameter_size() <= 3 * (term.rounded ? 2 : 1) * factors_size(term, probes);
}

// The place of so many elements of a gradient in a row, in E.
template <class E>
std::size_t place_of(std::size_t length) {
  return std::is_same_v<E, Bits> ? rounded_length(length) : length;
}

// Rows of `length` elements in E in the left array of a side, with their corrections.
template <class E, class T>
Rows<E> held_rows(const Side<T>& side, std::size_t length) {
  if constexpr (std::is_same_v<E, T>) {
    return side.left(1, length);
  } else {  // two for each element of the array
    const Rows<T> pairs = side.left(1, length / 2);
    const SideArrays<T>& s = side.arrays();
    return {reinterpret_cast<const E*>(pairs.data), pairs.probes, pairs.rows, length, 2 * pairs.probe_stride,
            s.corrections.data() + side.first(),    s.examples};
  }
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
           effort::products(area.left, length) + (effort::stored * runs + effort::accumulated) * area.left.elements;
  }

  double held_bytes(const Term& term, std::size_t probes, std::size_t scalar_bytes) const override {
    if (!holds_gradients(term, probes)) return static_cast<double>(factors_size(term, probes) * scalar_bytes);
    const std::size_t row = rounded_length(term.parameter_size()) * sizeof(Bits) + sizeof(double);
    return static_cast<double>(probes * (term.rounded ? row : term.parameter_size() * scalar_bytes));
  }

  std::size_t filling_bytes(const Term& term, std::size_t examples, std::size_t probes,
                            const Workspace& w) const override {
    if (!holds_gradients(term, probes)) return 0;
    const std::size_t size = term.parameter_size();
    std::size_t forming = 0;
    for (const UseShape& part : term.parts) forming = std::max(forming, forming_bytes(part, examples, probes, size, w));
    return forming + (term.rounded ? rounding_bytes(term, examples, probes, size, w) : 0);
  }

  template <class T>
  void put(SideArrays<T>& side, std::size_t first, const std::vector<Factor<T>>& parts) const {
    if (!holds_gradients(side.term, side.probes)) return put_factors(side, first, parts);
    if constexpr (std::is_same_v<T, float>)
      if (side.term.rounded) return put_rounded(side, first, parts);
    put_gradients(side, first, parts);
  }

  template <class T>
  void add(const Side<T>& a, const Side<T>& b, const Contraction& how, Block& block) const {
    if constexpr (std::is_same_v<T, float>)
      if (a.term().rounded) return add_in<Bits>(a, b, how, block);
    add_in<T>(a, b, how, block);
  }

 private:
  // Gradients are multiplied in E.
  template <class E, class T>
  static void add_in(const Side<T>& a, const Side<T>& b, const Contraction& how, Block& block) {
    if (block.rows == 0 || block.columns == 0) return;
    const Term& term = a.term();
    const std::size_t size = term.parameter_size(), held = place_of<E>(size), together = block.side_by_side();
    if (holds_gradients(term, block.probes) && holds_gradients(term, block.column_probes))
      return add_long_gram(held_rows<E>(a, held * together), held_rows<E>(b, held * together), block);
    const bool same = a.same(b);
    const std::size_t formed = block.rows * block.probes + (same ? 0 : block.columns * block.column_probes);
    const std::size_t step = step_of(term, formed * sizeof(E), how.room);
    Array<T> of_a, of_b;
    Array<double> corrections_a, corrections_b;
    for (std::size_t begin = 0; begin < size; begin += step) {
      const std::size_t end = std::min(size, begin + step);
      const auto form = [&](const Side<T>& side, Array<T>& gradients, Array<double>& corrections) -> Rows<E> {
        const std::size_t k = side.probes(), n = side.examples(), place = place_of<E>(end - begin),
                          row = place * together;
        const bool ready = holds_gradients(term, side.arrays().probes);  // with fewer probes than the other side
        if (ready && end - begin == size) return held_rows<E>(side, held);
        if (!gradients.defined()) gradients = Array<T>({k * n, row * sizeof(E) / sizeof(T)});
        Rows<E> rows{nullptr, k, n, row, n * row};
        E* out = reinterpret_cast<E*>(gradients.mutable_data());
        rows.data = out;
        const std::size_t probe_stride = together > 1 || k == 1 ? place : n * place;
        if (ready) {
          const Rows<E> all = held_rows<E>(side, held);
          copy_gradients(all, begin, end, place, out);
          rows.scales = all.scales;
          rows.scale_stride = all.scale_stride;
        } else if constexpr (std::is_same_v<E, T>) {
          form_gradients(side.arrays().factors, side.arrays().scales, {side.first(), side.first() + n}, begin, end,
                         probe_stride, row, out);
        } else {
          if (!corrections.defined()) corrections = Array<double>({k * n});
          rows.scales = corrections.mutable_data();
          rows.scale_stride = n;
          form_rounded_gradients(side.arrays().factors, side.arrays().scales, {side.first(), side.first() + n}, begin,
                                 end, {probe_stride, row, n, together > 1, out, corrections.mutable_data()});
        }
        return rows;
      };
      const Rows<E> rows = form(a, of_a, corrections_a);
      add_long_gram(rows, same ? rows : form(b, of_b, corrections_b), block);
    }
  }

  static std::size_t scratch(const Term& term, const BlockShape& b, const Workspace& w) {
    std::size_t gradients = 0, forming = 0, place = term.parameter_size();
    if (!holds_gradients(term, b.probes) || !holds_gradients(term, b.column_probes)) {
      const std::size_t formed = b.probes_of_examples() * (term.rounded ? sizeof(Bits) : w.scalar_bytes);
      const std::size_t length = step_of(term, formed, w.room);
      place = term.rounded ? rounded_length(length) : length;
      gradients = formed * place + (term.rounded ? b.probes_of_examples() * sizeof(double) : 0);
      std::size_t more = 0;
      for (const auto& [n, k] : {std::pair(b.rows, b.probes), std::pair(b.columns, b.column_probes)}) {
        for (const UseShape& part : term.parts) forming = std::max(forming, forming_bytes(part, n, k, length, w));
        more = std::max(more, term.rounded            ? rounding_bytes(term, n, k, length, w)
                              : term.parts.size() > 1 ? n * k * length * w.scalar_bytes
                                                      : 0);
      }
      forming += more;
    }
    return gradients + std::max(forming, long_gram_bytes(b, place * b.side_by_side(), term.rounded, w));
  }

  // Elements [begin, end) of gradients (K, N, P): (K, N, place), with zeros behind them.
  template <class E>
  static void copy_gradients(const Rows<E>& rows, std::size_t begin, std::size_t end, std::size_t place, E* out) {
    for (std::size_t k = 0; k < rows.probes; ++k)
      if constexpr (!std::is_same_v<E, Bits>)
        kernels::copy_runs(rows.rows, place, rows.at(k, 0) + begin, rows.length, out + k * rows.rows * place, place);
      else
        for (std::size_t n = 0; n < rows.rows; ++n, out += place)
          std::fill(std::copy(rows.at(k, n) + begin, rows.at(k, n) + end, out), out + place, E{});
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

  // The same in bfloat16, two in the place of a float.
  static void put_rounded(SideArrays<float>& side, std::size_t first, const std::vector<Factor<float>>& parts) {
    const std::size_t size = side.term.parameter_size(), place = rounded_length(size), k = side.probes;
    Bits* to = reinterpret_cast<Bits*>(side.make_left(k * side.examples * place / 2));
    side.once([&] {
      side.corrections = Array<double>({k, side.examples});
      side.corrections.mutable_data();
    });
    form_rounded_gradients(
        parts, side.scales, {0, parts[0].examples}, 0, size,
        {side.summed ? place : side.examples * place, place * side.side_by_side(), side.examples, side.summed,
         to + first * place * side.side_by_side(), side.corrections.mutable_data() + first});
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
