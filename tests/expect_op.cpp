#include <cmath>
#include <optional>

#include "autodiff/factor.hpp"
#include "tests/checked_row.hpp"

namespace xtangent::testing {
namespace {

class Check : CheckedRow {
 public:
  explicit Check(const OpRow& row) : CheckedRow(row) {}

  void run() {
    property("shapes", [this] { shapes(); });
    property("kinks", [this] { kinks(); });
    property("tangent", [this] { tangent(); });
    property("duality", [this] { duality(); });
    property("hessian", [this] { hessian(); });
    property("fan-out", [this] { fan_out(); });
    property("batch", [this] { batch(); });
    property("mark", [this] { marks(); });
    property("factor", [this] { factor(); });
    property("float", [this] { in_float(); });
    property("repeat", [this] { repeat(); });
    property("probes", [this] { first_order_probes(); });
    property("probes", [this] { second_order_probes(); });
  }

 private:
  void shapes() const {
    const Recording<double> r = record(x_);
    for (const Node<double>& node : r.tape.record()->nodes) {
      if (!node.op) continue;
      std::vector<Spec> specs;
      for (const auto& argument : node.arguments) specs.push_back(argument.value.spec());
      const Spec spec = node.op->infer(specs);
      expect(spec.shape == node.value.shape() && spec.examples == node.value.examples(), node.op->name() + ": infer");
    }
    expect(same_bits(y_, r.y.value()), "recording changes the value");
    if (row_.options.reference) close(y_, row_.options.reference(x_), rounding, "value and reference");
    if (batched_)
      expect(marked_ == (row_.options.mixes ? Examples::mixed : Examples::axis0), "mark of the result");
    else
      expect(marked_ == Examples::none, "mark of a result without examples");
    for (const std::vector<Shape>& wrong : row_.options.wrong) {
      Arrays x;
      std::string text = "arguments";
      for (const Shape& shape : wrong) {
        x.push_back(Array<double>::ones(shape));
        text.append(" ").append(to_string(shape));
      }
      bool threw = false;
      try {
        row_.f(constants<double>(x));
      } catch (const shape_error& e) {
        threw = std::string(e.what()).starts_with('[');
      }
      expect(threw, text + " must throw shape_error naming the op");
    }
  }

  void kinks() const {
    constexpr double h = 2e-3;
    const Array<double> right = evaluate<double>(moved(x_, h, v_)).value();
    const Array<double> left = evaluate<double>(moved(x_, -h, v_)).value();
    double bend = 0.0, slope = 1.0;
    for (std::size_t i = 0; i < y_.size(); ++i) {
      bend = std::max(bend, std::abs(right[i] - 2 * y_[i] + left[i]) / h);
      slope = std::max(slope, std::abs(right[i] - left[i]) / h);
    }
    expect(bend <= 0.1 * slope, "the inputs lie too close to a kink; change their domain");
  }

  void tangent() const {
    const VectorFunction g = [this](const Arrays& x) { return Arrays{evaluate<double>(x).value()}; };
    const Array<double> expected = central_difference(g, x_, v_)[0];
    close(push(record(x_), v_), expected, differences, "pushforward and differences");
    std::vector<Var<double>> x;
    for (std::size_t i = 0; i < x_.size(); ++i) x.emplace_back(x_[i], row_.inputs[i].examples);
    const auto streamed = push_streaming<double>(row_.f, x, constants<double>(v_));
    expect(same_bits(streamed.value.value(), y_), "streaming changes the value");
    close(streamed.tangent.value(), expected, differences, "streaming tangent and differences");
    if (batched_ && !row_.options.mixes) marks_of_tangents(x);
  }

  // Tangents of values that belong to examples belong to the same examples, also where they come from what all examples
  // share. Otherwise the expansion of a network in its parameters would have no kernel.
  void marks_of_tangents(const std::vector<Var<double>>& x) const {
    for (std::size_t i = 0; i < x_.size(); ++i) {
      std::vector<Var<double>> along(x_.size());
      along[i] = Var<double>(v_[i], row_.inputs[i].examples);
      const Var<double> dy = push_streaming<double>(row_.f, x, along).tangent;
      expect(!dy.defined() || dy.examples() == Examples::axis0,
             "the tangent along argument " + std::to_string(i) + " has lost the mark of the examples");
    }
  }

