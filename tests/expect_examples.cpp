// Examples on axis 0: a batch is its examples one by one, whichever arguments have them, and factors are their
// gradients.
#include <optional>

#include "autodiff/factor.hpp"
#include "tests/checked_row.hpp"

namespace xtangent::testing {
namespace {

class OfExamples : CheckedRow {
 public:
  explicit OfExamples(const OpRow& row) : CheckedRow(row) {}

  void run() {
    property("batch", [this] { batch(); });
    property("mark", [this] { marks(); });
    property("factor", [this] { factor(); });
  }

 private:
  Arrays rows_of(const Arrays& x, std::size_t first, std::size_t last) const {
    Arrays out = x;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (row_.inputs[i].examples == Examples::axis0) out[i] = x[i].rows(first, last);
    return out;
  }

  void batch() const {
    if (!batched_ || row_.options.mixes || row_.options.fixed_examples) return;
    const std::size_t n = y_.shape().front();
    const Arrays whole = pull(record(x_), w_);
    Arrays sums;
    for (const Array<double>& a : x_) sums.push_back(Array<double>::zeros(a.shape()));
    for (std::size_t i = 0; i <= n; ++i) {  // the last round has no example
      const std::size_t last = std::min(i + 1, n);
      const Recording<double> r = record(rows_of(x_, i, last));
      close(r.y.value(), y_.rows(i, last), rounding, "value of example " + std::to_string(i));
      close(push(r, rows_of(v_, i, last)), push(record(x_), v_).rows(i, last), rounding,
            "tangent of example " + std::to_string(i));
      const Arrays xbar = pull(r, w_.rows(i, last));
      for (std::size_t a = 0; a < x_.size(); ++a) {
        if (row_.inputs[a].examples == Examples::axis0)
          close(xbar[a], whole[a].rows(i, last), rounding, "cotangent of example " + std::to_string(i));
        else
          sums[a] = plus(sums[a], xbar[a]);
      }
    }
    for (std::size_t a = 0; a < x_.size(); ++a)
      if (row_.inputs[a].examples != Examples::axis0) close(sums[a], whole[a], rounding, "sum over examples");
  }

  // Whichever arguments run over examples: where the result keeps the mark, its example n depends on example n of them
  // and on no other, in value, tangent and cotangent.
  void marks() const {
    for (std::size_t chosen = 1; chosen < std::size_t{1} << x_.size(); ++chosen) {
      std::vector<Examples> marks;
      bool possible = true;
      for (std::size_t a = 0; a < x_.size(); ++a) {
        const bool marked = (chosen >> a & 1) != 0;
        possible = possible && !(marked && x_[a].rank() == 0);
        marks.push_back(marked ? Examples::axis0 : Examples::none);
      }
      if (possible) mark(marks);
    }
  }
  void mark(const std::vector<Examples>& marks) const {
    const auto run = [&](const Arrays& x) {
      Recording<double> r;
      for (std::size_t a = 0; a < x.size(); ++a) r.x.push_back(r.tape.variable(x[a], marks[a]));
      r.y = row_.f(r.x);
      return r;
    };
    const Recording<double> r = run(x_);
    if (r.y.examples() != Examples::axis0) {
      expect(r.y.examples() == Examples::mixed, "the mark of an argument is lost");
      return;
    }
    std::string which;
    for (std::size_t a = 0; a < x_.size(); ++a) which += marks[a] == Examples::axis0 ? " " + std::to_string(a) : "";
    which = "with examples in" + which + ": ";
    const std::size_t n = r.y.rank() > 0 ? r.y.shape().front() : 0;
    bool fits = r.y.rank() > 0;
    for (std::size_t a = 0; a < x_.size(); ++a)
      fits = fits && (marks[a] == Examples::none || x_[a].shape().front() == n);
    expect(fits, which + "the result keeps the mark but not the number of examples");
    if (!fits) return;
    for (std::size_t i = 0; i < n; ++i) {
      Arrays other = x_, along;
      for (std::size_t a = 0; a < x_.size(); ++a) {
        if (marks[a] == Examples::none) {
          along.push_back(Array<double>::zeros(x_[a].shape()));
          continue;
        }
        along.push_back(one_example(v_[a], i));
        for (std::size_t j = 0, size = x_[a].size() / n; j < size; ++j) {  // an example that the argument allows
          double& to = other[a].mutable_data()[i * size + j];
          to = x_[a][(i + 1) % n * size + j];
        }
      }
      const Array<double> changed = run(other).y.value(), dy = push(r, along);
      const Arrays xbar = pull(r, one_example(w_, i));
      for (std::size_t m = 0; m < n; ++m) {
        if (m == i) continue;
        const std::string pair = which + "of example " + std::to_string(m) + " depends on example " + std::to_string(i);
        close(changed.rows(m, m + 1), y_.rows(m, m + 1), rounding, "value " + pair);
        close(dy.rows(m, m + 1), Array<double>::zeros(dy.rows(m, m + 1).shape()), rounding, "tangent " + pair);
        for (std::size_t a = 0; a < x_.size(); ++a)
          if (marks[a] == Examples::axis0)
            close(xbar[a].rows(m, m + 1), Array<double>::zeros(x_[a].rows(m, m + 1).shape()), rounding,
                  "cotangent, argument " + std::to_string(a) + ", " + pair);
      }
    }
  }

