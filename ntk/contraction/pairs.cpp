// The rule for a parameter that is used in unlike ways, such as an embedding that is also the head, or a weight and its
// transpose: each pair of parts is contracted by itself, and no gradient is formed. A side holds a side for each part,
// by the rule for this part alone.
//
// A part is a sum over positions of products of a row vector (over the rows of the parameter) and a column vector. Two
// unlike parts contribute the products of the Grams of their row vectors and of their column vectors, summed over pairs
// of positions. The row vectors of picked rows are one-hot, so that Gram is one of elements of the other part.
#include <algorithm>
#include <utility>

#include "autodiff/kernels/blas.hpp"
#include "autodiff/kernels/parallel.hpp"
#include "autodiff/kernels/simd/loops.hpp"
#include "ntk/contraction/picks.hpp"
#include "ntk/contraction/position_products.hpp"
#include "ntk/contraction/rule.hpp"

namespace xtangent::ntk {
namespace {

using kernels::loops;
using kernels::parallel_for;

bool is_pick(const UseShape& part) { return part.kind == FactorKind::gather; }
std::size_t columns_of(const UseShape& part) { return is_pick(part) || part.transposed ? part.left : part.right; }
std::size_t rows_of(const UseShape& part) { return part.parameter_size / columns_of(part); }
// Rows that a side holds for an example of this part.
std::size_t each_of(const UseShape& part) { return is_pick(part) ? slots_of(part) : part.positions; }

const Rule& rule_of(const UseShape& part) {
  return rule_named(is_pick(part) ? "gather" : part.kind == FactorKind::outer ? "outer" : "position Gram");
}

// The vectors of one kind of a part: that of example n, position d and probe k begins at at(k, n * each + d).
template <class T>
struct Vectors {
  const T* data;
  std::size_t each, length, step, probe_step;  // probe_step: 0 if all probes have the same

  const T* at(std::size_t probe, std::size_t row) const { return data + probe * probe_step + row * step; }
};

template <class T>
Vectors<T> left_of(const Side<T>& side, std::size_t each, std::size_t length) {
  const Rows<T> rows = side.left(each, length * side.side_by_side());
  return {rows.data, each, length, rows.length, side.side_by_side() > 1 ? length : rows.probe_stride};
}

template <class T>
struct Product {
  Vectors<T> rows, columns;

  explicit Product(const Side<T>& side) {
    const UseShape& use = *side.term().only();
    const Rows<T> inputs = side.right(use.positions, use.right);
    rows = left_of(side, use.positions, use.left);
    columns = {inputs.data, use.positions, use.right, inputs.length, 0};
    if (use.transposed) std::swap(rows, columns);
  }
};

// Calls f(p, q, k, j) for each pair of probes p of the rows and q of the columns that is computed, with the probes k
// and j of the block to which it belongs.
template <class F>
void each_pair_of_probes(const Block& block, const F& f) {
  if (block.mode == ProbeMode::summed) {
    for (std::size_t p = 0; p < block.probes; ++p) f(p, p, std::size_t{0}, std::size_t{0});
    return;
  }
  for (std::size_t p = 0; p < block.probes; ++p) {
    const Range partners = block.partners(p, block.column_probes);
    for (std::size_t q = partners.first; q < partners.last; ++q) f(p, q, p, q);
  }
}

bool needed(const Block& block, std::size_t k, std::size_t n, std::size_t j, std::size_t m) {
  return !block.symmetric || k != j || n <= m;
}

// The Gram of rows [first_a, first_a + a_rows) of a with rows of b.
template <class T>
void gram(const Vectors<T>& a, std::size_t p, std::size_t first_a, std::size_t a_rows, const Vectors<T>& b,
          std::size_t q, std::size_t first_b, std::size_t b_rows, T* out) {
  kernels::gemm_serial(false, true, a_rows, b_rows, a.length, T(1), a.at(p, first_a), a.step, b.at(q, first_b), b.step,
                       T(0), out, b_rows);
}

std::size_t edge_of(const UseShape& a, const UseShape& b) { return position_edge(std::max(each_of(a), each_of(b))); }

// Adds the contraction of two unlike products.
template <class T>
void add_products(const Side<T>& one, const Side<T>& other, Block& block) {
  const Product<T> a(one), b(other);
  const std::size_t d = a.rows.each, e = b.rows.each;
  const std::vector<Rectangle> rectangles =
      rectangles_of_examples(block, edge_of(*one.term().only(), *other.term().only()));
  parallel_for(rectangles.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const Rectangle& r = rectangles[i];
      if (not_needed(r, block)) continue;
      const std::size_t width = r.columns * e;
      Array<T> of_rows({r.rows * d, width}), of_columns({r.rows * d, width});
      each_pair_of_probes(block, [&](std::size_t p, std::size_t q, std::size_t k, std::size_t j) {
        gram(a.rows, p, r.row * d, r.rows * d, b.rows, q, r.column * e, width, of_rows.mutable_data());
        gram(a.columns, p, r.row * d, r.rows * d, b.columns, q, r.column * e, width, of_columns.mutable_data());
        for (std::size_t n = 0; n < r.rows; ++n)
          for (std::size_t m = 0; m < r.columns; ++m) {
            if (!needed(block, k, r.row + n, j, r.column + m)) continue;
            double sum = 0;
            for (std::size_t x = 0; x < d; ++x) {
              const std::size_t at = (n * d + x) * width + m * e;
              sum += loops<T>().dot(e, of_rows.data() + at, of_columns.data() + at);
            }
            block.at(k, r.row + n, j, r.column + m) += sum;
          }
      });
    }
  });
}