  void duality() const {
    const Recording<double> r = record(x_);
    const Array<double> dy = push(r, v_);
    const Arrays xbar = pull(r, w_);
    const double left = inner(w_, dy), right = inner(xbar, v_);
    expect(std::abs(left - right) <= 1e-12 * std::max({1.0, std::abs(left), std::sqrt(inner(w_, w_) * inner(dy, dy))}),
           "<ybar, J dx> = " + std::to_string(left) + ", <J^T ybar, dx> = " + std::to_string(right));
    for (std::size_t i = 0; i < x_.size(); ++i) {
      const std::vector<Var<double>> alone = pullback<double>(r.y, Var<double>(w_), Vars<double>(r.x).subspan(i, 1));
      expect(same_bits(values<double>(alone, Vars<double>(r.x).subspan(i, 1))[0], xbar[i]),
             "argument " + std::to_string(i) + " alone gives another cotangent");
    }
  }

  enum class Nesting { forward_over_reverse, reverse_over_forward, reverse_over_reverse };

  Arrays hessian_product(Nesting nesting, const Arrays& v) const {
    Recording<double> r = record(x_);
    r.y = objective(r.y);
    const Var<double> one(Array<double>::scalar(1));
    const std::vector<Var<double>> along = constants<double>(v);
    Var<double> directional;
    if (nesting == Nesting::reverse_over_forward) {
      const Var<double> y[] = {r.y};
      directional = pushforward<double>(y, r.x, along, {.record = true})[0];
    } else {
      const std::vector<Var<double>> g = pullback<double>(r.y, one, r.x, {.record = true});
      if (nesting == Nesting::forward_over_reverse) return values<double>(pushforward<double>(g, r.x, along), r.x);
      for (std::size_t i = 0; i < g.size(); ++i)
        if (g[i].defined()) accumulate(directional, total(g[i] * along[i]));
    }
    return values<double>(pullback<double>(directional, one, r.x), r.x);
  }

  void hessian() const {
    const Arrays expected = central_difference([this](const Arrays& x) { return gradient(x); }, x_, v_);
    const Nesting all[] = {Nesting::forward_over_reverse, Nesting::reverse_over_forward, Nesting::reverse_over_reverse};
    const char* names[] = {"forward over reverse", "reverse over forward", "reverse over reverse"};
    for (std::size_t i = 0; i < 3; ++i) {
      const Arrays hv = hessian_product(all[i], v_), hu = hessian_product(all[i], u_);
      close(hv, expected, 10 * differences, std::string(names[i]) + " and differences of gradients");
      const double left = inner(u_, hv), right = inner(v_, hu);
      expect(std::abs(left - right) <= 1e-11 * std::max({1.0, std::sqrt(inner(hv, hv) * inner(u_, u_))}),
             std::string(names[i]) + " is not symmetric: " + std::to_string(left) + ", " + std::to_string(right));
    }
  }

  void fan_out() const {
    // Every argument that fits in the place of the first is replaced by it.
    Arrays x = x_;
    std::vector<std::size_t> same;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (row_.inputs[i].shape == row_.inputs[0].shape && row_.inputs[i].examples == row_.inputs[0].examples &&
          row_.inputs[i].low == row_.inputs[0].low && row_.inputs[i].high == row_.inputs[0].high) {
        x[i] = x_[0];
        same.push_back(i);
      }
    const Arrays each = pull(record(x), w_);
    Array<double> expected = each[0];
    for (std::size_t i = 1; i < same.size(); ++i) expected = plus(expected, each[same[i]]);
    Tape<double> tape;
    std::vector<Var<double>> args;
    for (std::size_t i = 0; i < x.size(); ++i) args.push_back(tape.variable(x[i], row_.inputs[i].examples));
    for (const std::size_t i : same) args[i] = args[0];
    const Var<double> y = row_.f(args);
    const std::vector<Var<double>> shared = pullback<double>(y, Var<double>(w_), Vars<double>(args).subspan(0, 1));
    close(values<double>(shared, args)[0], expected, rounding, "cotangent of an argument used in several places");
    // The op recorded twice over the same arguments.
    Recording<double> twice = record(x_);
    twice.y = total(twice.y * Var<double>(w_)) + total(row_.f(twice.x) * Var<double>(q_));
    close(pull(twice, Array<double>::scalar(1)), pull(record(x_), plus(w_, q_)), rounding, "cotangent of two uses");
  }

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