  void factor() {
    std::vector<Var<double>> parameters;
    std::vector<std::size_t> places;
    const Recording<double> r = record(x_);
    for (std::size_t i = 0; i < x_.size(); ++i)
      if (row_.inputs[i].examples == Examples::none) {
        parameters.push_back(r.x[i]);
        places.push_back(i);
      }
    if (!batched_ || parameters.empty()) return;
    if (row_.options.mixes) {
      bool refused = false;
      try {
        FactorSweep<double>(r.y, w_, parameters);
      } catch (const batch_error&) {
        refused = true;
      }
      expect(refused, "mixed examples must throw batch_error");
      return;
    }
    for (const std::size_t k : {0, 2}) {
      const std::size_t probe_count = std::max<std::size_t>(k, 1), n = y_.shape().front();
      const Array<double> ybar = k ? random_array(random_, y_.shape().prepended(k)) : w_;
      std::vector<std::optional<Array<double>>> sums(parameters.size());
      FactorSweep<double> sweep(r.y, ybar, parameters);
      while (const std::optional<ParameterUse<double>> use = sweep.next()) {
        const Array<double> dense = use->factor.dense();
        std::optional<Array<double>>& sum = sums.at(use->parameter);
        sum = sum ? plus(*sum, dense) : dense;
        if (n > 1)
          close(use->factor.slice_examples(1, n).dense().rows(0, 1), slice_of(dense, n), rounding,
                "examples [1, N) of a factor");
      }
      for (std::size_t p = 0; p < parameters.size(); ++p) {
        expect(sums[p].has_value(), "no factor for argument " + std::to_string(places[p]));
        if (!sums[p]) continue;
        Array<double> expected(Shape{probe_count, n, parameters[p].size()});
        for (std::size_t row = 0; row < probe_count * n; ++row) {
          const Array<double> seed = k ? ybar.rows(row / n, row / n + 1).reshaped(y_.shape()) : ybar;
          const Array<double> bar = pull(r, one_example(seed, row % n))[places[p]];
          std::copy_n(bar.data(), bar.size(), expected.mutable_data() + row * bar.size());
        }
        close(*sums[p], expected, rounding, "factor and vjp of each example, argument " + std::to_string(places[p]));
      }
    }
  }
  // Examples [1, n) of probe 0 of (K, N, P).
  static Array<double> slice_of(const Array<double>& dense, std::size_t n) {
    return dense.rows(0, 1).reshaped({n, dense.shape().back()}).rows(1, n).reshaped({1, n - 1, dense.shape().back()});
  }
};

}  // namespace

Array<double> one_example(const Array<double>& ybar, std::size_t n) {
  Array<double> out = Array<double>::zeros(ybar.shape());
  const std::size_t size = ybar.size() / ybar.shape().front();
  std::copy_n(ybar.data() + n * size, size, out.mutable_data() + n * size);
  return out;
}

void expect_examples(const OpRow& row) { OfExamples(row).run(); }

}  // namespace xtangent::testing