// Adds the contraction of a product with picked rows. The product belongs to the rows of the block, or, if `turned`, to
// its columns.
template <class T>
void add_picks(const Side<T>& one, const Side<T>& other, bool turned, Block& block) {
  const Product<T> a(one);
  const Picks<T> picks(other);
  const UseShape &product = *one.term().only(), &use = *other.term().only();
  const std::size_t d = a.rows.each, c = use.left, examples = one.examples(),
                    edge = std::min(examples, edge_of(product, use));
  const Vectors<T> picked{picks.values, picks.slots, c, picks.probes * picks.width, c};
  parallel_for(other.examples(), 1, [&](std::size_t begin, std::size_t end) {
    Array<T> of_columns({edge * d, picks.slots});
    for (std::size_t m = begin; m < end; ++m) {
      const std::size_t count = picks.count[m];
      const std::uint32_t* row = picks.row + m * picks.slots;
      for (std::size_t first = 0; first < examples; first += edge) {
        const std::size_t some = std::min(edge, examples - first);
        each_pair_of_probes(block, [&](std::size_t p, std::size_t q, std::size_t k, std::size_t j) {
          if (turned) std::swap(p, q);
          gram(a.columns, p, first * d, some * d, picked, q, m * picks.slots, count, of_columns.mutable_data());
          for (std::size_t i = 0; i < some; ++i) {
            const std::size_t n = turned ? m : first + i, column = turned ? first + i : m;
            if (!needed(block, k, n, j, column)) continue;
            double sum = 0;
            for (std::size_t x = 0; x < d; ++x) {
              const T *of_rows = a.rows.at(p, (first + i) * d + x), *gram_row = of_columns.data() + (i * d + x) * count;
              for (std::size_t s = 0; s < count; ++s) sum += static_cast<double>(of_rows[row[s]] * gram_row[s]);
            }
            block.at(k, n, j, column) += sum;
          }
        });
      }
    }
  });
}

// Calls f(a, b) for each two different parts, in both orders.
template <class F>
void each_pair_of_parts(const Term& term, const F& f) {
  for (std::size_t a = 0; a < term.parts.size(); ++a)
    for (std::size_t b = 0; b < term.parts.size(); ++b)
      if (a != b) f(term.parts[a], term.parts[b]);
}

struct Pairs : RuleOf<Pairs> {
  const char* name() const override { return "pairs"; }

  bool fits(const Term& term) const override {
    const UseShape& first = term.parts.front();
    return !term.only() && std::all_of(term.parts.begin(), term.parts.end(), [&](const UseShape& part) {
      return (is_pick(part) || (part.is_product() && !part.patches && !part.channels_first)) &&
             rows_of(part) == rows_of(first) && columns_of(part) == columns_of(first);
    });
  }