  void in_float() const {
    Arrays rounded;
    for (const Array<double>& a : x_) rounded.push_back(to_double(cast<float>(a)));
    const Recording<float> f = record<float>(rounded);
    const Recording<double> d = record(rounded);
    close(to_double(f.y.value()), d.y.value(), single, "values");
    close(pull(f, w_), pull(d, w_), single, "cotangents");
    close(push(f, v_), push(d, v_), single, "tangents");
  }

  void repeat() const {
    const Recording<double> r = record(x_);
    const Arrays first = pull(r, w_), second = pull(r, w_);
    for (std::size_t i = 0; i < x_.size(); ++i)
      expect(same_bits(first[i], second[i]), "second reverse sweep, argument " + std::to_string(i));
    expect(same_bits(push(r, v_), push(r, v_)), "second forward sweep");
    const std::vector<Var<double>> recorded = pullback<double>(r.y, Var<double>(w_), r.x, {.record = true});
    close(values<double>(recorded, r.x), first, rounding, "recorded and plain sweep");
  }

  void first_order_probes() {
    const Recording<double> r = record(x_);
    const Var<double> y[] = {r.y};
    for (const std::size_t k : {1, 3}) {
      const Array<double> ybar = seeds({y_}, k)[0];
      const Arrays xbar = pull(r, ybar), v = seeds(x_, k);
      const Array<double> dy = push(r, v);
      for (std::size_t p = 0; p < k; ++p) {
        close(probe(xbar, p), pull(r, probe(ybar, p)), rounding, "cotangents of seed " + std::to_string(p));
        close(probe(dy, p), push(r, probe(v, p)), rounding, "tangents of seed " + std::to_string(p));
      }
      for (std::size_t i = 0; i < x_.size(); ++i) {  // a tangent of one argument only
        std::vector<Var<double>> one(x_.size()), one_probe(x_.size());
        one[i] = Var<double>(v[i]);
        one_probe[i] = Var<double>(probe(v[i], k - 1));
        const Arrays all = values<double>(pushforward<double>(y, r.x, one), y, k);
        close(probe(all[0], k - 1), values<double>(pushforward<double>(y, r.x, one_probe), y)[0], rounding,
              "tangents along argument " + std::to_string(i));
      }
    }
  }

  void second_order_probes() {
    constexpr std::size_t k = 2;
    Recording<double> r = record(x_);
    const Var<double> y = r.y;
    r.y = objective(y);
    const Arrays v = seeds(x_, k);
    const std::vector<Var<double>> g =
        pullback<double>(r.y, Var<double>(Array<double>::scalar(1)), r.x, {.record = true});
    const Arrays hv = values<double>(pushforward<double>(g, r.x, constants<double>(v)), r.x, k);
    for (std::size_t p = 0; p < k; ++p)
      close(probe(hv, p), values<double>(pushforward<double>(g, r.x, constants<double>(probe(v, p))), r.x), rounding,
            "Hessian-vector products, forward over reverse");
    // A recorded sweep with probes is a value that can be differentiated.
    const Array<double> ybar = seeds({y_}, k)[0];
    const auto curvature = [&](const Array<double>& seed, const Arrays& along) {
      const std::vector<Var<double>> xbar = pullback<double>(y, Var<double>(seed), r.x, {.record = true});
      Var<double> sum;
      for (std::size_t i = 0; i < xbar.size(); ++i)
        if (xbar[i].defined()) accumulate(sum, total(xbar[i] * Var<double>(along[i])));
      return values<double>(pullback<double>(sum, Var<double>(Array<double>::scalar(1)), r.x), r.x);
    };
    const Arrays together = curvature(ybar, v);
    const Arrays first = curvature(probe(ybar, 0), probe(v, 0)), second = curvature(probe(ybar, 1), probe(v, 1));
    for (std::size_t i = 0; i < together.size(); ++i)
      close(together[i], plus(first[i], second[i]), rounding, "reverse over reverse with probes");
  }
};

}  // namespace

void expect_op(const OpRow& row) {
  try {
    Check(row).run();
    expect_following(row);
  } catch (const std::exception& e) {
    BOOST_CHECK_MESSAGE(false, row.name << ": evaluation threw: " << e.what());
  }
}

void expect_ops(const std::vector<OpRow>& rows) {
  for (const OpRow& row : rows) expect_op(row);
}

}  // namespace xtangent::testing