  RuleCost cost(const Term& term, const BlockShape& b, const Workspace& w) const override {
    RuleCost sum;
    for (const UseShape& part : term.parts) {
      const RuleCost alone = rule_of(part).cost(Term(part), b, w);
      sum = {sum.flop + alone.flop, std::max(sum.bytes, alone.bytes)};
    }
    each_pair_of_parts(term, [&](const UseShape& one, const UseShape& other) {
      const std::size_t positions = each_of(one) * each_of(other), edge = edge_of(one, other);
      sum.flop += 2 * b.pairs() * pairs_of_probes(b) * static_cast<double>(positions * (grams_length(one, other) + 1));
      const std::size_t grams =
          is_pick(one) || is_pick(other)
              ? std::min(edge, std::max(b.rows, b.columns)) * positions * w.at_a_time(std::max(b.rows, b.columns))
              : 2 * std::min(edge, b.rows) * std::min(edge, b.columns) * positions *
                    w.at_a_time(count_rectangles(1, b.rows, 1, b.columns, false, edge));
      sum.bytes = std::max(sum.bytes, static_cast<double>(grams * w.scalar_bytes));
    });
    return sum;
  }

  double effort(const Term& term, const BlockShape& b) const override {
    double sum = 0;
    for (const UseShape& part : term.parts) sum += rule_of(part).effort(Term(part), b);
    each_pair_of_parts(term, [&](const UseShape& one, const UseShape& other) {
      const double edge = static_cast<double>(std::min({each_of(one), each_of(other), std::size_t{256}})),
                   entries = b.pairs() * pairs_of_probes(b) * static_cast<double>(each_of(one) * each_of(other));
      sum += effort::products(entries, static_cast<double>(grams_length(one, other)), std::max(8.0, edge)) +
             entries * 2 * effort::stored;
    });
    return sum;
  }

  double held_bytes(const Term& term, std::size_t probes, std::size_t scalar_bytes) const override {
    double sum = 0;
    for (const UseShape& part : term.parts) sum += rule_of(part).held_bytes(Term(part), probes, scalar_bytes);
    return sum;
  }

  template <class T>
  void put(SideArrays<T>& side, std::size_t first, const std::vector<Factor<T>>& parts) const {
    side.once([&] {
      for (const UseShape& part : side.term.parts)
        side.parts.emplace_back(rule_of(part), Term(part), side.examples, side.probes,
                                side.summed ? ProbeMode::summed : ProbeMode::cross);
    });
    for (std::size_t i = 0; i < parts.size(); ++i) side.parts[i].fill(first, {parts[i]});
  }

  template <class T>
  void add(const Side<T>& a, const Side<T>& b, const Contraction& how, Block& block) const {
    const auto part = [](const Side<T>& side, std::size_t i) {
      return side.arrays().parts[i].range(side.first(), side.first() + side.examples());
    };
    const std::vector<UseShape>& parts = a.term().parts;
    for (std::size_t i = 0; i < parts.size(); ++i)
      for (std::size_t j = 0; j < parts.size(); ++j) {
        const Side<T> one = part(a, i), other = part(b, j);
        if (i == j)
          one.rule().contract(one, other, {false, how.room}, block);
        else if (is_pick(parts[i]))
          add_picks(other, one, true, block);
        else if (is_pick(parts[j]))
          add_picks(one, other, false, block);
        else
          add_products(one, other, block);
      }
  }

 private:
  static double pairs_of_probes(const BlockShape& b) { return b.probe_pairs() * static_cast<double>(b.side_by_side()); }
  // Numbers over which the two Grams of a pair of parts sum.
  static std::size_t grams_length(const UseShape& one, const UseShape& other) {
    return columns_of(one) + (is_pick(one) || is_pick(other) ? 0 : rows_of(one));
  }
};

}  // namespace

const Rule& pairs() {
  static const Pairs rule;
  return rule;
}

}  // namespace xtangent::ntk
